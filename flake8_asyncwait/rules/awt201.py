"""AWT201: a full wait leaves its tasks running when it is cancelled."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule, fault_of
from flake8_asyncwait.verdict.outcome import Outcome


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.passed_by or outcome.forgotten
    if outcome.early or loss is None:
        return None
    fault, _ = fault_of(loss)
    return Hit(
        f"{loss.label} outlives {fault or 'the function'}: asyncio.wait() does not cancel what it "
        "waits for; use asyncio.gather, or cancel in a finally",
        loss.history,
    )


RULE = Rule(
    code="AWT201",
    name="full-wait-outlived",
    default=False,
    summary="A full wait leaves its tasks running when it is cancelled",
    rationale="""\
`await asyncio.wait(tasks)` that is cancelled leaves all of `tasks` running, where
`await asyncio.gather(*tasks)` would have cancelled them.""",
    bad="""\
import asyncio


async def both(one, two):
    tasks = [asyncio.create_task(one()), asyncio.create_task(two())]
    await asyncio.wait(tasks)
""",
    good="""\
import asyncio


async def both(one, two):
    await asyncio.gather(one(), two())
""",
    cure="""\
`wait_any` with `return_when=asyncio.ALL_COMPLETED` takes the place of the call, or a `finally`
cancels the tasks. `asyncio.gather` would also end at the first exception and raise it: whether that
is wanted is for you to say.""",
    fires=_fires,
)

"""Prove a finding: find the execution that its witness describes, and run it live."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from types import CodeType

from flake8_asyncwait.replay.executions.execution import Execution
from flake8_asyncwait.replay.executions.follow import following, showing
from flake8_asyncwait.replay.executions.lift import lift
from flake8_asyncwait.replay.lives import EXHAUSTED
from flake8_asyncwait.replay.proof.live import perform
from flake8_asyncwait.replay.proof.proof import GAVE_UP, NOT_LIFTED, NOT_REPRODUCED, PROVED, Proof
from flake8_asyncwait.replay.text.locate import NONE_DECLARED, CannotLift, Declared

TRIES = 12
GUIDED = 1000  # executions at most, of which few follow a witness
OTHERS = 300  # executions, most of which show nothing


def prove(
    source: str,
    site: tuple[int, int],
    code: str,
    steps: Sequence[tuple[int, str]],
    declared: Declared = NONE_DECLARED,
    before: Callable[[CodeType], object] = lambda _: None,
) -> Proof:
    """Run what a finding says on a real event loop, in this process.

    `source` is the module's text, `site` the line (from 1) and column (from 0) of the wait, `code`
    the finding's, `steps` its witness as (line, choice); `declared` names functions that make
    tasks, cancel or wait; `before` is called with what is to be executed, once that is ready. A
    witness leaves things open: where asyncio does not follow one way of settling them, others are
    tried, and then some executions that leak as the finding says, but in another way.
    """
    try:
        lifted = lift(source, site, declared)
        before(lifted.code)
        guided = _Search(following(lifted, code, steps, GUIDED))
        others = showing(lifted, code, OTHERS)
        executions = chain(islice(guided, TRIES), islice(others, TRIES))
        proof = _best(perform(lifted, one, code) for one in executions)
    except CannotLift as error:
        return Proof(NOT_LIFTED, str(error))
    except EXHAUSTED as error:
        return Proof(GAVE_UP, type(error).__name__)
    if proof is not None:
        return proof
    if guided.gave_up:
        return Proof(GAVE_UP, guided.gave_up)
    return Proof(NOT_REPRODUCED, "no execution follows the witness")


class _Search:
    """Executions that follow a witness; after the last, `gave_up` says why there may be others."""

    def __init__(self, found: Generator[Execution, None, str]) -> None:
        self._found = found
        self.gave_up = ""

    def __iter__(self) -> Iterator[Execution]:
        self.gave_up = yield from self._found


def _best(proofs: Iterable[Proof]) -> Proof | None:
    """Return the first proof that proves anything, else the first of all, if there is one."""
    failed = None
    for proof in proofs:
        if proof.word == PROVED:
            return proof
        failed = failed or proof
    return failed

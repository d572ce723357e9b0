"""Prove a finding: find the execution that its witness describes, and run it live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from flake8_asyncwait.replay.follow import following, showing
from flake8_asyncwait.replay.judge import Execution
from flake8_asyncwait.replay.live import (
    NOT_LIFTED,
    NOT_REPRODUCED,
    PROVED,
    Proof,
    perform,
)
from flake8_asyncwait.replay.locate import CannotJudge

TRIES = 12
OTHERS = 300  # executions, most of which show nothing


def prove(source: str, site: tuple[int, int], code: str, steps: Sequence[tuple[int, str]]) -> Proof:
    """Run what a finding says on a real event loop, in this process.

    `source` is the module's text, `site` the line (from 1) and column (from 0) of the wait, `code`
    the finding's, `steps` its witness as (line, choice). A witness leaves things open: where
    asyncio does not follow one way of settling them, others are tried, and then some executions
    that leak as the finding says, but in another way.
    """
    try:
        return _first(
            perform(source, site, execution.choices, code)
            for execution in _candidates(source, site, code, steps)
        )
    except CannotJudge as error:
        return Proof(NOT_LIFTED, str(error))
    except (RecursionError, MemoryError) as error:
        return Proof(NOT_LIFTED, type(error).__name__)


def _candidates(
    source: str, site: tuple[int, int], code: str, steps: Sequence[tuple[int, str]]
) -> Iterator[Execution]:
    yield from islice(following(source, site, code, steps), TRIES)
    yield from islice(showing(source, site, code, OTHERS), TRIES)


def _first(proofs: Iterable[Proof]) -> Proof:
    """Return the first proof that proves anything, else the first of all."""
    failed = Proof(NOT_REPRODUCED, "no execution follows the witness")
    for number, proof in enumerate(proofs):
        if proof.word == PROVED:
            return proof
        failed = failed if number else proof
    return failed

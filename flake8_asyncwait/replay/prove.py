"""Prove a finding: find the execution that its witness describes, and run it live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from flake8_asyncwait.replay.follow import following, showing
from flake8_asyncwait.replay.live import (
    NOT_LIFTED,
    NOT_REPRODUCED,
    PROVED,
    Proof,
    perform,
)
from flake8_asyncwait.replay.locate import NONE_KNOWN, CannotJudge, Known
from flake8_asyncwait.replay.program import prepare

TRIES = 12
GUIDED = 1000  # executions at most, of which few follow a witness
OTHERS = 300  # executions, most of which show nothing


def prove(
    source: str,
    site: tuple[int, int],
    code: str,
    steps: Sequence[tuple[int, str]],
    known: Known = NONE_KNOWN,
) -> Proof:
    """Run what a finding says on a real event loop, in this process.

    `source` is the module's text, `site` the line (from 1) and column (from 0) of the wait, `code`
    the finding's, `steps` its witness as (line, choice); `known` names functions that make tasks,
    cancel or wait. A witness leaves things open: where asyncio does not follow one way of settling
    them, others are tried, and then some executions that leak as the finding says, but in another
    way.
    """
    try:
        program = prepare(source, site, known)
        guided = islice(following(program, source, code, steps, GUIDED), TRIES)
        others = islice(showing(program, code, OTHERS), TRIES)
        executions = chain(guided, others)
        return _first(perform(program, one.choices, code) for one in executions)
    except CannotJudge as error:
        return Proof(NOT_LIFTED, str(error))
    except (RecursionError, MemoryError) as error:
        return Proof(NOT_LIFTED, type(error).__name__)


def _first(proofs: Iterable[Proof]) -> Proof:
    """Return the first proof that proves anything, else the first of all."""
    failed = Proof(NOT_REPRODUCED, "no execution follows the witness")
    for number, proof in enumerate(proofs):
        if proof.word == PROVED:
            return proof
        failed = failed if number else proof
    return failed

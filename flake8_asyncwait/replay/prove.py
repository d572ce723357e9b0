"""Prove a finding: find the execution that its witness describes, and run it live."""

from __future__ import annotations

from collections.abc import Sequence

from flake8_asyncwait.replay.follow import follow
from flake8_asyncwait.replay.live import NOT_LIFTED, NOT_REPRODUCED, Proof, perform
from flake8_asyncwait.replay.locate import CannotJudge


def prove(source: str, site: tuple[int, int], code: str, steps: Sequence[tuple[int, str]]) -> Proof:
    """Run what a finding says on a real event loop, in this process.

    `source` is the module's text, `site` the line (from 1) and column (from 0) of the wait, `code`
    the finding's, `steps` its witness as (line, choice).
    """
    try:
        execution = follow(source, site, code, steps)
        if execution is None:
            return Proof(NOT_REPRODUCED, "no execution follows the witness")
        return perform(source, site, execution.choices, code)
    except CannotJudge as error:
        return Proof(NOT_LIFTED, str(error))
    except (RecursionError, MemoryError) as error:
        return Proof(NOT_LIFTED, type(error).__name__)

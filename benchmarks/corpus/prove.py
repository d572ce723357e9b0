"""Prove every finding in the labelled files: does a real event loop show what the linter says?"""

from __future__ import annotations

import os
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.corpus.labels import Label
from benchmarks.corpus.run import OPTIONS
from flake8_asyncwait.check import check
from flake8_asyncwait.replay.proof.apart import prove_apart
from flake8_asyncwait.replay.proof.proof import PROVED, Proof
from flake8_asyncwait.verdict.finding import Finding


@dataclass(frozen=True, slots=True)
class Proven:
    """One finding, and what running it showed."""

    path: Path
    finding: Finding
    proof: Proof


def prove_all(labels: Iterable[Label], source: Path) -> list[Proven]:
    """Prove the findings in every labelled file below `source` that is there."""
    paths = sorted({source / label.place for label in labels})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [one for found in pool.map(_prove_file, paths) for one in found]


def _prove_file(path: Path) -> list[Proven]:
    if not path.is_file():
        return []
    with tokenize.open(path) as file:
        text = file.read()
    return list(map(partial(_prove, path, text), check(text, OPTIONS).findings))


def _prove(path: Path, text: str, finding: Finding) -> Proven:
    steps = [(step.line, step.choice) for step in finding.witness]
    site = (finding.line, finding.column)
    return Proven(path, finding, prove_apart(text, site, finding.code, steps))


def report(proven: list[Proven]) -> Iterator[str]:
    """Yield how many findings of each code are proved, then every other one with its reason."""
    for code in sorted({one.finding.code for one in proven}):
        mine = [one for one in proven if one.finding.code == code]
        proved = sum(one.proof.word == PROVED for one in mine)
        yield f"{code}  {proved:4} of {len(mine):4} proved"
    proved = sum(one.proof.word == PROVED for one in proven)
    yield f"all     {proved:4} of {len(proven):4} proved"
    rest = [one for one in proven if one.proof.word != PROVED]
    for word, count in Counter(one.proof.word for one in rest).most_common():
        yield f"{count:4} {word}"
    for one in sorted(rest, key=lambda one: one.proof.verdict):
        yield ""
        yield f"{one.path}:{one.finding.line}:{one.finding.column + 1} {one.finding.code}"
        yield f"  {one.proof.verdict}"

"""Run the linter on labelled files and put its verdicts beside the labels."""

from __future__ import annotations

import signal
import sys
import time
import tokenize
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.corpus.labels import Site
from benchmarks.corpus.score import Judged
from flake8_asyncwait.check import check
from flake8_asyncwait.options import DEFAULT_ON, Options
from flake8_asyncwait.verdict.checked import Checked
from flake8_asyncwait.verdict.finding import Finding

# AWT201 fires on full waits only, so one run serves the early and the full sites.
OPTIONS = Options(codes=DEFAULT_ON | {"AWT201"})
LIMIT = 60  # seconds a file: one that takes longer is as bad as a crash, and told like one


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gave: verdicts on its labels, findings where no label is, or a crash."""

    path: Path
    judged: tuple[Judged, ...] = ()
    unlabelled: tuple[Finding, ...] = ()
    crash: str = ""
    seconds: float = 0.0


def run(labels: Iterable[Site], source: Path, options: Options = OPTIONS) -> list[FileResult]:
    """Check every labelled file below `source` that is there, in several processes."""
    files: dict[Path, list[Site]] = {}
    for label in labels:
        files.setdefault(source / label.place, []).append(label)
    present = {path: members for path, members in files.items() if path.is_file()}
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(_check_file, options), present.keys(), present.values()))


def parses_here(label: Site) -> bool:
    """Whether the running Python is new enough for the file of `label`."""
    wanted = tuple(int(part) for part in label.min_python.split(".") if part)
    return sys.version_info[: len(wanted)] >= wanted


def _check_file(options: Options, path: Path, labels: Sequence[Site]) -> FileResult:
    with tokenize.open(path) as file:
        text = file.read()
    started = time.perf_counter()
    try:
        checked = _check_in_time(path, text, options)
    except Exception:  # a crash of any kind is a result of this benchmark
        return FileResult(path, crash=traceback.format_exc())
    seconds = time.perf_counter() - started
    return replace(compare(path, text, labels, checked), seconds=seconds)


def _check_in_time(path: Path, text: str, options: Options) -> Checked:
    """Check a file. Raises TimeoutError after LIMIT seconds (by a signal: not on Windows)."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"took more than {LIMIT} seconds")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT)
    try:
        return check(text, options, path=str(path))
    finally:
        signal.alarm(0)


def compare(path: Path, text: str, labels: Sequence[Site], checked: Checked) -> FileResult:
    """Put what the linter said of one file beside the labels of that file."""
    place = partial(_position, text.split("\n"))
    found = {(one.line, one.column): one for one in checked.findings}
    judged = tuple(_judge(one, place(one), found, checked) for one in labels)
    labelled = {place(label) for label in labels}
    extra = tuple(one for at, one in found.items() if at not in labelled and one.code != "AWT201")
    return FileResult(path, judged, extra)


def _judge(
    label: Site,
    place: tuple[int, int],
    found: dict[tuple[int, int], Finding],
    checked: Checked,
) -> Judged:
    undetermined = place in {site.place for site in checked.undetermined}
    if place not in found:
        return Judged(label, undetermined=undetermined)
    return Judged(label, found[place].code, found[place].message, undetermined)


def _position(lines: list[str], label: Site) -> tuple[int, int]:
    """The label's line and column with the column in characters, as findings have it."""
    before = lines[label.line - 1].encode()[: label.col]
    return label.line, len(before.decode())

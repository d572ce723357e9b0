"""Check and fix, in memory, all that can be found, and see whether anything breaks.

    python -m benchmarks.hostile [DIRECTORY ...] [--everyday N] [--hypothesmith N] [--seed N]
                                 [--programs] [--harsh] [--traceback]

DIRECTORY is searched for `*.py`: standard libraries with their tests, of any Python, or where
`python -m benchmarks.corpus` has put the packages. `--everyday` makes N modules at random, those of
`everyday.py`, `--hypothesmith` N programs of Python's grammar (`pip install hypothesmith`), both
with the seeds from that of `--seed`, or from 0. `--programs` runs those of `hostile_programs.py` in
full size.
`--harsh` takes every `join`, `get` and `run` for a wait, so that the analysis runs on code that it
was not made for. Prints how many files there were, the slowest, and each crash. Exits 1 where there
was one, else 0. What each of the programs costs is for `python -m benchmarks.bounds`.

A crash is any exception but `SourceError`, any internal error that the linter has caught itself
(with `--traceback` it lets these through), and any file that is not encoded as it was decoded, or
whose diff does not lead to the fixed file.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

from flake8.checker import FileChecker
from flake8.options.parse_args import parse_args
from flake8.plugins.finder import Checkers

from benchmarks.everyday import module
from benchmarks.hostile_programs import FULL, HEAD, PROGRAMS, WAIT
from flake8_asyncwait.check import check_source
from flake8_asyncwait.fix.file import FileFix, Request, fix_file
from flake8_asyncwait.options import Options
from flake8_asyncwait.replay.proof.apart import prove_apart
from flake8_asyncwait.replay.proof.proof import BROKEN, NOT_PROVED
from flake8_asyncwait.source.text import SourceError, decode, read
from flake8_asyncwait.source.write import encode
from flake8_asyncwait.verdict.finding import Finding

HARSH = frozenset({"join", "get", "run"})
BATCH = 500  # programs that are made at once: hypothesis keeps all of them in mind
UNFAITHFUL = "cannot be written back unchanged"


class Result(NamedTuple):
    """What became of one file: `told` is an error that a user would read, `crash` a traceback, or
    internal errors, one a line."""

    name: str
    seconds: float
    findings: int = 0
    fixed: bool = False
    told: str = ""
    crash: str = ""


def main() -> int:
    """Run and print. Returns the exit status."""
    arguments = _parse_arguments()
    if arguments.traceback:
        let_errors_through()
    options = Options(wait_functions=HARSH if arguments.harsh else frozenset())
    warnings.simplefilter("ignore")
    results = []
    for name, data in _all(arguments):
        result = tried(name, data, options)
        results.append(result)
        if result.crash:
            print(f"{result.name}:\n{result.crash}", flush=True)
    _print_totals(results)
    return 1 if any(one.crash for one in results) else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hostile", description="See whether anything breaks."
    )
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIRECTORY")
    parser.add_argument("--everyday", type=int, default=0, metavar="N")
    parser.add_argument("--hypothesmith", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first one")
    parser.add_argument("--programs", action="store_true", help="those of the tests, in full size")
    parser.add_argument("--harsh", action="store_true", help="take much more for a wait")
    parser.add_argument("--traceback", action="store_true", help="of internal errors")
    return parser.parse_args()


def let_errors_through() -> None:
    """From here on, internal errors are raised."""
    os.environ["ASYNCWAIT_RAISE"] = "1"


def _all(arguments: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    for directory in arguments.directories:
        for path in sorted(directory.rglob("*.py")):
            try:
                yield str(path), read(str(path))
            except SourceError as error:
                print(error, file=sys.stderr)
    if arguments.programs:
        for name, make in PROGRAMS.items():
            yield name, make(FULL[name]).encode()
    yield from everyday(arguments.everyday, arguments.seed)
    yield from made(arguments.hypothesmith, arguments.seed)


def everyday(count: int, start: int = 0) -> Iterator[tuple[str, bytes]]:
    """Modules of everyday code at random, always the same for the same `start`."""
    for seed in range(start, start + count):
        yield f"everyday {seed}", module(seed).encode()


def made(count: int, start: int = 0) -> Iterator[tuple[str, bytes]]:
    """Programs at random, always the same for the same `start`: each with a wait in it, and in a
    function behind one."""
    draw = random.Random(start)
    for first in range(start, start + count, BATCH):
        programs = _drawn(min(BATCH, start + count - first), first)
        for number, program in enumerate(programs, first):
            forms = {"": _with_a_wait(program, draw), " behind a wait": _behind(program)}
            for form, text in forms.items():
                yield f"hypothesmith {number}{form}", text.encode("utf-8", "replace")


def _drawn(count: int, start: int) -> list[str]:
    """About `count` programs of a grammar, always the same for the same `start`."""
    import hypothesmith
    from hypothesis import HealthCheck, Phase, given, seed, settings

    found: list[str] = []

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hypothesmith.from_grammar() | hypothesmith.from_node())
    def collect(program: str) -> None:
        found.append(program)

    collect()
    return found


def _with_a_wait(program: str, draw: random.Random) -> str:
    """The program, where one of its names is `asyncio.wait`."""
    names = sorted(set(re.findall(r"\b[a-zA-Z_]\w*(?=\()", program)))
    name = draw.choice(names) if names else "wait"
    return f"from asyncio import wait as {name}\n{program}"


def _behind(program: str) -> str:
    """A function that waits and then does what the program does, which runs the analysis on it."""
    return f"{HEAD}{WAIT}{indent(program, '    ')}\n"


def tried(name: str, data: bytes, options: Options, *, proves: bool = False) -> Result:
    """Check and fix one file, and prove its findings if that is wanted."""
    started, findings, fixed, told, crash = time.perf_counter(), 0, False, "", ""
    try:
        source = decode(name, data)
        try:
            if encode(source, data, source.text) != data:
                raise AssertionError("it is not encoded as it was decoded")
        except SourceError as error:
            if UNFAITHFUL not in error.reason:
                raise
        checked = check_source(source, options)
        internal, found = checked.internal, checked.findings
        findings = len(found)
        if found:
            done = fix_file(name, source, data, options, Request(findings=found))
            internal, fixed = internal + done.internal, done.is_changed
            _follow_the_diff(done)
        lines = [f"{name}:{one.line}: {one.reason}" for one in dict.fromkeys(internal)]
        if proves:
            lines += _not_proved(name, source.text, found)
        crash = "\n".join(lines)
    except SourceError as error:
        told = str(error)
    except Exception:  # of any kind: that is what is looked for
        crash = traceback.format_exc()
    return Result(name, time.perf_counter() - started, findings, fixed, told, crash)


def _not_proved(name: str, text: str, findings: Iterable[Finding]) -> Iterator[str]:
    """One line for each finding whose proof breaks. One that does not prove it is none of them."""
    for found in findings:
        steps = [(step.line, step.choice) for step in found.witness]
        proof = prove_apart(text, (found.line, found.column), found.code, steps)
        if proof.word in (BROKEN, NOT_PROVED):
            yield f"{name}:{found.line}: prove: {proof.verdict}"


def through_flake8(path: Path) -> list[tuple[str, int]]:
    """What flake8 says of a file with no plugin but ours: codes, with lines from 1.

    Raises flake8's `PluginExecutionFailed` where that has crashed.
    """
    plugins, options = _flake8()
    _, found, _ = FileChecker(filename=str(path), plugins=plugins, options=options).run_checks()
    return [(code, line) for code, line, _, _, _ in found]


@cache
def _flake8() -> tuple[Checkers, argparse.Namespace]:
    plugins, options = parse_args(["--isolated", "--select=AWT,E9"])
    (ours,) = (one for one in plugins.checkers.tree if one.entry_name == "AWT")
    return plugins.checkers._replace(tree=[ours], logical_line=[], physical_line=[]), options


def _follow_the_diff(done: FileFix) -> None:
    """Raises `AssertionError` unless git makes the fixed file of the diff."""
    if not done.is_changed:
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "a.py")
        path.write_bytes(done.before)
        here = os.getcwd()
        os.chdir(directory)
        try:
            told = done._replace(create=None).diff("a.py", set())
        finally:
            os.chdir(here)
        command = ["git", "apply", "--whitespace=nowarn", "-"]
        subprocess.run(command, input=told, cwd=directory, check=True, capture_output=True)
        if path.read_bytes() != done.after:
            raise AssertionError("the diff does not lead to the fixed file")


def _print_totals(results: list[Result]) -> None:
    print(
        f"{len(results)} files, {sum(bool(one.crash) for one in results)} crashes, "
        f"{sum(bool(one.told) for one in results)} not Python for this one; "
        f"{sum(one.findings for one in results)} findings, "
        f"{sum(one.fixed for one in results)} files fixed"
    )
    for one in sorted(results, key=lambda each: -each.seconds)[:3]:
        print(f"{one.seconds:6.2f} s  {one.name}")


if __name__ == "__main__":
    sys.exit(main())

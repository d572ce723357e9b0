"""Change the code at random places, one at a time, and see whether a test notices.

    python -m benchmarks.mutation [FOLDER ...] [--sample N] [--seed N] [--python PYTHON]

FOLDER is `analysis`, `verdict` or `fix`, by default all of them. Works on a copy of the project,
with the mutants of cosmic-ray (`pip install -e '.[mutation]'`): a place is drawn at random from all
that it can change, and one of the changes at random for each place. Prints each mutant that
survives, as a diff, and the share of those that were killed.

What cannot change a run is not drawn: annotations, which nothing evaluates.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parent.parent
PACKAGE = "flake8_asyncwait"
_IDIOMS = "tests/oracle/test_idioms.py::test_the_linter_gives_the_code"
_VERDICTS = (
    *("tests/test_fixtures.py", _IDIOMS, "tests/oracle/test_rows.py"),
    "tests/oracle/test_oracle.py",
)
_CURES = ("tests/test_fix.py", "tests/oracle/test_cures.py")
# The tests that speak of each folder, the quickest to kill a mutant first.
TESTS = {
    "analysis": (*_VERDICTS, *_CURES),  # what takes notes for a fix, too
    "verdict": (*_VERDICTS, "tests/test_rules.py"),
    "fix": (
        *(*_CURES, "tests/test_imports.py", "tests/test_helper.py"),
        *("tests/test_cli_fix.py", "tests/test_cli.py"),
    ),
}
# A mutant whose tests take that many times as long as without one never ends, and counts as killed.
PATIENCE = 5
FIRST_TIMEOUT = 900.0  # seconds, for the tests without a mutant


def main() -> int:
    """Draw, run and print. Returns the exit status: 2 where the tests fail without a mutant."""
    arguments = _parse_arguments()
    with _copy():
        for folder in arguments.folders or TESTS:
            options = ("-q", "-x", "-p", "no:cacheprovider")
            command = shlex.join([arguments.python, "-m", "pytest", *options, *TESTS[folder]])
            started = time.monotonic()
            outcome, output = run_tests(command, FIRST_TIMEOUT)
            timeout = PATIENCE * (time.monotonic() - started)
            if outcome != TestOutcome.SURVIVED:
                print(f"{folder}: the tests fail as it is\n{output}", file=sys.stderr)
                return 2
            mutants = _drawn(folder, arguments.sample, random.Random(arguments.seed))
            killed = sum(_is_killed(mutant, command, timeout) for mutant in mutants)
            print(f"{folder}: {killed} of {len(mutants)} mutants killed", flush=True)
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutation", description="Mutation testing, by a sample."
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, default=100, help="mutants for each folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", default=sys.executable, help="what runs the tests")
    arguments = parser.parse_args()
    unknown = set(arguments.folders) - TESTS.keys()
    if unknown:
        parser.error(f"no tests are known for {', '.join(sorted(unknown))}")
    return arguments


@contextmanager
def _copy() -> Iterator[None]:
    """Work in a copy of the project meanwhile, and run its tests on that."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        left_out = shutil.ignore_patterns(".*", "__pycache__", "downloads")
        shutil.copytree(ROOT, directory, ignore=left_out, dirs_exist_ok=True)
        # A mutant of the same size and second would run the bytecode of the one before.
        os.environ |= {"PYTHONPATH": directory, "PYTHONDONTWRITEBYTECODE": "1"}
        os.chdir(directory)
        try:
            yield
        finally:
            os.chdir(before)


def _drawn(folder: str, count: int, draw: random.Random) -> Sequence[MutationSpec]:
    """`count` mutants of a folder, each at a place of its own."""
    places: dict[tuple[Path, tuple[int, int]], list[MutationSpec]] = {}
    for path in sorted(Path(PACKAGE, folder).rglob("*.py")):
        annotated = _annotations(path)
        for mutant in _mutants(path):
            if mutant.start_pos not in annotated:
                places.setdefault((path, mutant.start_pos), []).append(mutant)
    drawn = draw.sample(sorted(places), min(count, len(places)))
    return [draw.choice(places[place]) for place in drawn]


def _mutants(path: Path) -> Iterable[MutationSpec]:
    with use_db(":memory:") as database:
        init([path], database, {})
        found = [mutant for item in database.work_items for mutant in item.mutations]
    return sorted(found, key=lambda one: (one.start_pos, one.operator_name, one.occurrence))


def _annotations(path: Path) -> set[tuple[int, int]]:
    """All places inside annotations: lines from 1, columns from 0."""
    found: set[tuple[int, int]] = set()
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                for line in range(part.lineno, (part.end_lineno or part.lineno) + 1):
                    first = part.col_offset if line == part.lineno else 0
                    last = part.end_col_offset if line == part.end_lineno else len(lines[line - 1])
                    found |= {(line, column) for column in range(first, last or 0)}
    return found


def _is_killed(mutant: MutationSpec, command: str, timeout: float) -> bool:
    result = mutate_and_test([mutant], command, timeout)
    if not result.is_killed:
        place = f"{mutant.module_path}:{mutant.start_pos[0]}"
        print(f"survived: {place} in {mutant.definition_name}\n{result.diff}\n", flush=True)
    return bool(result.is_killed)


if __name__ == "__main__":
    sys.exit(main())

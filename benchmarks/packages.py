"""Fix real packages, and run their own tests before and after.

    python -m benchmarks.packages DIR [--package NAME] [--diff]

Downloads the pinned source distributions to DIR, gives each a virtual environment with what its
tests need, runs the tests twice, fixes the package with the default codes and AWT201, and runs the
tests once more. Prints both results side by side, each test that passed both times before and does
not now, and what the fix has changed: the share of the lines of each file, and every statement that
is gone or new. Exits 1 where there is such a test, or a package could not be fixed or tested, else
0. What has been downloaded and installed is used again; nothing of a package is kept here.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT = 3600  # seconds for the tests of one package
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class PackageError(Exception):
    """A package cannot be had, installed, tested or fixed; the message says why."""


@dataclass(frozen=True, slots=True)
class Package:
    """A source distribution with findings, and with tests that need no network.

    `code` is the folder to fix, in the unpacked distribution. `needs` are the requirements of the
    tests, `extras` those of the package's extras that they use; `tests` are the arguments of
    pytest.
    """

    name: str
    version: str
    code: str
    needs: tuple[str, ...]
    tests: tuple[str, ...]
    extras: str = ""


# Where all tests take long, those of the part that is fixed.
PACKAGES = (
    Package(
        "graphql-core",
        "3.3.2",
        "src/graphql",
        ("anyio", "pytest-asyncio", "pytest-benchmark", "pytest-describe", "pytest-timeout"),
        ("tests/execution",),
    ),
    Package("ipython", "9.18.1", "IPython", (), ("tests/test_magic.py",), "[test]"),
    Package(
        "kopf",
        "1.45.2",
        "kopf",
        (
            "certbuilder",
            "certvalidator",
            "freezegun",
            "kmock",
            "looptime",
            "pytest-aiohttp",
            "pytest-asyncio",
            "pytest-mock",
            "pytest-timeout",
        ),
        ("tests/peering", "tests/running", "-o", "timeout=60"),
    ),
    Package(
        "mode-streaming",
        "0.7.1",
        "mode",
        ("freezegun", "hypothesis", "pytest-asyncio==0.21.1", "pytest<8.2"),
        # It has asyncio.wait() replaced by a mock, and asserts that this is called, and how: no
        # other function can pass it, whatever it does.
        ("tests", "--deselect", "tests/unit/test_services.py::test_Service::test__wait_stopped"),
    ),
    Package("prompt-toolkit", "3.0.53", "src/prompt_toolkit", (), ("tests",)),
    Package(
        "pyatv",
        "0.18.0",
        "pyatv",
        ("deepdiff", "pytest-aiohttp", "pytest-asyncio", "pytest-httpserver", "pytest-timeout"),
        ("tests/support", "tests/scripts"),
    ),
    Package(
        "python-telegram-bot",
        "22.8",
        "src/telegram",
        ("beautifulsoup4", "flaky", "pytest-asyncio==0.21.2", "pytest<8.2", "pytz", "tzdata"),
        ("tests/ext/_utils",),
        "[ext]",
    ),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix has changed in one file.

    `lines` are those that are gone or new, of the `total` there were; `gone` and `new` are
    statements, those that hold others without these.
    """

    file: str
    lines: int
    total: int
    gone: tuple[str, ...]
    new: tuple[str, ...]
    diff: str

    def __str__(self) -> str:
        share = f"{self.lines} of {self.total} lines, {self.lines / max(self.total, 1):.1%}"
        gone = [f"    - {one}" for one in self.gone]
        return "\n".join([f"  {self.file}: {share}", *gone, *(f"    + {one}" for one in self.new)])


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one package. The tests are told by name and outcome (`passed`, `failed`,
    `skipped`); those of `before` have the worse of two runs. `summary` is the fix's own."""

    package: Package
    before: dict[str, str]
    after: dict[str, str]
    summary: str
    changes: tuple[Change, ...]
    seconds: float

    @property
    def broken(self) -> list[str]:
        """The tests that passed twice before and did not after."""
        passed = [name for name, outcome in self.before.items() if outcome == "passed"]
        return [name for name in passed if self.after.get(name) != "passed"]

    def __str__(self) -> str:
        title = f"{self.package.name} {self.package.version}"
        return f"{title:28} {_counts(self.before):36} {_counts(self.after):36} {self.summary}"


def main() -> int:
    """Do all packages, and print. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.packages",
        description="Fix real packages, and run their own tests before and after.",
    )
    parser.add_argument("directory", type=Path, help="where the packages go, or are")
    parser.add_argument("--package", help="this package only")
    parser.add_argument("--diff", action="store_true", help="print the changes, too")
    arguments = parser.parse_args()
    results, failures = [], []
    for package in PACKAGES:
        if arguments.package not in (None, package.name):
            continue
        try:
            result = run(package, arguments.directory.resolve())
        except PackageError as error:
            failures.append(f"{package.name} {package.version}: {error}")
            print(failures[-1], file=sys.stderr, flush=True)
            continue
        results.append(result)
        print(f"{result}  {result.seconds:.0f} s", *result.changes, sep="\n", flush=True)
        if arguments.diff:
            print(*(change.diff for change in result.changes), sep="\n", flush=True)
    _print_table(results, failures)
    return 1 if failures or any(one.broken for one in results) else 0


def _print_table(results: list[Result], failures: list[str]) -> None:
    print(f"\n{'package':28} {'tests before':36} {'tests after':36} findings")
    print(*results, *failures, sep="\n")
    changes = [change for one in results for change in one.changes]
    lines, total = sum(one.lines for one in changes), sum(one.total for one in changes)
    print(f"{len(changes)} files changed: {lines} of {total} lines")
    for one in results:
        for name in one.broken:
            print(
                f"passed before, {one.after.get(name, 'missing')} after: {one.package.name} {name}"
            )


def run(package: Package, directory: Path) -> Result:
    """Test, fix and test again one package. Raises `PackageError`."""
    began = time.perf_counter()
    root = directory / f"{package.name}-{package.version}"
    source = _unpacked(package, root)
    python = _environment(package, root, source)
    first, second = (_tested(package, python, source, root / f"{n}.xml") for n in "12")
    before = {name: worse(outcome, second.get(name)) for name, outcome in first.items()}
    texts = {path: path.read_bytes() for path in sorted((source / package.code).rglob("*.py"))}
    summary = _fixed(list(texts), source)
    changes = tuple(
        change(str(path.relative_to(source)), data.decode(), path.read_text("utf-8"))
        for path, data in texts.items()
        if path.read_bytes() != data
    )
    after = _tested(package, python, source, root / "after.xml")
    return Result(package, before, after, summary, changes, time.perf_counter() - began)


def _unpacked(package: Package, root: Path) -> Path:
    """A fresh copy of the source distribution, downloaded where it is not there yet."""
    source = root / "source"
    if not list(root.glob("*.tar.gz")):
        pin = f"{package.name}=={package.version}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        _ran([*pip, "--no-binary", package.name, "--dest", str(root), pin])
    archive = next(root.glob("*.tar.gz"), None)
    if archive is None:
        raise PackageError("pip has brought no source distribution")
    shutil.rmtree(source, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
    (root / archive.name.removesuffix(".tar.gz")).rename(source)
    return source


def _environment(package: Package, root: Path, source: Path) -> Path:
    """The Python of a virtual environment in which the tests can run on `source`."""
    folder, complete = root / "venv", root / "venv" / "complete"
    python = folder / "bin" / "python"
    if not complete.exists():
        _ran([sys.executable, "-m", "venv", "--clear", str(folder)])
        needs = ["pytest", *package.needs, "--editable", f"{source}{package.extras}"]
        _ran([str(python), "-m", "pip", "install", "--quiet", *needs])
        complete.touch()
    return python


def _ran(command: list[str], accepted: tuple[int, ...] = (0,), cwd: Path | None = None) -> str:
    """Run a command and return what it prints. Raises `PackageError` where it fails."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"{' '.join(command[:4])} took too long") from error
    told = ran.stdout.decode("utf-8", "replace")
    if ran.returncode not in accepted:
        raise PackageError(f"{' '.join(command[:4])} gave {ran.returncode}: {told[-2000:]}")
    return told


def _tested(package: Package, python: Path, source: Path, report: Path) -> dict[str, str]:
    """The outcome of each test."""
    options = ["-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [str(python), "-m", "pytest", *options, f"--junitxml={report}", *package.tests]
    _ran(command, accepted=(0, 1), cwd=source)
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        parts = {part.tag for part in case}
        outcome = "skipped" if "skipped" in parts else "passed"
        outcome = "failed" if parts & {"failure", "error"} else outcome
        outcomes[name] = worse(outcome, outcomes.get(name, outcome))
    return outcomes


def worse(outcome: str, other: str | None) -> str:
    """The worse of two outcomes of a test; None is that it was not run."""
    return outcome if outcome == other else "failed"


def _counts(outcomes: dict[str, str]) -> str:
    counts = Counter(outcomes.values())
    return ", ".join(f"{counts[each]} {each}" for each in ("passed", "failed", "skipped"))


def _fixed(paths: list[Path], source: Path) -> str:
    """Fix some files in place; return the last line of what the fix says.

    They are named one by one, for git may ignore the folder that they are in.
    """
    command = [sys.executable, "-m", "flake8_asyncwait", "fix", "--extend-select", "AWT201"]
    told = _ran([*command, *map(str, paths)], accepted=(0, 1), cwd=source)
    return told.strip().rpartition("\n")[2]


def change(file: str, before: str, after: str) -> Change:
    """What differs between two versions of a file."""
    old, new = before.splitlines(), after.splitlines()
    diff = list(difflib.unified_diff(old, new, file, file, lineterm=""))
    lines = sum(line[0] in "+-" for line in diff[2:])
    had, has = Counter(statements(before)), Counter(statements(after))
    gone, put = tuple((had - has).elements()), tuple((has - had).elements())
    return Change(file, lines, len(old), gone, put, "\n".join(diff))


def statements(text: str) -> Iterator[str]:
    """The statements of a file; of those that hold others, the head alone."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.stmt, ast.excepthandler)):
            for block in BLOCKS:
                if getattr(node, block, None):
                    setattr(node, block, [ast.Expr(ast.Constant(...))])
            yield " ".join(ast.unparse(node).split())


if __name__ == "__main__":
    sys.exit(main())

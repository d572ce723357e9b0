"""Measure how fast the linter is, beside its peers, and write the table of docs/performance.md.

    python -m benchmarks.speed [DIR] [--runs N] [--every N] [--write FILE]

Sets up flake8, flake8-async, ruff and ripgrep in environments of their own below DIR, fetches Home
Assistant and copies the standard library of the Python that runs, and measures ours and theirs in
turn. Prints the table; with --write it takes the place of the one in FILE. Exits 0 whether the
targets are reached or not, 2 when a tool could not do its work. Needs `os.wait4`: not for Windows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.speed import prepare
from benchmarks.speed.measure import LONG, Command, CommandError, Cost, in_turn, once
from benchmarks.speed.prepare import ROOT, Tools
from benchmarks.speed.scaling import Growth
from benchmarks.speed.table import Row, growths_table, rows_table, seconds

DOWNLOADS = ROOT / "benchmarks" / "downloads" / "speed"
ONE_FILE = "homeassistant/components/device_tracker/legacy.py"
MARKS = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
FLAKE8 = ("--isolated", "-j1")
RUFF = ("check", "--isolated", "--select", "ASYNC,RUF006")
CHECK = ("check", "--no-cache")
FAMILY = ("--extend-select=AWT3",)


def main() -> int:
    """Measure and print. Returns the exit status."""
    arguments = _parse_arguments()
    directory = arguments.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        tools = prepare.install(directory)
        trees = [prepare.homeassistant(directory), prepare.standard_library(directory)]
        bench = _Bench(tools, trees[0], trees[1], arguments.runs, arguments.every)
        report = bench.report()
    except (CommandError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2
    print(report)
    if arguments.write is not None:
        page = arguments.write.read_text("utf-8")
        arguments.write.write_text(MARKS.sub(lambda _: f"\n{report}\n\n", page), "utf-8")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description="Measure ours and theirs in turn."
    )
    parser.add_argument("directory", nargs="?", type=Path, default=DOWNLOADS, metavar="DIR")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="counted runs of each")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="show flake8 every Nth file (default: 1)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    return parser.parse_args()


class _Bench:
    """The tools, the trees, and how often to run each command."""

    def __init__(self, tools: Tools, ha: Path, stdlib: Path, runs: int, every: int) -> None:
        self.tools = tools
        self.ha = ha
        self.stdlib = stdlib
        self.runs = runs
        self.every = every

    def report(self) -> str:
        """Everything, as Markdown."""
        rows = []
        for measure in (
            self._start_up,
            self._without_sites,
            self._one_file,
            self._full_checks,
            self._warm_checks,
            self._more_of_our_own,
            self._flake8,
        ):
            for row in measure():
                print(row, file=sys.stderr)
                rows.append(row)
        return "\n\n".join(
            [self._circumstances(), rows_table(rows), growths_table(self._scaling())]
        )

    def _circumstances(self) -> str:
        versions = ", ".join(f"{name} {one}" for name, one in self.tools.versions().items())
        return "\n".join(
            [
                f"- CPython {platform.python_version()}, {versions}",
                f"- {platform.system()} {platform.machine()}, {os.cpu_count()} processors",
                f"- {prepare.describe(self.ha)}",
                f"- {prepare.describe(self.stdlib)}",
                f"- medians of {self.runs} runs, one run of what takes over {LONG:.0f} s",
                f"- flake8 saw every {_nth(self.every)}file of {self.ha.name}",
            ]
        )

    def _asyncwait(self, *arguments: str) -> tuple[str, ...]:
        return (self.tools.program("ours", "asyncwait"), *arguments)

    def _pair(self, ours: Sequence[str], theirs: Sequence[str], where: Path) -> list[Cost]:
        return in_turn([Command(ours, where), Command(theirs, where)], self.runs)

    def _start_up(self) -> Iterator[Row]:
        nothing = (self.tools.program("ours", "python"), "-c", "pass")
        empty = self.tools.directory / "empty"
        empty.mkdir(exist_ok=True)
        for what, arguments in (("`--version`", ["--version"]), ("an empty tree", CHECK)):
            ours, theirs = self._pair(self._asyncwait(*arguments), nothing, empty)
            yield _cpu(f"start-up: {what}, beside `python -c pass`", ours, theirs, 3)

    def _without_sites(self) -> Iterator[Row]:
        rg = (self.tools.program("plain", "rg"), "-l", "-w", "wait", "-tpy", ".")
        for tree, target in ((self.ha, 2), (self.stdlib, 3)):
            bare = prepare.without(
                tree, self._python("benchmarks.speed.sites", str(tree)).split("\n")
            )
            ours, theirs = self._pair(self._asyncwait(*CHECK, "."), rg, bare)
            yield _cpu(
                f"{tree.name} without its sites, beside `rg -l -w wait`", ours, theirs, target
            )

    def _full_checks(self) -> Iterator[Row]:
        ruff = (self.tools.program("plain", "ruff"), *RUFF, "--no-cache", ".")
        for tree, target in ((self.ha, 1.5), (self.stdlib, 1)):
            what = f"{tree.name}, beside `ruff check --select ASYNC,RUF006`"
            ours, theirs = self._pair(self._asyncwait(*CHECK, "."), ruff, tree)
            yield _cpu(f"{what}: CPU", ours, theirs, target)
            yield Row(
                f"{what}: wall",
                seconds(ours.wall),
                seconds(theirs.wall),
                ours.wall / theirs.wall,
                2,
            )
            memory = f"{ours.peak:.0f} MiB", f"{theirs.peak:.0f} MiB"
            yield Row(f"{what}: peak memory", *memory, ours.peak / theirs.peak, 2)

    def _warm_checks(self) -> Iterator[Row]:
        """With the caches of both. The run that is not counted fills them."""
        caches = [self.tools.directory / name for name in ("cache-of-ours", "cache-of-ruff")]
        ours_with = self._asyncwait("check", "--cache-dir", str(caches[0]), ".")
        ruff_with = self.tools.program("plain", "ruff"), *RUFF, "--cache-dir", str(caches[1]), "."
        for tree in (self.ha, self.stdlib):
            for cache_directory in caches:
                shutil.rmtree(cache_directory, ignore_errors=True)
            what = f"{tree.name} once more, beside `ruff check` once more"
            cold = in_turn([Command(self._asyncwait(*CHECK, "."), tree)], self.runs)[0]
            for command in (ours_with, ruff_with):
                once(Command(command, tree))
            ours, theirs = self._pair(ours_with, ruff_with, tree)
            yield _cpu(what, ours, theirs, 2)
            yield _cpu(f"{tree.name} once more, beside the first time", ours, cold, 0.33)

    def _more_of_our_own(self) -> Iterator[Row]:
        """What asking for more costs, beside a check."""
        for what, arguments, target in (
            ("with the project, beside `--no-project`", None, 1.1),
            ("with AWT3, beside without", (*CHECK, *FAMILY), 2),
            ("`fix --check`, beside `check`", ("fix", "--check"), 2),
        ):
            more = self._asyncwait(*(arguments or CHECK), ".")
            less = self._asyncwait(*CHECK, *(() if arguments else ("--no-project",)), ".")
            ours, theirs = self._pair(more, less, self.ha)
            yield _cpu(f"{self.ha.name} {what}", ours, theirs, target)

    def _one_file(self) -> Iterator[Row]:
        flake8 = [self.tools.program(name, "flake8") for name in ("ours", "plain")]
        ours, theirs = self._pair(
            (flake8[0], *FLAKE8, ONE_FILE), (flake8[1], *FLAKE8, ONE_FILE), self.ha
        )
        yield _cpu("one file with a site: flake8 with it, beside without", ours, theirs, 1.8)
        peer = (self.tools.program("async", "flake8-async"), ONE_FILE)
        ours, theirs = self._pair(self._asyncwait(*CHECK, ONE_FILE), peer, self.ha)
        yield Row(
            "one file with a site: flake8-async, beside `asyncwait check`",
            seconds(ours.cpu),
            seconds(theirs.cpu),
            theirs.cpu / ours.cpu,
            8,
            is_floor=True,
        )

    def _flake8(self) -> Iterator[Row]:
        every = prepare.python_files(self.ha)
        with_sites = self._sites(self.ha)
        spent = self._share(every[:: self.every])
        whole, of_files = spent["all"], spent["files"]
        plain = sum(cost for name, cost in of_files.items() if name not in with_sites)
        ours = sum(of_files.values())
        for what, cost, target in (
            ("files without a site", plain, 0.1),
            ("all files", ours, 1),
        ):
            share = f"the plugin's share of flake8's CPU: {what}"
            yield Row(share, seconds(cost), seconds(whole), 100 * cost / whole, target, unit=" %")
        yield Row(
            "flake8 with it, beside without",
            seconds(whole),
            seconds(whole - ours),
            whole / (whole - ours),
            1.05,
        )
        some = every[::50]
        added = sum(self._share(some)["files"].values())
        flake8 = [self.tools.program(name, "flake8") for name in ("async", "plain")]
        peer, alone = self._pair((flake8[0], *FLAKE8, *some), (flake8[1], *FLAKE8, *some), self.ha)
        yield Row(
            "CPU that flake8-async adds, beside what this adds, on every 50th file",
            seconds(added),
            seconds(peer.cpu - alone.cpu),
            (peer.cpu - alone.cpu) / added,
            100,
            is_floor=True,
        )

    @cache  # noqa: B019 - there is one bench
    def _sites(self, tree: Path) -> frozenset[str]:
        """The files with a site."""
        return frozenset(self._python("benchmarks.speed.sites", str(tree)).split("\n"))

    def _share(self, files: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self._python("benchmarks.speed.share", *files, where=self.ha)
        )
        return found

    def _scaling(self) -> list[Growth]:
        found = json.loads(self._python("benchmarks.speed.scaling"))
        return [Growth(**one) for one in found]

    def _python(self, module: str, *arguments: str, where: Path | None = None) -> str:
        """What a module of this folder prints, beside the project as it is installed: so the
        checkout comes last on the path."""
        program = (
            f"import sys, runpy; sys.path.append({str(ROOT)!r}); "
            f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
        )
        command = [self.tools.program("ours", "python"), "-c", program, *arguments]
        done = subprocess.run(
            command,
            cwd=where or self.tools.directory,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def _cpu(what: str, ours: Cost, theirs: Cost, target: float) -> Row:
    return Row(what, seconds(ours.cpu), seconds(theirs.cpu), ours.cpu / theirs.cpu, target)


def _nth(number: int) -> str:
    return "" if number == 1 else f"{number}th "


if __name__ == "__main__":
    sys.exit(main())

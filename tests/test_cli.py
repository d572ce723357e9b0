"""The command `asyncwait`, as its users run it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import samples
from command import Asyncwait, Run

from flake8_asyncwait import __version__
from flake8_asyncwait.commands.parser import COMMANDS, Command, parse
from flake8_asyncwait.fix.project.helper import template
from flake8_asyncwait.options import ALL_CODES, DEFAULT_OFF
from flake8_asyncwait.report import text
from flake8_asyncwait.report.entry import Entry, Summary
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.undetermined import UndeterminedSite
from flake8_asyncwait.verdict.finding import Finding, Step

FORGOTTEN = "./forgotten.py:" + samples.FORGOTTEN_PLACE
NO_FINALLY = "./no_finally.py:" + samples.NO_FINALLY_PLACE
FULL = "./sub/full.py:" + samples.FULL_WAIT_PLACE
# Python's arguments for what the script `asyncwait` does.
PROGRAM = ["-c", "from flake8_asyncwait.cli import program; program()"]
# Modules that take longer to import than most files take to be checked.
HEAVY = {"ast", "contextlib", "dataclasses", "libcst", "pathspec", "tokenize", "typing"}
SERVER = {"flake8_asyncwait.server", "lsprotocol", "pygls"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name, content in {
        "forgotten.py": samples.FORGOTTEN,
        "no_finally.py": samples.NO_FINALLY,
        "cured.py": samples.CURED,
        "sub/full.py": samples.FULL_WAIT,
    }.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def entry(finding: Finding, source: str) -> Entry:
    """What reports are given of a finding in a file `a.py`."""
    return Entry("a.py", finding, source, "first", "f00d", False, "manual", "it is theirs")


class TestStatus:
    def test_findings(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check")
        assert run.status == 1
        assert run.places == [FORGOTTEN, NO_FINALLY]
        assert run.out[2:] == [
            "2 findings in 2 files; asyncwait fix --diff shows which it can cure"
        ]
        assert run.err == []

    def test_clean(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("check", "cured.py", "sub").is_clean

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["chekc"], "asyncwait: unknown command 'chekc'; did you mean 'check'?"),
            (
                ["--jobs=2", "check"],
                "asyncwait: unknown command '--jobs=2'; choose from check, fix",
            ),
            (["src"], "asyncwait: unknown command 'src'; choose from check, fix, "),
            (["sub"], "asyncwait: unknown command 'sub'; did you mean 'asyncwait check sub'?"),
            (["help"], "asyncwait: unknown command 'help'; did you mean '--help'?"),
            (["check", "--selct", "AWT1"], "unknown option --selct; did you mean --select?"),
            (["fix", "--diff=x", "."], "asyncwait fix: --diff: ignored explicit argument 'x'"),
            (
                ["fix", "--xyzzy=1"],
                "--xyzzy; asyncwait fix --help lists the options",
            ),
            (["check", "--stric"], "unknown option --stric; did you mean --strict?"),
            (["check", "--json"], "unknown option --json; asyncwait check --help lists"),
            (["check", "--fix", "."], "unknown option --fix; did you mean 'asyncwait fix'?"),
            (["check", "--cure=auto"], "unknown option --cure; it is an option of asyncwait fix"),
            (["prove", "--output-format", "json", "x.py:1"], "prove: unknown option --output-form"),
            (["fix", "--output-format=xml"], "unknown format 'xml'; choose from text, json"),
            (["explain", "AWT101", "AWT102"], "asyncwait explain: unexpected argument 'AWT102'"),
            (
                ["check", "--select=AWT9"],
                "--select: unknown code 'AWT9'; asyncwait rules lists the ",
            ),
            (["check", "--ignore=E501"], "asyncwait check: --ignore: unknown code 'E501'"),
            (["check", "--extend-select=awt1"], "unknown code 'awt1'; did you mean 'AWT1'?"),
            (["check", "--cancellers=a-b"], "--cancellers: 'a-b' is not a dotted name"),
            (["check", "--output-format=sarfi"], "unknown format 'sarfi'; did you mean 'sarif'?"),
            (
                ["check", "-j", "0"],
                "-j/--jobs: '0' is neither a number of processes nor 'auto'",
            ),
            (["check", "--per-file-ignores=AWT101"], "'AWT101' is not of the form GLOB:CODES"),
            (["check", "--isolated", "--config=x"], "not allowed with argument --isolated"),
            (
                ["check", "--stdin-filename=x.py", "y.py"],
                "--stdin-filename: nothing is read from standard input; name it with -",
            ),
            (["prove", "--stdin-filename=x.py", "y.py:1"], "--stdin-filename: nothing is read"),
            (["check", ""], "PATH: '' is no path"),
            (["check", "--output-file="], "--output-file: '' is no path"),
            (["check", "--baseline="], "--baseline: '' is no path"),
            (["check", "--stdin-filename=", "-"], "--stdin-filename: '' is no path"),
            (["explain", "AWT109"], "unknown code 'AWT109'; did you mean 'AWT101'?"),
            (["explain", "AWT999"], "unknown code 'AWT999'; asyncwait rules lists the codes"),
        ],
    )
    def test_usage_errors(self, asyncwait: Asyncwait, arguments: list[str], message: str) -> None:
        run = asyncwait(*arguments)
        assert run.status == 2
        assert run.out == []
        (line,) = run.err
        assert message in line

    def test_a_missing_path(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "missing.py", "forgotten.py")
        assert run.status == 2
        assert run.places == [FORGOTTEN[2:]]
        assert run.err == ["missing.py: no such file or directory"]

    def test_a_notebook(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "book.ipynb").write_text('{"cells": ["import asyncio; asyncio.wait(tasks)"]}')
        run = asyncwait("check", "book.ipynb", "forgotten.py")
        assert run.status == 2
        assert run.places == [FORGOTTEN[2:]]
        assert run.err == ["book.ipynb: notebooks are not read: save its code as a .py file"]

    def test_a_syntax_error(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "broken.py").write_text(samples.BROKEN)
        run = asyncwait("check", "--select=AWT101")
        assert run.status == 2
        assert run.places == [FORGOTTEN]
        (line,) = run.err
        assert line.startswith("./broken.py:4: syntax error: '(' was never closed")

    def test_bytes_that_are_no_text(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "broken.py").write_bytes(b"import asyncio\nasyncio.wait  # \xe9\n")
        run = asyncwait("check", "--select=AWT101")
        assert run.status == 2
        assert run.places == [FORGOTTEN]
        assert run.err == ["./broken.py:2: not utf-8: invalid continuation byte"]

    @pytest.mark.parametrize("content", [b"def f(:\n", b"\xff\xfe\0", b"# coding: none\n"])
    def test_nothing_is_claimed_of_files_that_hold_no_wait(
        self, project: Path, asyncwait: Asyncwait, content: bytes
    ) -> None:
        (project / "broken.py").write_bytes(content)
        assert asyncwait("check", "broken.py", "cured.py").is_clean

    def test_too_deep_for_python(self, project: Path, asyncwait: Asyncwait) -> None:
        deep = "(" * 5000 + ")" * 5000
        (project / "deep.py").write_text(f"import asyncio\nasyncio.wait({deep})\n")
        run = asyncwait("check", "deep.py")
        assert run.status == 2
        assert len(run.err) == 1
        assert run.err[0].startswith("deep.py:")

    def test_too_deep_to_be_followed(self, project: Path, asyncwait: Asyncwait) -> None:
        """A context manager is inside of the one before. The other wait is looked at."""
        managers = ", ".join(["lock"] * 2000)
        deep = (
            f"async def deep(task):\n    async with {managers}:\n        await asyncio.wait(task)\n"
        )
        (project / "deep.py").write_text(f"{samples.FORGOTTEN}\n\n{deep}")
        run = asyncwait("check", "deep.py")
        assert (run.status, run.places) == (1, ["deep.py:" + samples.FORGOTTEN_PLACE])
        assert len(run.err) == 1
        assert run.err[0].endswith("not decided: nested too deeply")

    def test_no_files(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "empty").mkdir()
        assert asyncwait("check", "empty") == Run(0, [], ["no Python files found"])

    @pytest.mark.parametrize("how", [["-m", "flake8_asyncwait"], PROGRAM])
    def test_nobody_reads_the_output(self, project: Path, how: list[str]) -> None:
        process = subprocess.Popen(
            [sys.executable, *how, "check"],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait() == 2
        assert process.stderr.read() == b""
        process.stderr.close()

    @pytest.mark.parametrize(
        ("arguments", "status", "lines"),
        [(["check"], 1, 3), (["check", "cured.py"], 0, 1), (["--version"], 0, 1), (["chek"], 2, 0)],
    )
    def test_the_program_says_all_before_it_ends(
        self, project: Path, arguments: list[str], status: int, lines: int
    ) -> None:
        done = subprocess.run(
            [sys.executable, *PROGRAM, *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, len(done.stdout.splitlines())) == (status, lines)


class TestCodes:
    def test_select(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("check", "--select=AWT102").places == [NO_FINALLY]
        assert asyncwait("check", "--select=AWT201").places == [FULL]
        assert asyncwait("check", "--select=AWT").places == [FORGOTTEN, NO_FINALLY]

    def test_extend_select(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--extend-select=AWT2")
        assert run.places == [FORGOTTEN, NO_FINALLY, FULL]

    def test_ignore(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("check", "--ignore=AWT102").places == [FORGOTTEN]
        run = asyncwait("check", "--ignore=AWT101,AWT102")
        assert run.is_clean

    def test_lists_add_up(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--select=AWT101", "--select=AWT201")
        assert run.places == [FORGOTTEN, FULL]


class TestFiles:
    def test_exclude(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("check", "--exclude=no_*.py, sub").places == [FORGOTTEN]

    def test_exclude_replaces_the_default_list_and_extend_exclude_does_not(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        (project / "build").mkdir()
        (project / "build" / "x.py").write_text(samples.FORGOTTEN)
        built = "./build/x.py:" + samples.FORGOTTEN_PLACE
        assert asyncwait("check", "--exclude=no_finally.py").places == [built, FORGOTTEN]
        assert asyncwait("check", "--extend-exclude=no_finally.py").places == [FORGOTTEN]

    def test_gitignore(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / ".gitignore").write_text("no_finally.py\n")
        assert asyncwait("check").places == [FORGOTTEN]
        run = asyncwait("check", "--no-respect-gitignore")
        assert run.places == [FORGOTTEN, NO_FINALLY]

    def test_standard_input(self, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch) -> None:
        def feed() -> None:
            stdin = io.TextIOWrapper(io.BytesIO(samples.FORGOTTEN.encode("utf-8-sig")))
            monkeypatch.setattr(sys, "stdin", stdin)

        feed()
        assert asyncwait("check", "-").places == ["stdin:" + samples.FORGOTTEN_PLACE]
        feed()
        run = asyncwait("check", "--stdin-filename=x.py", "-")
        assert run.places == ["x.py:" + samples.FORGOTTEN_PLACE]
        feed()
        assert asyncwait("check", "--stdin-filename=x.py").places == run.places

    def test_standard_input_has_a_configuration(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("config", "-").status == 0
        assert asyncwait("config", "--stdin-filename=sub/x.py").status == 0

    def test_crlf_and_bom_move_nothing(self, project: Path, asyncwait: Asyncwait) -> None:
        data = b"\xef\xbb\xbf" + samples.FORGOTTEN.replace("\n", "\r\n").encode()
        (project / "forgotten.py").write_bytes(data)
        assert asyncwait("check").places == [FORGOTTEN, NO_FINALLY]


class TestNoqa:
    def test_a_comment_silences(self, project: Path, asyncwait: Asyncwait) -> None:
        silenced = samples.FORGOTTEN.replace("FIRST_COMPLETED)", "FIRST_COMPLETED)  # noqa: AWT101")
        (project / "forgotten.py").write_text(silenced)
        assert asyncwait("check", "forgotten.py").is_clean
        silenced = silenced.replace("AWT101", "AWT102")
        (project / "forgotten.py").write_text(silenced)
        assert asyncwait("check", "forgotten.py").places == [FORGOTTEN[2:]]

    @pytest.mark.parametrize("content", [samples.FORGOTTEN, samples.BROKEN])
    def test_a_comment_silences_a_file(
        self, project: Path, asyncwait: Asyncwait, content: str
    ) -> None:
        (project / "x.py").write_text(f"# flake8: noqa\n{content}")
        assert asyncwait("check", "x.py").is_clean


class TestNames:
    @pytest.mark.parametrize(
        ("content", "option", "place"),
        [
            (samples.FACTORY, "--task-factories=start", samples.FACTORY_PLACE),
            (samples.CANCELLER, "--cancellers=elsewhere.stop", samples.CANCELLER_PLACE),
            (
                samples.FORGOTTEN.replace("asyncio.wait(", "my.wait_("),
                "--wait-functions=wait_",
                samples.FORGOTTEN_PLACE,
            ),
        ],
    )
    def test_what_the_user_says_of_his_functions(
        self, project: Path, asyncwait: Asyncwait, content: str, option: str, place: str
    ) -> None:
        (project / "x.py").write_text(content)
        assert asyncwait("check", "x.py").is_clean
        assert asyncwait("check", "x.py", option).places == [f"x.py:{place}"]


class TestReports:
    def test_statistics(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--statistics", "--extend-select=AWT2")
        assert run.status == 1
        assert run.out[-4:-1] == ["1     AWT101", "1     AWT102", "1     AWT201"]

    def test_undetermined_sites_are_counted(self) -> None:
        lines = (3, 7)
        sites = tuple(("a.py", UndeterminedSite(n, 4, "too many paths")) for n in lines)
        assert text.statistics(Summary({}, 0, 0, (), (), 0, 0)) == []
        assert text.statistics(Summary({}, 0, 0, sites, (), 1, 2)) == [
            "2     not decided: too many paths"
        ]

    def test_full(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "no_finally.py", "--output-format=full")
        assert run.status == 1
        assert run.places == [NO_FINALLY[2:]]
        assert run.out[1:8] == [
            "",
            "    5 |     a = asyncio.create_task(work())",
            "    6 |     b = asyncio.create_task(work())",
            "    7 |     done, pending = await asyncio.wait("
            "{a, b}, return_when=asyncio.FIRST_COMPLETED)",
            "      |                           " + "^" * 57,
            "    8 |     for t in pending:",
            "    9 |         t.cancel()",
        ]
        assert run.out[8] == ""
        assert run.out[9].startswith("  1. ")
        assert ", line 7" in run.out[9]

    def test_a_step_says_where_before_it_says_what_follows(self) -> None:
        finding = Finding(
            1,
            0,
            "AWT102",
            "leaks",
            (Step(1, "the wait starts"), Step(2, "cancelled here: 'a' runs on")),
            1,
            4,
        )
        assert text.full(entry(finding, "wait\nx")).splitlines() == [
            "a.py:1:1: AWT102 leaks",
            "",
            "    1 | wait",
            "      | ^^^^",
            "    2 | x",
            "",
            "  1. the wait starts, line 1",
            "  2. cancelled here, line 2: 'a' runs on",
            "",
            "  asyncwait fix: manual, it is theirs",
        ]

    def test_marks_stand_below_a_call_behind_tabs(self) -> None:
        finding = Finding(2, 2, "AWT101", "leaks", (), 3, 1)
        assert text.full(entry(finding, "\n\t\twait(\n)")).splitlines()[3:5] == [
            "    2 |                 wait(",
            "      |                 ^^^^^",
        ]

    def test_a_terminal_is_told_nothing(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "\x1b[31m.py").write_text(samples.FORGOTTEN)
        assert asyncwait("check", "--select=AWT101").places[0].startswith("./\\x1b[31m.py:7")

    @pytest.mark.parametrize(
        ("line", "shown"),
        [
            ("é = 'ok'", "é = 'ok'"),
            ("a\x1b[2J\r\n", "a\\x1b[2J\\r\\n"),
            ("\u202egnirts", "\\u202egnirts"),
            ("\udce9.py", "\\udce9.py"),
            ("x = '##vso[task.x]y'", "x = '##vso\\x5btask.x]y'"),
        ],
    )
    def test_printable(self, line: str, shown: str) -> None:
        assert text.printable(line) == shown

    @pytest.mark.skipif(sys.platform == "win32", reason="no file is called so there")
    @pytest.mark.parametrize("name", ["::stop-commands::x.py", "##vso[task.x].py", " ::x.py"])
    @pytest.mark.parametrize("command", ["check", "check --output-format=full", "fix --check"])
    def test_no_line_begins_a_command_of_a_service(
        self, project: Path, asyncwait: Asyncwait, name: str, command: str
    ) -> None:
        """The services that run checks obey such lines, also those on stderr."""
        (project / name).write_text(samples.FORGOTTEN)
        (project / f"{name}.txt").write_text(f"{samples.FORGOTTEN}(")
        run = asyncwait(*command.split(), name, f"{name}.txt", "::none.py")
        told = [*run.out, *run.err]
        assert [line for line in told if line.lstrip().startswith(("::", "##"))] == []
        assert [line for line in told if "##vso[" in line] == []  # Azure obeys it anywhere
        places = [line for line in told if line.startswith(f"./{text.printable(name)}")]
        assert len(places) == 2

    def test_a_terminal_that_knows_no_accents(self, project: Path) -> None:
        (project / "é.py").write_text(samples.FORGOTTEN)
        done = subprocess.run(
            [sys.executable, "-m", "flake8_asyncwait", "check", "é.py"],
            cwd=project,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
        )
        assert done.stdout.startswith(b"\\xe9.py:7")
        assert done.stderr == b""
        assert done.returncode == 1


class TestExplain:
    def test_says_all_about_a_code(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("explain", "AWT102")
        assert (run.status, run.err) == (0, [])
        assert run.out[0] == "AWT102 cleanup-skipped (on by default)"
        told = "\n".join(run.out)
        rule = rule_of("AWT102")
        assert rule.rationale in told
        assert rule.cure in told
        assert "Bad:\n\n    import asyncio\n" in told

    def test_to_programs(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("explain", "awt201", "--output-format=json")
        rule = rule_of("AWT201")
        assert json.loads("\n".join(run.out)) == {
            "code": "AWT201",
            "name": rule.name,
            "default": False,
            "summary": rule.summary,
            "rationale": rule.rationale,
            "bad": rule.bad,
            "good": rule.good,
            "fix": rule_of("AWT201").fix,
            "cure": rule.cure,
        }


class TestRules:
    @pytest.mark.parametrize("command", ["rules", "explain"])
    def test_a_line_for_each(self, asyncwait: Asyncwait, command: str) -> None:
        run = asyncwait(command)
        assert (run.status, run.err) == (0, [])
        assert [line[:8] for line in run.out] == [f"{code}  " for code in sorted(ALL_CODES)]
        assert {line[:6] for line in run.out if "(off by default)" in line} == DEFAULT_OFF
        for line in run.out:
            assert rule_of(line[:6]).summary in line

    @pytest.mark.parametrize("command", ["rules", "explain"])
    def test_to_programs(self, asyncwait: Asyncwait, command: str) -> None:
        rules = json.loads("\n".join(asyncwait(command, "--output-format=json").out))
        assert [rule["code"] for rule in rules] == sorted(ALL_CODES)
        one = asyncwait("explain", "AWT104", "--output-format=json")
        assert json.loads("\n".join(one.out)) in rules


class TestHelper:
    def test_it_is_the_module_that_a_fix_would_make(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("helper") == Run(0, template().splitlines(), [])


class TestStart:
    def test_version(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("--version") == Run(0, [f"asyncwait {__version__}"], [])

    def test_help(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("--help")
        assert (run.status, run.err) == (0, [])
        assert run.out[0] == "usage: asyncwait COMMAND ..."
        assert {f"  {line}" for line in asyncwait("rules").out} <= set(run.out)
        assert max(map(len, run.out)) <= 100
        assert "docs/tutorial.md" in run.out[-2]
        assert asyncwait("-h") == run

    def test_the_same_is_an_error_where_nothing_is_to_be_done(self, asyncwait: Asyncwait) -> None:
        assert asyncwait() == Run(2, [], asyncwait("--help").out)

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_help_of_a_command(self, asyncwait: Asyncwait, command: Command) -> None:
        run = asyncwait(command.name, "--help")
        assert (run.status, run.err) == (0, [])
        assert run.out[0].startswith(f"usage: asyncwait {command.name} [-h]")
        assert f"Example: {command.example}." in " ".join(run.out)

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_the_examples_are_command_lines(self, asyncwait: Asyncwait, command: Command) -> None:
        (line,) = (line for line in asyncwait("--help").out if line.endswith(command.example))
        assert line.split(maxsplit=1)[0] == command.name
        name, *arguments = command.example.partition(" > ")[0].split()
        assert name == "asyncwait"
        assert parse(arguments).command == command.name

    @pytest.mark.parametrize(
        ("arguments", "heavy"),
        [
            (["--version"], {"argparse", *HEAVY}),
            (["check", "empty.py"], {"flake8_asyncwait.rules", *HEAVY}),
            (["check", "cured.py"], {"flake8", *SERVER}),
            (["fix", "forgotten.py"], {"flake8", *SERVER}),
            (["helper"], {"libcst", "pathspec"}),
        ],
    )
    def test_nothing_heavy_is_imported_in_vain(
        self, project: Path, arguments: list[str], heavy: set[str]
    ) -> None:
        (project / "empty.py").write_text("")
        program = (
            "import sys\nfrom flake8_asyncwait.cli import main\n"
            f"main({arguments!r})\n"
            "print(*sys.modules, file=sys.stderr)"
        )
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                f"import sys\nsys.path[:] = {sys.path!r}\n{program}",
            ],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        )
        assert heavy.isdisjoint(done.stderr.split())

"""The command `asyncwait fix`, as its users run it, and the same fixes by way of libcst."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import samples
from command import Asyncwait, Run
from jsonschema import Draft202012Validator

from flake8_asyncwait.codemod import FixAsyncioWait
from flake8_asyncwait.fix.cure import OUTCOMES, UNTRIED, UNWRITTEN
from flake8_asyncwait.fix.report import VERSION

pytestmark = pytest.mark.portable

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "docs" / "schema" / "fix-1.json"
BY_HAND = """\
import asyncio


async def first(tasks):
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a package: two files to fix, one to fix by hand, one with nothing to do."""
    (tmp_path / "pyproject.toml").write_text("")
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "forgotten.py").write_text(samples.FORGOTTEN)
    (package / "no_finally.py").write_bytes(samples.NO_FINALLY.replace("\n", "\r\n").encode())
    (package / "by_hand.py").write_text(BY_HAND)
    (package / "cured.py").write_text(samples.CURED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(project: Path) -> dict[str, bytes]:
    """All files of the project, by name."""
    files = (path for path in project.rglob("*.py") if path.is_file())
    return {str(path.relative_to(project)): path.read_bytes() for path in files}


class TestFix:
    def test_fixes_and_tells(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("fix", "pkg")
        assert run.status == 1
        assert run.out == [
            "pkg/by_hand.py:5:21: AWT104 left: the tasks are the caller's: return the pending "
            "ones, or cancel them",
            "pkg/forgotten.py:7:21: AWT101 fixed: wait_any",
            "pkg/no_finally.py:7:27: AWT102 fixed: wait_any",
            "Fixed 2 of 3 (2 wait_any); 1 needs you: pkg/by_hand.py:5: the tasks are the caller's: "
            "return the pending ones, or cancel them",
        ]
        assert run.err == ["created pkg/_wait_any.py (add it to version control)"]

    def test_nothing_is_found_then_but_what_was_left(self, asyncwait: Asyncwait) -> None:
        asyncwait("fix", "pkg")
        assert asyncwait("check", "pkg", "--ignore", "AWT104").status == 0

    def test_a_second_run_changes_nothing(self, asyncwait: Asyncwait, project: Path) -> None:
        asyncwait("fix", "pkg")
        before = contents(project)
        (_, last) = asyncwait("fix", "pkg").out
        assert last.startswith("Fixed 0 of 1; 1 needs you: pkg/by_hand.py:5: the tasks are")
        assert contents(project) == before

    def test_only_what_has_to_be_written_is(self, asyncwait: Asyncwait, project: Path) -> None:
        before = contents(project)
        asyncwait("fix", "pkg")
        after = contents(project)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == {"pkg/forgotten.py", "pkg/no_finally.py", "pkg/_wait_any.py"}
        assert after["pkg/no_finally.py"].count(b"\r\n") == after["pkg/no_finally.py"].count(b"\n")

    def test_all_done(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("fix", "pkg/forgotten.py").status == 0

    def test_nothing_to_do(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("fix", "pkg/cured.py") == Run(0, ["nothing to fix"], [])

    def test_select(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("fix", "pkg", "--select", "AWT102").places == [
            "pkg/no_finally.py:7:27: AWT102 "
        ]

    def test_noqa(self, asyncwait: Asyncwait, project: Path) -> None:
        path = project / "pkg" / "forgotten.py"
        path.write_text(samples.FORGOTTEN.replace("COMPLETED)", "COMPLETED)  # noqa: AWT101"))
        assert asyncwait("fix", "pkg/forgotten.py") == Run(0, ["nothing to fix"], [])

    def test_what_is_no_python_is_an_error(self, asyncwait: Asyncwait, project: Path) -> None:
        (project / "pkg" / "broken.py").write_text("import asyncio\nasyncio.wait(\n")
        run = asyncwait("fix", "pkg")
        assert run.status == 2
        assert run.err[0].startswith("pkg/broken.py:2: syntax error: ")
        assert "pkg/forgotten.py:7:21: AWT101 fixed: wait_any" in run.out

    def test_a_file_that_cannot_be_written(self, asyncwait: Asyncwait, project: Path) -> None:
        path = project / "pkg" / "forgotten.py"
        path.chmod(0o444)
        run = asyncwait("fix", "pkg/forgotten.py")
        assert run == Run(
            2,
            [
                "pkg/forgotten.py:7:21: AWT101 left: permission denied",
                "Fixed 0 of 1; 1 needs you: pkg/forgotten.py:7: permission denied",
            ],
            ["pkg/forgotten.py: permission denied"],
        )
        assert path.read_text() == samples.FORGOTTEN
        assert not (project / "pkg" / "_wait_any.py").exists()

    @pytest.mark.skipif(os.name != "posix", reason="only POSIX has links for everybody")
    def test_a_link_out_of_the_project_is_written_only_by_its_name(
        self, asyncwait: Asyncwait, project: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        target = tmp_path_factory.mktemp("outside") / "a.py"
        target.write_text(samples.NO_FINALLY)
        link = project / "scripts" / "a.py"
        link.parent.mkdir()
        link.symlink_to(target)
        for option in ("--check", "--diff", "--cure=auto"):
            run = asyncwait("fix", option, "scripts")
            assert run.status == 2
            reason = "it links to a file outside the project; name it to fix it"
            assert f"scripts/a.py: {reason}" in run.err
            assert target.read_text() == samples.NO_FINALLY
        assert asyncwait("fix", "scripts/a.py").status == 0
        assert target.read_text() != samples.NO_FINALLY

    def test_a_file_that_cannot_be_read_may_have_something_to_fix(
        self, asyncwait: Asyncwait
    ) -> None:
        run = asyncwait("fix", "nope.py")
        assert run == Run(2, ["nothing fixed"], ["nope.py: no such file or directory"])

    @pytest.mark.usefixtures("project")
    def test_standard_input(self) -> None:
        command = [sys.executable, "-m", "flake8_asyncwait", "fix", "-"]
        done = subprocess.run(
            [*command, "--stdin-filename", "pkg/new.py"],
            input=samples.FORGOTTEN,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0
        assert "done, _ = await wait_any({a, b})\n" in done.stdout
        assert done.stderr.splitlines()[0] == "pkg/new.py:7:21: AWT101 fixed: wait_any"


class TestAgreement:
    """`check` and `fix --check` count the same."""

    def test_of_findings_and_of_cures(self, asyncwait: Asyncwait, project: Path) -> None:
        for path in (ROOT / "fixtures" / "fixes").glob("finally_[nw]*.before.py"):
            (project / "pkg" / path.name.replace(".", "_", 1)).write_bytes(path.read_bytes())
        summary = json.loads("\n".join(asyncwait("check", "--output-format=json", "pkg").out))
        found, curable = (summary["summary"][key] for key in ("findings", "fixable"))
        assert found > curable > 3
        closing = asyncwait("check", "--output-format=full", "pkg").out[-1]
        assert closing.startswith(f"{found} findings in ")
        assert closing.endswith(f"; asyncwait fix can cure {curable}")
        assert asyncwait("check", "pkg").out[-1].startswith(f"{found} findings in ")
        last = asyncwait("fix", "--check", "pkg").out[-1]
        assert last.startswith(f"Would fix {curable} of {found}")


class TestWhatWasMade:
    """A module that a fix makes is named, and belongs in version control."""

    def test_it_is_named_once(self, asyncwait: Asyncwait, project: Path) -> None:
        told = ["created pkg/_wait_any.py (add it to version control)"]
        assert asyncwait("fix", "pkg").err == told
        (project / "pkg" / "forgotten.py").write_text(samples.FORGOTTEN)
        assert asyncwait("fix", "pkg").err == []

    def test_where_it_has_to_be_tracked(self, asyncwait: Asyncwait, project: Path) -> None:
        git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run([*git, "init", "-q"], check=True)
        asyncwait("fix", "pkg/forgotten.py")
        assert asyncwait("fix", "pkg/forgotten.py").status == 0
        run = asyncwait("fix", "--require-tracked", "pkg/forgotten.py", "pkg/no_finally.py")
        assert run.status == 1
        assert run.err == ["pkg/_wait_any.py: made by a fix, and not under version control: add it"]
        subprocess.run([*git, "add", "pkg/_wait_any.py"], check=True)
        assert asyncwait("fix", "--require-tracked", "pkg/forgotten.py").status == 0

    def test_where_there_is_no_version_control(self, asyncwait: Asyncwait) -> None:
        assert asyncwait("fix", "--require-tracked", "pkg/forgotten.py").status == 0


class TestJson:
    """What was done, for programs."""

    def report(self, asyncwait: Asyncwait, *arguments: str) -> dict[str, Any]:
        run = asyncwait("fix", "--output-format=json", *arguments)
        found: dict[str, Any] = json.loads("\n".join(run.out))
        Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
        return found

    def test_the_schema(self) -> None:
        schema = json.loads(SCHEMA.read_text())
        Draft202012Validator.check_schema(schema)
        assert schema["properties"]["version"]["const"] == VERSION
        assert SCHEMA.name == f"fix-{VERSION}.json"
        assert schema["$defs"]["outcome"]["enum"] == [*OUTCOMES, UNTRIED, UNWRITTEN]

    def test_it_has_what_the_text_says(self, asyncwait: Asyncwait, project: Path) -> None:
        (project / "pkg" / "broken.py").write_text("import asyncio\nasyncio.wait(\n")
        told = self.report(asyncwait, "pkg")
        places = [(each["path"], each["line"], each["column"]) for each in told["findings"]]
        assert places == [
            ("pkg/by_hand.py", 5, 21),
            ("pkg/forgotten.py", 7, 21),
            ("pkg/no_finally.py", 7, 27),
        ]
        outcomes = [each["outcome"] for each in told["findings"]]
        assert outcomes == ["manual", "wait_any", "wait_any"]
        assert told["findings"][0]["reason"].startswith("the tasks are the caller's")
        assert not told["dry_run"]
        assert told["changed"] == ["pkg/forgotten.py", "pkg/no_finally.py"]
        assert told["created"] == ["pkg/_wait_any.py"]
        assert [each["path"] for each in told["errors"]] == ["pkg/broken.py"]
        assert told["summary"] == {
            "checked": 5,
            "findings": 3,
            "fixed": 2,
            "left": 1,
            "outcomes": {"manual": 1, "wait_any": 2},
            "undetermined": 0,
            "errors": 1,
        }

    def test_what_would_be_done(self, asyncwait: Asyncwait, project: Path) -> None:
        before = contents(project)
        told = self.report(asyncwait, "--check", "pkg")
        assert contents(project) == before
        assert told["dry_run"]
        assert told["created"] == ["pkg/_wait_any.py"]
        done = self.report(asyncwait, "pkg")
        assert {**told, "dry_run": False} == done

    def test_what_is_not_under_version_control(self, asyncwait: Asyncwait, project: Path) -> None:
        subprocess.run(["git", "init", "-q"], cwd=project, check=True)
        told = self.report(asyncwait, "--require-tracked", "pkg")
        assert told["untracked"] == told["created"] == ["pkg/_wait_any.py"]

    @pytest.mark.parametrize(
        ("arguments", "what"), [(["--diff", "pkg"], "diff"), (["-"], "fixed text")]
    )
    def test_stdout_cannot_get_two_things(
        self, asyncwait: Asyncwait, arguments: list[str], what: str
    ) -> None:
        run = asyncwait("fix", "--output-format=json", *arguments)
        assert run == Run(2, [], [f"--output-format json: stdout gets the {what}; add --check"])


class TestHelper:
    @pytest.mark.parametrize("helper", ["nope:wait_any", "pkg.cured:wait_any", "nope.aio:f"])
    def test_one_that_cannot_be_had_is_an_error(
        self, asyncwait: Asyncwait, project: Path, helper: str
    ) -> None:
        before = contents(project)
        run = asyncwait("fix", "pkg", "--helper", helper)
        assert run.status == 2
        assert len(run.err) == 1
        assert run.err[0].startswith(f"--helper {helper}: ")
        assert contents(project) == before

    def test_it_is_printed_as_it_is_made(self, asyncwait: Asyncwait, project: Path) -> None:
        (project / "ruff.toml").write_text("target-version = 'py312'\n")
        asyncwait("fix", "pkg")
        printed = asyncwait("helper").out
        assert printed == (project / "pkg" / "_wait_any.py").read_text().splitlines()
        assert "def wait_any[T: asyncio.Future[Any]](" in printed


class TestChoice:
    @pytest.mark.parametrize("cure", ["wait_any", "finally", "except"])
    def test_by_option_or_configuration(
        self, asyncwait: Asyncwait, project: Path, cure: str
    ) -> None:
        by_option = asyncwait("fix", "--diff", "pkg/no_finally.py", "--cure", cure)
        assert by_option.err[0] == f"pkg/no_finally.py:7:27: AWT102 would fix: {cure}"
        (project / "pyproject.toml").write_text(f"[tool.asyncwait]\ncure = '{cure}'\n")
        assert asyncwait("fix", "--diff", "pkg/no_finally.py") == by_option

    def test_of_the_codemod(self, project: Path) -> None:
        options = ["--cure", "finally", "pkg/forgotten.py"]
        command = [*TestCodemod.COMMAND, TestCodemod.NAME, *options]
        subprocess.run(command, check=True, capture_output=True)
        assert b"    finally:\n" in contents(project)["pkg/forgotten.py"]

    def test_another_one_is_refused(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("fix", "--cure", "final")
        assert run.status == 2
        assert "did you mean 'finally'?" in run.err[-1]


class TestDryRuns:
    @pytest.mark.parametrize("option", ["--diff", "--check"])
    def test_nothing_is_written(self, asyncwait: Asyncwait, project: Path, option: str) -> None:
        before = contents(project)
        assert asyncwait("fix", "pkg", option).status == 1
        assert contents(project) == before

    @pytest.mark.parametrize("option", ["--diff", "--check"])
    def test_nothing_to_do(self, asyncwait: Asyncwait, option: str) -> None:
        assert asyncwait("fix", "pkg/cured.py", option).status == 0

    def test_check_tells_what_would_be_done(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("fix", "pkg/forgotten.py", "--check")
        assert run.out == [
            "pkg/forgotten.py:7:21: AWT101 would fix: wait_any",
            "Would fix 1 of 1 (1 wait_any)",
        ]

    def test_git_applies_the_diff(self, asyncwait: Asyncwait, project: Path) -> None:
        last = project / "pkg" / "no last newline.py"
        last.write_text(samples.FORGOTTEN.rstrip())
        command = [sys.executable, "-m", "flake8_asyncwait", "fix", "--diff", "pkg"]
        diff = subprocess.run(command, capture_output=True, check=False).stdout
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(project.parent)}
        assert diff.count(b"+++ b/pkg/_wait_any.py") == 1
        subprocess.run(["git", "apply", "-"], input=diff, check=True, env=environment)
        applied = contents(project)
        assert b"wait_any({a, b})" in applied["pkg/no last newline.py"]
        assert not applied["pkg/no last newline.py"].endswith(b"\n")
        asyncwait("fix", "pkg")
        assert contents(project) == applied


class TestAdvice:
    """A report can say what a fix would do."""

    def test_in_the_full_report(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "pkg", "--output-format", "full")
        assert [line for line in run.out if line.startswith("  asyncwait fix: ")] == [
            "  asyncwait fix: manual, the tasks are the caller's: return the pending ones, or "
            "cancel them",
            "  asyncwait fix: wait_any",
            "  asyncwait fix: wait_any",
        ]
        assert run.out[-1] == "3 findings in 3 files; asyncwait fix can cure 2"

    @pytest.mark.usefixtures("project")
    def test_in_no_message(self, asyncwait: Asyncwait) -> None:
        command = [sys.executable, "-m", "flake8", "--select", "AWT", "pkg/forgotten.py"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in (*done.stdout.splitlines(), *asyncwait("check", "pkg").out[:-1]):
            assert "asyncwait fix" not in line

    def test_as_a_diff_in_the_full_report(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "pkg/forgotten.py", "--output-format", "full")
        assert "  +    done, _ = await wait_any({a, b})" in run.out

    def test_as_one_diff_for_all_findings_of_a_function(
        self, asyncwait: Asyncwait, project: Path
    ) -> None:
        (project / "x.py").write_text(samples.TWO_WAITS)
        full = asyncwait("check", "x.py", "--output-format", "full").out
        diff = asyncwait("fix", "x.py", "--diff").out
        assert [line.removeprefix("  ") for line in full if line.startswith(("  +", "  -"))] == [
            line for line in diff if line.startswith(("+", "-"))
        ]
        assert [line for line in full if line.startswith("  asyncwait fix: ")] == [
            "  asyncwait fix: finally",
            "  asyncwait fix: finally, in the change above",
        ]

    def test_of_the_kind_that_is_wanted(self, asyncwait: Asyncwait, project: Path) -> None:
        (project / "pyproject.toml").write_text('[tool.asyncwait]\ncure = "finally"\n')
        run = asyncwait("check", "pkg/forgotten.py", "--output-format", "full")
        assert "  asyncwait fix: finally" in run.out


class TestCodemod:
    COMMAND = (sys.executable, "-m", "libcst.tool", "codemod", "-x", "--no-format")
    NAME = "flake8_asyncwait.codemod.FixAsyncioWait"

    def test_does_what_the_command_does(self, asyncwait: Asyncwait, project: Path) -> None:
        (project / "pkg" / "carriage.py").write_text(f"{samples.FORGOTTEN}x = 1", newline="\r")
        before = contents(project)
        subprocess.run([*self.COMMAND, self.NAME, "pkg"], check=True, capture_output=True)
        by_libcst = contents(project)
        for name, data in before.items():
            (project / name).write_bytes(data)
        (project / "pkg" / "_wait_any.py").unlink()
        asyncwait("fix", "pkg")
        assert contents(project) == by_libcst

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (samples.FORGOTTEN.replace("\n", "\r"), "libcst would not keep"),
            ("x = 1\r", "libcst would not keep"),
            (f"# coding: utf-7\n# +ZeVnLIqe-\n{samples.FORGOTTEN}", "libcst would not keep"),
            (f"{samples.FORGOTTEN}# \0\n", "source code cannot contain null bytes"),
        ],
    )
    def test_skips_what_would_not_be_what_the_command_writes(
        self, project: Path, data: str, reason: str
    ) -> None:
        (project / "pkg" / "forgotten.py").write_bytes(data.encode())
        before = contents(project)
        command = [*self.COMMAND, self.NAME, "pkg/forgotten.py"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert re.search(f"^Skipped codemodding .*forgotten.py: .*{reason}", done.stderr, re.M)
        assert "Traceback" not in done.stderr
        assert contents(project) == before

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (["--select=AWT9"], "argument --select: unknown code 'AWT9'"),
            (["--helper=waiting"], "argument --helper: 'waiting' is not of the form"),
        ],
    )
    def test_refuses_what_the_command_refuses(self, options: list[str], reason: str) -> None:
        parser = argparse.ArgumentParser(exit_on_error=False)
        FixAsyncioWait.add_args(parser)
        with pytest.raises(argparse.ArgumentError, match=re.escape(reason)):
            parser.parse_args(options)

    def test_takes_options(self, project: Path) -> None:
        options = ["--select", "AWT101", "--helper", "pkg.waiting:first_of"]
        subprocess.run([*self.COMMAND, self.NAME, *options, "pkg"], check=True, capture_output=True)
        found = contents(project)
        assert b"await first_of({a, b})" in found["pkg/forgotten.py"]
        assert b"asyncio.wait" in found["pkg/no_finally.py"]
        assert b"def first_of(" in found["pkg/waiting.py"]

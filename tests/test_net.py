"""An error of our own in one function is that function's, whatever it strikes and at each door.

The errors are real ones, put where each stage of the work on a function begins; for processes of
their own, by a `sitecustomize` that Python imports as it starts.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Asyncwait

from flake8_asyncwait.plugin import Plugin
from flake8_asyncwait.replay.proof import apart
from flake8_asyncwait.report.formats import FORMATS
from flake8_asyncwait.undetermined import Net

pytestmark = pytest.mark.portable

# `consume` is the function that fails; its neighbours are decided all the same.
BROKEN = """\
import asyncio


async def before(work):
    task = asyncio.create_task(work())
    await asyncio.wait({task}, timeout=1)


async def consume(work):
    task = asyncio.create_task(work())
    await asyncio.wait({task}, timeout=1)


async def after(work):
    task = asyncio.create_task(work())
    await asyncio.wait({task}, timeout=1)
"""
SOUND = BROKEN.replace("consume", "sound")
TOLD = "a.py:9: internal error in consume() (KeyError: ''), please report it"
PLACES = ["a.py:6:11: AWT101 ", "a.py:16:11: AWT101 "]
OTHERS = [f"b.py:{line}:11: AWT101 " for line in (6, 11, 16)]

# How to make each stage fail in `consume`: statements that put an error there.
STAGES = {
    "lowered": """
from flake8_asyncwait.analysis.code.lower import Lowerer as where
name, named = "definition", lambda self, node, cls: node.name.value
""",
    "analysed": """
from flake8_asyncwait.rules import decide as where
name, named = "Runs", lambda program, func, *rest: func.name
""",
    "decided": """
from flake8_asyncwait.rules import decide as where
name, named = "_finding", lambda file, analysed, *rest: analysed.func.name
""",
    "planned": """
from flake8_asyncwait.fix import fixer as where
name, named = "rewrite", lambda text, seen, index, *rest: seen[index].analysed.func.name
""",
}
FAIL = """
def fail(*args, **options):
    if named(*args) == "consume":
        raise ERROR
    return work(*args, **options)
work = getattr(where, name)
"""
CHECKED = ["lowered", "analysed", "decided"]


def failing(stage: str, error: str = 'KeyError("")') -> dict[str, object]:
    """The names of a program that has made a function which fails."""
    names: dict[str, object] = {}
    exec(STAGES[stage] + FAIL.replace("ERROR", error), names)
    return names


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(BROKEN)
    (tmp_path / "b.py").write_text(SOUND)
    return tmp_path


@pytest.fixture(autouse=True)
def caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user has: our own errors are caught."""
    monkeypatch.delenv("ASYNCWAIT_RAISE")


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def struck(stage: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stage that fails in this process."""
    names = failing(stage)
    monkeypatch.setattr(names["where"], str(names["name"]), names["fail"])
    return stage


@pytest.fixture
def environment(stage: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the stage fails in every Python."""
    place = tmp_path_factory.mktemp("site")
    program = STAGES[stage] + FAIL.replace("ERROR", 'KeyError("")')
    (place / "sitecustomize.py").write_text(program + "setattr(where, name, fail)\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}


@pytest.fixture
def script(stage: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in which the stage fails, also in the processes that it starts: these run what
    stands in the file, too, but nothing that the environment names."""
    program = STAGES[stage] + FAIL.replace("ERROR", 'KeyError("")') + "setattr(where, name, fail)\n"
    path = tmp_path_factory.mktemp("script") / "asyncwait_that_fails.py"
    main = (
        "from flake8_asyncwait.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    path.write_text(f"import sys\n{program}{main}")
    return path


class TestCheck:
    @pytest.mark.usefixtures("struck")
    def test_full(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--output-format=full", ".")
        assert run.status == 2
        assert run.places == [f"./{place}" for place in PLACES + OTHERS]
        assert run.err.count(f"./{TOLD}") == 1

    @pytest.mark.usefixtures("struck")
    @pytest.mark.parametrize("form", FORMATS)
    def test_every_form(self, asyncwait: Asyncwait, stage: str, form: str) -> None:
        if stage not in CHECKED and not FORMATS[form].shows_changes:
            pytest.skip("no cure is planned for this form")
        run = asyncwait("check", "--output-format", form, "a.py", "b.py")
        assert run.status == 2
        assert TOLD in run.err
        assert sum(line.count("AWT101") for line in run.out) >= len(PLACES + OTHERS)

    @pytest.mark.usefixtures("struck")
    def test_json(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--output-format=json", "a.py", "b.py")
        report = json.loads("\n".join(run.out))
        places = [
            f"{f['path']}:{f['line']}:{f['column']}: {f['code']} " for f in report["findings"]
        ]
        assert places == PLACES + OTHERS
        (site,) = report["undetermined"]
        assert (site["path"], site["line"], site["reason"]) == ("a.py", 11, "internal error")
        (error,) = report["errors"]
        assert f"{error['path']}:{error['line']}: {error['reason']}" == TOLD

    @pytest.mark.parametrize("stage", CHECKED, indirect=True)
    @pytest.mark.usefixtures("struck")
    def test_baseline(self, asyncwait: Asyncwait, project: Path) -> None:
        run = asyncwait("check", "--write-baseline", "known.json", "a.py", "b.py")
        assert run.status == 2
        assert TOLD in run.err
        known = json.loads((project / "known.json").read_text())
        assert str(known).count("AWT101") == len(PLACES + OTHERS)

    @pytest.mark.parametrize("stage", CHECKED, indirect=True)
    @pytest.mark.usefixtures("struck")
    def test_noqa(self, asyncwait: Asyncwait, project: Path) -> None:
        run = asyncwait("check", "--add-noqa", "a.py", "b.py")
        assert run.status == 2
        assert TOLD in run.err
        assert "5 noqa comments added" in run.out
        assert "noqa" not in (project / "a.py").read_text().splitlines()[10]

    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_processes(self, script: Path, project: Path, jobs: str) -> None:
        command = [sys.executable, str(script), "check", f"--jobs={jobs}", "."]
        ran = subprocess.run(
            [*command, "--output-format=jsonl"],
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 2
        assert f"./{TOLD}" in ran.stderr.splitlines()
        assert ran.stdout.count('"code": "AWT101"') == len(PLACES + OTHERS)


class TestFix:
    @pytest.mark.usefixtures("struck")
    @pytest.mark.parametrize("option", ["--diff", "--check", "--no-respect-gitignore"])
    def test_the_others_are_fixed(self, asyncwait: Asyncwait, project: Path, option: str) -> None:
        run = asyncwait("fix", option, "a.py", "b.py")
        assert run.status == 2
        assert TOLD in run.err
        changed = (project / "a.py").read_text()
        if option in ("--diff", "--check"):
            assert changed == BROKEN
        else:
            # One `finally` a function, but for the one that fails.
            assert changed.count("finally:") == 2
            assert "finally:" not in changed.partition("async def consume")[2].split("\n\n\n")[0]
            assert (project / "b.py").read_text().count("finally:") == 3

    def test_the_codemod(self, environment: dict[str, str], project: Path) -> None:
        command = [sys.executable, "-m", "libcst.tool", "codemod", "-x", "--no-format"]
        name = "flake8_asyncwait.codemod.FixAsyncioWait"
        ran = subprocess.run(
            [*command, name, "a.py"], cwd=project, env=environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert TOLD in ran.stderr
        assert (project / "a.py").read_text().count("finally:") == 2


class TestProve:
    @pytest.fixture(autouse=True)
    def cannot(self, monkeypatch: pytest.MonkeyPatch) -> None:
        program = (
            "import sys; sys.path.append(sys.argv[1])\n"
            "import flake8_asyncwait.replay.proof.prove as prove\n"
            "real = prove.lift\n"
            "def lift(source, site, *known):\n"
            "    if site[0] == 11: raise KeyError('')\n"
            "    return real(source, site, *known)\n"
            "prove.lift = lift\n"
            "from {} import main; main()"
        )
        monkeypatch.setattr(apart, "PROGRAM", program)

    def test_prove(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("prove", "a.py:11")
        told = "a.py:11: internal error in consume() (KeyError: ''), please report it"
        assert (run.status, run.out, run.err) == (2, [], [told])
        assert asyncwait("prove", "a.py:16").status == 0

    def test_check(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--prove", "a.py", "b.py")
        assert run.status == 2
        assert run.places == [*PLACES, *(place for place in OTHERS if ":11:11" not in place)]
        assert "a.py:11: internal error in consume() (KeyError: ''), please report it" in run.err
        assert "b.py:11: internal error in sound() (KeyError: ''), please report it" in run.err


@pytest.mark.parametrize("stage", CHECKED, indirect=True)
class TestFlake8:
    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_the_others_are_told(
        self, environment: dict[str, str], project: Path, jobs: str
    ) -> None:
        command = [sys.executable, "-m", "flake8", "--isolated", f"--jobs={jobs}", "."]
        ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        assert ran.returncode == 1
        assert ran.stderr.splitlines() == [f"./{TOLD}"]
        assert ran.stdout.count("AWT101") == len(PLACES + OTHERS)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("RecursionError('too deep')", "RecursionError: too deep"),
        ("MemoryError", "MemoryError"),
        ("AssertionError", "AssertionError"),
        (r"ValueError('a\nb')", "ValueError: a b"),
    ],
)
def test_errors_of_every_kind(
    asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch, error: str, told: str
) -> None:
    names = failing("analysed", error)
    monkeypatch.setattr(names["where"], str(names["name"]), names["fail"])
    run = asyncwait("check", "a.py")
    assert (run.status, run.places) == (2, PLACES)
    assert f"a.py:9: internal error in consume() ({told}), please report it" in run.err


def test_the_file_is_the_least(asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails outside of all functions is the file's, and the other files are checked."""
    from flake8_asyncwait.analysis.code import load

    outline = load.outline  # type: ignore[attr-defined]

    def fails(tree: object) -> object:
        if any(getattr(node, "name", "") == "consume" for node in tree.body):  # type: ignore[attr-defined]
            raise KeyError("")
        return outline(tree)  # type: ignore[arg-type]

    monkeypatch.setattr(load, "outline", fails)
    run = asyncwait("check", "a.py", "b.py")
    assert (run.status, run.places) == (2, OTHERS)
    assert "a.py:1: internal error (KeyError: ''), please report it" in run.err


@pytest.mark.parametrize(
    "name", ["a\n::error::b.py", "a\x1b[2J\r.py", "::error::b.py", "\u202ea.py"]
)
def test_flake8_is_told_in_one_line_that_no_terminal_obeys(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = failing("analysed")
    monkeypatch.setattr(names["where"], str(names["name"]), names["fail"])
    list(Plugin(ast.parse(BROKEN), BROKEN.splitlines(keepends=True), name).run())
    told = capsys.readouterr().err
    assert "internal error" in told
    assert told.count("\n") == 1
    assert told.removesuffix("\n").isprintable()
    assert told.isascii()
    assert not told.startswith("::")


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCWAIT_RAISE", "1")


@pytest.mark.usefixtures("raising", "struck")
def test_our_own_tests_see_every_error(asyncwait: Asyncwait) -> None:
    with pytest.raises(KeyError):
        asyncwait("check", "--output-format=full", "a.py")


def test_an_interrupt_is_no_error_of_ours() -> None:
    with pytest.raises(KeyboardInterrupt), Net().over():
        raise KeyboardInterrupt

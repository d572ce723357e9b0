"""What a check has found is kept, and is what it would find again."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import samples
from command import Asyncwait
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_asyncwait.commands import examine as stage
from flake8_asyncwait.commands.cache import cache_in
from flake8_asyncwait.commands.examine import Examined, Task, examine
from flake8_asyncwait.options import ALL_CODES, Options
from flake8_asyncwait.sites import modules, syntax

# What `start` is decides whether `f` leaves a task behind.
CALLER = """\
import asyncio
from pkg.tasks import start

async def f():
    await asyncio.wait([start()], timeout=1)
"""
MAKES_A_TASK = "import asyncio\n\ndef start():\n    return asyncio.create_task(print())\n"
MAKES_NONE = "def start():\n    return print()\n"
IMPORTS_IT = "from pkg.inner import start\n"

CACHE = ".asyncwait_cache"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of a leaky file, and of one that rests on another module."""
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "pyproject.toml").touch()
    (project / "pkg" / "__init__.py").touch()
    (project / "pkg" / "a.py").write_text(samples.FORGOTTEN)
    (project / "pkg" / "caller.py").write_text(CALLER)
    (project / "pkg" / "tasks.py").write_text(MAKES_A_TASK)
    return project


def task_in(project: Path, options: Options = Options()) -> Task:
    return Task(options, cache=str(project / CACHE))


def anew(path: Path, task: Task) -> Examined:
    """What a process of its own would say of a file."""
    modules._known.clear()
    cache_in.cache_clear()
    return examine(str(path), task)


def kept(project: Path) -> list[Path]:
    return sorted((project / CACHE).rglob("*.json"))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many files were looked at so far."""
    numbers, told = count(1), [0]
    look = stage.findings_of

    def counted(*args: object) -> object:
        told[0] = next(numbers)
        return look(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "findings_of", counted)
    return lambda: told[0]


class TestOnce:
    def test_a_file_is_looked_at_once(self, project: Path, looked: Callable[[], int]) -> None:
        task = task_in(project)
        first = anew(project / "pkg" / "a.py", task)
        assert [entry.finding.code for entry in first.entries] == ["AWT101"]
        assert anew(project / "pkg" / "a.py", task) == first
        assert stage.at_gate(str(project / "pkg" / "a.py"), task) == first
        assert looked() == 1

    def test_so_is_its_tree(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        texts: list[str] = []

        def counted(text: str) -> ast.Module:
            texts.append(text)
            return ast.parse(text)

        monkeypatch.setattr(syntax, "parse_newer", counted)
        file = project / "pkg" / "a.py"
        file.write_text(CALLER + "# read by nobody before\n")
        assert anew(file, task_in(project)).entries
        assert len(texts) == 1

    @pytest.mark.parametrize("format_", ["text", "full", "json", "sarif"])
    def test_the_report_is_the_same(
        self, project: Path, asyncwait: Asyncwait, format_: str
    ) -> None:
        reports = [
            asyncwait("check", ".", f"--output-format={format_}", *more)
            for more in ([], [], ["--no-cache"])
        ]
        assert reports[0].status == 1
        assert reports[0] == reports[1] == reports[2]

    def test_nothing_that_only_a_look_needs_is_imported(self, project: Path) -> None:
        program = (
            "import sys\nfrom flake8_asyncwait.cli import main\nmain(['check', '.'])\n"
            "print('libcst' in sys.modules, 'flake8_asyncwait.analysis.code' in sys.modules, "
            "file=sys.stderr)"
        )
        command = [sys.executable, "-c", program]
        told = [
            subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
            for _ in range(2)
        ]
        assert told[0].stdout == told[1].stdout
        assert told[0].stderr == "True True\n"
        assert told[1].stderr == "False False\n"

    def test_what_can_hold_no_site_leaves_no_trace(
        self, tmp_path: Path, asyncwait: Asyncwait, project: Path
    ) -> None:
        for path in (project / "pkg").iterdir():
            path.write_text("import asyncio\n")
        assert asyncwait("check", ".").status == 0
        assert not (project / CACHE).exists()


class TestSettings:
    def test_it_is_beside_the_configuration(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "pyproject.toml").write_text("[tool.asyncwait]\n")
        asyncwait("check", "pkg")
        assert len(kept(project)) == 2

    @pytest.mark.parametrize("given_", ["option", "key"])
    def test_it_can_be_elsewhere(self, project: Path, asyncwait: Asyncwait, given_: str) -> None:
        if given_ == "key":
            (project / "pyproject.toml").write_text("[tool.asyncwait]\ncache-dir = 'kept/here'\n")
        asyncwait("check", "pkg", *["--cache-dir=kept/here"] * (given_ == "option"))
        assert len(list((project / "kept" / "here").rglob("*.json"))) == 2
        assert not (project / CACHE).exists()

    @pytest.mark.parametrize("where", ["made", "../made", "here/../../made", "linked/made"])
    def test_a_file_makes_no_directory_outside_of_its_project(
        self,
        project: Path,
        asyncwait: Asyncwait,
        where: str,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        """Whoever has written it is not who runs this: only the command line may say so."""
        outside = tmp_path_factory.mktemp("outside")
        (project / "linked").symlink_to(outside)
        path = str(outside / "made") if where == "made" else where
        (project / "pyproject.toml").write_text(f"[tool.asyncwait]\ncache-dir = {path!r}\n")
        run = asyncwait("check", "pkg")
        assert (run.status, run.out) == (2, [])
        assert run.err[0].startswith("pyproject.toml: cache-dir: ")
        assert run.err[0].endswith(" is outside of the project")
        assert not list(outside.iterdir())
        assert not (project.parent / "made").exists()
        assert asyncwait("check", "pkg", "--no-cache").status == 1
        assert asyncwait("check", "pkg", f"--cache-dir={outside / 'made'}").status == 1
        assert list(outside.iterdir())

    def test_the_project_is_the_repository(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / ".git").mkdir()
        text = "[tool.asyncwait]\ncache-dir = '../kept'\n"
        (project / "pkg" / "pyproject.toml").write_text(text)
        asyncwait("check", "pkg")
        assert (project / "kept").is_dir()

    @pytest.mark.parametrize("given_", ["option", "key"])
    def test_it_can_be_left_out(self, project: Path, asyncwait: Asyncwait, given_: str) -> None:
        if given_ == "key":
            (project / "pyproject.toml").write_text("[tool.asyncwait]\ncache = false\n")
        asyncwait("check", "pkg", *["--no-cache"] * (given_ == "option"))
        assert not (project / CACHE).exists()

    def test_git_does_not_see_it(self, project: Path, asyncwait: Asyncwait) -> None:
        git = ["git", "-C", str(project)]
        subprocess.run([*git, "init", "-q"], check=True)
        asyncwait("check", "pkg")
        told = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=all"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert CACHE not in told.stdout
        assert kept(project)


class TestKey:
    """What is kept is no answer to another question."""

    def test_other_bytes(self, project: Path, looked: Callable[[], int]) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        anew(path, task)
        path.write_text(samples.CURED)
        assert anew(path, task).entries == ()
        path.write_text(samples.FORGOTTEN)
        assert len(anew(path, task).entries) == 1
        assert looked() == 3

    @pytest.mark.parametrize(
        "other",
        [
            Options(codes=ALL_CODES),
            Options(project=False),
            Options(task_factories=frozenset({"spawn"})),
            Options(cancellers=frozenset({"spawn"})),
            Options(wait_functions=frozenset({"spawn"})),
        ],
    )
    def test_other_options(self, project: Path, looked: Callable[[], int], other: Options) -> None:
        anew(project / "pkg" / "a.py", task_in(project))
        anew(project / "pkg" / "a.py", task_in(project, other))
        assert looked() == 2

    def test_codes_that_a_file_does_not_report(
        self, project: Path, looked: Callable[[], int]
    ) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        anew(path, task)
        silent = task._replace(per_file_ignores=[("a.py", ["AWT101"])])
        assert anew(path, silent).entries == ()
        assert looked() == 2

    def test_another_version_of_ours(
        self, project: Path, looked: Callable[[], int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        anew(project / "pkg" / "a.py", task_in(project))
        monkeypatch.setattr("flake8_asyncwait.commands.cache._own_state", lambda: ())
        anew(project / "pkg" / "a.py", task_in(project))
        assert looked() == 2

    def test_another_module(self, project: Path, looked: Callable[[], int]) -> None:
        path, task = project / "pkg" / "caller.py", task_in(project)
        assert len(anew(path, task).entries) == 1
        assert len(anew(path, task).entries) == 1
        assert looked() == 1
        (project / "pkg" / "tasks.py").write_text(MAKES_NONE)
        assert anew(path, task).entries == ()
        assert looked() == 2

    def test_a_module_that_comes_in_its_way(self, project: Path, looked: Callable[[], int]) -> None:
        path, task = project / "pkg" / "caller.py", task_in(project)
        assert len(anew(path, task).entries) == 1
        (project / "pkg" / "tasks").mkdir()
        (project / "pkg" / "tasks" / "__init__.py").write_text(MAKES_NONE)
        assert anew(path, task).entries == ()
        assert looked() == 2

    def test_an_error_of_our_own_is_not_kept(
        self, project: Path, looked: Callable[[], int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        with monkeypatch.context() as patch:
            patch.setenv("ASYNCWAIT_RAISE", "0")
            patch.setattr("flake8_asyncwait.rules.decide._function", lambda *_: 1 // 0)
            assert anew(path, task).errors
        assert anew(path, task).errors == ()
        assert looked() == 2


class TestDamage:
    @pytest.mark.parametrize(
        "change",
        [
            lambda _: "",
            lambda text: text[:-2],
            lambda _: "[" * 100_000,
            lambda _: "[]",
            lambda text: text.replace('"waits": 1', '"waits": NaN'),
            lambda text: text.replace('"waits": 1', f'"waits": {"9" * 5000}'),
            lambda text: text.replace('"AWT101"', "101"),
            lambda text: text.replace('"line"', '"lime"'),
            lambda text: text.replace('"identities": [', '"identities": [], "more": ['),
            lambda text: "\x00" * len(text),
            lambda text: text.replace('"AWT101"', '"XYZ"'),
            lambda text: text.replace('"line": ', '"line": -'),
            lambda text: text.replace('"end_column": ', f'"end_column": {"9" * 99}'),
        ],
        ids=range(13),
    )
    def test_it_is_mended(self, project: Path, change: Callable[[str], str]) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        first = anew(path, task)
        (file,) = kept(project)
        text = file.read_text()
        assert change(text) != text
        file.write_text(change(text))
        assert anew(path, task) == first
        assert file.read_text() == text

    def test_what_it_rests_on_is_no_longer_named(self, project: Path) -> None:
        path, task = project / "pkg" / "caller.py", task_in(project)
        first = anew(path, task)
        (file,) = kept(project)
        assert json.loads(file.read_text())["asked"]
        for asked in (1, [1], [["a"]], [["a", "b", "c"]], [["a", "b", [1, []]]]):
            file.write_text(json.dumps({**json.loads(file.read_text()), "asked": asked}))
            assert anew(path, task) == first
        for read in ([["\0", "x"]], [["a"]]):
            file.write_text(json.dumps({**json.loads(file.read_text()), "read": read}))
            assert anew(path, task) == first

    def test_a_directory_that_holds_something_else(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        first = asyncwait("check", "--cache-dir", ".", "pkg")
        assert not (project / ".gitignore").exists()
        assert asyncwait("check", "--cache-dir", ".", "pkg") == first

    def test_a_file_in_the_place_of_the_directory(self, project: Path) -> None:
        (project / CACHE).write_text("mine")
        assert len(anew(project / "pkg" / "a.py", task_in(project)).entries) == 1
        assert (project / CACHE).read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="links take a right there")
class TestLinks:
    """Nothing is read or written outside the directory."""

    def test_the_directory(self, project: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (project / CACHE).symlink_to(outside)
        assert len(anew(project / "pkg" / "a.py", task_in(project)).entries) == 1
        assert list(outside.iterdir()) == []

    def test_what_is_in_it(self, project: Path, tmp_path: Path) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        anew(path, task)
        (file,) = kept(project)
        outside = tmp_path / "outside"
        file.parent.rename(outside)
        (project / CACHE / file.parent.name).symlink_to(outside)
        (outside / file.name).write_text("mine")
        anew(path, task)
        assert (outside / file.name).read_text() == "mine"

    def test_a_file_in_it(self, project: Path, tmp_path: Path, looked: Callable[[], int]) -> None:
        path, task = project / "pkg" / "a.py", task_in(project)
        anew(path, task)
        (file,) = kept(project)
        outside = tmp_path / "outside.json"
        file.rename(outside)
        before = outside.read_text()
        file.symlink_to(outside)
        anew(path, task)
        assert looked() == 2
        assert outside.read_text() == before
        assert not file.is_symlink()


@pytest.mark.lowest
def test_runs_at_the_same_time(project: Path) -> None:
    for number in range(20):
        (project / "pkg" / f"b{number}.py").write_text(f"N = {number}\n{samples.FORGOTTEN}")
    command = [sys.executable, "-m", "flake8_asyncwait", "check", "."]
    runs = [
        subprocess.Popen([*command, *more], cwd=project, stdout=subprocess.PIPE, text=True)
        for more in ([], [], ["-j2"], ["--no-cache"])
    ]
    told = {process.communicate()[0] for process in runs}
    assert len(told) == 1
    assert len(kept(project)) == 22
    assert [path.name for path in (project / CACHE).rglob("*.tmp")] == []


# One edit of a project: a file, and its new text; None deletes it.
EDITS = st.tuples(
    st.sampled_from(["pkg/tasks.py", "pkg/inner.py", "pkg/caller.py", "pkg/tasks/__init__.py"]),
    st.sampled_from([MAKES_A_TASK, MAKES_NONE, IMPORTS_IT, CALLER, "", None]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=2, max_size=8))
def test_with_it_and_without_it_a_check_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, str | None]]
) -> None:
    project = tmp_path_factory.mktemp("edited")
    (project / "pkg").mkdir()
    (project / "pyproject.toml").touch()
    (project / "pkg" / "__init__.py").touch()
    caller = project / "pkg" / "caller.py"
    caller.write_text(CALLER)
    task = task_in(project)
    for name, text in edits:
        path = project / name
        path.parent.mkdir(exist_ok=True)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)
        if caller.exists():
            assert anew(caller, task) == anew(caller, task._replace(cache=None))

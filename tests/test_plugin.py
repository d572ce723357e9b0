"""The plugin inside the real flake8."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
import weakref
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from flake8.style_guide import Decision, DecisionEngine
from hypothesis import given
from hypothesis import strategies as st

from flake8_asyncwait.options import ALL_CODES, DEFAULT_OFF, resolve_codes
from flake8_asyncwait.plugin import Plugin

Flake8 = Callable[..., list[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "forgotten.py": samples.FORGOTTEN,
        "no_finally.py": samples.NO_FINALLY,
        "cured.py": samples.CURED,
        "full.py": samples.FULL_WAIT,
        "factory.py": samples.FACTORY,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def flake8(project: Path) -> Flake8:
    """Run flake8 in the project; the lines that speak of our codes, up to the code."""

    def run(*arguments: str, config: str = "", stdin: str = "") -> list[str]:
        (project / ".flake8").write_text(f"[flake8]\n{config}")
        done = subprocess.run(
            [sys.executable, "-m", "flake8", *arguments],
            cwd=project,
            input=stdin,
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        return [line[: line.index("AWT") + 6] for line in lines if " AWT" in line]

    return run


FORGOTTEN = "./forgotten.py:" + samples.FORGOTTEN_PLACE.strip()
NO_FINALLY = "./no_finally.py:" + samples.NO_FINALLY_PLACE.strip()
FULL = "./full.py:" + samples.FULL_WAIT_PLACE.strip()
FACTORY = "./factory.py:" + samples.FACTORY_PLACE.strip()
DEFAULT = [FORGOTTEN, NO_FINALLY]


@pytest.mark.lowest
class TestCodes:
    def test_those_on_by_default_are_reported(self, flake8: Flake8) -> None:
        assert flake8() == DEFAULT

    @pytest.mark.parametrize("select", ["AWT", "A", "E,W,AWT"])
    def test_naming_the_plugin_turns_nothing_else_on(self, flake8: Flake8, select: str) -> None:
        assert flake8(f"--select={select}") == DEFAULT

    @pytest.mark.parametrize("code", ["AWT201", "AWT20", "AWT2"])
    def test_naming_more_than_the_plugin_does(self, flake8: Flake8, code: str) -> None:
        assert flake8(f"--select={code}") == [FULL]
        assert flake8(f"--extend-select={code}") == [FORGOTTEN, FULL, NO_FINALLY]

    @pytest.mark.parametrize("config", ["select = AWT201", "select = AWT,AWT2\nignore = AWT1"])
    def test_a_configuration_file_selects_too(self, flake8: Flake8, config: str) -> None:
        assert flake8(config=config) == [FULL]

    def test_ignore_does_not_turn_on_what_is_off(self, flake8: Flake8) -> None:
        # It does in plugins that rely on flake8's `extend_default_ignore`.
        assert flake8(config="ignore = E501") == DEFAULT
        assert flake8("--ignore=E501") == DEFAULT

    def test_ignore(self, flake8: Flake8) -> None:
        assert flake8("--ignore=AWT101") == [NO_FINALLY]
        assert flake8("--extend-ignore=AWT102") == [FORGOTTEN]
        assert flake8(config="extend-ignore = AWT") == []

    def test_per_file_ignores(self, flake8: Flake8) -> None:
        assert flake8(config="per-file-ignores = forgotten.py: AWT101") == [NO_FINALLY]

    @given(
        select=st.none() | st.lists(st.sampled_from(["AWT", "AWT2", "AWT101", "AWT201", "E", "A"])),
        extend_select=st.lists(st.sampled_from(["AWT", "AWT10", "AWT105", "W"])),
        ignore=st.lists(st.sampled_from(["A", "AWT", "AWT1", "AWT101", "AWT2", "AWT201", "E"])),
    )
    def test_both_doors_decide_alike(
        self, select: list[str] | None, extend_select: list[str], ignore: list[str]
    ) -> None:
        options = Namespace(
            select=select,
            extend_select=extend_select,
            ignore=ignore,
            extend_ignore=None,
            extended_default_select=["AWT"],
            extended_default_ignore=[],
        )
        named = [p for p in [*(select or ()), *extend_select] if len(p) > len("AWT")]
        decided = {
            code
            for code in ALL_CODES
            if DecisionEngine(options).decision_for(code) is Decision.Selected
            and (code not in DEFAULT_OFF or code.startswith(tuple(named)))
        }
        assert resolve_codes(select, extend_select, ignore) == decided


class TestNoqa:
    @pytest.mark.parametrize("comment", ["# noqa", "# noqa: AWT101", "# noqa: AWT1"])
    def test_a_comment_silences(self, project: Path, flake8: Flake8, comment: str) -> None:
        text = samples.FORGOTTEN.replace("FIRST_COMPLETED)", f"FIRST_COMPLETED)  {comment}")
        (project / "forgotten.py").write_text(text)
        assert flake8() == [NO_FINALLY]

    def test_a_comment_for_something_else_does_not(self, project: Path, flake8: Flake8) -> None:
        text = samples.FORGOTTEN.replace("FIRST_COMPLETED)", "FIRST_COMPLETED)  # noqa: E501")
        (project / "forgotten.py").write_text(text)
        assert flake8() == DEFAULT

    def test_the_plugin_itself_silences_nothing(self, project: Path, flake8: Flake8) -> None:
        text = samples.FORGOTTEN.replace("FIRST_COMPLETED)", "FIRST_COMPLETED)  # noqa")
        (project / "forgotten.py").write_text(text)
        assert flake8("--disable-noqa") == DEFAULT


class TestWaysToRun:
    def test_in_parallel(self, flake8: Flake8) -> None:
        assert flake8("-j2") == DEFAULT

    def test_options_reach_the_workers(self, flake8: Flake8) -> None:
        assert flake8("-j2", "--select=AWT201", "--asyncwait-task-factories=start") == [FULL]

    def test_standard_input(self, flake8: Flake8) -> None:
        place = samples.FORGOTTEN_PLACE.strip()
        assert flake8("-", stdin=samples.FORGOTTEN) == [f"stdin:{place}"]
        named = flake8("--stdin-display-name=x.py", "-", stdin=samples.FORGOTTEN)
        assert named == [f"x.py:{place}"]

    def test_a_bom_moves_nothing(self, project: Path, flake8: Flake8) -> None:
        (project / "forgotten.py").write_text(samples.FORGOTTEN, encoding="utf-8-sig")
        assert flake8() == DEFAULT


class TestNames:
    def test_on_the_command_line(self, flake8: Flake8) -> None:
        assert FACTORY in flake8("--asyncwait-task-factories=other, start")

    def test_in_a_configuration_file(self, flake8: Flake8) -> None:
        assert FACTORY in flake8(
            config="asyncwait-task-factories =\n    other,\n    elsewhere.start"
        )

    def test_cancellers(self, project: Path, flake8: Flake8) -> None:
        (project / "canceller.py").write_text(samples.CANCELLER)
        assert flake8("canceller.py") == []
        found = flake8("canceller.py", "--asyncwait-cancellers=stop")
        assert found == ["canceller.py:" + samples.CANCELLER_PLACE.strip()]

    def test_wait_functions(self, project: Path, flake8: Flake8) -> None:
        text = samples.FORGOTTEN.replace("asyncio.wait(", "my.wait_(")
        (project / "forgotten.py").write_text(f"import my\n{text}")
        assert flake8("forgotten.py") == []
        found = flake8("forgotten.py", "--asyncwait-wait-functions=my.wait_")
        assert found == ["forgotten.py:8:21: AWT101"]

    def test_what_is_no_name_is_refused(self, project: Path) -> None:
        command = [sys.executable, "-m", "flake8", "--asyncwait-cancellers=a-b"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert done.returncode == 1
        assert "--asyncwait-cancellers: 'a-b' is not a dotted name" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


def test_nothing_beside_a_function_is_kept() -> None:
    """flake8 reads the tokens next, which take as much memory as the tree."""
    text = f"{samples.FORGOTTEN}\n\ndef beside():\n    pass\n"
    tree = ast.parse(text)
    beside = weakref.ref(tree.body[-1])
    gc.disable()
    try:
        assert list(Plugin(tree, text.splitlines(keepends=True), "a.py").run())
        del tree
        assert beside() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_a_host_collects_its_garbage_as_before(before: str) -> None:
    program = (
        f"import gc; gc.{before}(); from flake8_asyncwait.check import check; "
        f"print(len(check({samples.FORGOTTEN!r}).findings), gc.isenabled())"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert told == f"1 {before == 'enable'}\n"

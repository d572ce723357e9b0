"""The configuration of `asyncwait`: `[tool.asyncwait]`, the command line, `asyncwait config`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import samples
from command import Asyncwait, Run

from flake8_asyncwait.config.settings import KEYS, Settings
from flake8_asyncwait.source import ignore
from flake8_asyncwait.source.ignore import Excluder

DOCS = Path(__file__).parent.parent / "docs"
FORGOTTEN = "pkg/forgotten.py:" + samples.FORGOTTEN_PLACE
NO_FINALLY = "pkg/no_finally.py:" + samples.NO_FINALLY_PLACE
FULL = "pkg/full.py:" + samples.FULL_WAIT_PLACE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a package of three leaky files."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "pkg").mkdir()
    (project / "pkg" / "forgotten.py").write_text(samples.FORGOTTEN)
    (project / "pkg" / "no_finally.py").write_text(samples.NO_FINALLY)
    (project / "pkg" / "full.py").write_text(samples.FULL_WAIT)
    return project


def configure(directory: Path, text: str) -> None:
    (directory / "pyproject.toml").write_text(f"[tool.asyncwait]\n{text}\n")


class TestKeys:
    @pytest.mark.parametrize(
        ("text", "places"),
        [
            ('select = ["AWT2"]', [FULL]),
            ('extend-select = ["AWT201"]', [FORGOTTEN, FULL, NO_FINALLY]),
            ('ignore = ["AWT101"]', [NO_FINALLY]),
            ('per-file-ignores = {"pkg/no_*" = ["AWT1"]}', [FORGOTTEN]),
            ('per-file-ignores = {"forgotten.py" = ["AWT101", "AWT201"]}', [NO_FINALLY]),
            ('[tool.asyncwait.per-file-ignores]\n"pkg/*" = ["AWT10"]', []),
            ('exclude = ["no_finally.py"]', [FORGOTTEN]),
            ('extend-exclude = ["pkg/no_*.py"]', [FORGOTTEN]),
        ],
    )
    def test_what_is_found(
        self, project: Path, asyncwait: Asyncwait, text: str, places: list[str]
    ) -> None:
        configure(project, text)
        assert asyncwait("check", "pkg").places == places

    @pytest.mark.parametrize(
        ("content", "text", "place"),
        [
            (samples.FACTORY, 'task-factories = ["start"]', samples.FACTORY_PLACE),
            (samples.CANCELLER, 'cancellers = ["elsewhere.stop"]', samples.CANCELLER_PLACE),
            (
                samples.FORGOTTEN.replace("asyncio.wait(", "my.wait_("),
                'wait-functions = ["wait_"]',
                samples.FORGOTTEN_PLACE,
            ),
        ],
    )
    def test_what_the_user_says_of_his_functions(
        self, project: Path, asyncwait: Asyncwait, content: str, text: str, place: str
    ) -> None:
        (project / "x.py").write_text(content)
        configure(project, text)
        assert asyncwait("check", "x.py").places == [f"x.py:{place}"]

    def test_gitignore(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / ".gitignore").write_text("no_finally.py\n")
        configure(project, "respect-gitignore = false")
        assert asyncwait("check", "pkg").places == [FORGOTTEN, NO_FINALLY]
        assert asyncwait("check", "pkg", "--respect-gitignore").places == [FORGOTTEN]

    def test_output_format(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'output-format = "github"')
        assert asyncwait("check", "pkg").out[0].startswith("::error ")

    def test_the_helper_of_fixes(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "pkg" / "__init__.py").write_text("")
        configure(project, 'helper = "pkg.waiting:first_of"')
        asyncwait("fix", "pkg/forgotten.py")
        assert "await first_of({a, b})" in (project / "pkg" / "forgotten.py").read_text()

    def test_fix_and_prove_read_it_too(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'ignore = ["AWT1"]')
        assert asyncwait("fix", "--check", "pkg") == Run(0, ["nothing to fix"], [])
        run = asyncwait("prove", "pkg/forgotten.py:7")
        assert run == Run(2, [], ["pkg/forgotten.py:7: no finding here, and none in this file"])


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ('selct = ["AWT1"]', "2: tool.asyncwait: unknown key 'selct'; did you mean 'select'?"),
            (
                'task_factories = ["x"]',
                "2: tool.asyncwait: unknown key 'task_factories'; did you mean 'task-factories'?",
            ),
            ('\nselect = "AWT1"', "3: tool.asyncwait.select: not an array of codes: 'AWT1'"),
            ('ignore = ["AWT1", 2]', "2: tool.asyncwait.ignore: not an array of codes: "),
            ('ignore = ["E501"]', "2: tool.asyncwait.ignore: unknown code 'E501'; asyncwait rules"),
            ("exclude = {}", "2: tool.asyncwait.exclude: not an array of globs: {}"),
            ('cancellers = ["a-b"]', "2: tool.asyncwait.cancellers: 'a-b' is not a dotted name"),
            (
                'respect-gitignore = "no"',
                "2: tool.asyncwait.respect-gitignore: not true or false: 'no'",
            ),
            ("helper = 1", "2: tool.asyncwait.helper: not a string: 1"),
            ('helper = "x"', "2: tool.asyncwait.helper: 'x' is not of the form pkg.module:name"),
            (
                'helper = "pkg.\ufb01:wait_any"',
                "2: tool.asyncwait.helper: 'pkg.\ufb01:wait_any': Python reads this as "
                "'pkg.fi:wait_any'",
            ),
            (
                'output-format = "sarfi"',
                "2: tool.asyncwait.output-format: unknown format 'sarfi'; did you mean 'sarif'?",
            ),
            ("jobs = 0", "2: tool.asyncwait.jobs: '0' is neither a number of processes nor 'auto'"),
            ("jobs = true", "2: tool.asyncwait.jobs: not a number of processes or 'auto': True"),
            (
                '[tool.asyncwait.per-file-ignores]\n"a.py" = "AWT101"',
                "2: tool.asyncwait.per-file-ignores: not a table of globs with codes: ",
            ),
        ],
    )
    def test_a_key_or_value_that_is_none(
        self, project: Path, asyncwait: Asyncwait, text: str, error: str
    ) -> None:
        configure(project, text)
        run = asyncwait("check", "pkg")
        assert (run.status, run.out) == (2, [])
        assert [line[: len(error) + 15] for line in run.err] == [f"pyproject.toml:{error}"]

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"[tool.asyncwait]\n= 1", "2: not TOML: Invalid statement"),
            (b"[tool.asyncwait]\n# \xe9", "2: not TOML: not utf-8: "),
            (
                b"\n[tool.asyncwait\nselect = []\n",
                "2: not TOML: Expected ']' at the end of a table",
            ),
            (b"[[tool.asyncwait]\n", "1: not TOML: Expected ']]' at the end of an array"),
            (b"[tool]\nx = 1\nasyncwait.ignore = [\n", "3: not TOML: "),
            (b"tool.asyncwait = {\n", "1: not TOML: "),
            (b"[tool.asyncwait]\n" + b"a." * 50_000 + b"a = 1", "2: a key has more than 100 parts"),
            (b"[tool.asyncwait]\n" + b"'a b' . " * 999 + b"a = 1", "2: a key has more than 100 "),
        ],
    )
    def test_no_toml(self, project: Path, asyncwait: Asyncwait, data: bytes, error: str) -> None:
        (project / "pyproject.toml").write_bytes(data)
        run = asyncwait("check", "pkg")
        assert (run.status, run.out) == (2, [])
        assert [line[: len(error) + 15] for line in run.err] == [f"pyproject.toml:{error}"]

    @pytest.mark.parametrize("nested", ["[" * 50_000 + "]" * 50_000, "{a = " * 50_000])
    def test_nested_too_deeply(self, project: Path, nested: str) -> None:
        configure(project, f"select = {nested}")
        done = subprocess.run(
            [sys.executable, "-m", "flake8_asyncwait", "check", "pkg"],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "pyproject.toml: nested too deeply\n"

    @pytest.mark.parametrize(
        "text",
        [
            '[project]\ndependencies = ["flake8-asyncwait"\n',
            '[project.scripts]\nasyncwait = "x\n',
            "[tool.other]\nasyncwait = [\n",
            "# see tool.asyncwait\n[[[",
        ],
    )
    def test_what_is_no_toml_and_not_about_us_is_not_ours_to_say(
        self, project: Path, asyncwait: Asyncwait, text: str
    ) -> None:
        (project / "pyproject.toml").write_text(text)
        run = asyncwait("check", "pkg")
        assert (run.places, run.err) == ([FORGOTTEN, NO_FINALLY], [])
        run = asyncwait("check", "pkg", "--config=pyproject.toml")  # unless he says that it is
        assert (run.status, run.out, len(run.err)) == (2, [], 1)

    @pytest.mark.parametrize("text", ["[tool]\nasyncwait = 5\n", "\n[[tool.asyncwait]]\n"])
    def test_no_table(self, project: Path, asyncwait: Asyncwait, text: str) -> None:
        (project / "pyproject.toml").write_text(text)
        run = asyncwait("check", "pkg")
        assert (run.status, run.out) == (2, [])
        (error,) = run.err
        assert error.startswith("pyproject.toml:2: tool.asyncwait: not a table: ")

    @pytest.mark.parametrize("name", ["flake8-asyncwait", "flake8_asyncwait"])
    def test_our_table_under_another_name(
        self, project: Path, asyncwait: Asyncwait, name: str
    ) -> None:
        (project / "pyproject.toml").write_text(f"[tool.x]\n[tool.{name}]\nignore = ['AWT101']\n")
        error = f"unknown table [tool.{name}]; did you mean [tool.asyncwait]?"
        assert asyncwait("check", "pkg") == Run(2, [], [f"pyproject.toml:2: {error}"])

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("0x" + "f" * 5000, "a very large number"),
            (f'"{"x" * 5000}"', f"'{'x' * 59}..."),
        ],
    )
    def test_a_value_that_is_too_long_to_be_shown(
        self, project: Path, asyncwait: Asyncwait, value: str, shown: str
    ) -> None:
        configure(project, f"select = {value}")
        error = f"pyproject.toml:2: tool.asyncwait.select: not an array of codes: {shown}"
        assert asyncwait("check", "pkg") == Run(2, [], [error])


class TestPlace:
    """Which file is read."""

    @pytest.mark.parametrize(
        "text",
        [
            '[tool]\nasyncwait.ignore = ["AWT101"]',
            '[tool]\nasyncwait = {ignore = ["AWT101"]}',
            '["tool"."asyncwait"]\nignore = ["AWT101"]',
            "['tool'.'asyncwait']\nignore = ['AWT101']",
            '[ tool . asyncwait ]\nignore = ["AWT101"]',
            'tool.asyncwait.ignore = ["AWT101"]',
            'tool = {asyncwait = {ignore = ["AWT101"]}}',
            '[tool."async\\u0077ait"]\nignore = ["AWT101"]',
        ],
    )
    def test_the_table_in_all_ways_of_toml(
        self, project: Path, asyncwait: Asyncwait, text: str
    ) -> None:
        (project / "pyproject.toml").write_text(text)
        assert asyncwait("check", "pkg").places == [NO_FINALLY]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[tool.other]\nselct = 1\n[tool]\nasyncwait.selct = 1", 4),
            ("selct = 1\n[tool]\nasyncwait = {jobs = 1, selct = 1}", 3),
            ("['tool'.'asyncwait']\n'selct' = 1", 2),
        ],
    )
    def test_the_line_of_a_key_in_all_ways_of_toml(
        self, project: Path, asyncwait: Asyncwait, text: str, line: int
    ) -> None:
        (project / "pyproject.toml").write_text(text)
        (error,) = asyncwait("check", "pkg").err
        assert error.startswith(f"pyproject.toml:{line}: tool.asyncwait: unknown key 'selct'")

    @pytest.mark.parametrize(
        "text", ['x = """\n[tool.asyncwait]\nignore = ["AWT101"]\n"""', "tool = 1  # asyncwait"]
    )
    def test_what_only_looks_like_the_table(
        self, project: Path, asyncwait: Asyncwait, text: str
    ) -> None:
        (project / "pyproject.toml").write_text(text)
        assert asyncwait("check", "pkg").places == [FORGOTTEN, NO_FINALLY]

    def test_the_nearest_above_the_first_path(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'ignore = ["AWT101"]')
        configure(project / "pkg", 'ignore = ["AWT102"]')
        assert asyncwait("check", ".").places == ["./" + NO_FINALLY]
        assert asyncwait("check", "pkg/forgotten.py", ".").places[0] == FORGOTTEN

    def test_one_without_the_table_is_passed_over(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        configure(project, 'ignore = ["AWT101"]')
        (project / "pkg" / "pyproject.toml").write_text("# [tool.asyncwait] is above\n")
        assert asyncwait("check", "pkg").places == [NO_FINALLY]

    def test_nothing_outside_the_repository(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project.parent, 'ignore = ["AWT101"]')
        assert asyncwait("check", "pkg").places == [FORGOTTEN, NO_FINALLY]

    def test_nothing_above_the_nearest_project_outside_of_any_repository(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        (project / ".git").rmdir()
        configure(project.parent, 'ignore = ["AWT101"]')
        assert asyncwait("check", "pkg").places == [NO_FINALLY]
        (project / "pyproject.toml").write_text("[project]\n")
        assert asyncwait("check", "pkg").places == [FORGOTTEN, NO_FINALLY]

    def test_paths_are_relative_to_the_file(
        self, project: Path, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(project, 'exclude = ["pkg/no_*"]\nper-file-ignores = {"pkg/f*" = ["AWT101"]}')
        monkeypatch.chdir(project / "pkg")
        assert asyncwait("check").is_clean

    def test_a_glob_is_compiled_once_for_a_run(
        self, project: Path, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Thousands of them took seconds for each hundred files."""
        made: list[list[str]] = []

        class Counted(Excluder):
            def __init__(self, patterns: Iterable[str]) -> None:
                made.append(list(patterns))
                super().__init__(made[-1])

        monkeypatch.setattr(ignore, "Excluder", Counted)
        globs = [f"once{number}/*?.py" for number in range(30)]
        configure(project, f"per-file-ignores = {{{', '.join(f'{g!r} = []' for g in globs)}}}")
        assert len(asyncwait("check", "--no-cache", "--jobs=1").places) == 2
        compiled = [one for several in made for one in several if "once" in one]
        assert len(compiled) == len(globs)

    def test_standard_input_is_where_it_is_said_to_be(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        configure(project / "pkg", 'ignore = ["AWT101"]')
        command = [sys.executable, "-m", "flake8_asyncwait", "check", "-"]
        for name, status in (("pkg/new.py", 0), ("new.py", 1)):
            done = subprocess.run(
                [*command, "--stdin-filename", name],
                input=samples.FORGOTTEN,
                text=True,
                stdout=subprocess.DEVNULL,
                check=False,
            )
            assert done.returncode == status

    def test_config_names_the_file(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'ignore = ["AWT101"]')
        (project / "other.toml").write_text('[tool.asyncwait]\nignore = ["AWT102"]\n')
        assert asyncwait("check", "pkg", "--config", "other.toml").places == [FORGOTTEN]
        run = asyncwait("check", "pkg", "--config", "none.toml")
        assert run == Run(2, [], ["none.toml: no such file or directory"])
        (project / "other.toml").write_text("")
        run = asyncwait("check", "pkg", "--config", "other.toml")
        assert run == Run(2, [], ["other.toml: no table [tool.asyncwait]"])

    def test_isolated(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'ignore = ["AWT101"]')
        assert asyncwait("check", "pkg", "--isolated").places == [FORGOTTEN, NO_FINALLY]

    def test_the_command_line_wins_key_by_key(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'ignore = ["AWT101"]\nextend-select = ["AWT201"]')
        assert asyncwait("check", "pkg", "--ignore=AWT102").places == [FORGOTTEN, FULL]

    @pytest.mark.parametrize("text", [None, "[tool.other]\n"])
    def test_no_reader_of_toml_is_imported_for_nothing(
        self, project: Path, asyncwait: Asyncwait, text: str | None
    ) -> None:
        if text is not None:
            (project / "pyproject.toml").write_text(text)
        program = (
            "import sys\nfrom flake8_asyncwait.cli import main\nmain(['check', 'none'])\n"
            "sys.exit(bool({'tomllib', 'tomli', 'configparser'} & set(sys.modules)))"
        )
        subprocess.run([sys.executable, "-c", program], check=True, stderr=subprocess.DEVNULL)


class TestConfiguredForFlake8Only:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("setup.cfg", "[metadata]\nname = x\n[flake8]\nextend-select = E1,\n  AWT201\n"),
            ("tox.ini", "[flake8]\nasyncwait-cancellers = stop\n"),
            (".flake8", "[flake8]\nper-file-ignores =\n  a.py: AWT101\n"),
        ],
    )
    def test_says_so_once(self, project: Path, asyncwait: Asyncwait, name: str, text: str) -> None:
        (project / name).write_text(text)
        run = asyncwait("check", "pkg")
        assert run.places == [FORGOTTEN, NO_FINALLY]
        assert run.err == [
            f"{name}: read by flake8 only; asyncwait reads [tool.asyncwait] in pyproject.toml"
        ]

    @pytest.mark.parametrize(
        "text", ["[flake8]\nselect = E\n# not AWT\n", "[flake8]\n[other]\nselect = AWT\n"]
    )
    def test_silent_where_flake8_is_not_told_of_us(
        self, project: Path, asyncwait: Asyncwait, text: str
    ) -> None:
        (project / "setup.cfg").write_text(text)
        assert asyncwait("check", "pkg").err == []

    def test_silent_where_both_are_configured(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "tox.ini").write_text("[flake8]\nselect = AWT1\n")
        configure(project, "")
        assert asyncwait("check", "pkg").err == []
        assert asyncwait("check", "pkg", "--isolated").err == []


class TestConfig:
    """`asyncwait config`."""

    def test_says_what_is_in_force_and_why(self, project: Path, asyncwait: Asyncwait) -> None:
        configure(project, 'select = ["AWT1"]\nper-file-ignores = {"a.py" = ["AWT101"]}\njobs = 2')
        run = asyncwait("config", "pkg", "--select=AWT102,AWT101", "--jobs=auto")
        assert (run.status, run.err) == (0, [])
        assert run.out[0] == "[tool.asyncwait]"
        said = set(run.out[1:])
        assert len(said) == len(KEYS)
        assert said >= {
            'select = ["AWT102", "AWT101"]  # command line',
            'per-file-ignores = {"a.py" = ["AWT101"]}  # pyproject.toml',
            'jobs = "auto"  # command line',
            "respect-gitignore = true  # default",
            "# helper is not set",
        }

    def test_paths_that_do_not_exist(self, project: Path, asyncwait: Asyncwait) -> None:
        errors = [f"{name}: no such file or directory" for name in ("no.py", "neither")]
        assert asyncwait("config", "no.py", "pkg", "neither") == Run(2, [], errors)
        assert asyncwait("config", "-").status == 0

    def test_what_it_prints_can_be_read_again(self, project: Path, asyncwait: Asyncwait) -> None:
        given = ["--select=AWT101", "--per-file-ignores=a.py:AWT1,AWT2 b/*:AWT203", "--jobs=3"]
        first = asyncwait("config", "--exclude=x,y/z", "--helper=a.b:c", *given).out
        (project / "pyproject.toml").write_text("\n".join(first))
        again = asyncwait("config").out
        values = [line.partition("  #")[0] for line in first]
        anchored = [line.replace(f"{project}/", "") for line in again]
        assert [line.partition("  #")[0] for line in anchored] == values


def test_every_setting_is_a_key() -> None:
    assert [key.attribute for key in KEYS.values()] == list(Settings._fields)


def test_the_docs_have_every_key() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(KEYS)


def test_the_docs_have_every_option(asyncwait: Asyncwait) -> None:
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in ("check", "fix", "prove", "config", "explain"):
        options = re.findall(r"--[a-z][a-z-]+", "\n".join(asyncwait(command, "--help").out))
        assert [option for option in options if f"`{option}" not in page] == []

"""What holds of the project itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.options import ALL_CODES, DEFAULT_ON
from flake8_asyncwait.rules import RULES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.portable

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flake8_asyncwait"

# Data goes one way: each of these imports only from those before it. The options are read by
# every stage, and `check` is the way through the stages that every door takes.
ORDER = [
    "wait_any",
    "named",
    "undetermined",
    "options",
    "source",
    "sites",
    "analysis",
    "verdict",
    "rules",
    "check",
    "report",
    "replay",
    "fix",
    "plugin",
    "config",
    "commands",
    "server",
    "cli",
    "codemod",
    "__main__",
]
# What is in the large ones, in the same order.
INNER_ORDER = {
    "analysis": ["code", "states", "machine", "semantics", "survey", "interpret"],
    "replay": ["family", "lives", "text", "world", "fence", "executions", "proof"],
    "fix": ["cure", "tree", "project", "proof", "ways", "plan", "fixer", "file", "advise"],
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """The modules that the file imports, also inside functions, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(path: Path) -> str:
    """The folder, or the module beside the folders, that the file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_go_one_way(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        assert imports(path) == {"sys", "flake8_asyncwait.wait_any.wait_any"}
        return
    own = part(path)
    before = {own, *ORDER[: ORDER.index(own)]}
    for module in imports(path):
        if module.startswith("flake8_asyncwait.") and module != "flake8_asyncwait.__version__":
            assert module.split(".")[1] in before, f"{name(path)} imports {module}"


@pytest.mark.parametrize("outer", INNER_ORDER)
def test_the_folders_in_a_folder_import_from_those_before_them(outer: str) -> None:
    order = INNER_ORDER[outer]
    for number, folder in enumerate(order, 1):
        later = {f"flake8_asyncwait.{outer}.{each}" for each in order[number:]}
        inside = (PACKAGE / outer / folder).glob("*.py")
        for path in [(PACKAGE / outer / folder).with_suffix(".py"), *inside]:
            if path.exists():
                found = {".".join(module.split(".")[:3]) for module in imports(path)}
                assert not found & later, path


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_library_has_its_place(path: Path) -> None:
    libraries = {module.split(".")[0] for module in imports(path)}
    if part(path) != "plugin":
        assert "flake8" not in libraries
    if part(path) not in {"sites", "analysis", "fix", "codemod"}:
        assert "libcst" not in libraries
    if part(path) != "source":
        assert "pathspec" not in libraries
    if part(path) != "server":
        assert not {"pygls", "lsprotocol"} & libraries


def test_the_judge_shares_nothing_with_what_it_judges() -> None:
    ours = {
        module.split(".")[1]
        for path in (PACKAGE / "replay").rglob("*.py")
        for module in imports(path)
        if module.startswith("flake8_asyncwait.")
    }
    assert ours <= {"replay", "verdict"}


@pytest.mark.parametrize("module", ["flake8_asyncwait", "flake8_asyncwait.plugin"])
def test_importing_is_cheap(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"flake8", "libcst", "pathspec", "pygls", "lsprotocol", "flake8_asyncwait.server"}
    assert not heavy & set(done.stdout.split())


IMPORT_EACH_FIRST = """\
import importlib, sys
for name in sys.argv[1:]:
    for known in [each for each in sys.modules if each.partition(".")[0] == "flake8_asyncwait"]:
        del sys.modules[known]
    importlib.import_module(name)
"""


def test_each_module_may_be_the_first_that_is_imported() -> None:
    paths = (path.relative_to(ROOT).with_suffix("") for path in MODULES)
    names = [".".join(path.parts) for path in paths if path.name != "__main__"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_FIRST, *names], capture_output=True, text=True
    )
    assert not done.returncode, done.stderr


def test_every_code_has_its_rule() -> None:
    assert [rule.code for rule in RULES] == sorted(ALL_CODES)
    assert {rule.code for rule in RULES if rule.default} == DEFAULT_ON


def test_the_readme_has_the_table_of_the_rules() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| AWT")]
    assert rows == [
        f"| {rule.code} | {'on' if rule.default else 'off'} | {rule.summary} |" for rule in RULES
    ]


def test_the_limits_are_those_of_the_fixture() -> None:
    page = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8").partition("## Undetermined")[0]
    fixture = (ROOT / "fixtures" / "limits.py").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    definitions = [part for example in examples for part in re.split(r"\n{3,}", example)]
    assert [part for part in definitions if part not in fixture] == []
    shown = {line.strip() for example in examples for line in example.splitlines()}
    limits = {line.strip() for line in fixture.splitlines() if ": limit" in line}
    assert limits <= shown


def test_dependencies_are_pinned_from_below_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [one.partition(";")[0].strip() for one in project["dependencies"]]
    assert len(wanted) > 3
    assert [one for one in wanted if not re.fullmatch(r"[\w-]+>=[\d.]+", one)] == []
    assert re.fullmatch(r">=3\.\d+", project["requires-python"])


ANALYSIS = sorted((PACKAGE / "analysis").rglob("*.py"))


@pytest.mark.parametrize("path", ANALYSIS, ids=name)
def test_what_is_known_of_a_callable_stands_in_one_table(path: Path) -> None:
    if path.stem == "known":
        return
    names = {last for table in known.TABLES for row in table for last in (row, row.split(".")[-1])}
    names -= {"wait"}  # that is a step's word, too: what a replay has to choose there
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not strings & names


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_file_and_its_classes_can_be_read_at_once(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno < 400, node.name


@pytest.mark.parametrize("path", ANALYSIS, ids=name)
def test_rules_are_no_methods(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not any(isinstance(one, ast.Name) and one.id == "NotImplementedError" for one in nodes)

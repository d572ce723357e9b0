"""Where fixed code gets `wait_any` from: real projects on the disk, which Python then imports."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import samples
from command import tool

from flake8_asyncwait import __version__
from flake8_asyncwait.check import check
from flake8_asyncwait.fix.file import FileFix, fix_file
from flake8_asyncwait.fix.project import helper as helper_module
from flake8_asyncwait.fix.project.helper import (
    Helper,
    HelperError,
    HelperPlan,
    apply_helper,
    parse_helper,
    plan_helper,
    template,
)
from flake8_asyncwait.fix.project.style import Style, style_of
from flake8_asyncwait.options import ALL_CODES, Options
from flake8_asyncwait.source.text import SourceError, decode
from flake8_asyncwait.source.write import create

pytestmark = pytest.mark.lowest

SOURCE = Path(__file__).parent.parent / "flake8_asyncwait" / "wait_any.py"
PLAIN = "import asyncio\n\n\nasync def f(): ...\n"
QUOTE, TAB = "'", "\t"
STYLES = [
    *(Style(), Style(quote=QUOTE), Style(indent=TAB), Style(indent="  ")),
    *(Style(oldest=(3, 12)), Style(oldest=(3, 14))),
]
LINTERS = [
    ("flake8", "--isolated"),
    ("black", "--check", "--quiet", "--line-length=79"),
    ("black", "--check", "--quiet", "--line-length=120"),
    ("mypy", "--strict"),
    ("mypy", "--strict", "--python-version=3.10"),
    ("pyright",),
]
HAND_WRITTEN = "async def wait_any(tasks, *, timeout=None, return_when='FIRST_COMPLETED'): ...\n"


each_style = pytest.mark.parametrize("style", STYLES, ids=range(len(STYLES)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty project."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").touch()
    return root


def put(path: Path, text: str = PLAIN) -> Path:
    """A file, with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def package(*directories: Path) -> None:
    for directory in directories:
        put(directory / "__init__.py", "")


def follow(path: Path, helper: Helper | None = None) -> HelperPlan:
    """Make a plan for a file and go by it: the file then uses the function."""
    text = path.read_text()
    plan = plan_helper(str(path), text, helper)
    if plan.create is not None:
        create(plan.create.path, plan.create.text.encode())
    path.write_text(apply_helper(text, plan) + f"\n\nresult = {plan.name}.__name__\n")
    return plan


def result_of(module: str, *search: Path, as_script: Path | None = None) -> str:
    """What the function is called that a module uses, once Python has imported it."""
    program = f"import sys; sys.path[:0] = {[str(path) for path in search]!r}\n"
    if as_script is None:
        program += f"import {module} as m; print(m.result)"
    else:
        program += f"import runpy; print(runpy.run_path({str(as_script)!r})['result'])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def imports(plan: HelperPlan) -> list[str]:
    return [str(each) for each in plan.add]


class TestBesideThePackage:
    def test_one_module_for_a_top_package(self, root: Path) -> None:
        package(root / "pkg", root / "pkg" / "sub")
        plans = [
            follow(put(root / "pkg" / "a.py")),
            follow(put(root / "pkg" / "sub" / "b.py")),
        ]
        made = {plan.create.path for plan in plans[:1] if plan.create}
        assert made == {str(root / "pkg" / "_wait_any.py")}
        assert plans[1].create is None
        assert (root / "pkg" / "_wait_any.py").read_text() == template()
        assert result_of("pkg.a", root) == result_of("pkg.sub.b", root) == "wait_any"

    @pytest.mark.parametrize(
        ("file", "own_import", "expected"),
        [
            ("a.py", "", "from pkg._wait_any import wait_any"),
            ("a.py", "import os\n", "from pkg._wait_any import wait_any"),
            ("a.py", "import pkg.z\n", "from pkg._wait_any import wait_any"),
            ("a.py", "from pkg.z import y\n", "from pkg._wait_any import wait_any"),
            ("a.py", "from . import z\n", "from ._wait_any import wait_any"),
            ("a.py", "def g():\n    from .z import y\n", "from ._wait_any import wait_any"),
            ("sub/a.py", "from ..z import y\n", "from .._wait_any import wait_any"),
            (
                "sub/a.py",
                "from pkg.z import y\nfrom .b import x\n",
                "from pkg._wait_any import wait_any",
            ),
            (
                "a.py",
                "from pkg.sub.b import x\nfrom .z import y\n",
                "from ._wait_any import wait_any",
            ),
            ("sub/a.py", "", "from pkg._wait_any import wait_any"),
            ("__init__.py", "from .z import y\n", "from ._wait_any import wait_any"),
            ("sub/__init__.py", "from ..z import y\n", "from .._wait_any import wait_any"),
        ],
    )
    @pytest.mark.parametrize("layout", ["", "src"])
    def test_it_is_imported_as_the_file_imports_from_its_package(
        self, root: Path, layout: str, file: str, own_import: str, expected: str
    ) -> None:
        base = root / layout
        package(base / "pkg", base / "pkg" / "sub")
        put(base / "pkg" / "z.py", "y = 1\n")
        put(base / "pkg" / "sub" / "b.py", "x = 1\n")
        plan = follow(put(base / "pkg" / file, own_import + PLAIN))
        assert imports(plan) == [expected]
        module = file.removesuffix(".py").removesuffix("/__init__").removesuffix("__init__")
        dotted = ".".join(["pkg", *module.split("/")]).rstrip(".")
        assert result_of(dotted, base) == "wait_any"

    @pytest.mark.parametrize(
        ("own_import", "expected"),
        [
            ("from company.pkg import z\n", "from company.pkg._wait_any import wait_any"),
            ("from . import z\n", "from ._wait_any import wait_any"),
            ("", "from ._wait_any import wait_any"),
        ],
        ids=["absolute", "relative", "nothing tells"],
    )
    def test_in_a_namespace_package(self, root: Path, own_import: str, expected: str) -> None:
        package(root / "src" / "company" / "pkg")
        put(root / "src" / "company" / "pkg" / "z.py", "")
        plan = follow(put(root / "src" / "company" / "pkg" / "a.py", own_import + PLAIN))
        assert imports(plan) == [expected]
        assert result_of("company.pkg.a", root / "src") == "wait_any"

    def test_in_a_namespace_package_it_stands_with_imports_from_there(self, root: Path) -> None:
        package(root / "company" / "pkg")
        put(root / "company" / "pkg" / "z.py", "")
        head = "import asyncio\n\nimport libcst\n\nfrom company.pkg import z\n"
        path = put(root / "company" / "pkg" / "a.py", head + PLAIN)
        text = apply_helper(path.read_text(), plan_helper(str(path), path.read_text()))
        own = "from company.pkg import z\nfrom company.pkg._wait_any import wait_any\n"
        assert f"import libcst\n\n{own}" in text

    def test_a_project_that_has_no_mark(self, tmp_path: Path) -> None:
        package(tmp_path / "pkg")
        follow(put(tmp_path / "pkg" / "a.py"))
        assert result_of("pkg.a", tmp_path) == "wait_any"

    def test_a_project_whose_root_looks_like_a_package(self, root: Path) -> None:
        package(root, root / "pkg")
        plan = follow(put(root / "pkg" / "a.py"))
        assert imports(plan) == ["from pkg._wait_any import wait_any"]
        plan = follow(put(root / "here.py"))
        assert imports(plan) == ["from ._wait_any import wait_any"]
        assert result_of("project.here", root.parent) == "wait_any"

    def test_a_module_called_setup_makes_no_root_of_a_package(self, tmp_path: Path) -> None:
        package(tmp_path / "app", tmp_path / "app" / "parts")
        put(tmp_path / "app" / "setup.py", "")
        plan = follow(put(tmp_path / "app" / "parts" / "a.py", "from app import setup\n" + PLAIN))
        assert imports(plan) == ["from app._wait_any import wait_any"]
        assert result_of("app.parts.a", tmp_path) == "wait_any"

    def test_a_directory_with_a_name_that_is_none_in_python(self, root: Path) -> None:
        package(root / "my-app", root / "my-app" / "pkg")
        follow(put(root / "my-app" / "pkg" / "a.py", "from . import a\n" + PLAIN))
        assert (root / "my-app" / "pkg" / "_wait_any.py").exists()

    def test_another_process_may_make_the_module_meanwhile(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package(root / "pkg")
        module = root / "pkg" / "_wait_any.py"

        def is_file_until_now(path: str) -> bool:
            found = os.path.isfile(path)
            if Path(path).name == module.name and not found:
                module.write_text(template())
            return found

        monkeypatch.setattr(helper_module, "is_file", is_file_until_now)
        path = put(root / "pkg" / "a.py")
        plan = plan_helper(str(path), path.read_text())
        assert imports(plan) == ["from pkg._wait_any import wait_any"]

    def test_a_module_that_is_there_is_used_as_it_is(self, root: Path) -> None:
        package(root / "pkg")
        put(root / "pkg" / "_wait_any.py", HAND_WRITTEN)
        plan = follow(put(root / "pkg" / "a.py"))
        assert plan.create is None
        assert (root / "pkg" / "_wait_any.py").read_text() == HAND_WRITTEN
        assert result_of("pkg.a", root) == "wait_any"

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "does not define wait_any"),
            ("def other():\n    wait_any = 1\n", "does not define wait_any"),
            ("class A:\n    def wait_any(self): ...\n", "does not define wait_any"),
            ("import wait_any as other\n", "does not define wait_any"),
            ("class wait_any: ...\n", "as an async function"),
            (
                "def wait_any(tasks, *, timeout=None, return_when='FIRST_COMPLETED') -> T: ...\n",
                "as an async function",
            ),
            ("wait_any = wait\n", "as an async function"),
            ("wait_any: Wait = wait\n", "as an async function"),
            ("from elsewhere import wait_any\n", "as an async function"),
            ("from elsewhere import first as wait_any\n", "as an async function"),
            (HAND_WRITTEN.removeprefix("async "), "as an async function"),
            (HAND_WRITTEN.replace("tasks, *", "*tasks"), "as an async function"),
            (HAND_WRITTEN.replace("tasks, *", "*"), "as an async function"),
            (HAND_WRITTEN.replace("tasks, *", "tasks, loop, *"), "as an async function"),
            (HAND_WRITTEN.replace("tasks, *", "tasks, *, loop"), "as an async function"),
            (HAND_WRITTEN.replace("=None", ""), "as an async function"),
            (HAND_WRITTEN.replace("None", "60"), "as an async function"),
            (HAND_WRITTEN.replace("FIRST", "ALL"), "as an async function"),
            ("async def wait_any(tasks, timeout=None, **options): ...\n", "as an async function"),
            (HAND_WRITTEN.replace(" *,", "").replace("):", ", /):"), "as an async function"),
            (f"if x:\n    {HAND_WRITTEN}else:\n    wait_any = None\n", "as an async function"),
            ("async def wait_any(\n", "syntax error"),
            ("# coding: nonsense\n", "unknown encoding"),
        ],
    )
    def test_a_module_that_has_no_such_function(
        self, root: Path, content: str, reason: str
    ) -> None:
        package(root / "pkg")
        put(root / "pkg" / "_wait_any.py", content)
        with pytest.raises(HelperError) as caught:
            plan_helper(str(root / "pkg" / "a.py"), PLAIN)
        assert reason in str(caught.value)
        assert str(caught.value).startswith(os.path.join("pkg", "_wait_any.py"))

    @pytest.mark.parametrize(
        "content",
        [
            HAND_WRITTEN,
            HAND_WRITTEN.replace(" *,", ""),
            HAND_WRITTEN.replace("tasks,", "tasks, /,"),
            HAND_WRITTEN.replace("tasks, *", "fs, *, loop=None"),
            HAND_WRITTEN.replace("'FIRST_COMPLETED'", "asyncio.FIRST_COMPLETED"),
            HAND_WRITTEN.replace("'FIRST_COMPLETED'", "FIRST_COMPLETED"),
            f"@wrapped\n{HAND_WRITTEN}",
            f"if x:\n    {HAND_WRITTEN}else:\n    {HAND_WRITTEN}",
            f"try:\n    import x\nexcept ImportError:\n    {HAND_WRITTEN}",
        ],
    )
    def test_other_ways_to_write_the_function(self, root: Path, content: str) -> None:
        package(root / "pkg")
        put(root / "pkg" / "_wait_any.py", content)
        plan = plan_helper(str(root / "pkg" / "a.py"), PLAIN)
        assert imports(plan) == ["from pkg._wait_any import wait_any"]

    def test_never_in_the_helper_itself(self, root: Path) -> None:
        package(root / "pkg")
        path = put(root / "pkg" / "_wait_any.py", HAND_WRITTEN)
        with pytest.raises(HelperError, match="this is the module that wait_any comes from"):
            plan_helper(str(path), HAND_WRITTEN)

    @pytest.mark.parametrize("way", ["a directory", "a link to nowhere"])
    def test_never_in_the_place_of_something_else(self, root: Path, way: str) -> None:
        package(root / "pkg")
        if way == "a directory":
            (root / "pkg" / "_wait_any").mkdir()
        else:
            (root / "pkg" / "_wait_any.py").symlink_to("nowhere.py")
        with pytest.raises(HelperError, match="is in the way"):
            plan_helper(str(root / "pkg" / "a.py"), PLAIN)

    def test_never_outside_the_project(self, root: Path, tmp_path: Path) -> None:
        package(tmp_path / "outside")
        (root / "pkg").symlink_to(tmp_path / "outside")
        with pytest.raises(HelperError, match="is outside the project"):
            plan_helper(str(root / "pkg" / "a.py"), PLAIN)

    def test_a_link_stands_for_the_file_that_it_leads_to(self, root: Path) -> None:
        package(root / "pkg")
        path = put(root / "pkg" / "a.py")
        (root / "script.py").symlink_to(path)
        follow(root / "script.py")
        assert result_of("pkg.a", root) == "wait_any"
        assert (root / "pkg" / "_wait_any.py").exists()

    def test_not_by_a_link_that_leads_out_of_the_project(self, root: Path, tmp_path: Path) -> None:
        package(tmp_path / "outside")
        (root / "a.py").symlink_to(put(tmp_path / "outside" / "a.py"))
        with pytest.raises(HelperError, match="a link that leads out of the project"):
            plan_helper(str(root / "a.py"), PLAIN)


class TestNone:
    """Where nobody has named a helper, some files have none."""

    @pytest.mark.parametrize("file", ["a.py", "tests/test_a.py", "scripts/a.py"])
    def test_a_file_in_no_package(self, root: Path, file: str) -> None:
        with pytest.raises(HelperError, match="the file is in no package"):
            plan_helper(str(root / file), PLAIN)

    def test_a_file_in_what_no_import_can_name(self, root: Path) -> None:
        package(root / "\ufb01le")  # Python reads "file", as most fonts show it
        with pytest.raises(HelperError, match="the file is in no package"):
            plan_helper(str(root / "\ufb01le" / "a.py"), PLAIN)
        (root / "file").symlink_to("\ufb01le")
        follow(put(root / "\ufb01le" / "a.py"))
        assert result_of("\ufb01le.a", root) == "wait_any"

    @pytest.mark.parametrize(
        "file", ["tests/a.py", "pkg/tests/a.py", "pkg/test_a.py", "pkg/conftest.py", "test/x/a.py"]
    )
    def test_a_test(self, root: Path, file: str) -> None:
        package(*{(root / file).parent, root / file.split("/")[0]})
        with pytest.raises(HelperError, match="it is a test"):
            plan_helper(str(root / file), PLAIN)
        package(root / "lib")
        plan = plan_helper(str(root / file), PLAIN, Helper("lib.aio", "wait_any"))
        assert plan.create is not None

    @pytest.mark.parametrize("file", ["pkg/testing.py", "pkg/latest.py", "pkg/contest/a.py"])
    def test_not_what_sounds_like_one(self, root: Path, file: str) -> None:
        package(root / "pkg", (root / file).parent)
        assert plan_helper(str(root / file), PLAIN).create is not None


class TestNames:
    """The function is called the same in all files: none has it that calls something else so."""

    @pytest.mark.parametrize(
        "taken",
        [
            "wait_any = 1",
            "def wait_any(): ...",
            "def f(wait_any): ...",
            "def f():\n    wait_any = 1",
            "class A:\n    wait_any = 1",
            "lambda wait_any: 1",
            "[1 for wait_any in x]",
            "from elsewhere import wait_any",
            "from elsewhere import x as wait_any",
            "import wait_any.x",
            "try:\n    x\nexcept E as wait_any:\n    pass",
            "match x:\n    case {**wait_any}: ...",
            "match x:\n    case [*wait_any]: ...",
            "def f():\n    global wait_any",
            "def f():\n    return wait_any",
            "(wait_any := 1)",
        ],
    )
    def test_not_where_the_name_is_taken(self, root: Path, taken: str) -> None:
        package(root / "pkg")
        with pytest.raises(HelperError, match="something else that is called wait_any"):
            plan_helper(str(root / "pkg" / "a.py"), f"{taken}\n")

    @pytest.mark.parametrize(
        ("has", "name"),
        [
            ("from pkg._wait_any import wait_any\n", "wait_any"),
            ("from ._wait_any import wait_any\n", "wait_any"),
            ("from ._wait_any import wait_any as w\n", "w"),
        ],
    )
    def test_what_the_file_imports_already_is_used(self, root: Path, has: str, name: str) -> None:
        package(root / "pkg")
        plan = plan_helper(str(root / "pkg" / "a.py"), has + PLAIN)
        assert (plan.name, plan.add) == (name, ())

    def test_but_not_where_the_name_means_something_else_somewhere(self, root: Path) -> None:
        package(root / "pkg")
        text = "from ._wait_any import wait_any\n\n\ndef f(wait_any): ...\n"
        with pytest.raises(HelperError, match="something else that is called wait_any"):
            plan_helper(str(root / "pkg" / "a.py"), text)


class TestOption:
    """`--helper pkg.module:name`."""

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "pkg.aio",
            "pkg.aio:",
            ":f",
            "../pkg:f",
            "/etc:f",
            "pkg/aio:f",
            "..pkg:f",
            "pkg..a:f",
            "pkg.class:f",
            "pkg.aio:if",
            "pkg.a b:f",
            "pkg.aio:f:g",
            "pkg.aio:f.g",
            "1a:f",
        ],
    )
    def test_what_is_no_name_is_refused(self, value: str) -> None:
        with pytest.raises(ValueError, match=r"is not of the form pkg\.module:name"):
            parse_helper(value)

    def test_a_helper_that_the_project_has(self, root: Path) -> None:
        package(root / "pkg", root / "lib")
        put(root / "lib" / "aio.py", HAND_WRITTEN.replace("wait_any", "first_of"))
        plan = follow(put(root / "pkg" / "a.py"), parse_helper("lib.aio:first_of"))
        assert imports(plan) == ["from lib.aio import first_of"]
        assert plan.create is None
        assert result_of("pkg.a", root) == "first_of"

    @pytest.mark.parametrize("layout", ["", "src"])
    def test_a_helper_that_is_to_be_made(self, root: Path, layout: str) -> None:
        package(root / layout / "pkg", root / layout / "pkg" / "sub")
        path = put(root / layout / "pkg" / "sub" / "a.py", "from .. import sub\n" + PLAIN)
        plan = follow(path, parse_helper("pkg.aio:first_of"))
        assert imports(plan) == ["from ..aio import first_of"]
        assert plan.create is not None
        assert plan.create.path == str(root / layout / "pkg" / "aio.py")
        assert plan.create.text == template("first_of")
        assert result_of("pkg.sub.a", root / layout) == "first_of"

    def test_a_script_imports_it(self, root: Path) -> None:
        package(root / "src" / "pkg")
        path = put(root / "scripts" / "a.py")
        plan = follow(path, parse_helper("pkg.aio:wait_any"))
        assert imports(plan) == ["from pkg.aio import wait_any"]
        assert result_of("", root / "src", as_script=path) == "wait_any"

    @pytest.mark.parametrize("file", ["a.py", "pkg/a.py"])
    def test_the_one_of_the_linter(self, root: Path, file: str) -> None:
        package(root / "pkg")
        path = put(root / file)
        plan = follow(path, parse_helper("flake8_asyncwait:wait_any"))
        assert imports(plan) == ["from flake8_asyncwait import wait_any"]
        assert plan.create is None
        assert result_of("", as_script=path) == "wait_any"

    def test_one_in_the_init_of_a_package(self, root: Path) -> None:
        package(root / "pkg")
        put(root / "pkg" / "aio" / "__init__.py", HAND_WRITTEN)
        plan = follow(
            put(root / "pkg" / "a.py", "from . import aio\n"), parse_helper("pkg.aio:wait_any")
        )
        assert imports(plan) == ["from .aio import wait_any"]
        assert result_of("pkg.a", root) == "wait_any"

    @pytest.mark.parametrize(
        ("helper", "reason"),
        [
            ("other.aio:f", "there is no package 'other' in the project"),
            ("pkg.missing.aio:f", "there is no package 'pkg.missing' in the project"),
            ("aio:f", "there is no module 'aio' in the project"),
            ("pkg.full:g", "does not define g"),
            ("flake8_asyncwait:other", "there is no module 'flake8_asyncwait' in the project"),
            ("linked.aio:f", "is outside the project"),
            ("folder.aio:f", "there is no package 'folder' in the project"),
        ],
    )
    def test_reasons_to_refuse(self, root: Path, helper: str, reason: str) -> None:
        package(root / "pkg", root.parent / "outside")
        put(root / "pkg" / "full.py")
        (root / "folder").mkdir()
        (root / "linked").symlink_to(root.parent / "outside")
        with pytest.raises(HelperError) as caught:
            plan_helper(str(root / "pkg" / "a.py"), PLAIN, parse_helper(helper))
        assert reason in str(caught.value)

    @pytest.mark.parametrize(
        ("aio", "is_circle"),
        [
            ("from pkg.a import x\n", True),
            ("from . import a\n", True),
            ("import pkg.b\n", True),
            ("from .b import y\n", True),
            ("import os\nimport pkg\n", False),
            ("from pkg import c\n", False),
            ("def f():\n    from .a import x\n", False),
        ],
    )
    def test_imports_do_not_go_in_a_circle(self, root: Path, aio: str, is_circle: bool) -> None:
        put(root / "pkg" / "__init__.py", "from . import a\n")
        put(root / "pkg" / "b.py", "try:\n    from .a import x\nexcept ImportError:\n    pass\n")
        put(root / "pkg" / "c.py", "")
        put(root / "pkg" / "aio.py", aio + HAND_WRITTEN)
        path = put(root / "pkg" / "a.py")
        if is_circle:
            with pytest.raises(HelperError, match="the import would be circular"):
                plan_helper(str(path), PLAIN, Helper("pkg.aio", "wait_any"))
        else:
            follow(path, Helper("pkg.aio", "wait_any"))
            assert result_of("pkg.a", root) == "wait_any"


class TestTemplate:
    """The text of the module, as tools and every Python see it."""

    def test_it_is_our_module_with_its_origin(self) -> None:
        origin, *text = template().split("\n")
        assert text == SOURCE.read_text(encoding="utf-8").split("\n")[1:]
        assert origin == f'"""From flake8-asyncwait {__version__} (MIT), and yours from here on."""'

    @pytest.mark.parametrize("name", ["first", "_wait"])
    def test_it_may_have_another_name(self, name: str) -> None:
        function = next(node for node in ast.parse(template(name)).body if hasattr(node, "args"))
        assert ast.unparse(function).startswith(f"def {name}(")
        exec(template(name), found := {})  # type: ignore[var-annotated]
        assert found[name].__name__ == name

    @each_style
    def test_it_is_short(self, style: Style) -> None:
        lines = template(style=style).splitlines()
        assert len(lines) <= 30
        assert max(map(len, lines)) <= 79

    def test_we_have_nothing_to_say_of_it(self) -> None:
        assert check(template(), Options(codes=ALL_CODES)).findings == ()

    @each_style
    def test_a_project_may_have_it_in_its_style(self, style: Style) -> None:
        text = template(style=style)
        assert ("TypeVar" in text) == (style.oldest is None)
        assert ("\t" in text) == (style.indent == "\t")
        assert ("'_T'" in text) == (style.quote == "'")
        if sys.version_info >= (style.oldest or (3, 8)):
            compile(text, "_wait_any.py", "exec")

    @each_style
    @pytest.mark.parametrize("width", ["79", "88", "120"])
    def test_ruff_formats_it_so(self, style: Style, width: str) -> None:
        config = [
            f"line-length = {width}",
            f"format.quote-style = '{'single' if style.quote == QUOTE else 'double'}'",
            f"indent-width = {4 if style.indent == TAB else len(style.indent)}",
            f"format.indent-style = '{'tab' if style.indent == TAB else 'space'}'",
        ]
        options = [f"--config={each}" for each in config]
        asked = ruff("format", "--check", "--isolated", *options, text=template(style=style))
        assert asked.returncode == 0, asked.stdout

    @pytest.mark.parametrize("oldest", [8, 10, 11, 12, 13, 14])
    def test_ruff_accepts_it(self, oldest: int) -> None:
        style = Style(oldest=(3, oldest))
        # It has no copyright notice, stands in no package here and passes options on; two rules
        # contradict others.
        rules = [
            "--select=ALL",
            "--ignore=CPY,INP,ANN401,D203,D213",
            f"--target-version=py3{oldest}",
        ]
        asked = ruff("check", "--isolated", *rules, text=template(style=style))
        assert asked.returncode == 0, asked.stdout

    @pytest.mark.parametrize("command", LINTERS, ids=" ".join)
    def test_others_accept_it(self, command: tuple[str, ...], tmp_path: Path) -> None:
        if importlib.util.find_spec(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        (tmp_path / "_wait_any.py").write_text(template())
        arguments = [sys.executable, "-m", *command, "_wait_any.py"]
        asked = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert asked.returncode == 0, asked.stdout + asked.stderr

    def test_the_oldest_python_runs_it(self, tmp_path: Path) -> None:
        old, environment = shutil.which("python3.8"), {**os.environ, "PYENV_VERSION": "3.8"}
        if old is None or subprocess.run([old, "-V"], env=environment, check=False).returncode:
            pytest.skip("there is no Python 3.8")
        path = tmp_path / "_wait_any.py"
        path.write_text(template())
        program = (
            "import asyncio, _wait_any\n"
            "async def main():\n"
            "    a = asyncio.ensure_future(asyncio.sleep(0))\n"
            "    b = asyncio.ensure_future(asyncio.sleep(9))\n"
            "    print(await _wait_any.wait_any(t for t in [a, b]) == ({a}, {b}))\n"
            "    await asyncio.sleep(0)\n"
            "    print(b.cancelled())\n"
            "asyncio.run(main())\n"
        )
        ran = subprocess.run(
            [old, "-W", "error", "-c", program],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout == "True\nTrue\n", ran.stderr


def ruff(*arguments: str, text: str) -> subprocess.CompletedProcess[str]:
    found = tool("ruff")
    if found is None:
        pytest.skip("ruff is not installed")
    command = [found, *arguments, "--stdin-filename=_wait_any.py", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


class TestStyle:
    """What is known of a project's style, by its configuration."""

    @pytest.mark.parametrize(
        ("files", "style"),
        [
            ({}, Style()),
            ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, Style(100)),
            ({"pyproject.toml": "[tool.ruff]\nfix = true\n"}, Style(88)),
            ({"pyproject.toml": "[tool.black]\n"}, Style(88)),
            ({"pyproject.toml": "[tool.black]\nline_length = 79\n"}, Style(79)),
            ({"pyproject.toml": "[tool.black]\ntarget-version = ['py39', 'py312']\n"},
             Style(88, (3, 9))),
            ({"pyproject.toml": "[project]\nrequires-python = '>=3.8,<4'\n"}, Style(None, (3, 8))),
            ({"pyproject.toml": "[project]\nrequires-python = '<3.15, >= 3.12'\n"},
             Style(None, (3, 12))),
            ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.9'\n"},
             Style(None, (3, 9))),
            ({"ruff.toml": "line-length = 120\ntarget-version = 'py313'\n"}, Style(120, (3, 13))),
            ({"ruff.toml": "[format]\nquote-style = 'single'\nindent-style = 'tab'\n"},
             Style(88, None, "'", "\t")),
            ({"ruff.toml": "indent-width = 2\n"}, Style(88, None, '"', "  ")),
            ({"setup.cfg": "[flake8]\nmax-line-length = 99\n"}, Style(99)),
            ({"tox.ini": "[pycodestyle]\nmax_line_length = 90\n"}, Style(90)),
            ({".flake8": "[flake8]\nmax-line-length = 120\n", "pyproject.toml": "[tool.black]\n"},
             Style(88)),
            ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n",
              "pkg/ruff.toml": "line-length = 110\n"}, Style(110)),
            ({"pyproject.toml": "no toml"}, Style()),
            ({"pyproject.toml": "tool = 1\n", "setup.cfg": "\xff"}, Style()),
        ],
        ids=lambda value: str(value)[:60],
    )  # fmt: skip
    def test_is(self, tmp_path: Path, files: dict[str, str], style: Style) -> None:
        (tmp_path / "pkg").mkdir()
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="latin-1")
        assert style_of(str(tmp_path / "pkg"), str(tmp_path)) == style

    @pytest.mark.parametrize(
        ("name", "text", "style"),
        [
            ("ruff.toml", "indent-width = 100000000", Style(88)),
            ("ruff.toml", "indent-width = 99999999999999999999", Style(88)),
            ("ruff.toml", "indent-width = -1", Style(88)),
            ("ruff.toml", "indent-width = true", Style(88)),
            ("ruff.toml", "line-length = 99999999999999999999", Style(88)),
            ("ruff.toml", "line-length = true", Style(88)),
            ("ruff.toml", f"line-length = 0x{'f' * 5000}", Style(88)),
            ("ruff.toml", f"x = {'9' * 5000}", Style()),
            ("ruff.toml", f"target-version = 0x{'f' * 5000}", Style(88)),
            ("ruff.toml", f"{'a.' * 40_000}b = 1", Style()),
            ("ruff.toml", f"a = {'[' * 100_000}", Style()),
            ("pyproject.toml", f"[tool.black]\ntarget-version=['py3{'9' * 5000}']", Style(88)),
            ("pyproject.toml", f"[project]\nrequires-python = '>=3.{'9' * 5000}'", Style()),
            ("pyproject.toml", f"[project]\nrequires-python = [0x{'f' * 5000}]", Style()),
            ("pyproject.toml", "[project]\nrequires-python = '>=3.\u00b2'", Style()),
            ("setup.cfg", "[flake8]\nmax-line-length = \u00b2", Style()),
            ("setup.cfg", f"[flake8]\nmax-line-length = {'9' * 5000}", Style()),
            ("setup.cfg", "[flake8]\nmax-line-length = 0", Style()),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_no_setting_of_another_tool_costs_more_than_its_file(
        self, tmp_path: Path, name: str, text: str, style: Style
    ) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        began = time.process_time()
        assert style_of(str(tmp_path), str(tmp_path)) == style
        assert time.process_time() - began < 2

    def test_nor_does_what_is_made_for_it(self, tmp_path: Path) -> None:
        put(tmp_path / "ruff.toml", "indent-width = 1000000\n")
        made = template(style=style_of(str(tmp_path), str(tmp_path)))
        assert made == template(style=Style(88))


class TestWriting:
    """Two runs on one project: the module is there for every file that uses it."""

    @pytest.fixture
    def file(self, root: Path) -> Path:
        put(root / "pkg" / "__init__.py", "")
        return put(root / "pkg" / "a.py", samples.FORGOTTEN)

    @pytest.fixture
    def planned(self, file: Path) -> FileFix:
        data = file.read_bytes()
        return fix_file(str(file), decode(str(file), data), data, Options())

    def test_the_first_has_made_the_module(self, file: Path, planned: FileFix) -> None:
        assert planned.write(str(file)) == str(file.with_name("_wait_any.py"))
        assert file.read_bytes() == planned.after

    def test_who_finds_the_module_has_not_made_it(self, file: Path, planned: FileFix) -> None:
        assert planned.create is not None
        put(Path(planned.create.path), planned.create.text)
        assert planned.write(str(file)) is None

    def test_none_is_made_for_a_file_that_has_changed(self, file: Path, planned: FileFix) -> None:
        file.write_text(PLAIN)
        with pytest.raises(SourceError, match="it was changed meanwhile"):
            planned.write(str(file))
        assert sorted(os.listdir(file.parent)) == ["__init__.py", "a.py"]

    def test_what_another_run_may_use_stays(
        self, file: Path, planned: FileFix, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file is changed between the last look at it and its replacement."""

        def link(temporary: str, path: str) -> None:
            os.rename(temporary, path)
            file.write_text(PLAIN)

        monkeypatch.setattr(os, "link", link)
        with pytest.raises(SourceError, match="it was changed meanwhile"):
            planned.write(str(file))
        assert file.read_text() == PLAIN
        assert (file.parent / "_wait_any.py").exists()

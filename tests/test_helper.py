"""Where fixed code gets `wait_any` from: real projects on the disk, which Python then imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_asyncwait import __version__
from flake8_asyncwait.check import check
from flake8_asyncwait.fix.helper import (
    Helper,
    HelperError,
    HelperPlan,
    apply_helper,
    parse_helper,
    plan_helper,
    template,
)
from flake8_asyncwait.options import ALL_CODES, Options
from flake8_asyncwait.source.write import create

SOURCE = Path(__file__).parent.parent / "flake8_asyncwait" / "wait_any.py"
PLAIN = "import asyncio\n\n\nasync def f(): ...\n"
HAND_WRITTEN = "async def wait_any(tasks, *, timeout=None, return_when='FIRST_COMPLETED'): ...\n"


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

    def test_a_directory_with_a_name_that_is_none_in_python(self, root: Path) -> None:
        package(root / "my-app", root / "my-app" / "pkg")
        follow(put(root / "my-app" / "pkg" / "a.py", "from . import a\n" + PLAIN))
        assert (root / "my-app" / "pkg" / "_wait_any.py").exists()

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


class TestInTheFile:
    @pytest.mark.parametrize("file", ["a.py", "tests/test_a.py", "scripts/a.py"])
    def test_a_script_gets_the_function_itself(self, root: Path, file: str) -> None:
        path = put(root / file)
        plan = follow(path)
        assert plan.create is None
        assert result_of("", as_script=path) == "wait_any"
        assert not (path.parent / "_wait_any.py").exists()

    def test_it_says_where_it_comes_from(self, root: Path) -> None:
        path = put(root / "a.py")
        follow(path)
        assert f"\n\n# From flake8-asyncwait {__version__}" in path.read_text()

    def test_the_file_stays_without_findings(self, root: Path) -> None:
        path = put(root / "a.py")
        follow(path)
        assert check(path.read_text(), Options(codes=ALL_CODES)).findings == ()

    def test_it_needs_no_import_twice(self, root: Path) -> None:
        path = put(root / "a.py", "import asyncio\nimport typing\n")
        follow(path)
        assert path.read_text().startswith(
            "import asyncio\nimport collections.abc\nimport contextlib\nimport typing\n\n# From"
        )

    def test_the_one_that_an_earlier_fix_has_put_there_is_used_again(self, root: Path) -> None:
        path = put(root / "a.py", "wait_any = _FutureT = 1\n" + PLAIN)
        first = follow(path)
        assert first.name == "_wait_any"
        assert "_FutureT = 1" in path.read_text()
        second = plan_helper(str(path), path.read_text())
        assert second == HelperPlan("_wait_any")
        assert result_of("", as_script=path) == "_wait_any"

    @pytest.mark.parametrize(
        "taken",
        [
            "asyncio = None",
            "from trio import asyncio",
            "import trio as asyncio",
            "def typing(): ...",
            "def f(contextlib): ...",
            "collections = []",
        ],
    )
    def test_not_where_its_imports_would_mean_something_else(self, root: Path, taken: str) -> None:
        with pytest.raises(HelperError, match="stands for something else in this file"):
            plan_helper(str(root / "a.py"), f"{taken}\n")

    @pytest.mark.parametrize(
        "harmless", ["import asyncio.tasks", "import collections", "from typing import Any"]
    )
    def test_where_they_mean_the_same(self, root: Path, harmless: str) -> None:
        path = put(root / "a.py", f"{harmless}\n{PLAIN}")
        follow(path)
        assert result_of("", as_script=path) == "wait_any"


class TestNames:
    """What the function is called is the name of nothing else in the file, in any scope."""

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
            "from elsewhere import *",
            "try:\n    x\nexcept E as wait_any:\n    pass",
            "match x:\n    case {**wait_any}: ...",
            "match x:\n    case [*wait_any]: ...",
            "def f():\n    global wait_any",
            "def f():\n    return wait_any",
            "(wait_any := 1)",
        ],
    )
    def test_another_name_where_it_is_taken(self, root: Path, taken: str) -> None:
        package(root / "pkg")
        plan = plan_helper(str(root / "pkg" / "a.py"), f"{taken}\n")
        assert plan.name == "_wait_any"
        assert imports(plan) == ["from pkg._wait_any import wait_any as _wait_any"]

    def test_yet_another_name(self, root: Path) -> None:
        package(root / "pkg")
        path = put(root / "pkg" / "a.py", "wait_any = _wait_any = 1\n" + PLAIN)
        plan = follow(path)
        assert plan.name not in ("wait_any", "_wait_any")
        assert result_of("pkg.a", root) == "wait_any"

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
        assert plan_helper(str(root / "pkg" / "a.py"), text).name == "_wait_any"


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
            with pytest.raises(HelperError, match="the imports would go in a circle"):
                plan_helper(str(path), PLAIN, Helper("pkg.aio", "wait_any"))
        else:
            follow(path, Helper("pkg.aio", "wait_any"))
            assert result_of("pkg.a", root) == "wait_any"


class TestTemplate:
    def test_it_is_our_module_with_its_origin(self) -> None:
        assert template().endswith(SOURCE.read_text(encoding="utf-8"))
        assert template().startswith(f"# From flake8-asyncwait {__version__}, ")

    def test_it_may_have_another_name(self) -> None:
        assert template("first") == template().replace("wait_any", "first")

    def test_we_have_nothing_to_say_of_it(self) -> None:
        assert check(template(), Options(codes=ALL_CODES)).findings == ()

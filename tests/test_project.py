"""Functions and classes of other modules of the project are looked up as those of the file are."""

from __future__ import annotations

import ast
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import libcst as cst
import pytest
from command import Asyncwait
from flake8.main.options import register_default_options
from flake8.options.manager import OptionManager
from libcst.codemod import CodemodContext
from samples import tree

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.load import Slices
from flake8_asyncwait.check import check
from flake8_asyncwait.codemod import FixAsyncioWait
from flake8_asyncwait.options import Options
from flake8_asyncwait.plugin import Plugin
from flake8_asyncwait.sites import modules
from flake8_asyncwait.sites.outline import Entry
from flake8_asyncwait.source.project import Imports
from flake8_asyncwait.source.text import read as read_file

TASKS = """\
import asyncio


def spawn(work):
    return asyncio.create_task(work)


async def stop(tasks):
    for task in tasks:
        task.cancel()


class Base:
    def make(self, work):
        return asyncio.create_task(work)

    @staticmethod
    def start(work):
        return asyncio.create_task(work)
"""
MAIN = """\
import asyncio
{imports}


async def main(work):
    task = {call}
    await asyncio.wait([task], timeout=1)
"""
METHOD = """\
import asyncio
from app.tasks import Base


class Worker(Base):
    async def main(self, work):
        task = {call}
        await asyncio.wait([task], timeout=1)
"""
FIRST = "from app.tasks import spawn"


def codes(path: Path, options: Options = Options()) -> list[str]:
    """The codes of what is found in a file."""
    found = check(path.read_text(), options, path=str(path))
    return [finding.code for finding in found.findings]


def main(imports: str = FIRST, call: str = "spawn(work())") -> str:
    return MAIN.format(imports=imports, call=call)


PACKAGE = {"pyproject.toml": "", "app/__init__.py": "", "app/tasks.py": TASKS}


def src(files: dict[str, str]) -> dict[str, str]:
    return {name if name.endswith(".toml") else f"src/{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        (FIRST, "spawn(work())"),
        ("from app.tasks import spawn as begin", "begin(work())"),
        ("from .tasks import spawn", "spawn(work())"),
        ("from . import tasks", "tasks.spawn(work())"),
        ("from app import tasks as t", "t.spawn(work())"),
        ("import app.tasks", "app.tasks.spawn(work())"),
        ("import app.tasks as t", "t.spawn(work())"),
        ("if True:\n    from app.tasks import spawn", "spawn(work())"),
        (f"TYPE_CHECKING = False\nif TYPE_CHECKING:\n    {FIRST}", "spawn(work())"),
        (f"try:\n    {FIRST}\nexcept ImportError:\n    pass", "spawn(work())"),
        ("from app.tasks import Base", "Base.start(work())"),
        ("from app import tasks", "tasks.Base.start(work())"),
        ("from app.exports import spawn", "spawn(work())"),
        ("from app.exports import begin", "begin(work())"),
    ],
)
def test_an_import_leads_to_a_file(tmp_path: Path, imports: str, call: str) -> None:
    exports = "from .tasks import spawn\nfrom app.tasks import spawn as begin\n"
    tree(tmp_path, PACKAGE | {"app/main.py": main(imports, call), "app/exports.py": exports})
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]
    assert codes(tmp_path / "app" / "main.py", Options(project=False)) == []


def test_overloads_are_one_function(tmp_path: Path) -> None:
    overload = "from typing import overload\n\n\n@overload\ndef spawn(work: int): ...\n"
    tree(tmp_path, PACKAGE | {"app/tasks.py": overload + TASKS, "app/main.py": main()})
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]


def test_an_import_inside_the_function(tmp_path: Path) -> None:
    text = main("").replace("    task", f"    {FIRST}\n\n    task")
    tree(tmp_path, PACKAGE | {"app/main.py": text})
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]


@pytest.mark.parametrize(
    "call", ["self.make(work())", "super().make(work())", "self.start(work())"]
)
def test_a_method_of_a_base_class(tmp_path: Path, call: str) -> None:
    tree(tmp_path, PACKAGE | {"app/main.py": METHOD.format(call=call)})
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]


def test_a_base_class_of_a_base_class(tmp_path: Path) -> None:
    middle = "from app import tasks\n\n\nclass Middle(tasks.Base):\n    pass\n"
    text = METHOD.format(call="self.make(work())").replace(
        "app.tasks import Base", "app.middle import Middle as Base"
    )
    tree(tmp_path, PACKAGE | {"app/middle.py": middle, "app/main.py": text})
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]


def test_a_class_that_nobody_knows_comes_first(tmp_path: Path) -> None:
    text = METHOD.format(call="self.make(work())")
    text = text.replace("(Base)", "(Other, Base)").replace(
        "import Base", "import Base\nfrom other import Other"
    )
    tree(tmp_path, PACKAGE | {"app/main.py": text})
    assert codes(tmp_path / "app" / "main.py") == []


MANAGER = """\
import asyncio


class Manager:
    def create_task(self, work):
        return asyncio.create_task(work)


manager = Manager()
"""


@pytest.mark.parametrize(
    ("imports", "call", "found"),
    [
        ("from app.manager import manager", "manager.create_task(work())", []),
        ("from app import manager", "manager.manager.create_task(work())", []),
        ("from app.exports import manager", "manager.create_task(work())", []),
        ("from app import manager", "manager.create_task(work())", ["AWT101"]),
        ("from elsewhere import manager", "manager.create_task(work())", ["AWT101"]),
    ],
)
def test_a_method_of_an_object_elsewhere_is_no_plain_function(
    tmp_path: Path, imports: str, call: str, found: list[str]
) -> None:
    exports = "from app.manager import manager\n"
    files = {"app/manager.py": MANAGER, "app/exports.py": exports}
    tree(tmp_path, PACKAGE | files | {"app/main.py": main(imports, call)})
    assert codes(tmp_path / "app" / "main.py") == found


def test_a_helper_elsewhere_settles(tmp_path: Path) -> None:
    text = main("from app.tasks import spawn, stop").replace("    await", "    try:\n        await")
    tree(tmp_path, PACKAGE | {"app/main.py": f"{text}    finally:\n        await stop([task])\n"})
    assert codes(tmp_path / "app" / "main.py") == []


def test_a_coroutine_function_elsewhere(tmp_path: Path) -> None:
    tree(tmp_path, PACKAGE | {"app/main.py": main("from app.tasks import stop", "stop([])")})
    assert codes(tmp_path / "app" / "main.py") == ["AWT203"]


REMOTE = """\
import asyncio


class Remote:
    def __init__(self, other):
        self.closed = asyncio.Event()
        self.other = other

    async def wait_closed(self):
        await self.closed.wait()


class Near(Remote):
    pass
"""
HUB = """\
import asyncio
from app import remotes
from app.remotes import Near, Remote

shared = remotes.Remote(None)
first = [shared]
for each_of_module in first:
    shared_or_not = Remote(each_of_module)
for shared_or_not in first:
    pass
replaced = Remote(None)
(one_of_two, _) = Remote(None), None
try:
    from elsewhere import imported
except ImportError:
    imported = Remote(None)


def replace(other):
    global replaced
    replaced = other


class Hub:
    def __init__(self, other):
        self.remote = Remote(self)
        self.other = other

    async def main(self, near: Near, names):
        mine = Near(self)
        all_of_them = [remotes.Remote(name) for name in names]
        {code}
"""


@pytest.mark.parametrize(
    ("waited", "found"),
    [
        ("[mine.wait_closed()]", ["AWT203"]),
        ("[mine.closed.wait()]", ["AWT203"]),
        ("[each.closed.wait() for each in all_of_them]", ["AWT203"]),
        ("{self.remote.wait_closed()}", ["AWT203"]),
        ("[shared.wait_closed()]", ["AWT203"]),
        ("[shared_or_not.wait_closed()]", []),
        ("[replaced.wait_closed()]", []),
        ("[one_of_two.wait_closed()]", []),
        ("[imported.wait_closed()]", []),
        ("[mine.other.wait_closed()]", []),
        ("[mine.nothing()]", []),
        ("[self.other.wait_closed()]", []),
    ],
)
def test_instances_of_classes_elsewhere(tmp_path: Path, waited: str, found: list[str]) -> None:
    code = f"await asyncio.wait({waited})"
    tree(tmp_path, PACKAGE | {"app/remotes.py": REMOTE, "app/main.py": HUB.format(code=code)})
    assert codes(tmp_path / "app" / "main.py") == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class Remote:", "class Remote(metaclass=Made):"),
        ("class Remote:", "@registered\nclass Remote:"),
        ("class Remote:", "class Remote:\n    def __new__(cls):\n        return other()\n"),
        ("    async def wait", "    @cached\n    async def wait"),
        ("await self.closed.wait()", "yield self"),
        ("self.other = other", "self.wait_closed = other"),
        ("class Near(Remote):", "class Near(Unknown, Remote):"),
    ],
)
def test_what_may_be_no_such_instance(tmp_path: Path, before: str, after: str) -> None:
    code = "await asyncio.wait([mine.wait_closed()])"
    remote = REMOTE.replace(before, after)
    assert remote != REMOTE
    tree(tmp_path, PACKAGE | {"app/remotes.py": remote, "app/main.py": HUB.format(code=code)})
    assert codes(tmp_path / "app" / "main.py") == []


LAYOUTS = {
    "src": (src(PACKAGE), "src/app/main.py"),
    "unmarked": ({"app/__init__.py": "", "app/tasks.py": TASKS}, "app/main.py"),
    "deep": (PACKAGE | {"app/a/__init__.py": "", "app/a/b/__init__.py": ""}, "app/a/b/main.py"),
    "namespace": ({"pyproject.toml": "", "app/tasks.py": TASKS}, "app/main.py"),
    "namespace in src": ({"pyproject.toml": "", "src/app/tasks.py": TASKS}, "src/app/main.py"),
    "tests": (PACKAGE | {"tests/__init__.py": ""}, "tests/main.py"),
    "tests beside src": (src(PACKAGE) | {"tests/__init__.py": ""}, "tests/main.py"),
    "a package with the marks of a project": (
        {"app/pyproject.toml": "", "app/__init__.py": "", "app/tasks.py": TASKS},
        "app/main.py",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    files, place = LAYOUTS[layout]
    tree(tmp_path, files | {place: main()})
    assert codes(tmp_path / place) == ["AWT101"]


UNKNOWN = {
    "a script": (PACKAGE, "main.py", main()),
    "scripts in no package": (PACKAGE, "scripts/main.py", main()),
    "beside a script": ({"tasks.py": TASKS}, "main.py", main("from tasks import spawn")),
    "relative, in no package": ({"tasks.py": TASKS}, "main.py", main("from .tasks import spawn")),
    "no such module": (PACKAGE, "app/main.py", main("from app.nothing import spawn")),
    "no such name": (PACKAGE, "app/main.py", main("from app.tasks import begin", "begin(work())")),
    "a name that is bound again": (
        PACKAGE | {"app/tasks.py": f"{TASKS}\n\nspawn = wrapped(spawn)\n"},
        "app/main.py",
        main(),
    ),
    "an import or else a function": (
        PACKAGE | {"app/tasks.py": f"{TASKS}\n\nif FAST:\n    from fast import spawn\n"},
        "app/main.py",
        main(),
    ),
    "one import or another": (
        PACKAGE,
        "app/main.py",
        main(f"try:\n    from fast import spawn\nexcept ImportError:\n    {FIRST}"),
    ),
    "one function or another": (
        PACKAGE | {"app/tasks.py": f"if FAST:\n    def spawn(work): pass\n\n{TASKS}"},
        "app/main.py",
        main(),
    ),
    "two places": (
        {
            "pyproject.toml": "",
            "lib/__init__.py": "",
            "lib/tasks.py": TASKS,
            "src/lib/__init__.py": "",
            "src/lib/tasks.py": TASKS,
            "app/__init__.py": "",
        },
        "app/main.py",
        main("from lib.tasks import spawn"),
    ),
    "two hops": (
        PACKAGE | {"app/one.py": FIRST, "app/two.py": "from .one import spawn"},
        "app/main.py",
        main("from app.two import spawn"),
    ),
    "a cycle": (
        PACKAGE | {"app/tasks.py": "from app.two import spawn", "app/two.py": FIRST},
        "app/main.py",
        main(),
    ),
    "itself": (PACKAGE, "app/main.py", main("from app.main import spawn")),
    "a syntax error": (PACKAGE | {"app/tasks.py": TASKS + "def ("}, "app/main.py", main()),
    "binary": (PACKAGE | {"app/tasks.py": f"{TASKS}\0"}, "app/main.py", main()),
    "another encoding": (
        PACKAGE | {"app/tasks.py": f"# coding: klingon\n{TASKS}"},
        "app/main.py",
        main(),
    ),
    "huge": (PACKAGE | {"app/tasks.py": TASKS + "#" * modules.MAX_MODULE}, "app/main.py", main()),
    "nested too deeply": (
        PACKAGE | {"app/tasks.py": f"{TASKS}x = {'(' * 300}"},
        "app/main.py",
        main(),
    ),
    "the standard library": (
        PACKAGE | {"queue.py": TASKS},
        "app/main.py",
        main("from queue import spawn"),
    ),
    "an argument of that name": (
        PACKAGE,
        "app/main.py",
        main().replace("main(work)", "main(work, spawn)"),
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_found_is_unknown(tmp_path: Path, case: str) -> None:
    files, place, text = UNKNOWN[case]
    tree(tmp_path, files | {place: text})
    checked = check(text, path=str(tmp_path / place))
    assert (checked.findings, checked.undetermined, checked.internal) == ((), (), ())


@pytest.mark.parametrize(
    "case", ["pipe", "directory", "unreadable", "dangling", "out", "out by a directory"]
)
def test_what_is_no_file_of_the_project_is_not_read(tmp_path: Path, case: str) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    tree(root, {"pyproject.toml": "", "app/__init__.py": "", "app/main.py": main()})
    tree(outside, {"tasks.py": TASKS})
    module = root / "app" / "tasks.py"
    if case == "pipe":
        os.mkfifo(module)
    elif case == "directory":
        module.mkdir()
    elif case == "unreadable":
        module.write_text(TASKS)
        module.chmod(0)
        if os.access(module, os.R_OK):
            pytest.skip("nothing is unreadable to this user")
    elif case == "out by a directory":
        (root / "app" / "more").symlink_to(outside)
        (root / "app" / "main.py").write_text(main("from app.more.tasks import spawn"))
    else:
        module.symlink_to(outside / ("tasks.py" if case == "out" else "nothing.py"))
    assert codes(root / "app" / "main.py") == []


def test_a_link_inside_the_project_is_followed(tmp_path: Path) -> None:
    tree(tmp_path, PACKAGE | {"app/main.py": main("from app.more import spawn")})
    (tmp_path / "app" / "more.py").symlink_to("tasks.py")
    assert codes(tmp_path / "app" / "main.py") == ["AWT101"]


def test_a_module_is_read_once_and_only_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = read_file

    def counting(path: str) -> bytes:
        read.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(modules, "read", counting)
    both = main(f"{FIRST}\nfrom app.other import other")
    tree(tmp_path, PACKAGE | {"app/other.py": "", "app/main.py": both, "app/more.py": both})
    assert codes(tmp_path / "app" / "main.py") == codes(tmp_path / "app" / "more.py") == ["AWT101"]
    assert read == ["tasks.py"]


def test_where_a_name_leads(tmp_path: Path) -> None:
    tree(tmp_path, PACKAGE | {"app/main.py": ""})
    imports = Imports(str(tmp_path / "app" / "main.py"))
    found = imports.find(imports.path, ".tasks.Base.make")
    assert found is not None
    assert (Path(found.path), found.names) == (tmp_path / "app" / "tasks.py", ("Base", "make"))
    assert imports.find(imports.path, "...tasks.Base") is None


# Doors

LATER = """\
import asyncio
from app.tasks import spawn, stop


async def later(work):
    task = spawn(work())
    try:
        await asyncio.wait([task], timeout=1)
    finally:
        await stop([task])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    slow = TASKS.replace("async def stop(tasks):\n", "async def stop(tasks):\n    await flush()\n")
    method = METHOD.format(call="self.make(work())")
    files = {"app/main.py": main(), "app/method.py": method, "app/later.py": LATER}
    tree(tmp_path, PACKAGE | files | {"app/tasks.py": slow})
    return tmp_path


FOUND = ["app/later.py:8:15: AWT102 ", "app/main.py:7:11: AWT101 ", "app/method.py:8:15: AWT101 "]


def test_every_file_sees_the_same_project(asyncwait: Asyncwait) -> None:
    assert asyncwait("check", "app").places == FOUND
    assert asyncwait("check", "--no-project", "app").is_clean
    for _ in range(5):
        some = random.sample(["later", "main", "method", "tasks"], 2)
        found = asyncwait("check", *(f"app/{name}.py" for name in some)).places
        assert sorted(found) == [place for place in FOUND if place.split(".")[0][4:] in some]


def test_processes_of_their_own_see_the_same(asyncwait: Asyncwait) -> None:
    assert asyncwait("check", "app", "-j", "2").places == FOUND


def test_the_configuration_turns_it_off(project: Path, asyncwait: Asyncwait) -> None:
    (project / "pyproject.toml").write_text("[tool.asyncwait]\nproject = false\n")
    assert asyncwait("check", "app").is_clean
    assert asyncwait("check", "app", "--project").places == FOUND


def test_flake8_says_the_same(project: Path) -> None:
    command = [sys.executable, "-m", "flake8", "--isolated", "--select", "AWT", "app"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=project, check=False).stdout
    assert [line[: line.index("AWT") + 7] for line in told.splitlines()] == FOUND


@pytest.mark.parametrize("arguments", [[], ["--asyncwait-no-project"], ["-"]])
def test_flake8_can_be_told_not_to(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(Plugin, "options", Plugin.options)
    monkeypatch.setattr(Plugin, "stdin_name", Plugin.stdin_name)
    manager = OptionManager(version="", plugin_versions="", parents=[], formatter_names=[])
    register_default_options(manager)
    Plugin.add_options(manager)
    name = ["--stdin-display-name", "app/main.py"]
    Plugin.parse_options(manager.parse_args([*arguments, *name]))
    text = main()
    plugin = Plugin(ast.parse(text), text.splitlines(keepends=True), "app/main.py")
    assert bool(list(plugin.run())) is not bool(arguments)


@pytest.mark.parametrize("looks", [True, False])
def test_the_codemod_says_the_same(project: Path, looks: bool) -> None:
    path = project / "app" / "main.py"
    context = CodemodContext(filename=str(path))
    tree = cst.parse_module(path.read_bytes())
    changed = FixAsyncioWait(context, project=looks).transform_module(tree)
    assert ("finally" in changed.code) is looks


def test_standard_input_looks_into_itself(
    asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(main().encode())))
    assert asyncwait("check", "-", "--stdin-filename", "app/main.py").is_clean


def test_a_full_report_names_the_other_file(asyncwait: Asyncwait) -> None:
    told = "\n".join(asyncwait("check", "app/later.py", "--output-format", "full").out)
    assert "line 9 of tasks.py in stop()" in told
    assert "in stop(), app/tasks.py, line 9" in told
    out = asyncwait("check", "app/later.py", "--output-format", "json").out
    (finding,) = json.loads("\n".join(out))["findings"]
    assert [step["path"] for step in finding["witness"] if "path" in step] == ["app/tasks.py"]


def test_a_fix_is_proved_with_the_same_project(project: Path, asyncwait: Asyncwait) -> None:
    run = asyncwait("fix", "app/main.py", "app/method.py")
    assert run.status == 0
    assert asyncwait("check", "app").places == FOUND[:1]
    before = (project / "app" / "main.py").read_text()
    asyncwait("fix", "app/main.py")
    assert (project / "app" / "main.py").read_text() == before


def test_what_stands_elsewhere_is_not_lifted(asyncwait: Asyncwait) -> None:
    told = asyncwait("prove", "app/main.py:7", "--project").out[-2]
    assert told == "not proved: it rests on app/tasks.py, and only its own file is lifted"


def test_an_error_of_our_own_elsewhere_stays_that_of_the_function(
    asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slices: Slices, entry: Entry, body: str) -> ir.Func | str:
        if entry.name == "stop":
            raise KeyError(entry.name)
        return lowered(slices, entry, body)

    lowered = Slices._function
    monkeypatch.setattr(Slices, "_function", broken)
    monkeypatch.setenv("ASYNCWAIT_RAISE", "0")
    run = asyncwait("check", "app")
    assert (run.status, run.places) == (2, FOUND[1:])
    assert run.err[0].startswith("app/later.py:5: internal error in later() (KeyError: 'stop')")


KEPT = """\
import asyncio

_running = set()


def create_task(work):
    task = asyncio.create_task(work)
    _running.add(task)
    return task
"""


@pytest.mark.parametrize(
    ("helpers", "expected"), [(KEPT, []), ("from elsewhere import create_task\n", ["AWT101"])]
)
def test_what_a_function_does_says_more_than_its_name(
    tmp_path: Path, helpers: str, expected: list[str]
) -> None:
    imports, call = "from app.keep import create_task", "create_task(work())"
    tree(tmp_path, PACKAGE | {"app/keep.py": helpers, "app/main.py": main(imports, call)})
    assert codes(tmp_path / "app" / "main.py") == expected

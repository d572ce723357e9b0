"""Imports come where a reader looks for them, go when nothing needs them, and all else stays."""

from __future__ import annotations

import ast
import difflib
import sysconfig
from pathlib import Path

import pytest

from flake8_asyncwait.fix.project.imports import Import, add_import, remove_unused

pytestmark = pytest.mark.lowest

HELPER = Import("_wait_any", "wait_any", level=1)
ABSOLUTE = Import("pkg._wait_any", "wait_any")

FILE = '''\
"""A file with imports of all kinds."""

from __future__ import annotations

import asyncio
import os
from collections import deque

import attr

from pkg import other

from . import sibling
from .zoo import animal

logger = None

if TYPE_CHECKING:
    import typing_only


async def f():
    import inside
'''


def added(before: str, after: str) -> dict[int, list[str]]:
    """The lines that `after` has more, by the number of the line before them; nothing else."""
    changes = {}
    matcher = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    for tag, first, _, new_first, new_last in matcher.get_opcodes():
        if tag != "equal":
            assert tag == "insert"
            changes[first] = after.split("\n")[new_first:new_last]
    return changes


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Import("os"), "import os"),
        (Import("os.path"), "import os.path"),
        (Import("os", asname="o"), "import os as o"),
        (Import("os", "sep"), "from os import sep"),
        (Import("os", "sep", "s"), "from os import sep as s"),
        (Import("", "sibling", level=2), "from .. import sibling"),
        (Import("a.b", "c", "d", 1), "from .a.b import c as d"),
    ],
)
def test_an_import_is_written_as_python_reads_it(wanted: Import, text: str) -> None:
    assert str(wanted) == text
    assert add_import(f"{text}\n", wanted) == f"{text}\n"


class TestPlace:
    @pytest.mark.parametrize(
        ("wanted", "line_before"),
        [
            (Import("asyncio", asname="aio"), "import asyncio"),
            (Import("contextlib"), "import asyncio"),
            (Import("typing"), "import os"),
            (Import("abc"), ""),
            (Import("heapq", "heappop"), "from collections import deque"),
            (Import("flake8_asyncwait", "wait_any"), "import attr"),
            (ABSOLUTE, "from pkg import other"),
            (HELPER, "from . import sibling"),
            (Import("", "wait_any", level=2), ""),
        ],
        ids=str,
    )
    def test_it_stands_with_its_like_and_in_order(self, wanted: Import, line_before: str) -> None:
        after = add_import(FILE, wanted, own={"pkg"})
        ((position, new),) = added(FILE, after).items()
        assert new == [str(wanted)]
        assert FILE.split("\n")[position - 1] == line_before

    @pytest.mark.parametrize("module", ["asyncio", "distutils", "tomllib", "annotationlib"])
    def test_the_library_is_that_of_all_pythons(self, module: str) -> None:
        """Also of those that have the module no more, or not yet."""
        ours = Import("a_package", "wait_any")
        assert add_import(f"import {module}\n", ours) == f"import {module}\n\n{ours}\n"

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("import os\n\nx = 1\n", "import os\n\nfrom ._wait_any import wait_any\n\nx = 1\n"),
            ("from . import a\n", "from . import a\nfrom ._wait_any import wait_any\n"),
            (
                "import os\nfrom .a import b\n",
                "import os\nfrom ._wait_any import wait_any\nfrom .a import b\n",
            ),
            ("from ._wait_any import zoo\n", "from ._wait_any import wait_any, zoo\n"),
            ("from ._wait_any import all_of\n", "from ._wait_any import all_of, wait_any\n"),
            (
                "from ._wait_any import zoo  # why\n",
                "from ._wait_any import zoo  # why\nfrom ._wait_any import wait_any\n",
            ),
            (
                "from ._wait_any import *\n",
                "from ._wait_any import *\nfrom ._wait_any import wait_any\n",
            ),
            ("import os; import re\n", "import os; import re\n\nfrom ._wait_any import wait_any\n"),
        ],
        ids=[
            "a section of its own",
            "at the end of the file",
            "no sections",
            "one more name, in order",
            "one more name, the last",
            "not into a line with a comment",
            "not to a star",
            "several on a line",
        ],
    )
    def test_small_files(self, before: str, after: str) -> None:
        assert add_import(before, HELPER) == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", "IMPORT\n"),
            ("x = 1\n", "IMPORT\n\nx = 1\n"),
            ("def f(): ...\n", "IMPORT\n\n\ndef f(): ...\n"),
            ('"""Doc."""\nx = 1\n', '"""Doc."""\n\nIMPORT\n\nx = 1\n'),
            ('"""Doc."""\n\n\ndef f(): ...', '"""Doc."""\n\nIMPORT\n\n\ndef f(): ...'),
            (
                "#!/bin/sh\n# coding: utf-8\nx = 1\n",
                "#!/bin/sh\n# coding: utf-8\n\nIMPORT\n\nx = 1\n",
            ),
            ("# Licence.\n\nx = 1\n", "# Licence.\n\nIMPORT\n\nx = 1\n"),
            ("# About x.\nx = 1\n", "IMPORT\n\n# About x.\nx = 1\n"),
            (
                "from __future__ import annotations\n\nx = 1\n",
                "from __future__ import annotations\n\nIMPORT\n\nx = 1\n",
            ),
        ],
        ids=[
            "empty",
            "code",
            "a function",
            "a docstring and code",
            "a docstring and a function",
            "a cookie",
            "a licence",
            "a comment on the code",
            "the future",
        ],
    )
    def test_the_first_import_of_a_file(self, before: str, after: str) -> None:
        assert add_import(before, HELPER) == after.replace("IMPORT", str(HELPER))

    def test_it_is_not_guarded_by_what_guards_others(self) -> None:
        before = (
            "import os\n\ntry:\n    import uvloop\nexcept ImportError:\n    uvloop = None\n\n"
            "if TYPE_CHECKING:\n    import attr\n\nx = 1\n"
        )
        ((position, new),) = added(before, add_import(before, Import("re"))).items()
        assert (position, new) == (1, ["import re"])

    def test_it_is_behind_what_other_imports_need(self) -> None:
        before = "import sys\n\nsys.path.insert(0, '..')\n\nimport other\n\nx = 1\n"
        assert "import other\n\nfrom ._wait_any" in add_import(before, HELPER)

    def test_it_is_before_its_use(self) -> None:
        before = "import asyncio\n\nasyncio.run(wait_any())\n\nimport late\n"
        after = add_import(before, HELPER)
        assert after.index("import wait_any") < after.index("wait_any()")

    def test_a_comment_on_another_import_stays_on_it(self) -> None:
        before = "import os\n\n# why\nfrom .zoo import x\n"
        assert add_import(before, HELPER) == before + "from ._wait_any import wait_any\n"

    def test_lines_that_backslashes_tie_stay_together(self) -> None:
        before = "import os; \\\nimport re\nx = 1\n"
        assert "import re\nimport typing\nx = 1\n" in add_import(before, Import("typing"))

    def test_columns_count_characters(self) -> None:
        before = "from ._wait_any import é, è\n"
        assert add_import(before, HELPER) == "from ._wait_any import wait_any, é, è\n"


class TestRemove:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("import asyncio\n\nimport attr\n", "import attr\n"),
            ("import os\n\nimport asyncio\n\nimport attr\n", "import os\n\nimport attr\n"),
            ("import os\nimport asyncio\n\n\nx = 1\n", "import os\n\n\nx = 1\n"),
            ('"""Doc."""\n\nimport asyncio\n\n\nx = 1\n', '"""Doc."""\n\n\nx = 1\n'),
            ("# Licence.\n\nimport asyncio\nx = 1\n", "# Licence.\n\nx = 1\n"),
            ("import os, asyncio\n", "import os\n"),
            ("import asyncio, os\n", "import os\n"),
            ("import asyncio as aio\nimport os\n", "import os\n"),
            ("from asyncio import wait, sleep, FIRST\n", "from asyncio import sleep\n"),
            ("from asyncio import wait as é, sleep\n", "from asyncio import sleep\n"),
            ("from asyncio import (wait)\nx = 1\n", "x = 1\n"),
            (
                "from asyncio import (\n    FIRST,\n    sleep,\n    wait,\n)\n",
                "from asyncio import (\n    sleep,\n)\n",
            ),
            ("import asyncio\n# on x\nx = 1\n", "# on x\nx = 1\n"),
            ('import asyncio\nx = 1\n"""asyncio does it"""\n', 'x = 1\n"""asyncio does it"""\n'),
            ("import asyncio\nx.asyncio(asyncio=1)\n", "x.asyncio(asyncio=1)\n"),
            ("import asyncio\npatch('pkg.asyncio.wait')\n", "patch('pkg.asyncio.wait')\n"),
            ("import asyncio\nraise E('asyncio came late')\n", "raise E('asyncio came late')\n"),
        ],
    )
    def test_what_nothing_uses(self, before: str, after: str) -> None:
        assert remove_unused(before, {"asyncio", "aio", "wait", "FIRST", "é"}) == after

    @pytest.mark.parametrize(
        "text",
        [
            "import asyncio\nasyncio.run(f())\n",
            "import asyncio\ndef f(asyncio): ...\nasyncio\n",
            "import asyncio\ndef f():\n    global asyncio\n",
            "import asyncio\ndel asyncio\n",
            "import asyncio\nx: 'asyncio.Task[int]'\n",
            "import asyncio\nx = cast('list[asyncio.Task]', y)\n",
            "import asyncio\nx = f  # type: asyncio.Task\n",
            "import asyncio\n__all__ = ['asyncio']\n",
            "import asyncio as asyncio\n",
            "from asyncio import wait as wait\n",
            "import asyncio  # noqa: F401\n",
            "from asyncio import (\n    wait,  # for the others\n)\n",
            "from asyncio import *\n",
            "import asyncio.subprocess\n",
            "import asyncio; x = 1\n",
            "try:\n    import asyncio\nexcept ImportError:\n    pass\n",
            "if x:\n    import asyncio\n",
            "def f():\n    import asyncio\n",
            "import os\n",
        ],
    )
    def test_what_stays(self, text: str) -> None:
        assert remove_unused(text, {"asyncio", "wait"}) == text


STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = sorted(
    path
    for folder in ("asyncio", "email", "importlib", "json", "logging", "unittest", "xml/dom")
    for path in (STANDARD_LIBRARY / folder).glob("*.py")
)


@pytest.mark.parametrize("wanted", [HELPER, Import("contextlib", asname="_c")], ids=str)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_in_real_files_an_import_comes_and_goes_without_a_trace(path: Path, wanted: Import) -> None:
    before = path.read_text(encoding="utf-8")
    after = add_import(before, wanted)
    ((_, new),) = added(before, after).items()
    assert [line for line in new if line] == [str(wanted)]
    assert isinstance(ast.parse(after), ast.Module)
    assert remove_unused(after, {wanted.bound}).split() == before.split()

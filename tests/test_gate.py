"""The gate lets every wait site through: a check without it finds the same."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ungated import gated, ungated
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.find import call_lines
from flake8_asyncwait.sites.gate import (
    PLAIN_CODECS,
    candidates,
    may_hold_site,
    may_name_site,
)

pytestmark = pytest.mark.lowest

OPTIONS = Options(wait_functions=frozenset({"mylib.wait_all", "first_of"}))

IMPORTS = [
    "import asyncio",
    "import asyncio as aio",
    "import asyncio.tasks",
    "import asyncio.tasks as t",
    "import os, asyncio as aio, sys",
    "import os, \\\n    asyncio \\\n    as aio",
    "import asyncio . tasks as t",
    "from asyncio import wait",
    "from asyncio import wait as w",
    "from asyncio import sleep, wait",
    "from asyncio import *",
    "from asyncio import tasks",
    "from asyncio import tasks as t",
    "from asyncio import (\n    sleep,  # a (comment) with brackets\n    wait  # is\n    as w,\n)",
    "from asyncio import \\\n    wait as \\\n    w",
    "from asyncio.tasks import wait as w",
    "from asyncio import sleep; import asyncio as aio",
    "try:\n    import asyncio as aio\nexcept ImportError:\n    aio = None",
    "from mylib import wait_all",
    "from mylib import wait_all as w",
    "import mylib",
    "import mylib as aio",
    "from . import asyncio",
    "from elsewhere import wait",
    "wait = print",
    "# import asyncio as aio, or from asyncio import wait",
]
CALLEES = [
    ["asyncio", ".", "wait"],
    ["asyncio", ".", "tasks", ".", "wait"],
    ["aio", ".", "wait"],
    ["aio", ".", "tasks", ".", "wait"],
    ["t", ".", "wait"],
    ["tasks", ".", "wait"],
    ["wait"],
    ["w"],
    ["mylib", ".", "wait_all"],
    ["wait_all"],
    ["self", ".", "first_of"],
    ["event", ".", "wait"],
    ["asyncio", ".", "wait_for"],
]
GAPS = ["", "", " ", "\n", "\t", " \\\n ", "  # asyncio.wait(\n", "\n\n\f"]
# Between the brackets of a call anything may be broken over lines.
PLACES = [
    "async def f(jobs):\n    done, pending = (await {})",
    "class A:\n    async def f(self):\n        jobs = self.jobs\n        (await {})",
    "def around():\n    async def f(jobs):\n        return (await {})[0]",
    "async def f(jobs):\n    import asyncio as aio\n    (await {})",
    "async def f(jobs):\n    from asyncio import wait as w\n    (await {})",
    "asyncio.run({})",
    "if asyncio:\n    later = [lambda jobs: {}]",
    "@decorated({})\ndef f():\n    pass",
    "async def f(jobs):\n    text = f'{{({})}}'",
    "async def f(jobs):\n    '''asyncio.wait('''\n    loop.run_until_complete({})",
]
ARGUMENTS = "([loop.create_task(job()) for job in jobs], timeout=1)"


@st.composite
def calls(draw: st.DrawFn) -> str:
    """A call of something, its tokens any distance apart."""
    tokens = draw(st.sampled_from(CALLEES))
    text = "".join(token + draw(st.sampled_from(GAPS)) for token in tokens)
    if draw(st.booleans()):
        text = f"({text})"
    return text + ARGUMENTS


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A module that imports in some ways and waits in some others."""
    imports = draw(st.lists(st.sampled_from(IMPORTS), max_size=3))
    places = draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=2))
    parts = [*imports, *(place.format(draw(calls())) for place in places)]
    return draw(st.sampled_from(["\n", "\r\n"])).join("\n\n".join(parts).split("\n")) + "\n"


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@given(modules().filter(is_python))
def test_nothing_is_missed(text: str) -> None:
    found = gated(text, OPTIONS)
    assert found == ungated(text, OPTIONS)
    if found:
        assert may_hold_site(text.encode(), OPTIONS.wait_functions)
        assert may_name_site(text, OPTIONS.wait_functions)


def spellings() -> Iterator[tuple[str, str]]:
    """The imports, each with a call of what it imports."""
    for statement in IMPORTS:
        for callee in CALLEES:
            text = f"{statement}\n{PLACES[0].format(''.join(callee) + ARGUMENTS)}\n"
            if ungated(text, OPTIONS):
                yield statement, "".join(callee)


def test_the_programs_that_are_generated_hold_sites() -> None:
    found = list(spellings())
    assert {statement for statement, _ in found} >= set(IMPORTS[:18])
    assert {callee for _, callee in found} >= {"asyncio.wait", "aio.wait", "t.wait", "wait", "w"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n",
        "import asyncio\nasync def f():\n    await asyncio.wait_for(g(), 1)\n",
        "import asyncio\nasync def f(event):\n    await event.wait()\n",
        "from asyncio import sleep\nasync def f(event):\n    await event.wait()\n",
        "import asyncio as aio\nasync def f(event):\n    await event.wait()\n",
        "from asyncio import wait\nasync def f(event):\n    await event.wait\n",
    ],
)
def test_without_the_names_of_a_site_nothing_else_is_looked_at(text: str) -> None:
    lines = [text.split("\n")[line - 1] for line in candidates(text).lines]
    assert [line for line in lines if "import" not in line] == []


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\n# asyncio.wait(tasks)\n",
        'import asyncio\ntext = """\nasyncio.wait(tasks)\n"""\n',
        "from asyncio import wait\n__all__ = ['wait']\n",
        "import asyncio\nlater = asyncio.wait\n",
        "from asyncio import wait\ndef f(wait):\n    return wait, f(wait=1)\n",
    ],
)
def test_what_is_no_call_is_no_candidate_in_the_tree(text: str) -> None:
    found = candidates(text)
    assert found.lines
    assert call_lines(ast.parse(text), found) == []


def test_of_many_names_every_line_is_a_candidate() -> None:
    text = "".join(f"import asyncio as a{n}\n" for n in range(100)) + "a99.wait([])\n"
    assert call_lines(ast.parse(text), candidates(text)) == [101]


OF_A = "#" + "a#" * 249 + "\n"
# Each name is followed by what all others are followed by: to read that for each takes a minute.
REPEATED = [
    f"import asyncio as a\nx = (1\n{OF_A * 19}{' ' * 85_000})\na.wait([])\n",
    f"import asyncio as a\nx = (1\n{OF_A * 19}{'( ' * 80}{') ' * 80})\na.wait([])\n" * 9,
    f"import asyncio as a\n{OF_A * 400}a.wait([])\n",
    f"import asyncio as a\n#{'a#' * 90_000}\na.wait([])\n",
    f"import asyncio as a\n{('#' + 'asyncio import (#' * 29 + chr(10)) * 400}a.wait([])\n",
    f"from asyncio import wait as a\n#{'wait#' * 20_000}\nas_{'x' * 90_000}\na([])\n",
    f"import asyncio as a\n#{'wait as#' * 20_000}\nas_{'x' * 90_000}\na.wait([])\n",
]


@pytest.mark.parametrize("text", REPEATED, ids=lambda text: text[:60])
def test_what_stands_behind_many_names_is_not_read_for_each(text: str) -> None:
    began = time.process_time()
    found = candidates(text)
    assert time.process_time() - began < 2
    assert text.count("\n") in found.lines
    assert found.names & {"wait", "a"}


def test_there_may_be_many_long_comments_between_two_tokens() -> None:
    long, gap = "#" + "x" * 2_000 + "\n", "#\n" * 50
    text = f"import asyncio\nasync def f(jobs):\n    (asyncio{long}.{gap}wait{ARGUMENTS})\n"
    assert call_lines(ast.parse(text), candidates(text)) == [54]
    text = f"from asyncio import ({gap}wait{long}as{gap}w)\nasync def f(jobs):\n    w{ARGUMENTS}\n"
    assert call_lines(ast.parse(text), candidates(text)) == [104]


def test_a_callee_counts_where_its_last_name_ends() -> None:
    text = "import asyncio\n\n@cached(\n    asyncio.\n    wait\n    ([]))\ndef f(): pass\n"
    assert call_lines(ast.parse(text), candidates(text)) == [5]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"import asyncio\nasyncio.wait\n", True),
        (b"import asyncio\n", False),
        (b"await x\n", False),
        (b"import asyncio\nawait asyncio.wait_for(x, 1)\n", False),
        (b"from mylib import wait_all\n", True),
        (b"first_of()\n", True),
        (b"# coding: utf-7\nimport asyncio\n", True),
        (b"# -*- coding: UTF_7 -*-\n", True),
        (b"#!/usr/bin/python\n# vim: set fileencoding=utf-7 :\n", True),
        (b"x = 1\ny = 2\n# coding: utf-7\n", False),
        (b"# coding: utf-8\n", False),
        (b"# coding: Latin-1\n", False),
        (b"# coding: no-codec\n", False),
        (b"# of coding and encoding=\n", False),
    ],
)
def test_bytes_say_whether_a_file_has_to_be_decoded(data: bytes, expected: bool) -> None:
    assert may_hold_site(data, OPTIONS.wait_functions) is expected


def test_bytes_say_nothing_of_names_that_are_not_ascii() -> None:
    assert may_hold_site("# coding: latin-1\nfür()\n".encode("latin-1"), {"mylib.für"})


@pytest.mark.parametrize("codec", sorted(PLAIN_CODECS))
def test_in_a_plain_codec_letters_are_their_bytes_and_nothing_else(codec: str) -> None:
    letters = ascii_letters.encode()
    assert letters.decode(codec) == ascii_letters
    for other in set(range(256)).difference(letters):
        assert not set(bytes([other]).decode(codec, "replace")).intersection(ascii_letters)

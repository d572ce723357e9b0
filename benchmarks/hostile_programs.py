"""Programs that nobody would write: each holds a wait, and too much of one thing.

`PROGRAMS` maps a name to a function from a size to the text of a file. `FULL` are the sizes that
a benchmark runs them in; less of it shows the same errors in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from textwrap import indent

HEAD = "import asyncio\n\n\nasync def f(work):\n"
WAIT = """\
    a = asyncio.create_task(work())
    done, pending = await asyncio.wait({a}, return_when=asyncio.FIRST_COMPLETED)
"""


def _body(statements: Iterable[str]) -> str:
    """A function that waits, then does this."""
    return HEAD + WAIT + indent("\n".join(statements), "    ") + "\n"


def _statement(text: str) -> Callable[[int], str]:
    """The same statement again and again; `{n}` in it counts."""
    return lambda size: _body(text.replace("{n}", str(n)) for n in range(size))


def _nested(before: str, after: str = "") -> Callable[[int], str]:
    """An expression in itself."""
    return lambda size: _body([f"return {before * size}x{after * size}"])


def _blocks(*heads: str, end: str = "pass") -> Iterator[str]:
    """Blocks in each other."""
    for depth, head in enumerate(heads):
        yield " " * depth + head
    yield " " * len(heads) + end


def _ifs_around_the_wait(size: int) -> str:
    inner = indent(WAIT, " " * size)
    return HEAD + indent("\n".join(_blocks(*["if c:"] * size)), "    ") + "\n" + inner


def _matched(case: str) -> Callable[[int], str]:
    def text(size: int) -> str:
        cases = [line for n in range(size) for line in (f"    case {n}:", f"        {case}")]
        return _body(["match x:", *cases])

    return text


def _tasks(size: int) -> str:
    tasks = ", ".join(["asyncio.create_task(work())"] * size)
    return f"{HEAD}    done, pending = await asyncio.wait({{{tasks}}}, timeout=1)\n"


def _named_tasks(size: int) -> str:
    made = "".join(f"    t{n} = asyncio.create_task(work())\n" for n in range(size))
    names = ", ".join(f"t{n}" for n in range(size))
    return f"{HEAD}{made}    done, pending = await asyncio.wait({{{names}}}, timeout=1)\n"


def _optional_waits(size: int) -> str:
    """Waits for one task, each of which may or may not be reached."""
    wait = "await asyncio.wait({a}, timeout=1)"
    waits = "".join(f"    if c{n}:\n        {wait}\n" for n in range(size))
    return f"{HEAD}    a = asyncio.create_task(work())\n{waits}    a.cancel()\n"


def _forgotten_tasks(size: int) -> str:
    """Waits, each for a task of its own that nothing touches any more."""
    made = "    t{n} = asyncio.create_task(work())\n    await asyncio.wait({{t{n}}}, timeout=1)\n"
    return HEAD + "".join(made.format(n=n) for n in range(size))


def _tries(size: int) -> str:
    """Waits in a `try` in a `finally` in a `try`."""
    heads = "".join(f"    {' ' * n}try:\n" for n in range(size))
    tails = "".join(f"    {' ' * n}finally:\n     {' ' * n}a.cancel()\n" for n in range(size))
    lines = tails.splitlines(keepends=True)
    pairs = [lines[n : n + 2] for n in range(0, len(lines), 2)]
    closing = "".join("".join(pair) for pair in reversed(pairs))
    return HEAD + heads + indent(WAIT, " " * size) + closing


def _f_strings(size: int) -> str:
    """F-strings in each other, with other quotes every time: no Python takes more than four."""
    text = "x"
    for quotes in ("'", '"', "'''", '"""')[:size]:
        text = f"f{quotes}{{{text}}}{quotes}"
    return _body([f"return {text}"])


def _beside(line: str) -> Callable[[int], str]:
    """Code at the top level, beside a small function that waits; `{n}` in it counts."""
    return lambda size: HEAD + WAIT + "\n" + "".join(line.format(n=n) for n in range(size))


PROGRAMS: dict[str, Callable[[int], str]] = {
    "statements": _statement("x = {n}"),
    "calls": _statement("g({n})"),
    "awaits": _statement("await g({n})"),
    "hand-overs": _statement("await g(pending)"),
    "names": _statement("x{n} = pending"),
    "lambdas": _statement("x = lambda: pending"),
    "ifs": _statement("if c{n}: g(pending)"),
    "parentheses": _nested("(", ")"),
    "brackets": _nested("[", "]"),
    "awaits of awaits": _nested("await g(", ")"),
    "comprehensions": _nested("[x for x in ", "]"),
    "comprehensions around": _nested("[", " for x in x]"),
    "generator expressions": _nested("(x for x in ", ")"),
    "dict displays": _nested("{1: ", "}"),
    "tests of conditions": _nested("(x if ", " else y)"),
    "f-strings": _f_strings,
    "waited comprehensions": lambda size: (
        f"{HEAD}    await asyncio.wait({'[x for x in ' * size}work{']' * size}, timeout=1)\n"
    ),
    "minus": _nested("-"),
    "not": _nested("not "),
    "lambda": _nested("lambda: "),
    "conditions": _nested("x if y else "),
    "attributes": _nested("", ".a"),
    "methods": _nested("", ".a()"),
    "subscripts": _nested("", "[0]"),
    "sum": _nested("", " + x"),
    "and": _nested("", " and a.done()"),
    "comparisons": _nested("", " < x"),
    "f-string": lambda size: _body(["return f'" + "{x}" * size + "'"]),
    "literal": lambda size: _body(["return [" + "'abc', " * size + "]"]),
    "strings": lambda size: _body(["return " + "'a' " * size]),
    "module": lambda size: _body(["import a" + ".a" * size]),
    "long line": lambda size: _body([f"return '{'x' * size}'"]),
    "nested ifs": lambda size: _body(_blocks(*["if c:"] * size)),
    "ifs around the wait": _ifs_around_the_wait,
    "elif": lambda size: _body(["if c:", "    pass", *["elif c:", "    g(a)"] * size]),
    "nested functions": lambda size: _body(_blocks(*["def g():"] * size)),
    "match": _matched("g()"),
    "match on pending": _matched("await g(pending)"),
    "tasks": _tasks,
    "named tasks": _named_tasks,
    "waits": lambda size: HEAD + WAIT * size,
    "some waits": lambda size: HEAD + WAIT * size,
    "optional waits": _optional_waits,
    "forgotten tasks": _forgotten_tasks,
    "tries": _tries,
    "decorators": lambda size: (
        "import asyncio\n" + "@d\n" * size + HEAD.partition("\n\n\n")[2] + WAIT
    ),
    "outside": lambda size: HEAD + WAIT + "\nX = " + "(" * size + ")" * size + "\n",
    "sum outside": lambda size: HEAD + WAIT + "\nX = x" + " + x" * size + "\n",
    "aliases": lambda size: HEAD + WAIT + "".join(f"wait as n{n}\n" for n in range(size)),
    "lines beside": _beside("x{n} = {n}\n"),
    "functions beside": _beside("def f{n}(a):\n    return a\n\n"),
    "words": lambda size: "asyncio wait\n" + "import x " * size,
}

FULL: dict[str, int] = {
    **dict.fromkeys(PROGRAMS, 5_000),
    "statements": 100_000,
    "names": 45_000,
    "lines beside": 200_000,
    "functions beside": 200_000,
    **dict.fromkeys(
        [
            "comprehensions",
            "comprehensions around",
            "generator expressions",
            "dict displays",
            "tests of conditions",
            "waited comprehensions",
        ],
        60,
    ),
    "tasks": 10_000,
    "named tasks": 10_000,
    "waits": 1_000,
    "some waits": 40,  # so few that a fix cures nearly all of them
    "optional waits": 200,
    "forgotten tasks": 200,
    "match": 1_000,
    "match on pending": 1_000,
    "nested ifs": 500,
    "ifs around the wait": 500,
    "nested functions": 500,
    "tries": 15,
    "long line": 50_000_000,
}

"""Every kind of syntax, too deep and too long, around a wait.

`PROGRAMS` maps a name to a function from a size to the text of a file, `SIZES` maps a name to the
sizes that a benchmark runs it in: what is nested stays within what Python parses, and beyond it,
what is in a row gets long. An expression stands behind the wait, in what it waits for, and in a
helper of the function; a statement behind the wait, around it where it can, and in a helper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import indent

from benchmarks.hostile_programs import HEAD, WAIT

Text = Callable[[int], str]

DEPTHS = (20, 90, 190, 1_000)
BLOCKS = (10, 20, 95)  # Python takes 99 levels of indentation
LENGTHS = (300, 3_000, 30_000)


def _nested(before: str, after: str = "", core: str = "x") -> Text:
    """An expression in itself."""
    return lambda size: before * size + core + after * size


def _row(first: str, other: str, last: str = "") -> Text:
    """The same thing in a row; `{n}` in it counts."""
    if "{n}" not in other:
        return lambda size: first + other * size + last
    return lambda size: first + "".join(other.replace("{n}", str(n)) for n in range(size)) + last


def _quoted(prefix: str) -> Text:
    """Strings with other quotes in each other, as older Pythons want them, then with the same."""

    def text(size: int) -> str:
        result = "x"
        for depth in range(size):
            quote = ("'", '"', "'''", '"""')[depth] if size <= 4 else "'"
            result = f"{prefix}{quote}{{{result}}}{quote}"
        return result

    return text


def _formats(size: int) -> str:
    """Fields in the format of a field."""
    return "f'" + "{x:" * size + "{x}" + "}" * size + "'"


DEEP_EXPRESSIONS: dict[str, Text] = {
    "parentheses": _nested("(", ")"),
    "lists": _nested("[", "]"),
    "tuples": _nested("(", ",)"),
    "sets": _nested("{", "}"),
    "dict values": _nested("{1: ", "}"),
    "dict keys": _nested("{", ": 1}"),
    "unpacked dicts": _nested("{**", "}"),
    "unpacked lists": _nested("[*", "]"),
    "unpacked arguments": _nested("g(*", ")"),
    "calls": _nested("g(", ")"),
    "keyword calls": _nested("g(a=", ")"),
    "methods in arguments": _nested("pending.union(", ")", "pending"),
    "subscripts": _nested("x[", "]"),
    "slices": _nested("x[0:", "]"),
    "awaits": _nested("await (", ")"),
    "awaits of calls": _nested("await g(", ")"),
    "yields": _nested("(yield ", ")"),
    "walruses": _nested("(a := ", ")"),
    "minus": _nested("-"),
    "not": _nested("not "),
    "powers": _nested("x ** "),
    "sums to the right": _nested("(x + ", ")"),
    "unions to the right": _nested("(pending | ", ")", "pending"),
    "and or": _nested("(x and (y or ", "))"),
    "tests in parentheses": _nested("(a.done() and not ", ")", "a.done()"),
    "comparisons in comparisons": _nested("(x < ", ")"),
    "membership": _nested("(a in ", ")", "pending"),
    "identity": _nested("(a is ", ")", "a"),
    "lambdas": _nested("lambda: "),
    "lambdas with parameters": _nested("lambda a, *b, c=1, **d: "),
    "lambda defaults": _nested("lambda a=", ": a"),
    "conditions": _nested("x if y else "),
    "conditions that test": _nested("(x if ", " else y)"),
    "conditions that give": _nested("(", " if x else y)"),
    "conditions on tasks": _nested("(a if ", " else None)", "a.done()"),
    "list comprehensions": _nested("[", " for x in x]"),
    "over list comprehensions": _nested("[x for x in ", "]"),
    "comprehensions in filters": _nested("[x for x in x if ", "]"),
    "set comprehensions": _nested("{", " for x in x}"),
    "dict comprehensions": _nested("{1: ", " for x in x}"),
    "generator expressions": _nested("(", " for x in x)"),
    "over generator expressions": _nested("(x for x in ", ")"),
    "comprehensions over pending": _nested("[x for x in ", "]", "pending"),
    "any of all": _nested("any(x for x in ", ")", "pending"),
    "asynchronous comprehensions": _nested("[x async for x in ", "]"),
    "f-strings": _quoted("f"),
    "t-strings": _quoted("t"),
    "format fields": _formats,
    "casts": _nested("cast(T, ", ")", "pending"),
    "constructors": _nested("set(", ")", "pending"),
    "sorted": _nested("sorted(", ")", "pending"),
    "gathers": _nested("asyncio.gather(", ")", "a"),
    "shields": _nested("asyncio.shield(", ")", "a"),
    "time limits": _nested("asyncio.wait_for(", ", 1)", "a"),
    "tasks": _nested("asyncio.create_task(", ")", "work()"),
    "futures": _nested("asyncio.ensure_future(", ")", "work()"),
    "waits": _nested("asyncio.wait(", ", timeout=1)", "pending"),
    "waits of displays": _nested("asyncio.wait({", "}, timeout=1)", "a"),
    "waits of tasks": _nested("asyncio.wait({asyncio.create_task(", ")}, timeout=1)", "work()"),
}

LONG_EXPRESSIONS: dict[str, Text] = {
    "attribute chain": _row("x", ".a"),
    "method chain": _row("x", ".a()"),
    "call chain": _row("x", "()"),
    "subscript chain": _row("x", "[0]"),
    "comparison chain": _row("x", " < x"),
    "identity chain": _row("a", " is a"),
    "membership chain": _row("a", " in pending"),
    "and chain": _row("x", " and x"),
    "or chain of tests": _row("a.done()", " or a.done()"),
    "and or chain": _row("x", " and x or x"),
    "sum": _row("x", " + x"),
    "union": _row("pending", " | pending"),
    "difference": _row("pending", " - pending"),
    "strings added": _row("'a'", " + 'a'"),
    "strings beside": _row("'a'", " 'a'"),
    "f-strings beside": _row("f'{x}'", " f'{x}'"),
    "f-string": _row("f'", "{x}", "'"),
    "f-string with formats": _row("f'", "{x!r:>{x}}", "'"),
    "list": _row("[", "1, ", "]"),
    "list of strings": _row("[", "'{n}', ", "]"),
    "list of lists": _row("[", "[1], ", "]"),
    "list of pending": _row("[", "pending, ", "]"),
    "list of tasks": _row("[", "asyncio.create_task(work()), ", "]"),
    "list of coroutines": _row("[", "work(), ", "]"),
    "list of unpacked": _row("[", "*pending, ", "]"),
    "set": _row("{0, ", "{n}, ", "}"),
    "tuple": _row("(", "x, ", ")"),
    "dict": _row("{", "{n}: {n}, ", "}"),
    "dict of tasks": _row("{", "{n}: a, ", "}"),
    "dict of unpacked": _row("{", "**x, ", "}"),
    "arguments": _row("g(", "x, ", ")"),
    "arguments that are tasks": _row("g(", "a, ", ")"),
    "unpacked arguments": _row("g(", "*pending, ", ")"),
    "keyword arguments": _row("g(", "a{n}=x, ", ")"),
    "keyword arguments unpacked": _row("g(", "**x, ", ")"),
    "gathered": _row("asyncio.gather(", "a, ", ")"),
    "filters": _row("[x for x in x", " if x", "]"),
    "filters on tasks": _row("[t for t in pending", " if t.done()", "]"),
    "loops of a comprehension": _row("[x for x in x", " for x in x", "]"),
    "loops over pending": _row("[t for t in pending", " for t in pending", "]"),
    "asynchronous loops": _row("[x for x in x", " async for x in x", "]"),
    "parameters of a lambda": _row("lambda ", "a{n}, ", "b: pending"),
    "defaults of a lambda": _row("lambda ", "a{n}=x, ", "b=x: pending"),
    "slice": _row("x[", "0:1, ", "]"),
    "walruses": _row("[", "(a{n} := a), ", "]"),
    "conditions": _row("[", "(a if x{n} else None), ", "]"),
    "conditions in a row": _row("", "x{n} if y{n} else ", "x"),
    "integer": _row("0x", "f"),
    "decimal integer": _row("", "9"),
    "float": _row("0.", "1"),
    "string": _row("'", "x", "'"),
    "escapes": _row("'", "\\x41", "'"),
    "bytes": _row("b'", "x", "'"),
    "name": _row("x", "x"),
    "attribute": _row("x.x", "x"),
    "unicode name": _row("\xe9", "\xe9"),
    "lines": _row("(x", "\n+ x", ")"),
    "continued lines": _row("x", " \\\n+ x"),
    "comments": _row("(", "# x\n", "x)"),
    "blank lines": _row("(", "\n", "x)"),
}


def _blocks(*heads: str, end: str = "pass") -> list[str]:
    """Blocks in each other."""
    lines = [" " * depth + head for depth, head in enumerate(heads)]
    return [*lines, *indent(end, " " * len(heads)).splitlines()]


def _in(*heads: str, end: str = "pass") -> Text:
    """The same heads in each other, as deep as the size says in all."""

    def text(size: int) -> str:
        names = (heads[n % len(heads)].replace("{n}", str(n)) for n in range(size))
        return "\n".join(_blocks(*names, end=end))

    return text


def _tailed(head: str, tail: str, end: str = "pass") -> Text:
    """Blocks in each other, each of which has a part behind the next one: a statement on the line
    of the part, as `finally: pass`."""

    def text(size: int) -> str:
        heads = _blocks(*[head] * size, end=end)
        tails = [" " * depth + tail for depth in reversed(range(size))]
        return "\n".join([*heads, *tails])

    return text


def _last_of(head: str, tail: str) -> Text:
    """Blocks, each in the last part of the one before."""

    def lines(size: int) -> Iterator[str]:
        for depth in range(size):
            yield " " * depth + head
            yield " " * depth + tail
        yield " " * size + "pass"

    return lambda size: "\n".join(lines(size))


def _nested_pattern(before: str, after: str = "", core: str = "y") -> Text:
    return lambda size: f"match x:\n case {before * size}{core}{after * size}:\n  g(pending)"


DEEP_STATEMENTS: dict[str, Text] = {
    "if": _in("if c:"),
    "if on pending": _in("if pending:", end="g(a)"),
    "if on a task": _in("if not a.done():", end="a.cancel()"),
    "else": _last_of("if c: pass", "else:"),
    "else with tests": _last_of("if a.done(): g(a)", "else:"),
    "while": _in("while c:"),
    "while pending": _in("while pending:", end="pending.pop()"),
    "for": _in("for x in x:"),
    "for over pending": _in("for t{n} in pending:", end="g(a)"),
    "for with break": _tailed("for x in x:", "break"),
    "for with else": _tailed("for x in x:", "else: pass"),
    "async for": _in("async for x in x:"),
    "with": _in("with x:"),
    "async with": _in("async with x:"),
    "suppress": _in("with contextlib.suppress(asyncio.CancelledError):", end="await a"),
    "timeouts": _in("async with asyncio.timeout(1):", end="await a"),
    "task groups": _in("async with asyncio.TaskGroup() as t:", end="t.create_task(work())"),
    "exit stacks": _in("with ExitStack() as s:", end="s.callback(a.cancel)"),
    "try": _tailed("try:", "finally: pass", "await g()"),
    "try that cancels": _tailed("try:", "finally: a.cancel()", "await g()"),
    "try that awaits": _tailed("try:", "finally: await a", "await a"),
    "except": _tailed("try:", "except E: pass", "await g()"),
    "except and raise": _tailed("try:", "except E: raise", "await g()"),
    "except groups": _tailed("try:", "except* E: pass", "await g()"),
    "try in finally": _last_of("try: await g()", "finally:"),
    "try in except": _last_of("try: await g()", "except E:"),
    "functions": _in("def g{n}():", end="return pending"),
    "asynchronous functions": _in("async def g{n}():", end="return await asyncio.wait({a})"),
    "functions that wait": _in("async def g{n}():", end=WAIT.replace("    ", "")),
    "classes": _in("class A{n}:"),
    "classes and methods": _in("class A{n}:", "async def m(self):", end="return pending"),
    "match": lambda size: _in("match x:", "case 1:")(2 * size),
    "match on pending": lambda size: _in("match pending:", "case {n}:", end="g(a)")(2 * size),
    "different blocks": _in(
        "if c:", "for x in x:", "while c:", "with x:", "async with x:", "async for x in x:"
    ),
    "list pattern": _nested_pattern("[", "]"),
    "tuple pattern": _nested_pattern("(", ",)"),
    "mapping pattern": _nested_pattern("{1: ", "}"),
    "class pattern": _nested_pattern("C(", ")"),
    "keyword pattern": _nested_pattern("C(a=", ")"),
    "pattern in parentheses": _nested_pattern("(", ")"),
    "or pattern": _nested_pattern("(1 | ", ")", "2"),
    "unpacked": lambda size: "(" * size + "x" + ",)" * size + " = x",
    "unpacked pending": lambda size: "(" * size + "x" + ",)" * size + " = pending",
    "annotation": lambda size: "x: " + "list[" * size + "int" + "]" * size + " = pending",
}


def _lines(*lines: str) -> Text:
    """The same lines again and again; `{n}` in them counts."""
    text = "\n".join(lines)
    return lambda size: "\n".join(text.replace("{n}", str(n)) for n in range(size))


def _headed(head: str, line: str, tail: str = "") -> Text:
    """Lines under a head, or behind one."""
    return lambda size: "\n".join([head, _lines(line)(size), *[tail] * bool(tail)])


def _cases(pattern: str, body: str = "g(pending)") -> Text:
    return _headed("match x:", f" case {pattern}:\n  {body}")


def _one_case(row: Text) -> Text:
    return lambda size: f"match x:\n case {row(size)}:\n  g(pending)"


LONG_STATEMENTS: dict[str, Text] = {
    "elif": _headed("if c: pass", "elif c{n}: g(pending)"),
    "elif on tasks": _headed("if c: pass", "elif a.done(): await g({n})"),
    "cases": _cases("{n}"),
    "cases with awaits": _cases("{n}", "await g(pending)"),
    "cases that bind": _cases("[a{n}, *b{n}]"),
    "cases of classes": _cases("C{n}(a=x)"),
    "cases with guards": _cases("y if a.done()", "a.cancel()"),
    "alternatives": _one_case(_row("0", " | {n}")),
    "items of a pattern": _one_case(_row("[", "a{n}, ", "]")),
    "keys of a pattern": _one_case(_row("{", "{n}: a{n}, ", "}")),
    "arguments of a pattern": _one_case(_row("C(", "a{n}, ", ")")),
    "keywords of a pattern": _one_case(_row("C(", "a{n}=b{n}, ", ")")),
    "handlers": _headed("try: await g()", "except E{n}: pass"),
    "handlers that cancel": _headed("try: await g()", "except E{n}: a.cancel(); raise"),
    "handlers of cancellations": _headed("try: await a", "except asyncio.CancelledError: await a"),
    "handlers of groups": _headed("try: await g()", "except* E{n}: pass"),
    "types of a handler": lambda size: (
        f"try: await g()\nexcept ({_row('', 'E{n}, ')(size)}): a.cancel()"
    ),
    "items of a with": _row("with ", "x as a{n}, ", "x: pass"),
    "items of an async with": _row("async with ", "x as a{n}, ", "x: pass"),
    "decorators": _headed("@d", "@d{n}", "def g(): return pending"),
    "type parameters": _row("def g[", "T{n}, ", "](): return pending"),
    "types": _lines("type T{n} = list[T{n}]"),
    "global": _row("global ", "a{n}, ", "b"),
    "names of a del": _row("del ", "x{n}, ", "x"),
    "names of an import": _row("from m import (", "a{n}, ", ")"),
    "imports": _lines("import m{n}"),
    "imports of asyncio": _lines("import asyncio as a{n}"),
    "imports of wait": _lines("from asyncio import wait as w{n}"),
    "chained assignment": _row("", "x{n} = ", "pending"),
    "chained assignment of one name": _row("", "x = ", "pending"),
    "chained assignment of attributes": _row("", "x.a{n} = ", "pending"),
    "chained assignment that unpacks": _row("", "x{n}, y{n} = ", "done, pending"),
    "targets": lambda size: f"{_row('', 'x{n}, ')(size)} = pending",
    "targets behind a star": lambda size: f"*x, {_row('', 'x{n}, ')(size)} = pending",
    "assignments": _lines("x{n} = {n}"),
    "aliases": _headed("x = pending", "x{n} = x{n} if x{n} else pending"),
    "aliases of aliases": _headed("x0 = a", "x = x0; x0 = x"),
    "annotated assignments": _lines("x{n}: int = {n}"),
    "augmented assignments": _lines("x += {n}"),
    "augmented collections": _lines("pending |= {x{n}}"),
    "stored": _lines("self.a{n} = pending"),
    "stored items": _lines("x[{n}] = pending"),
    "deleted items": _lines("del x[{n}]"),
    "asserts": _lines("assert c{n}"),
    "asserts on tasks": _lines("assert not a.done()"),
    "ifs": _lines("if c{n}: g()"),
    "ifs that return": _lines("if c{n}: return"),
    "ifs on pending": _lines("if pending: g({n})"),
    "ifs on tasks": _lines("if a.done(): await g({n})"),
    "ifs that assign": _lines("if c{n}: x{n} = 1"),
    "ifs that assign tasks": _lines("if c{n}: x{n} = a"),
    "fors": _lines("for x in x{n}: g(x)"),
    "fors over pending": _lines("for t in pending: g(t)"),
    "fors that await": _lines("for x in x{n}: await g(x)"),
    "whiles": _lines("while c{n}: await g()"),
    "async fors": _lines("async for x in x{n}: g(x)"),
    "withs": _lines("with x{n}: g()"),
    "async withs": _lines("async with x{n}: g()"),
    "tries": _lines("try: await g({n})", "finally: h()"),
    "tries that suppress": _lines("try: await g({n})", "except E: pass"),
    "tries that cancel": _lines("try: await g({n})", "except E: a.cancel()"),
    "tries of plain calls": _lines("try: g({n})", "except E: pass"),
    "yields": _lines("yield {n}"),
    "returns": _lines("return {n}"),
    "raises": _lines("raise E{n}"),
    "passes": _lines("pass"),
    "semicolons": _row("", "g(); "),
    "docstrings": _lines("'''{n}'''"),
    "comments": _lines("# {n}"),
    "functions": _lines("def g{n}(): return {n}"),
    "functions that capture": _lines("def g{n}(): return pending"),
    "asynchronous functions": _lines("async def g{n}(): await asyncio.sleep(1)"),
    "classes": _lines("class A{n}: pass"),
    "bases": _row("class A(", "B{n}, ", "): pass"),
    "parameters": _row("def g(", "a{n}, ", "): return pending"),
    "defaults": _row("def g(", "a{n}=pending, ", "): return pending"),
    "annotations": _row("def g(", "a{n}: int, ", "): return pending"),
    "tasks": _lines("t{n} = asyncio.create_task(work())"),
    "tasks that are awaited": _lines("t{n} = asyncio.create_task(work())", "await t{n}"),
    "appended tasks": _headed("ts = []", "ts.append(asyncio.create_task(work()))"),
    "added to pending": _lines("pending.add(a)"),
    "cancels": _lines("a.cancel()"),
    "callbacks": _lines("a.add_done_callback(g{n})"),
    "gathers": _lines("await asyncio.gather(*pending)"),
    "time limits": _lines("await asyncio.wait_for(a, 1)"),
    "shields": _lines("await asyncio.shield(a)"),
    "waits": _lines("done, pending = await asyncio.wait(pending, timeout=1)"),
    "waits in loops": _lines(
        "while pending: done, pending = await asyncio.wait(pending, timeout=1)"
    ),
    "helpers": _lines("await h(pending)"),
}

# The bounds are those of one function: what a file takes grows with the functions that wait in it.
WAITING: dict[str, Text] = {
    "functions that wait": _lines("async def f{n}(work):", WAIT),
    "methods that wait": lambda size: (
        "class A:\n" + indent(_lines("async def f{n}(self, work):", WAIT)(size), "  ")
    ),
    "classes that wait": _lines("class A{n}:", "  async def f(self, work):", indent(WAIT, "  ")),
}

FILES: dict[str, Text] = {
    "helpers called": lambda size: (
        f"async def f(work):\n{WAIT}"
        + indent(_lines("h{n}(pending)")(size), "    ")
        + "\n"
        + _lines("def h{n}(a):", "    for x in a: x.cancel()")(size)
    ),
    "helpers that call": lambda size: (
        f"async def f(work):\n{WAIT}    h0(pending)\n"
        + "".join(f"def h{n}(a): h{n + 1}(a)\n" for n in range(size))
    ),
    "classes below classes": lambda size: (
        "class A0:\n  def h(self, a): pass\n"
        + "".join(f"class A{n + 1}(A{n}): pass\n" for n in range(size))
        + f"class B(A{size}):\n  async def f(self, work):\n{WAIT}    self.h(pending)\n"
    ),
    "constants": lambda size: (
        "C0 = asyncio.FIRST_COMPLETED\n"
        + "".join(f"C{n + 1} = C{n}\n" for n in range(size))
        + "async def f(work):\n    a = asyncio.create_task(work())\n"
        + f"    await asyncio.wait({{a}}, return_when=C{size})\n"
    ),
    "waits outside": _lines("asyncio.run(asyncio.wait({asyncio.create_task(w())}, timeout=1))"),
}

HELPER = "    g = h(pending)\n    await h(a)\n"
MADE = "a = asyncio.create_task(work())\npending = {a}\n"


def _statement(make: Text) -> Text:
    return lambda size: f"x = {make(size)}"


def _awaited(make: Text) -> Text:
    return lambda size: f"await ({make(size)})"


def _before(make: Text) -> Text:
    wait = WAIT.partition("\n")[2]
    return lambda size: HEAD + indent(f"{MADE}{make(size)}\n", "    ") + wait


def _behind(make: Text) -> Text:
    return lambda size: f"{HEAD}{WAIT}{indent(make(size), '    ')}\n"


def _waited_for(make: Text) -> Text:
    wait = "await asyncio.wait({}, timeout=1)\n"
    return lambda size: HEAD + indent(MADE + wait.format(make(size)), "    ")


def _helped(make: Text) -> Text:
    helper = "async def h(a):\n    pending = {a}\n"
    return lambda size: f"{HEAD}{WAIT}{HELPER}\n\n{helper}{indent(make(size), '    ')}\n"


def _outside(make: Text) -> Text:
    return lambda size: f"{HEAD}{WAIT}\n\n{make(size)}\n"


def _file(make: Text) -> Text:
    return lambda size: f"import asyncio\n{make(size)}\n"


def _all() -> Iterator[tuple[str, Text, tuple[int, ...]]]:
    for kinds, sizes in (DEEP_EXPRESSIONS, DEPTHS), (LONG_EXPRESSIONS, LENGTHS):
        for name, make in kinds.items():
            what = ("deep " if kinds is DEEP_EXPRESSIONS else "long ") + name
            yield f"{what}, behind", _behind(_statement(make)), sizes
            yield f"{what}, awaited", _behind(_awaited(make)), sizes
            yield f"{what}, waited for", _waited_for(make), sizes
            yield f"{what}, in a helper", _helped(_statement(make)), sizes
            yield f"{what}, outside", _outside(_statement(make)), sizes
    for kinds, sizes in (DEEP_STATEMENTS, BLOCKS), (LONG_STATEMENTS, LENGTHS):
        for name, make in kinds.items():
            what = ("nested " if kinds is DEEP_STATEMENTS else "many ") + name
            yield f"{what}, behind", _behind(make), sizes
            yield f"{what}, before", _before(make), sizes
            yield f"{what}, in a helper", _helped(make), sizes
            yield f"{what}, outside", _outside(make), sizes
    for files, lengths in (WAITING, LENGTHS[:1]), (FILES, LENGTHS):
        for name, make in files.items():
            yield f"file of {name}", _file(make), lengths


PROGRAMS = {name: make for name, make, _ in _all()}
SIZES = {name: sizes for name, _, sizes in _all()}

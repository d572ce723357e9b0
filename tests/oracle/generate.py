"""Draws small modules with one or two `asyncio.wait` sites.

A module is put together from the idioms of the contract: how tasks are made and collected, how the
result is bound or dropped, how cleanups are written, and what stands around and between. The wait
is put in first; wrappers (try, loops, suppress) and further statements grow around it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TypeVar

T = TypeVar("T")
Lines = list[str]

HEAD = """\
import asyncio
"""
IMPORTED = ("Full", "cond", "create_tracked_task", "lock", "log", "other", "queue", "use", "work")

CONSTANT = "FC = asyncio.FIRST_COMPLETED\n"
HELPERS = {
    "mk": """
def mk():
    return asyncio.create_task(work())
""",
    "cancel_all": """
def cancel_all(ts):
    for t in ts:
        t.cancel()
""",
    "drain": """
async def drain(ts):
    for t in ts:
        t.cancel()
    await asyncio.gather(*ts, return_exceptions=True)
""",
    "late_drain": """
async def late_drain(ts):
    await log()
    for t in ts:
        t.cancel()
""",
    "join_all": """
async def join_all(ts):
    await asyncio.gather(*ts)
""",
    "count": """
def count(ts):
    return len(ts)
""",
    "keep": """
def keep(ts):
    registry.update(ts)
""",
    "fill": """
def fill(ts):
    ts.add(asyncio.create_task(work()))
""",
    "fill_later": """
async def fill_later(ts):
    ts.add(mk())
    await log()
""",
    "fill_theirs": """
def fill_theirs(ts):
    ts.add(other())
""",
    "table": """
def table(rows):
    found = {0: rows}
    for row in layout:
        for cell in row:
            found[cell] = [[row], [cell]] if cell else found.get(row, [[]])
            for part in cell:
                found[part] = [found.get(cell, []), part or row, [part, []] if row else []]
    return found
""",
    "cancelling": """
@contextlib.asynccontextmanager
async def cancelling(ts):
    try:
        yield
    finally:
        for t in ts:
            t.cancel()
""",
}

MAKERS = (
    "asyncio.create_task(work())",
    "mk()",
    "asyncio.ensure_future(work())",
    "loop.create_task(work())",
    "create_tracked_task(work())",
)
EARLY = (
    "return_when=asyncio.FIRST_COMPLETED",
    "timeout=5",
    "return_when=asyncio.FIRST_EXCEPTION",
    "timeout=5, return_when=asyncio.FIRST_COMPLETED",
)
WRAPPED = (", timeout=3", "", ", return_when=asyncio.FIRST_COMPLETED")
FORMS: tuple[str, ...] = (
    "both",
    "both",
    "both",
    "done",
    "pending",
    "bare",
    "result",
    "second",
    "first",
    "walrus",
)
FORMS += ("annotated", "star", "wait_for", "timeout", "waiter", "returned")
CATCHES: tuple[str, ...] = (
    "asyncio.CancelledError",
    "Exception",
    "BaseException",
    "(ValueError, OSError)",
    "",
)
CANCELLING = "asyncio.current_task().cancelling()"  # there is none before Python 3.11
CATCHES += ("asyncio.TimeoutError", "(Exception, asyncio.CancelledError)")


@dataclass(slots=True)
class Names:
    """What there is to write about: single tasks, collections of tasks, and the result's names."""

    singles: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    done: str = ""
    pending: str = ""
    result: str = ""
    optional: str = ""
    lists: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    method: bool = False
    annotated: str = ""
    generator: bool = False
    sites: int = 1


@dataclass(slots=True)
class Writer:
    """Draws the statements of one function. Every method returns lines without indentation.

    `depth` is how deep blocks stand in each other around what is waited for, and after it.
    """

    random: Random
    names: Names
    depth: int = 1

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of some options."""
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        """Draw whether something happens, in so many of a hundred cases."""
        return self.random.random() * 100 < percent

    # -- before the wait -------------------------------------------------------------------------

    def setup(self) -> Lines:
        """Make tasks; their names are noted."""
        ways = [self.two_singles, self.comprehension, self.one_single, self.borrowed, self.loop]
        ways += [self.joined, self.mixed, self.foreign, self.borrowed_single, self.future]
        ways += [self.optional, self.keyed, self.gathered]
        rarer = [self.filled, self.typed] * 3
        rarer += [self.ordered, self.results, self.annotated, self.wrapped]
        rarer += [self.watching, self.picked, self.compared]
        lines: Lines = []
        for _ in range(self.pick((1, 1, 2))):
            lines += self.pick(rarer if self.chance(40) else ways)()
        if not self.names.singles and not self.names.collections:
            lines += self.one_single()
        return lines

    def single(self) -> str:
        name = "abcdeghijk"[len(self.names.singles)]
        self.names.singles.append(name)
        return name

    def collection(self) -> str:
        name = "tasks" if "tasks" not in self.names.collections else "more"
        if name not in self.names.collections:
            self.names.collections.append(name)
        return name

    def maker(self) -> str:
        return self.pick(MAKERS)

    def one_single(self) -> Lines:
        return [f"{self.single()} = {self.maker()}"]

    def two_singles(self) -> Lines:
        return self.one_single() + self.one_single()

    def comprehension(self) -> Lines:
        made = self.maker()
        display = self.pick(
            (
                f"[{made} for _ in range(3)]",
                f"{{{made} for _ in things}}",
                f"[{made} for _ in things]",
                f"{{{made}: n for n in things}}",
                f"{{n: {made} for n in things}}.values()",
                f"set(map(lambda n: {made}, things))",
                f"[{made}, {made}]",
                f"{{{made}}}",
            )
        )
        return [f"{self.collection()} = {display}"]

    def loop(self) -> Lines:
        made, name = self.maker(), self.collection()
        empty, add = self.pick((("[]", "append({})"), ("set()", "add({})"), ("[]", "extend([{}])")))
        return [f"{name} = {empty}", "for n in things:", f"    {name}.{add.format(made)}"]

    def joined(self) -> Lines:
        lines = self.two_singles()
        one, two = self.names.singles[-2:]
        display = self.pick(
            (
                f"{{{one}, {two}}}",
                f"[{one}, {two}]",
                f"{{{one}}} | {{{two}}}",
                f"[{one}] + [{two}]",
                f"{{'one': {one}, 'two': {two}}}.values()",
                f"tuple({{{one}, {two}}})",
            )
        )
        return [*lines, f"{self.collection()} = {display}"]

    def mixed(self) -> Lines:
        lines = self.comprehension() + self.one_single()
        self.names.collections[-1:] = ["tasks"]
        display = self.pick(("{{{}, *tasks}}", "[*tasks, {}]", "{{{}}} | set(tasks)"))
        lines.append(f"tasks = {display.format(self.names.singles[-1])}")
        return lines

    def borrowed(self) -> Lines:
        if "others" not in self.names.collections:
            self.names.collections.append("others")
            self.names.parameters.append("others")
        return []

    def borrowed_single(self) -> Lines:
        if "task" not in self.names.singles:
            self.names.singles.append("task")
            self.names.parameters.append("task")
        return []

    def optional(self) -> Lines:
        """Make a task only sometimes, and collect those that there are."""
        lines = self.one_single()
        always = self.names.singles[-1]
        name = "maybe"
        lines += [f"{name} = None", "if cond():", f"    {name} = {self.maker()}"]
        self.names.optional = name
        test = self.pick(("t is not None", "t"))
        lines.append(f"{self.collection()} = [t for t in ({always}, {name}) if {test}]")
        return lines

    def keyed(self) -> Lines:
        """Keep tasks in a dictionary."""
        name = self.collection()
        store = self.pick((f"{name}[{self.maker()}] = n", f"{name}[n] = {self.maker()}"))
        lines = [f"{name} = {{}}", "for n in things:", f"    {store}"]
        if "[n] =" in store:
            lines.append(f"{name} = {self.pick((f'{name}.values()', f'list({name}.values())'))}")
        return lines

    def gathered(self) -> Lines:
        """Have one handle on two tasks."""
        if "both" in self.names.singles:
            return []
        self.names.singles.append("both")
        if self.chance(50):
            return ["both = asyncio.gather(work(), work())"]
        lines = self.two_singles()
        one, two = self.names.singles[-2:]
        return [*lines, f"both = asyncio.gather({one}, {two})"]

    def filled(self) -> Lines:
        """Let a helper or a nested function fill a set."""
        name = self.collection()
        fill = self.pick(("fill", "fill_later", "fill_theirs", ""))
        if fill:
            call = f"await {fill}({name})" if fill == "fill_later" else f"{fill}({name})"
            return [f"{name} = set()", "for n in things:", f"    {call}"]
        body = self.pick((f"{name}.add({self.maker()})", f"{name}.update([{self.maker()}])"))
        lines = [f"{name} = set()", "def start():", f"    {body}"]
        lines += self.pick((["start()"], ["for n in things:", "    start()"], ["other(start)"]))
        return lines

    def typed(self) -> Lines:
        """Fill a collection made by a generic alias."""
        name, made = self.collection(), self.maker()
        made_by = self.pick(
            ("set[asyncio.Task]()", "list[asyncio.Task]()", "deque[asyncio.Task]()")
        )
        add = "add" if made_by.startswith("set") else "append"
        lines = [f"{name} = {made_by}", f"{name}.{add}({made})"]
        return [*lines, "for n in things:", f"    {name}.{add}({made})"]

    def ordered(self) -> Lines:
        """Change the order of a list, or replace or drop one of its tasks."""
        lines = self.two_singles()
        one, two = self.names.singles[-2:]
        name = self.collection()
        change = self.pick(
            (
                f"{name}.reverse()",
                f"{name}.insert(0, {self.maker()})",
                f"{name} = list(reversed({name}))",
                f"{name} *= 2",
                f"del {name}[1]",
                f"{name}[0] = {self.maker()}",
                f"{name}.appendleft({self.maker()})",
            )
        )
        display = f"deque([{one}, {two}])" if "appendleft" in change else f"[{one}, {two}]"
        return [*lines, f"{name} = {display}", change]

    def results(self) -> Lines:
        """Have a nested coroutine fill a list, which is asked for what it holds."""
        task = self.single()
        run = self.pick((f"{task} = asyncio.create_task(one())", f"{task} = {self.maker()}"))
        self.names.lists.append("found")
        return ["found = []", "async def one():", "    found.append(await work())", run]

    def annotated(self) -> Lines:
        """Make a task of a parameter, which may be annotated as an awaitable."""
        name = "response"
        if name not in self.names.parameters:
            self.names.parameters.append(name)
            self.names.annotated = self.pick((": Awaitable[int]", ": Coroutine | None", ""))
        return [f"{self.single()} = asyncio.ensure_future({name})"]

    def wrapped(self) -> Lines:
        """Let a wait run in a task of its own."""
        lines = self.two_singles() if self.chance(50) else self.one_single()
        call = f"asyncio.wait([{', '.join(self.names.singles[-2:])}]{self.pick(WRAPPED)})"
        self.names.sites += 1
        return [*lines, f"{self.single()} = asyncio.create_task({call})"]

    def watching(self) -> Lines:
        """Have a task wait for an event."""
        if "closed" in self.names.parameters:
            return []
        self.names.parameters.append("closed")
        return [f"{self.single()} = asyncio.create_task(closed.wait())"]

    def picked(self) -> Lines:
        """Take two tasks from a parameter."""
        if "given" in self.names.parameters:
            return []
        self.names.parameters.append("given")
        key = self.pick(("0", "1"))
        return [f"{self.single()} = given[{key}]"]

    def compared(self) -> Lines:
        """Go on only where a parameter holds nothing else than another one."""
        if "keys" in self.names.parameters:
            return []
        self.names.parameters.append("keys")
        test = self.pick(("set(keys) - set(things)", "set(keys).difference(things)"))
        made = f"asyncio.create_task({self.pick(('work(n)', 'n'))})"
        lines = [f"if {test}:", "    raise ValueError"]
        return [*lines, f"{self.collection()} = [{made} for n in keys]"]

    def foreign(self) -> Lines:
        self.names.method = True
        if "self._reader" not in self.names.singles:
            self.names.singles.append("self._reader")
        return []

    def future(self) -> Lines:
        if "fut" in self.names.singles:
            return []
        self.names.singles.append("fut")
        made = self.pick(("loop.create_future()", "asyncio.Future()"))
        return [f"fut = {made}"]

    # -- the wait --------------------------------------------------------------------------------

    def waited(self) -> str:
        """Return what is waited on."""
        singles, collections = self.names.singles, self.names.collections
        options = [f"{{{', '.join(singles)}}}"] if singles else []
        options += [name for name in collections if name != "others"] * 2
        options += collections
        options += [f"{{{name}}}" for name in singles]
        if singles and collections:
            options.append(f"[{singles[-1]}, *{collections[0]}]")
            options.append(f"set({collections[0]}) | {{{singles[0]}}}")
        return self.pick(options)

    def call(self, waited: str) -> str:
        options = self.pick((*EARLY, *EARLY, "return_when=FC", "timeout=delay", "timeout=None", ""))
        return f"asyncio.wait({waited}, {options})" if options else f"asyncio.wait({waited})"

    def wait(self) -> Lines:
        """Write the wait, binding or dropping its result; the names bound are noted."""
        call = self.call(self.waited())
        return self.bind(self.pick(FORMS), call)

    def bind(self, form: str, call: str) -> Lines:
        names = self.names
        if form == "done":
            names.done = "done"
            return [f"done, _ = await {call}"]
        if form == "pending":
            names.pending = "pending"
            return [f"_, pending = await {call}"]
        if form == "bare":
            return [f"await {call}"]
        if form == "second":
            names.pending = "pending"
            return [f"pending = (await {call})[1]"]
        if form == "first":
            names.done = "done"
            return [f"done = (await {call})[0]"]
        if form == "returned":
            return [f"return await {call}"] if not names.generator else [f"yield await {call}"]
        if form == "result":
            names.result = "result"
            return [f"result = await {call}", *self.take_apart()]
        names.done, names.pending = "done", "pending"
        return {
            "both": [f"done, pending = await {call}"],
            "walrus": [f"done, pending = (got := await {call})"],
            "annotated": ["done: set", "pending: set", f"done, pending = await {call}"],
            "star": [f"done, *(pending,) = await {call}"],
            "wait_for": [f"done, pending = await asyncio.wait_for({call}, 5)"],
            "timeout": ["async with asyncio.timeout(5):", f"    done, pending = await {call}"],
            "waiter": [f"waiter = asyncio.create_task({call})", "done, pending = await waiter"],
        }[form]

    def take_apart(self) -> Lines:
        way = self.pick(("done, pending = result", "pending = result[1]", ""))
        if way:
            self.names.pending = "pending"
        if way.startswith("done"):
            self.names.done = "done"
        return [way] if way else []

    # -- after the wait --------------------------------------------------------------------------

    def block(self, depth: int, in_loop: bool = False, least: int = 1) -> Lines:
        """Write a few statements."""
        lines: Lines = []
        for _ in range(self.pick((least, least, least + 1))):
            lines += self.statement(depth, in_loop)
        return lines or ["pass"]

    def statement(self, depth: int, in_loop: bool) -> Lines:
        ways: list[Callable[[], Lines]] = [self.cleanup] * 5 + [self.use] * 2 + [self.between] * 2
        ways += [self.hand_over, self.join, self.local_function]
        ways += [partial(self.attempted, in_loop)] * 2
        ways += [self.answered] * 2
        ways += [partial(self.leave, in_loop), partial(self.change, in_loop)]
        if depth > 0:
            ways += [partial(self.condition, depth - 1, in_loop)] * 2
            ways += [partial(self.guarded, depth - 1, in_loop)]
        return self.pick(ways)()

    def some_tasks(self) -> str:
        """Return a collection to go over."""
        names = self.names
        options = [names.pending] * 3 + names.collections * 2
        options += [f"{names.result}[1]"] if names.result else []
        options += [f"{{{', '.join(names.singles)}}}"] if names.singles else []
        options += [names.done] if names.done else []
        return self.pick([option for option in options if option])

    def cleanup(self) -> Lines:
        """Cancel something, in one of the ways that people do."""
        ways = [self.cancel_loop] * 4 + [self.cancel_call] * 2
        if self.names.singles:
            ways += [self.cancel_single] * 3
        return self.pick(ways)()

    def cancel_loop(self) -> Lines:
        tasks = self.some_tasks()
        bodies: list[Lines] = [
            ["t.cancel()"],
            ["t.cancel()"],
            ["if not t.done():", "    t.cancel()"],
            ["t.cancel()", "await t"],
            ["t.cancel()", "with contextlib.suppress(asyncio.CancelledError):", "    await t"],
            ["t.cancel()", "try:", "    await t", "except asyncio.CancelledError:", "    pass"],
            ["if t in {pending}:", "    t.cancel()"],
            ["if cond():", "    break", "t.cancel()"],
            ["if cond():", "    continue", "t.cancel()"],
            ["if cond():", "    t.cancel()"],
        ]
        if not self.names.pending:
            bodies = [body for body in bodies if "{pending}" not in body[0]]
        body = [line.format(pending=self.names.pending) for line in self.pick(bodies)]
        lines = [f"for t in {tasks}:", *indented(body)]
        if self.chance(20):
            lines.append(f"await asyncio.gather(*{tasks}, return_exceptions=True)")
        return lines

    def owned_set(self) -> str:
        """Return a set that may be emptied."""
        return self.names.pending or "registry"

    def change(self, in_loop: bool) -> Lines:
        """Re-bind, shrink or grow what holds the tasks."""
        names = self.names
        options = [f"mine = {self.some_tasks()}"]
        for name in [one for one in names.collections if one != "others"][:1]:
            options += [f"{name} = list({name})"]
            if not in_loop:
                options += [f"del {name}"]
            if names.done:
                options.append(f"{name} = set({name}) - {names.done}")
        if names.pending:
            options += [f"{names.pending} = list({names.pending})", f"{names.pending} = set()"]
            options += [f"{names.pending} |= {{{self.maker()}}}", f"{names.pending}.clear()"]
            options += [f"{names.pending}.pop().cancel()"]
            options += [f"{names.pending}.discard({task})" for task in names.singles[:1]]
        for name in [one for one in names.singles if one[0] in "abcd" and len(one) == 1][:1]:
            options += [f"{name} = {self.maker()}"]
            if not in_loop:
                options += [f"{name} = None"]
        return [self.pick(options)]

    def local_function(self) -> Lines:
        """Put a cleanup into a nested function, and call it or hand it over."""
        name = self.pick(("stop()", "other(stop)", "stop()"))
        tasks = self.some_tasks()
        return ["def stop():", f"    for t in {tasks}:", "        t.cancel()", name]

    def cancel_call(self) -> Lines:
        tasks = self.some_tasks()
        return [
            self.pick(
                (
                    f"cancel_all({tasks})",
                    f"[t.cancel() for t in {tasks}]",
                    f"await drain({tasks})",
                    f"asyncio.gather(*{tasks}).cancel()",
                    f"await late_drain({tasks})",
                    f"await other({tasks})",
                    f"list(map(lambda t: t.cancel(), {tasks}))",
                    f"for t in [t for t in {tasks} if not t.done()]: t.cancel()",
                    f"asyncio.create_task(late_drain({tasks}))",
                    f"while {self.owned_set()}: {self.owned_set()}.pop().cancel()",
                )
            )
        ]

    def cancel_single(self) -> Lines:
        task = self.pick(self.names.singles)
        options: list[Lines] = [
            [f"{task}.cancel()"],
            [f"{task}.cancel()"],
            [f"if not {task}.done():", f"    {task}.cancel()"],
            [f"{task}.cancel()", f"await {task}"],
        ]
        if self.names.pending:
            options.append([f"if {task} in {self.names.pending}:", f"    {task}.cancel()"])
        return self.pick(options)

    def use(self) -> Lines:
        """Look at what is done."""
        names = self.names
        options: list[Lines] = []
        if names.done:
            done = names.done
            options += [
                [f"for t in {done}:", "    use(t.result())"],
                [f"for t in {done}:", "    t.result()"],
                [f"for t in {done}:", "    await t"],
                [f"for t in {done}:", "    if t.exception():", "        raise t.exception()"],
                [f"use({done}.pop().result())"],
                [f"use(next(iter({done})).result())"],
                [f"results = [t.result() for t in {done}]"],
                [f"results = [await t for t in {done}]"],
                [f"print(len({done}))"],
            ]
        for task in names.singles[:2]:
            options.append([f"use({task}.result())"])
            options.append([f"if {task}.done():", f"    use({task}.result())"])
        options.append([f"count({self.some_tasks()})"])
        return self.pick(options)

    def between(self) -> Lines:
        """Do something that has nothing to do with the tasks."""
        return [
            self.pick(("await log()", "await asyncio.sleep(0)", "use(1)", "use(table(things))"))
        ]

    def hand_over(self) -> Lines:
        tasks = self.some_tasks()
        options = [
            f"other({tasks})",
            f"registry.update({tasks})",
            f"keep({tasks})",
            f"other(lambda: {tasks})",
            f"use(len({tasks}))",
        ]
        if self.names.singles:
            task = self.pick(self.names.singles)
            options += [f"other({task})", f"registry.add({task})", f"use.last = {task}"]
            options += [f"{task}.add_done_callback(use)", f"other({task}.cancel)"]
            if self.names.method:
                options += [f"self._tasks.add({task})", f"self._task = {task}"]
                options += [f"self._tasks.update({tasks})"]
        return [self.pick(options)]

    def join(self) -> Lines:
        """Await what runs on."""
        tasks = self.some_tasks()
        options: list[Lines] = [
            [f"await asyncio.gather(*{tasks})"],
            [f"await asyncio.gather(*{tasks}, return_exceptions=True)"],
            [f"for t in {tasks}:", "    await t"],
            [f"await join_all({tasks})"],
            [f"for t in asyncio.as_completed({tasks}):", "    await t"],
            ["with contextlib.suppress(Exception):", f"    await asyncio.gather(*{tasks})"],
        ]
        if self.names.singles:
            task = self.pick(self.names.singles)
            options += [[f"await {task}"], [f"await asyncio.wait_for({task}, 5)"]]
            options += [[f"await asyncio.shield({task})"]]
            if self.names.sites < 2:
                options += [[f"await asyncio.wait({{{task}}}, timeout=1)"]]
        if self.names.pending and self.names.sites < 2:
            options += [[f"if {self.names.pending}:", f"    await {self._again()}"]] * 2
        chosen = self.pick(options)
        self.names.sites += sum("asyncio.wait(" in line for line in chosen)
        return chosen

    def _again(self) -> str:
        options = self.pick(("", ", timeout=1", ", return_when=asyncio.FIRST_COMPLETED"))
        return f"asyncio.wait({self.names.pending}{options})"

    def leave(self, in_loop: bool = False) -> Lines:
        """End the function, the loop or the turn, mostly only sometimes."""
        names = self.names
        options = ["return", "raise ValueError", "return None"]
        if names.generator:
            options = ["yield 1", "return", "raise ValueError"]
            options += [f"yield {name}" for name in (names.done, names.pending) if name]
        else:
            options += [f"return {name}" for name in (names.done, names.pending) if name]
            options += [f"return {task}" for task in names.singles[:1]]
            if names.done:
                options += [f"return {names.done}.pop()", f"return next(iter({names.done}))"]
        if in_loop:
            options = ["break", "continue", *options]
        chosen = self.pick(options)
        if chosen.startswith("yield") or self.chance(40):
            return [chosen]
        return [f"if {self.pick(('cond()', 'cond()', 'flag', 'not flag'))}:", f"    {chosen}"]

    def test(self) -> str:
        """Return a condition, mostly on the outcome of the wait."""
        names = self.names
        options: list[str] = []
        if names.pending:
            options += [names.pending, f"not {names.pending}", f"len({names.pending}) > 0"]
        if names.done:
            options += [f"not {names.done}", names.done]
            options += [f"{task} in {names.done}" for task in names.singles]
            options += [f"next(iter({names.done})) is {task}" for task in names.singles[:2]]
        if names.pending:
            options += [f"{task} not in {names.pending}" for task in names.singles]
        options += [f"{task}.done()" for task in names.singles]
        options += [f"not {task}.done()" for task in names.singles]
        if len(names.singles) > 1:
            one, two = names.singles[:2]
            options += [f"{one}.done() and {two}.done()", f"{one}.done() or {two}.done()"]
        if names.optional:
            options += [names.optional, f"{names.optional} is not None"] * 2
            options += [f"None is {names.optional}"]
        if names.pending:
            options += [f"len({names.pending}) in (1, 2)", f"len({names.pending}) not in [0]"]
        if names.done:
            options += [f"len({names.done}) < {max(2, len(names.singles))}"]
            options += [f"len({names.done}) < len(things)"] if names.collections else []
        options += ["len(things) == 1", "len(things) > 1"] if names.collections else []
        if "closed" in names.parameters:
            options += ["closed.is_set()"] * 3
        if "found" in self.names.lists:
            options += ["found", "len(found) == 1"]
        options += ["cond()", "flag", "not flag", "flag is None", "use.closed", "not use.closed"]
        options += [CANCELLING] if sys.version_info >= (3, 11) else []
        return self.pick(options)

    def condition(self, depth: int, in_loop: bool) -> Lines:
        if self.chance(10):
            return [f"assert {self.test()}"]
        if self.chance(10):
            return self.matched(depth, in_loop)
        lines = [f"if {self.test()}:", *indented(self.block(depth, in_loop))]
        if self.chance(40):
            lines += ["else:", *indented(self.block(depth, in_loop))]
        return lines

    def matched(self, depth: int, in_loop: bool) -> Lines:
        """Choose by `match`."""
        counted = self.names.pending or self.names.done
        subject, case = (f"len({counted})", "0") if counted else ("cond()", "True")
        lines = [f"match {subject}:", f"    case {case}:"]
        lines += indented(indented(self.block(depth, in_loop)))
        if self.chance(50):
            lines += ["    case _:", *indented(indented(self.block(depth, in_loop)))]
        return lines

    def flagged(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        """Clean up by a flag that is set at the end."""
        lines = ["ok = False", "try:", *indented(body), "    ok = True", "finally:"]
        return [*lines, "    if not ok:", *indented(indented(self.block(depth, in_loop)))]

    def stacked(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        """Register cancels with an exit stack."""
        tasks = self.some_tasks() if not self.names.collections else self.names.collections[0]
        register = [f"for t in {tasks}:", "    stack.callback(t.cancel)"]
        if self.names.singles and self.names.singles[0] != "get":
            register = [f"stack.callback({self.names.singles[0]}.cancel)"]
        return ["with contextlib.ExitStack() as stack:", *indented([*register, *body])]

    def guarded(self, depth: int, in_loop: bool) -> Lines:
        """Put statements under a handler of their own."""
        body = self.block(depth, in_loop)
        return self.tried(body, depth, in_loop)

    def attempted(self, in_loop: bool) -> Lines:
        """Try a plain call, and go another way where it raises."""
        return self.attempt(in_loop, self.handler_of_attempt(in_loop))

    def answered(self) -> Lines:
        """Bind an answer of a task, and decide by it, at once or after something else."""
        names = self.names
        singles = [name for name in names.singles if name != "both"]
        task = self.pick([*singles, f"{names.done}.pop()"] if names.done else singles or ["fut"])
        if task == "fut" and "fut" not in singles:
            return self.cleanup()
        lines: Lines = []
        if task.endswith("pop()"):
            lines, task = [f"one = {task}"], "one"
        question, tests = self.pick(
            (
                ("exception()", ("told is None", "told", "None is not told")),
                ("done()", ("told", "not told")),
                ("cancelled()", ("told", "not told")),
                ("cancel()", ("told", "not told", "told is False")),
            )
        )
        lines.append(f"told = {task}.{question}")
        if self.chance(30):
            lines += self.between()
        then = [[f"use({task}.result())"], ["return"], [f"{task}.cancel()"], self.cleanup()]
        then += [[f"assert {task}.done()"]]
        chosen = self.pick(then)
        if names.generator and chosen == ["return"]:
            chosen = ["raise ValueError"]
        lines += [f"if {self.pick(tests)}:", *indented(chosen)]
        if self.chance(20):
            kinds = self.pick(("asyncio.Task", "asyncio.Future", "(asyncio.Task, int)", "int"))
            lines += [f"if isinstance({task}, {kinds}):", f"    {task}.cancel()"]
        return lines

    def attempt(self, in_loop: bool, handler: Lines) -> Lines:
        plain = self.pick(
            (
                ["queue.put_nowait(1)"],
                ["use(queue[0])"],
                ["del queue[0]"],
                ["got = queue.get_nowait()", "use(got)"],
                [f"count({self.some_tasks()})"],
                [f"for t in {self.some_tasks()}:", "    t.cancel()", "use(1)"],
            )
        )
        leaving = ["return", "raise ValueError"] + (["break", "continue"] if in_loop else [])
        if self.names.generator:
            leaving = ["raise ValueError"]
        caught = self.pick(("Full", "Exception", "(KeyError, Full)", "asyncio.QueueFull"))
        lines = ["try:", *indented(plain)]
        if self.chance(30):
            lines += [f"    {self.pick(leaving)}"]
        lines += [f"except {caught}:", *indented(handler)]
        if self.chance(20):
            lines += ["else:", f"    {self.pick(leaving)}"]
        return lines

    def handler_of_attempt(self, in_loop: bool) -> Lines:
        handler = [self.pick(("pass", "pass", "return", "raise"))]
        if in_loop and self.chance(30):
            handler = [self.pick(("continue", "break"))]
        return self.cleanup() + handler if self.chance(30) else handler

    # -- around the wait -------------------------------------------------------------------------

    def wrap(self, core: Lines, depth: int, in_loop: bool) -> Lines:
        """Put something around the lines that hold the wait."""
        ways = [self.tried] * 6 + [self.suppressed, self.conditional, self.managed, self.repeated]
        ways += [self.flagged, self.stacked, self.handled]
        way = self.pick(ways)
        return way(core, depth, in_loop)

    def tried(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        shape = self.pick(("finally", "finally", "except", "except", "except finally", "else"))
        lines = ["try:", *indented(body)]
        if shape != "finally":
            caught = self.pick(CATCHES)
            lines += [f"except {caught}:" if caught else "except:"]
            lines += indented(self.handler(depth, in_loop))
        if shape == "else":
            lines += ["else:", *indented(self.block(depth, in_loop))]
        if "finally" in shape:
            lines += ["finally:", *indented(self.block(depth, in_loop))]
        return lines

    def handler(self, depth: int, in_loop: bool) -> Lines:
        """Write what an `except` does: mostly clean up and raise again."""
        last = self.pick(("raise", "raise", "pass", "return"))
        lines = self.cleanup() if self.chance(70) else []
        if lines and sys.version_info >= (3, 11) and self.chance(10):
            lines = [f"if {CANCELLING}:", *indented(lines)]
        if self.chance(20):
            lines += self.statement(depth, in_loop)
        return [*lines, last]

    def suppressed(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        caught = self.pick(
            ("asyncio.CancelledError", "Exception", "asyncio.CancelledError, OSError")
        )
        return [f"with contextlib.suppress({caught}):", *indented(body)]

    def conditional(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        return ["if cond():", *indented(body)]

    def managed(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        contexts = [f"cancelling({name})" for name in self.names.collections]
        contexts += ["asyncio.timeout(5)", "lock()", "asyncio.TaskGroup()", "asyncio.timeout(None)"]
        context = self.pick(contexts)
        return [f"async with {context}:", *indented(body)]

    def handled(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        """Come to the wait only where a plain call raises, or where it does not."""
        if self.names.collections or len(self.names.singles) > (self.names.singles[-1:] == ["get"]):
            if self.chance(50):
                return self.attempt(in_loop, body)
            return self.attempt(in_loop, ["pass"]) + body
        return body

    def repeated(self, body: Lines, depth: int, in_loop: bool) -> Lines:
        several = [f"range({self.pick((2, 3))})"]
        several += ["things", "range(len(things))"] if self.names.collections else []
        return [f"for n in {self.pick(several)}:", *indented(body)]

    def prebound(self) -> Lines:
        """Bind names of the result before the wait."""
        names, lines = self.names, []
        if names.pending and self.chance(35):
            values = ["set()", *names.collections, "None", "()"]
            lines.append(f"{names.pending} = {self.pick(values)}")
        if names.done and self.chance(10):
            lines.append(f"{names.done} = set()")
        return lines

    # -- the function ----------------------------------------------------------------------------

    def straight(self) -> Lines:
        """Write a function that waits once."""
        lines = self.setup()
        core = self.wait()
        if self.chance(60):
            core += self.block(self.depth)
        before: Lines = []
        for _ in range(self.pick((0, 1, 1, 2))):
            core = self.wrap(core, self.depth, in_loop=False)
            if self.chance(40):
                core += self.block(self.depth)
        before = self.prebound()
        if self.chance(10):
            before += self.between()
        return [*lines, *before, *core]

    def until_none(self) -> Lines:
        """Write a function that waits until nothing is pending."""
        lines = self.setup()
        first = self.waited()
        self.names.done, self.names.pending = "done", "pending"
        start = first if first.startswith(("{", "[")) else f"set({first})"
        options = self.pick(EARLY)
        wait = f"done, pending = await asyncio.wait(pending, {options})"
        loop = ["while pending:", f"    {wait}", *indented(self.block(self.depth, in_loop=True))]
        if self.chance(50):
            loop = self.wrap(loop, self.depth, in_loop=False)
        after = self.block(self.depth) if self.chance(40) else []
        return [*lines, f"pending = {start}", *loop, *after]

    def for_ever(self) -> Lines:
        """Write a function that makes a task in each turn of a loop."""
        lines = self.setup()
        self.names.singles.append("get")
        wait = self.wait()
        made = self.pick((self.maker(), self.maker(), "asyncio.gather(work(), work())"))
        body = [f"get = {made}", *wait, *self.block(self.depth, in_loop=True)]
        if self.chance(50):
            body = self.wrap(body, self.depth, in_loop=True)
        condition = self.pick(("True", "cond()", "not use.closed"))
        loop = [f"while {condition}:", *indented(body)]
        if self.chance(40):
            loop = self.wrap(loop, self.depth, in_loop=False)
        return [*lines, *loop]


def indented(lines: Lines) -> Lines:
    """Return lines one level deeper."""
    return [f"    {line}" for line in lines]


def program(random: Random) -> str:
    """Draw the text of a module: it compiles, and holds one or two sites in one function."""
    names = Names()
    writer = Writer(random, names, depth=random.choice((0, 0, 1)))
    names.generator = writer.chance(8)
    shape = writer.pick((writer.straight, writer.straight, writer.until_none, writer.for_ever))
    body = shape()
    if names.generator and not any("yield" in line for line in body):
        body.append("yield 1")
    return module(names, body)


def module(names: Names, body: Lines) -> str:
    """Put a function's body into a module, with the parameters and helpers that it needs."""
    text = "\n".join(body)
    parameters = ["self"] if names.method else []
    parameters += [n + names.annotated * (n == "response") for n in names.parameters]
    parameters += [name for name in ("things", "loop", "delay", "flag") if name in text]
    function = [f"async def f({', '.join(parameters)}):", *indented(body)]
    if names.method:
        function = ["class C:", *indented(function)]
    text = "\n".join(function)
    helpers = "".join(helper for name, helper in HELPERS.items() if f"{name}(" in text)
    body_text = helpers + text
    head = HEAD
    if "contextlib." in body_text:
        head += "import contextlib\n"
    if "deque" in body_text:
        head += "from collections import deque\n"
    if names.annotated:
        head += "from typing import Awaitable, Coroutine\n"
    head += imported_from("elsewhere", IMPORTED, body_text)
    if "FC" in body_text:
        head += f"\n{CONSTANT}"
    if "registry" in body_text:
        head += "\nregistry = set()\n"
    if "layout" in body_text:  # dear for whoever has to think of all that it may hold
        head += "\nlayout = []\n"
    return f"{head}{helpers}\n\n{text}\n"


def imported_from(name: str, members: Sequence[str], text: str) -> str:
    """Return the import of those members of a module that a text names."""
    named = [member for member in members if re.search(rf"\b{member}\b", text)]
    return f"from {name} import {', '.join(named)}\n" if named else ""


def drawn(number: int, examples: int, draw: Callable[[Random], str] = program) -> list[str]:
    """Draw so many modules from a seed; return the distinct ones, in order."""
    random = Random(number)
    return list(dict.fromkeys(draw(random) for _ in range(examples)))

"""Draws small modules with sites of the family: tasks that are made, gathered
or looped over as they are completed, with no `asyncio.wait` needed.

A function makes some tasks first. What follows is drawn from the ways in which people settle them,
hand them over, forget them, and wait for something else in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TypeVar

from .generate import HEAD, Lines, imported_from, indented

T = TypeVar("T")

QUIET = """
async def quiet():
    try:
        await log()
    except Exception:
        use()
"""
HELPERS = {
    "quiet": QUIET,
    "settle": """
async def settle(t):
    await t
""",
    "stop": """
def stop(ts):
    for t in ts:
        t.cancel()
""",
    "opened": """
@contextlib.asynccontextmanager
async def opened():
    await log()
    try:
        yield use()
    finally:
        await log()
""",
}
JOBS = ("work()", "work()", "work()", "other.run()", "quiet()")
MAKERS: tuple[str, ...] = (
    "asyncio.create_task({})",
    "asyncio.create_task({})",
    "asyncio.ensure_future({})",
)
MAKERS += ("loop.create_task({})",)
CATCHES: tuple[str, ...] = (
    *("asyncio.CancelledError", "Exception", "BaseException", "TimeoutError", "ValueError"),
    *("UnicodeError", "ValueError"),
)
QUIETLY = ", return_exceptions=True"


@dataclass(slots=True)
class Made:
    """What there is to write about: single tasks, collections of tasks, and gathers."""

    singles: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    gathers: list[str] = field(default_factory=list)
    session: bool = False
    generator: bool = False

    @property
    def awaitables(self) -> list[str]:
        """The names of what can be awaited."""
        return self.singles + self.gathers


@dataclass(slots=True)
class Writer:
    """Draws the statements of one function. Every method returns lines without indentation."""

    random: Random
    made: Made

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of some options."""
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        """Draw whether something happens, in so many of a hundred cases."""
        return self.random.random() * 100 < percent

    # -- making -----------------------------------------------------------------------------------

    def function(self) -> Lines:
        """Write the body of a function."""
        self.made.generator = self.chance(8)
        lines: Lines = []
        for _ in range(self.pick((1, 1, 2))):
            lines += self.pick(
                (self.single, self.single, self.several, self.gather, self.nothing)
            )()
            if self.chance(15):
                lines += self.between()
        lines += self.block(2, in_loop=False)
        if self.made.generator and not any("yield" in line for line in lines):
            lines.append("yield 1")
        return lines

    def job(self) -> str:
        return "use.run(session)" if self.made.session and self.chance(60) else self.pick(JOBS)

    def maker(self) -> str:
        return self.pick(MAKERS).format(self.job())

    def nothing(self) -> Lines:
        return []

    def single(self) -> Lines:
        name = "abcde"[len(self.made.singles) % 5]
        if name not in self.made.singles:
            self.made.singles.append(name)
        lines = [f"{name} = {self.maker()}"]
        if self.chance(8):
            return [f"{name} = None", "if cond():", *indented(lines)]
        return lines

    def several(self) -> Lines:
        name = "tasks" if "tasks" not in self.made.collections else "more"
        over = self.pick(("range(2)", "things"))
        loop = [f"{name} = []", f"for _ in {over}:", f"    {name}.append({self.maker()})"]
        ways = (
            [f"{name} = [{self.maker()} for _ in {over}]"],
            [f"{name} = [{self.maker()}, {self.maker()}]"],
            loop,
            [*loop, "    await log()"],
            [f"{name} = {{{self.maker()}, {self.maker()}}}"],
        )
        lines = self.pick(ways)
        if name not in self.made.collections:
            self.made.collections.append(name)
        return lines

    def gather(self) -> Lines:
        call = self.gather_call()
        name = "both" if "both" not in self.made.gathers else "others"
        if name not in self.made.gathers:
            self.made.gathers.append(name)
        return [f"{name} = {call}"]

    def gather_call(self) -> str:
        made = self.made
        options = [f"{self.job()}, {self.job()}"] * 2
        options += [f"*[{self.job()} for _ in range(2)]", f"*({self.job()} for _ in things)"]
        options += [f"*map(lambda each: {self.job()}, things)"]
        options += [", ".join(made.singles)] * 2 if made.singles else []
        options += [f"*{name}" for name in made.collections]
        options += [f"{made.singles[0]}, {self.job()}"] if made.singles else []
        return f"asyncio.gather({self.pick(options)}{self.pick(('', '', QUIETLY))})"

    # -- statements -------------------------------------------------------------------------------

    def block(self, depth: int, in_loop: bool) -> Lines:
        lines: Lines = []
        for _ in range(self.pick((1, 2, 2, 3))):
            lines += self.statement(depth, in_loop)
        return lines

    def statement(self, depth: int, in_loop: bool) -> Lines:
        ways: list[Callable[[], Lines]] = [self.settle] * 6 + [self.cancel] * 3
        ways += [self.between] * 3 + [self.gathered] * 2 + [partial(self.leave, in_loop)] * 2
        ways += [self.hand_over, self.ask, self.single]
        if depth > 0:
            inside = (depth - 1, in_loop)
            ways += [partial(self.tried, *inside)] * 5 + [partial(self.branch, *inside)] * 3
            ways += [partial(self.completing, depth - 1)] * 3
            ways += [partial(self.managed, *inside)] * 2 + [partial(self.repeated, depth - 1)]
        return self.pick(ways)()

    def settle(self) -> Lines:
        made = self.made
        ways: list[Lines] = []
        for name in made.awaitables:
            ways += [[f"await {name}"]] * 3
            ways += [[f"await asyncio.wait_for({name}, 2)"], [f"return await {name}"]]
            ways += [["async with asyncio.timeout(2):", f"    await {name}"]]
        for name in made.singles:
            ways += [[f"await asyncio.shield({name})"], [f"await settle({name})"]]
            ways += [[f"await asyncio.wait_for(asyncio.shield({name}), 2)"], [f"await use({name})"]]
            ways += [[f"await asyncio.wait([{name}])"]]
            ways += [[f"while not {name}.done():", "    await log()"]]
            polled = [f"    if {name}.done():", "        break"]
            ways += [["while True:", *polled, "    await log()"]]
        for name in made.collections:
            ways += [[f"for t in {name}:", "    await t"]] * 2
            ways += [[f"await asyncio.gather(*{name}{self.pick(('', QUIETLY))})"]] * 2
            ways += [[f"use([await t for t in {name}])"], [f"await use({name})"]]
            ways += [[f"for t in {name}:", "    try:", "        await t"]]
            ways[-1] += [f"    except {self.pick(CATCHES)}:", "        use()"]
        if made.generator:  # it cannot return a value
            ways = [way for way in ways if not way[0].startswith("return")]
        return self.pick(ways) if ways else self.gathered()

    def cancel(self) -> Lines:
        made = self.made
        ways: list[Lines] = [[f"{name}.cancel()"] for name in made.awaitables]
        for name in made.singles:
            ways += [[f"if not {name}.done():", f"    {name}.cancel()"]]
            ways += [[f"{name}.cancel()", "try:", f"    await {name}"]]
            ways[-1] += ["except asyncio.CancelledError:", "    pass"]
        for name in made.collections:
            ways += [[f"for t in {name}:", "    t.cancel()"]] * 3 + [[f"stop({name})"]]
            ways += [[f"for t in {name}:", "    t.cancel()", "    await t"]]
        return self.pick(ways) if ways else self.between()

    def between(self) -> Lines:
        ways = [["await log()"]] * 4 + [
            ["async with lock:", "    use()"],
            ["await asyncio.sleep(1)"],
        ]
        ways += [["async for x in queue:", "    use(x)"], ["await asyncio.wait_for(log(), 2)"]]
        ways += [["async with asyncio.timeout(2):", "    await log()"]]
        many = self.pick((f"[{self.job()}, {self.job()}]", f"[{self.job()} for _ in things]"))
        ways += [[f"for each in {many}:", "    await each"], [f"one = {self.job()}", "await one"]]
        ways += [["yield 1"]] * 3 if self.made.generator else []
        return self.pick(ways)

    def gathered(self) -> Lines:
        return [self.pick(("await ", "await ", "x = await ")) + self.gather_call()]

    def leave(self, in_loop: bool) -> Lines:
        ways = ["return", "return", "raise KeyError"] + ["break", "continue"] * in_loop
        way = self.pick(ways)
        return [f"if {self.condition()}:", f"    {way}"] if self.chance(85) else [way]

    def condition(self) -> str:
        ways = ["cond()"] * 3 + [f"{name}.done()" for name in self.made.singles]
        ways += [f"not {name}.done()" for name in self.made.singles]
        ways += [f"{name} is not None" for name in self.made.singles]
        return self.pick(ways)

    def hand_over(self) -> Lines:
        names = self.made.awaitables + self.made.collections
        if not names:
            return ["use()"]
        name = self.pick(names)
        ways = [f"use({name})", f"things.append({name})", f"print({name})"]
        ways += [f"{name}.add_done_callback(use)"] if name in self.made.singles else []
        return [self.pick(ways)]

    def ask(self) -> Lines:
        if not self.made.singles:
            return ["use()"]
        name = self.pick(self.made.singles)
        asked = self.pick(("result()", "exception()"))
        return [f"if {name} is not None and {name}.done():", f"    use({name}.{asked})"]

    # -- around other statements ------------------------------------------------------------------

    def tried(self, depth: int, in_loop: bool) -> Lines:
        lines = ["try:", *indented(self.block(depth, in_loop))]
        handled = self.chance(60)
        if handled:
            for caught in self.random.sample(CATCHES, self.pick((1, 1, 2))):
                handler = self.cancel() if self.chance(60) else ["use()"]
                handler += self.pick((["raise"], ["raise"], [], ["return"]))
                lines += [f"except {caught}:", *indented(handler)]
        if not handled or self.chance(20):
            final = self.cancel() if self.chance(80) else self.settle()
            final = ["use()"] if any("return" in line for line in final) else final
            lines += ["finally:", *indented(final)]
        return lines

    def branch(self, depth: int, in_loop: bool) -> Lines:
        lines = [f"if {self.condition()}:", *indented(self.block(depth, in_loop))]
        if self.chance(30):
            lines += ["else:", *indented(self.block(depth, in_loop))]
        return lines

    def completing(self, depth: int) -> Lines:
        made = self.made
        given = [f"[{self.job()}, {self.job()}]", f"[{self.job()} for _ in range(2)]"]
        given += made.collections * 3 + ["things"]
        given += [f"[{', '.join(made.singles)}]"] if made.singles else []
        call = f"asyncio.as_completed({self.pick(given)}{self.pick(('', '', ', timeout=3'))})"
        if self.chance(20):
            head, step = f"async for done in {call}:", "use(done.exception())"
        else:
            head, step = f"for done in {call}:", "x = await done"
        after = self.block(depth, in_loop=True) if self.chance(50) else []
        lines = [head, *indented([step, *after])]
        if self.chance(30):
            lines = ["try:", *indented(lines), f"except {self.pick(CATCHES)}:", "    use()"]
        return lines

    def managed(self, depth: int, in_loop: bool) -> Lines:
        way = self.pick(("timeout", "connect", "opened", "group"))
        before = self.made.session
        if way == "timeout":
            head = "async with asyncio.timeout(2):"
        elif way == "group":
            head = "async with asyncio.TaskGroup() as group:"
        else:
            head = f"async with {way}() as session:"
            self.made.session = True
        body = self.block(depth, in_loop)
        if way == "group" and self.chance(60):
            body = [f"g = group.create_task({self.job()})", *body]
        self.made.session = before
        return [head, *indented(body)]

    def repeated(self, depth: int) -> Lines:
        head = self.pick(("for x in things:", "while cond():"))
        return [head, *indented(self.block(depth, in_loop=True))]


def family_program(random: Random) -> str:
    """Draw the text of a module: it compiles, and may hold sites of the family in one function."""
    body = Writer(random, Made()).function()
    text = "\n".join(body)
    parameters = [name for name in ("things", "loop") if name in text]
    function = "\n".join([f"async def f({', '.join(parameters)}):", *indented(body)])
    helpers = "".join(helper for name, helper in HELPERS.items() if f"{name}(" in function)
    names = ("cond", "connect", "lock", "log", "other", "queue", "use", "work")
    head = HEAD + ("import contextlib\n" if "contextlib." in helpers else "")
    head += imported_from("elsewhere", names, helpers + function)
    return f"{head}{helpers}\n\n{function}\n"

"""Programs of a growing size, to see how the cost of a check grows with them.

Each shape is a function from a size to the text of a file that holds at least one wait. Nothing
but the size changes from one text of a shape to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from textwrap import indent

from benchmarks.hostile_programs import PROGRAMS

HEAD = "import asyncio\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """What grows, from which text to which.

    `limit` is the largest exponent of the cost in the size that is good enough; None where the
    bound of work is what counts.
    """

    name: str
    text: Callable[[int], str]
    sizes: tuple[int, ...]
    limit: float | None = None


def _function(body: Iterable[str], name: str = "f") -> str:
    head = f"\nasync def {name}(work, log, ready, items):\n"
    return head + indent("\n".join(body), "    ") + "\n"


def _around_a_wait(statement: str) -> Callable[[int], str]:
    """A function that waits for two tasks, with a statement `size` times around the wait.

    The statement has its number where it says {0}.
    """

    def text(size: int) -> str:
        before = [statement.format(n) for n in range(size // 2)]
        after = [statement.format(n) for n in range(size // 2, size)]
        return HEAD + _function(
            [
                *("first = asyncio.create_task(work(1))", "tasks = {first}"),
                "tasks.add(asyncio.create_task(work(2)))",
                *before,
                "done, pending = await asyncio.wait(tasks, timeout=1)",
                *after,
                *("for task in pending:", "    task.cancel()"),
            ]
        )

    return text


def _many_waits(size: int) -> str:
    """One function that waits for the same tasks again and again."""
    wait = "done, pending = await asyncio.wait(tasks, timeout=1)"
    make = "tasks = [asyncio.create_task(work(item)) for item in items]"
    cancel = ("for task in tasks:", "    task.cancel()")
    return HEAD + _function([make, *[wait] * size, *cancel])


def _waits_of_their_own(size: int) -> str:
    """One function that makes tasks, waits for them and settles them, again and again."""
    body: list[str] = []
    for n in range(size):
        body += (
            f"tasks_{n} = [asyncio.create_task(work(item)) for item in items]",
            f"done_{n}, pending_{n} = await asyncio.wait(tasks_{n}, timeout=1)",
            f"for task in pending_{n}:",
            "    task.cancel()",
        )
    return HEAD + _function(body)


def _functions(size: int) -> str:
    """A file of functions that each wait."""
    return HEAD + "".join(
        _function(
            [
                "tasks = [asyncio.create_task(work(item)) for item in items]",
                "done, pending = await asyncio.wait(tasks, timeout=1)",
                *("for task in pending:", "    task.cancel()"),
            ],
            f"f{n}",
        )
        for n in range(size)
    )


def _sharing_a_helper(size: int) -> str:
    """A file of functions that each wait, and settle their tasks by the same function."""
    helper = _function(
        [
            *("for task in items:", "    task.cancel()"),
            "await asyncio.gather(*items, return_exceptions=True)",
        ],
        "settle",
    )
    return (
        HEAD
        + helper
        + "".join(
            _function(
                [
                    "tasks = [asyncio.create_task(work(item)) for item in items]",
                    "try:",
                    "    await asyncio.wait(tasks, timeout=1)",
                    "finally:",
                    "    await settle(work, log, ready, tasks)",
                ],
                f"f{n}",
            )
            for n in range(size)
        )
    )


def _calls_of_a_helper(size: int) -> str:
    """One function that gives its tasks to a function of the file, again and again."""
    helper = "\ndef show(tasks):\n    for task in tasks:\n        print(task)\n"
    return HEAD + helper + _around_a_wait("show(tasks)")(size).removeprefix(HEAD)


def _named(*questions: str) -> Callable[[int], str]:
    """Tasks that are each made, held and asked about by a name of their own."""

    def text(size: int) -> str:
        names = [f"task_{n}" for n in range(size)]
        return HEAD + _function(
            [
                *(f"{name} = asyncio.create_task(work({name!r}))" for name in names),
                "try:",
                f"    done, _ = await asyncio.wait({{{', '.join(names)}}}, timeout=1)",
                *(indent(one.format(name), "    ") for name in names for one in questions),
                "finally:",
                *(f"    {name}.cancel()" for name in names),
            ]
        )

    return text


def _replaced(size: int) -> str:
    """A loop over tasks that are each held, asked about and replaced by themselves."""
    names = [f"task_{n}" for n in range(size)]
    return HEAD + _function(
        [
            *(f"{name} = asyncio.create_task(work({name!r}))" for name in names),
            "try:",
            "    while ready():",
            f"        done, _ = await asyncio.wait({{{', '.join(names)}}}, timeout=1)",
            *(
                f"        if {name} in done:\n"
                f"            {name} = asyncio.create_task(work({name!r}))"
                for name in names
            ),
            "finally:",
            *(f"    {name}.cancel()" for name in names),
        ]
    )


def _display(size: int) -> str:
    """One set of tasks, each written out."""
    tasks = [f"    asyncio.create_task(work({n}))," for n in range(size)]
    return HEAD + _function(
        [
            *("tasks = {", *tasks, "}"),
            "done, pending = await asyncio.wait(tasks, timeout=1)",
            *("for task in pending:", "    task.cancel()"),
        ]
    )


def _nested_ifs(size: int) -> str:
    """One `if` inside the other; no Python allows a hundred."""
    make = ["tasks = {asyncio.create_task(work(1))}"]
    ifs = [indent(f"if ready({n}):", " " * n) for n in range(size)]
    inside = ["await asyncio.wait(tasks, timeout=1)", "for task in tasks:", "    task.cancel()"]
    return HEAD + _function([*make, *ifs, *(indent(line, " " * size) for line in inside)])


def _elifs(size: int) -> str:
    """A chain of `elif`, which is one `if` inside the other's `else`."""
    return _arms([f"{'el' if n else ''}if ready({n}):\n    await work({n})" for n in range(size)])


def _match(size: int) -> str:
    """A `match` with many cases."""
    cases = [f"    case {n}:\n        await work({n})" for n in range(size)]
    return _arms(["match ready():", *cases])


def _arms(arms: list[str]) -> str:
    return HEAD + _function(
        [
            "tasks = {asyncio.create_task(work(1))}",
            *arms,
            "await asyncio.wait(tasks, timeout=1)",
            *("for task in tasks:", "    task.cancel()"),
        ]
    )


def _sum(size: int) -> str:
    """One expression of many operators."""
    return _arms([f"total = {' + '.join(['1', *(f'work({n})' for n in range(size))])}"])


_STATEMENTS = (10, 100, 1_000, 10_000)
_LINEAR = 1.15

SHAPES = (
    *(
        Shape(f"statements: {name}", _around_a_wait(statement), _STATEMENTS, _LINEAR)
        for name, statement in {
            "others": "value_{0} = work({0}, log)",
            "awaits": "await work({0})",
            "reads of the tasks": "log(len(tasks))",
            "questions to a task": "if first.done():\n    log()",
            "changes of the tasks": "tasks.discard(first)\ntasks.add(first)",
            "branches": "if ready({0}):\n    await work({0})\nelse:\n    log()",
            "branches that leave": "if ready({0}):\n    return",
            "try and except": "try:\n    await work({0})\nexcept OSError:\n    log({0})",
            "try and finally": "try:\n    await work({0})\nfinally:\n    log({0})",
            "loops": "for item in items:\n    await work(item, {0})",
            "loops of waits": "while ready():\n"
            "    done, pending = await asyncio.wait(tasks, timeout=1)",
            "nested functions": "def inner_{0}():\n    return log({0})",
        }.items()
    ),
    Shape("waits for the same tasks", _many_waits, (1, 10, 100, 1_000), _LINEAR),
    Shape("waits for their own tasks", _waits_of_their_own, (1, 10, 100, 1_000), _LINEAR),
    Shape(
        "waits that may not be reached", PROGRAMS["optional waits"], (1, 10, 100, 1_000), _LINEAR
    ),
    Shape("waits that are forgotten", PROGRAMS["forgotten tasks"], (1, 10, 100, 1_000), _LINEAR),
    Shape("functions in a file", _functions, (1, 10, 100, 1_000), _LINEAR),
    Shape("functions that share a helper", _sharing_a_helper, (1, 10, 100, 1_000), _LINEAR),
    Shape("calls of a helper", _calls_of_a_helper, (10, 100, 1_000), _LINEAR),
    Shape("named tasks: cancelled", _named(), (1, 2, 4, 6, 8), 1.5),
    Shape("named tasks: asked", _named("if {0} in done:\n    log({0})"), (1, 2, 4, 6, 8), 1.5),
    Shape(
        "named tasks: results", _named("if {0} in done:\n    {0}.result()"), (1, 2, 4, 6, 8), 1.5
    ),
    Shape("named tasks: replaced", _replaced, (1, 2, 4, 6, 8)),
    Shape("tasks in a display", _display, (10, 100, 1_000, 10_000)),
    Shape("a long function", _around_a_wait("await work({0})"), (100_000,)),
    Shape("nested ifs", _nested_ifs, (10, 90)),
    Shape("elif", _elifs, (10, 100, 500)),
    Shape("cases of a match", _match, (10, 100, 1_000)),
    Shape("operators", _sum, (10, 100, 1_000)),
)

"""What is known of callables: one row for each, which everybody reads.

A row says which rule evaluates a call (none where it is a call as any other), and its traits: what
the text of a function says by it before anything is run. Traits go by the last component of a
name, resolved or not, rules by the qualified name or by what has the method.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from functools import cache, partial
from typing import Any, Generic, TypeGuard, TypeVar

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.verdicts import all_of, any_of
from flake8_asyncwait.analysis.code.walk import every, last_name
from flake8_asyncwait.analysis.machine.machine import Args, Context, Results
from flake8_asyncwait.analysis.semantics import (
    builtins,
    collections,
    dicts,
    questions,
    running,
    tasks,
)
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import Ref
from flake8_asyncwait.sites.outline import MAP, PRIMITIVES, SUPPRESS


class Trait(Flag):
    """What a call does, as far as its name tells."""

    NONE = 0
    CARRIES = auto()  # its value may hold what its arguments or its receiver hold
    WRAPS = auto()  # it makes tasks of the coroutines that it is given
    MAKES = auto()  # it may make a task
    ADDS = auto()  # its receiver may hold what it is given
    ENSURES = auto()  # it makes a task of a coroutine, and of nothing else
    CANCELS = auto()
    ASKS = auto()  # it depends on how a task has ended
    QUESTIONS = auto()  # it depends on whether a task has ended, or how
    STOPS = auto()  # it may raise, and so end a loop
    DECIDES = auto()  # its value is a condition on what it is given
    SIZES = auto()  # its value is how many items a collection has
    COUNTS = auto()  # it yields numbers that may index a collection
    GATHERS = auto()  # its value is a handle on the tasks that it is given
    LIMITS = auto()  # only its first argument is a task
    OF_MANY = auto()  # only a collection has such a method
    INSPECTS = auto()  # it asks for the class of an exception
    ANSWERS = auto()  # its value can be asked as a task can
    REGISTERS = auto()  # an exit stack calls what it is given
    SUPPRESSES = auto()  # as a context manager, it swallows what it names
    CALLS_BACK = auto()  # it is told when a task has ended
    COLLECTS = auto()  # its value is a collection, empty if it is given nothing
    LOOKS_UP = auto()  # its first argument says which item of its receiver is asked for
    WRITES = auto()  # it may fail, whatever it is given
    PAIRS = auto()  # its items hold one of each collection that it is given, in order
    COPIES = auto()  # it takes the items of the collection that it is given, and nothing else
    RUNS = auto()  # its value is the running task
    RECOUNTS = auto()  # it takes back what the running task was asked to
    TELLS = auto()  # its value is what one thing is called, each time
    RECALLS = auto()  # it depends on whether the running task was asked to cancel


CARRIES, WRAPS, MAKES, ADDS = Trait.CARRIES, Trait.WRAPS, Trait.MAKES, Trait.ADDS
CANCELS, ASKS, QUESTIONS, STOPS = Trait.CANCELS, Trait.ASKS, Trait.QUESTIONS, Trait.STOPS
DECIDES, SIZES, COUNTS, LIMITS = Trait.DECIDES, Trait.SIZES, Trait.COUNTS, Trait.LIMITS
OF_MANY, INSPECTS, CALLS_BACK = Trait.OF_MANY, Trait.INSPECTS, Trait.CALLS_BACK
COLLECTS, LOOKS_UP, COPIES = Trait.COLLECTS, Trait.LOOKS_UP, Trait.COPIES
ANSWERS, ENSURES, REGISTERS = Trait.ANSWERS, Trait.ENSURES, Trait.REGISTERS
TELLS, PAIRS = Trait.TELLS, Trait.PAIRS

FunctionRule = Callable[[Context, ir.Call, Args, State], Results]
CollectionRule = Callable[[Context, Ref, str, Args, State], Results]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row(Generic[R]):
    """What is known of one callable."""

    rule: R | None = None
    traits: Trait = Trait.NONE


GATHERS, SUPPRESSES = Trait.GATHERS, Trait.SUPPRESSES
UNKNOWN_CALL: Row[Any] = Row()
WAIT = "asyncio.wait"
TIMEOUTS = frozenset({"asyncio.timeout", "asyncio.timeout_at"})
STACKS = frozenset({"contextlib.ExitStack", "contextlib.AsyncExitStack"})
MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})
RETURN_WHEN = {
    f"{module}.{name}": name
    for module in ("asyncio", "concurrent.futures", "concurrent.futures._base")
    for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED")
}

# The classes that futures, and tasks, are of.
FUTURE_TYPES = frozenset({"asyncio.Future"})
TASK_TYPES = FUTURE_TYPES | {"asyncio.Task"}


def _of_class(method: str, rule: tasks.TaskRule) -> dict[str, FunctionRule]:
    """The rules of a method of a task that is called by its class (`asyncio.Task.cancel`)."""
    called = partial(tasks.of_class, rule)
    return {f"{name}.{method}": called for name in sorted(TASK_TYPES)}


# Tests that say of an item, given to `filter()`, what they say where they are called.
FILTERS: dict[str, FunctionRule] = {
    "asyncio.isfuture": builtins.is_future,
    **_of_class("done", tasks.task_done),
    **_of_class("cancelled", tasks.task_cancelled),
}

FUNCTIONS: dict[str, Row[FunctionRule]] = {
    WAIT: Row(None, CARRIES),
    "asyncio.create_task": Row(tasks.create_task, CARRIES | WRAPS | MAKES),
    "asyncio.Task": Row(tasks.create_task, CARRIES | MAKES),
    "asyncio.ensure_future": Row(tasks.ensure_future, CARRIES | WRAPS | MAKES | ENSURES),
    "asyncio.async": Row(tasks.ensure_future),
    **{name: Row(rule, CANCELS) for name, rule in _of_class("cancel", tasks.task_cancel).items()},
    "asyncio.Future": Row(tasks.make_future, ANSWERS),
    "asyncio.wrap_future": Row(tasks.make_future, CARRIES),
    "asyncio.gather": Row(tasks.gather_all, CARRIES | WRAPS | MAKES | ASKS | GATHERS),
    "asyncio.shield": Row(tasks.shielded, CARRIES | WRAPS | MAKES | ASKS),
    "asyncio.wait_for": Row(tasks.time_limited, CARRIES | WRAPS | LIMITS | ASKS),
    "asyncio.as_completed": Row(tasks.as_completed, CARRIES | WRAPS),
    **{name: Row(rule) for name, rule in FILTERS.items()},
    "asyncio.sleep": Row(tasks.sleep),
    "asyncio.current_task": Row(partial(tasks.instance, "current task"), Trait.RUNS),
    "asyncio.all_tasks": Row(tasks.every_task),
    "asyncio.get_running_loop": Row(partial(tasks.instance, "loop")),
    "asyncio.get_event_loop": Row(partial(tasks.instance, "loop")),
    "asyncio.new_event_loop": Row(partial(tasks.instance, "loop")),
    **{name: Row(partial(tasks.primitive, methods)) for name, methods in PRIMITIVES.items()},
    "builtins.list": Row(partial(builtins.collected, list), CARRIES | COLLECTS),
    "builtins.set": Row(partial(builtins.collected, set), CARRIES | COLLECTS),
    "builtins.tuple": Row(partial(builtins.collected, tuple), CARRIES | COLLECTS),
    "builtins.frozenset": Row(partial(builtins.collected, frozenset), CARRIES | COLLECTS),
    "builtins.sorted": Row(builtins.sorted_items, CARRIES),
    "builtins.reversed": Row(builtins.reversed_items, CARRIES),
    "builtins.iter": Row(partial(builtins.collected, ir.ITERATOR), CARRIES),
    "builtins.filter": Row(partial(builtins.filtered, FILTERS), CARRIES),
    "builtins.dict": Row(builtins.made_dict, CARRIES | COLLECTS),
    "builtins.zip": Row(builtins.zipped, CARRIES | Trait.PAIRS),
    "builtins.enumerate": Row(builtins.enumerated, CARRIES | COUNTS),
    "builtins.next": Row(builtins.next_of, CARRIES),
    MAP: Row(None, CARRIES),
    "builtins.min": Row(partial(builtins.reduced, min), CARRIES | DECIDES),
    "builtins.max": Row(partial(builtins.reduced, max), CARRIES | DECIDES),
    "builtins.len": Row(builtins.length, DECIDES | SIZES),
    "builtins.bool": Row(builtins.truth_of, DECIDES),
    "builtins.any": Row(partial(builtins.any_all, any_of), DECIDES),
    "builtins.all": Row(partial(builtins.any_all, all_of), DECIDES),
    "builtins.sum": Row(partial(builtins.reduced, sum), DECIDES),
    "builtins.range": Row(builtins.range_of, COUNTS),
    "builtins.isinstance": Row(partial(builtins.is_instance, FUTURE_TYPES, TASK_TYPES), INSPECTS),
    "builtins.setattr": Row(builtins.set_attribute),
    "builtins.print": Row(builtins.nothing, Trait.WRITES),
    "builtins.repr": Row(builtins.nothing, TELLS),
    "builtins.str": Row(builtins.text, TELLS),
    "builtins.id": Row(builtins.nothing, TELLS),
    "collections.deque": Row(partial(builtins.collected, deque), CARRIES | COLLECTS),
    SUPPRESS: Row(None, SUPPRESSES),
    "functools.partial": Row(None, CARRIES),
    "itertools.islice": Row(builtins.sliced_items, CARRIES),
    "itertools.repeat": Row(None, CARRIES),
    "itertools.chain": Row(builtins.chained, CARRIES),
    "itertools.chain.from_iterable": Row(builtins.chained_items, CARRIES),
    "typing.cast": Row(builtins.cast_to, CARRIES),
    "warnings.warn": Row(builtins.nothing, Trait.WRITES),
}
TASK_METHODS: dict[str, Row[tasks.TaskRule]] = {
    "cancel": Row(tasks.task_cancel, CANCELS | DECIDES),
    "done": Row(tasks.task_done, QUESTIONS | DECIDES),
    "cancelled": Row(tasks.task_cancelled, QUESTIONS | ASKS | DECIDES),
    "result": Row(tasks.task_result, QUESTIONS | ASKS | STOPS),
    "exception": Row(tasks.task_exception, QUESTIONS | ASKS | STOPS | DECIDES),
    "add_done_callback": Row(None, CALLS_BACK),
    "remove_done_callback": Row(),
    "get_name": Row(questions.task_name, DECIDES),
    "set_name": Row(questions.task_renamed),
    "get_coro": Row(),
    "get_loop": Row(),
    "uncancel": Row(),
    "cancelling": Row(questions.task_cancelling, DECIDES),
}
# What a task says of itself without being called.
TASK_ATTRIBUTES: dict[str, Row[tasks.TaskRule]] = {
    "_state": Row(questions.task_state, QUESTIONS | ASKS),
}
COLLECTION_METHODS: dict[str, Row[CollectionRule]] = {
    **dict.fromkeys(("append", "add", "insert", "appendleft"), Row(collections.add_item, ADDS)),
    **dict.fromkeys(("extend", "update", "extendleft"), Row(collections.add_items, ADDS | COPIES)),
    "pop": Row(collections.pop_any, CARRIES | STOPS | OF_MANY | LOOKS_UP),
    "popleft": Row(running.call_method, CARRIES),
    "popitem": Row(running.call_method, CARRIES),
    "remove": Row(collections.remove_item, STOPS),
    "discard": Row(collections.remove_item),
    "difference_update": Row(partial(collections.combine_all, False)),
    "intersection_update": Row(partial(collections.combine_all, False)),
    "symmetric_difference_update": Row(partial(collections.combine_all, True)),
    "clear": Row(collections.clear),
    "union": Row(partial(collections.combine_all, True), CARRIES | OF_MANY),
    "difference": Row(partial(collections.combine_all, False), CARRIES | OF_MANY),
    "intersection": Row(partial(collections.combine_all, False), CARRIES),
    "symmetric_difference": Row(partial(collections.combine_all, True), CARRIES),
    "copy": Row(running.call_method, CARRIES | OF_MANY),
    "keys": Row(dicts.view, CARRIES | OF_MANY),
    "values": Row(dicts.view, CARRIES | OF_MANY),
    "items": Row(dicts.view, CARRIES | OF_MANY),
    "get": Row(dicts.get_by_key, CARRIES | LOOKS_UP),
    "__getitem__": Row(collections.item_of, CARRIES | OF_MANY | LOOKS_UP),
    "setdefault": Row(dicts.set_default, ADDS),
    "sort": Row(collections.sort),
    **dict.fromkeys(
        ("reverse", "rotate", "index", "count", "isdisjoint", "issubset", "issuperset"),
        Row(running.call_method),
    ),
}
LOOP_METHODS: dict[str, Row[FunctionRule]] = {
    "create_task": Row(tasks.create_task, CARRIES | WRAPS | MAKES),
    "create_future": Row(tasks.make_future),
    "run_in_executor": Row(tasks.make_future),
    "is_closed": Row(questions.loop_closed, DECIDES),
    "run_until_complete": Row(tasks.run_until_complete),
}
FUTURE_METHODS = frozenset(n for n, row in LOOP_METHODS.items() if row.rule is tasks.make_future)
RUNNING_METHODS: dict[str, Row[FunctionRule]] = {
    "cancelling": Row(tasks.cancelling, DECIDES | Trait.RECALLS),
    "uncancel": Row(None, Trait.RECOUNTS),
}
# The methods of what a row of a constructor says is an `Instance`, by its kind.
INSTANCES = {"loop": LOOP_METHODS, "current task": RUNNING_METHODS}
STACK_METHODS: dict[str, Row[FunctionRule]] = {"callback": Row(None, REGISTERS)}
# What a question says for as long as a method of the same object has not ended.
WHILE_PENDING = {
    "is_set": ("wait", False),
    "empty": ("get", True),
    "full": ("put", True),
    "locked": ("acquire", True),
}
# Methods of a logger, which neither keep nor settle what they are given.
LOG_METHODS = frozenset(
    (
        *("debug", "info", "warning", "warn", "error", "exception", "critical"),
        *("log", "fatal", "trace", "success"),
    )
)
LOGGER_MAKER = "getLogger"
# A plain function whose name says that it creates a task.
CREATOR = re.compile(r"(?i)create\w*task(?!s?_?group)")


TABLES: tuple[dict[str, Row[Any]], ...] = (
    FUNCTIONS,
    TASK_METHODS,
    TASK_ATTRIBUTES,
    COLLECTION_METHODS,
    STACK_METHODS,
    *INSTANCES.values(),
)


@cache
def named(traits: Trait) -> frozenset[str]:
    """The last components of the names whose row, in whichever table, has one of some traits."""
    rows = (pair for table in TABLES for pair in table.items())
    return frozenset(name.rpartition(".")[2] for name, row in rows if row.traits & traits)


def has(call: ir.Call, traits: Trait) -> bool:
    """Whether a call has one of some traits, by the last component of its name."""
    return last_name(call.func) in named(traits)


def owners(func: ir.Func, trait: Trait) -> list[ir.Expr]:
    """What a function calls methods of that have a trait."""
    calls = (node for node in every(func) if isinstance(node, ir.Call))
    return [c.func.value for c in calls if isinstance(c.func, ir.Attr) and has(c, trait)]


def is_size(node: ir.Expr) -> TypeGuard[ir.Call]:
    """Whether an expression is how many items a collection has."""
    return isinstance(node, ir.Call) and has(node, Trait.SIZES)


def is_cancel(method: str) -> bool:
    """Whether a method of a task asks it to cancel."""
    return method in TASK_METHODS and CANCELS in TASK_METHODS[method].traits


def may_make(name: str) -> bool:
    """Whether a callee's name may be that of something that makes a task."""
    return "create" in name.lower() or makes(name)


def makes(name: str) -> bool:
    """Whether a callee's name says that it makes a task."""
    return CREATOR.search(name) is not None or name.lower() in map(str.lower, named(MAKES))

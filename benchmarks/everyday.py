"""Programs at random in the words of everyday code: builtins, collections, asyncio and typing.

`module(seed)` writes one, always the same for a seed: functions, methods and generators that wait
for tasks, with typed constructors, generic aliases, comprehensions, context managers and whatever
else stands around waits. They parse, on the newest Python at least, and that is all: names may be
unbound and calls wrong. `GRAMMAR` is what they are made of. `$word` in a form is a form of that
word; where it begins a line, each of its lines is indented as that one is.
"""

from __future__ import annotations

import random
import re
from textwrap import indent

DEPTH = 4  # forms in each other; below are those that hold no others
_WORD = re.compile(r"(?m)^([ ]*)\$(\w+)$|\$(\w+)")


def _forms(text: str) -> list[str]:
    """One form a line."""
    return [line.strip() for line in text.strip().splitlines()]


def _blocks(text: str) -> list[str]:
    """Forms of several lines, with an empty line between them."""
    return [block.strip("\n") for block in text.strip("\n").split("\n\n")]


HEAD = """\
from __future__ import annotations

import asyncio
import asyncio as aio
import collections
import contextlib
import dataclasses
import functools
import itertools
import typing
import weakref
from asyncio import FIRST_COMPLETED, FIRST_EXCEPTION, Queue, Task, create_task, gather, wait
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, Optional, TypedDict, TypeVar, Union, cast
"""

GRAMMAR: dict[str, list[str]] = {
    "name": _forms("""
        a
        done
        item
        items
        jobs
        loop
        pending
        queue
        result
        t
        task
        tasks
        work
    """),
    "place": _forms("""
        $name
        $name
        self.$name
        $name.$name
        $name[$e]
        self.$name[$slice]
    """),
    "targets": _forms("""
        $place
        $name
        $name, $name
        ($name, *$name)
        [$name, ($name, $place)]
        *$name, $name
        _, $place
    """),
    "type": _forms("""
        int
        str
        None
        Task
        asyncio.Task
        asyncio.Task[$type]
        "asyncio.Task[int]"
        asyncio.Future[$type]
        asyncio.Queue[$type]
        set[$type]
        frozenset[$type]
        list[$type]
        dict[str, $type]
        tuple[$type, ...]
        tuple[()]
        type[$type]
        deque[$type]
        defaultdict[str, list[$type]]
        collections.abc.Callable[[$type], $type]
        collections.abc.Awaitable[$type]
        typing.AsyncIterator[$type]
        Optional[$type]
        Union[$type, $type]
        $type | None
        Annotated[$type, $e]
        typing.Literal["a", 1]
        typing.ClassVar[$type]
    """),
    "made": _forms("""
        set()
        set[asyncio.Task]()
        set[$type]()
        set[$type]($e)
        list[$type]($e)
        dict[str, $type]($arguments)
        frozenset[$type]($e)
        tuple[$type, ...]($e)
        type[$type]($e)
        asyncio.Queue[int]()
        asyncio.Queue[$type](maxsize=$e)
        Queue[$type]()
        asyncio.PriorityQueue()
        asyncio.Event()
        asyncio.Lock()
        asyncio.Semaphore($e)
        asyncio.Future[$type]()
        asyncio.get_running_loop().create_future()
        deque[$type](maxlen=3)
        deque($e, maxlen=3)
        collections.deque[$type]()
        defaultdict(list)
        defaultdict[str, set[$type]](set)
        collections.defaultdict[$type, $type](lambda: $e)
        dict.fromkeys($e)
        dict.fromkeys($e, $e)
        dict[str, int].fromkeys($e)
        Counter[$type]($e)
        Counter()
        OrderedDict[$type, $type]()
        ChainMap($e, $e)
        namedtuple("P", "x y")($e, $e)
        weakref.WeakSet[$type]()
        weakref.WeakSet()
        dataclasses.field(default_factory=set)
        field(default_factory=list[$type])
        functools.partial($e, *$e, key=$e)
        functools.partial[$type]($e)
        contextlib.ExitStack()
        contextlib.AsyncExitStack()
        cast(set[$type], $e)
        typing.cast("set[asyncio.Task[int]]", $e)
        cast($type, $made)
        Pair($e, $e)
        Pair[$type](left=$e, right=$e)
        Entry(task=$e)
        Box[$type]($e)
        Box[$type].make($e)
    """),
    "task": _forms("""
        asyncio.create_task(work())
        asyncio.create_task(work($arguments), name=$e)
        create_task($e)
        aio.ensure_future(work($e))
        asyncio.get_event_loop().create_task(work())
        asyncio.Task(work(), loop=loop)
        asyncio.Task[$type](work())
        asyncio.shield($e)
        gather($e, *$e, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(work(), loop)
        loop.run_in_executor(None, $e)
        group.create_task(work($arguments))
    """),
    "tasks": _forms("""
        tasks
        pending
        {task}
        [a, task]
        {$task, $task}
        [$task, *$e]
        {*$e, $task}
        ($task, a)
        [$task for $name in $e]
        {$task for $name in $e if $e}
        ($task for $name in $e)
        {$name: $task for $name in $e}
        {$name: $task for $name in $e}.values()
        set(map(asyncio.create_task, $e))
        set[asyncio.Task[$type]]($e)
        list[$type]($tasks)
        list($tasks)
        tasks | {$task}
        tasks - $e
        set().union($tasks, $e)
        filter(None, $tasks)
        dict.fromkeys($tasks)
        itertools.chain($tasks, $e)
        tasks[$slice]
        self.tasks
        self.tasks[$e].values()
        (tasks := $tasks)
        tuple[$type, ...]($tasks)
        deque[$type]($tasks, maxlen=3)
        cast(set[asyncio.Task], $tasks)
        asyncio.all_tasks() - {asyncio.current_task()}
    """),
    "call": _forms("""
        asyncio.wait($tasks)
        asyncio.wait($tasks, timeout=$e)
        asyncio.wait($tasks, return_when=asyncio.FIRST_COMPLETED)
        asyncio.wait($tasks, return_when=FIRST_EXCEPTION, timeout=1.0)
        wait($tasks, return_when=FIRST_COMPLETED)
        aio.wait(fs=$tasks, timeout=None, return_when=aio.FIRST_COMPLETED)
        asyncio.wait($tasks, **$e)
        asyncio.wait(*$e)
    """),
    "wait": _blocks("""
done, pending = await $call

done, pending = await $call
for task in pending:
    task.cancel()

$targets = await $call

await $call

tasks = $tasks
try:
    done, tasks = await $call
finally:
    for $name in tasks:
        $name.cancel()
    $block

(done, *_), pending = await $call

self.done, self.pending = await $call

done, pending = await asyncio.wait_for($call, $e)

done = (await $call)[0]

$name: tuple[set[$type], set[$type]] = await $call

while tasks:
    done, tasks = await $call
    $block

if (got := await $call)[1]:
    $block

return await $call

async with asyncio.timeout($e):
    done, pending = await $call
"""),
    "e": _forms("""
        $name
        $name
        $place
        $made
        $made
        $task
        (0)
        (-1.5)
        None
        True
        ...
        "text"
        b""
        f"{$name!r:>{$name}} {$name=} {{"
        (await $name)
        (await $e)
        (yield $e)
        $e.$name
        $e()
        $name($arguments)
        $e.$name($arguments)
        $name[$e]
        $e[$slice]
        [$e, *$e]
        {$e: $e, **$e}
        {$e, *$e}
        ($e, *$e)
        ()
        ($e + $e)
        ($e | $e)
        ($e @ $e)
        (not $e)
        (-$name)
        ($e and $e or $e)
        ($e is not None)
        ($e < $e <= $e)
        ($e not in $e)
        ($e if $e else $e)
        ($name := $e)
        (lambda: $e)
        (lambda $name, /, *$name, key=$e, **kw: $e)
        [$e for $targets in $e]
        [$e async for $name in $e if await $e]
        {$e for $name in $e for $name in $e if $e}
        {$e: $e for $name in $e}
        [[$e for $name in $e] for $name in $e]
        ($e for $name in $e)
        ($e async for $name in $e)
        any($name.done() for $name in $e)
        all($e for $name in $e)
        sum($e, start=$e)
        max($e, key=lambda $name: $e, default=None)
        sorted($e, reverse=True)
        enumerate($e, 1)
        zip($e, $e, strict=True)
        map($e, $e)
        next(iter($e), None)
        len($e)
        isinstance($e, ($type, $type))
        getattr($name, "x", $e)
        list(reversed($e))
        range($e)
        $name.result()
        $name.exception()
        $name.cancel()
        $name.add_done_callback($e)
        asyncio.as_completed($e, timeout=$e)
        (await asyncio.gather(*$e))
        (await asyncio.sleep(0))
        (await asyncio.shield($e))
        (await asyncio.to_thread($e, *$e))
        (await $name.get())
        (await $name.put($e))
        super().$name($arguments)
    """),
    "slice": _forms("""
        :
        ::0
        ::-1
        1:
        $e:$e
        $e:$e:$e
        ...
        ..., $e
        $e, :
    """),
    "arguments": _forms("""
        1
        $e
        $e, $e
        *$e
        **$e
        $e, *$e, key=$e, **$e
        timeout=$e
        key=lambda $name: $e
    """),
    "parameters": _forms("""
        self
        self, tasks
        tasks, *items
        self, work: $type = $e, /, *, jobs: $type, **kw: $type
        a=$e, *tasks: $type
        *, tasks: $type
    """),
    "generics": ["", "", "", "[T]", "[T: $type, *Ts]", "[**P]"],
    "returned": ["", "", " -> $type"],
    "decorator": _forms("""
        @staticmethod
        @functools.wraps($name)
        @functools.lru_cache(maxsize=None)
        @functools.partial($name, $e)
        @contextlib.asynccontextmanager
        @contextlib.contextmanager
        @typing.overload
        @$name[$type]
        @$name.$name($arguments)
        @(lambda f: f)
    """),
    "pattern": _forms("""
        _
        None
        -1
        "x" | b"y"
        $name
        [$pattern, *_]
        (1, $pattern)
        {"k": $pattern, **rest}
        set()
        asyncio.Task()
        Pair($pattern, right=_)
        int(x) as y
        asyncio.FIRST_COMPLETED
    """),
    "block": [
        "$statement",
        "$statement",
        "$statement\n$statement",
        "$wait\n$statement",
        "$statement\n$wait",
        "pass",
    ],
    "statement": _blocks("""
pass

$targets = $e

$name = $made

$place = $place = $e

tasks = $tasks

task = $task

$name: $type = $e

self.$name: $type

$place += $e

$name |= {$task}

$place[$slice] = $e

del $place

del $name[$slice], ($name, self.$name)

assert $e, $e

raise asyncio.CancelledError from $e

return $e

yield $e

yield

global $name

import os.path as $name, sys

from .$name import $name as $name

$e

tasks.add($task)

tasks.append($task)

tasks.discard($e)

pending.update($tasks)

self.tasks[$e] = $task

$name.setdefault($e, set[$type]()).add($task)

task.add_done_callback(tasks.discard)

await $e

$name, *$name = $e, *$e

print(*$e, sep="", **$e)

if $e:
    $block

if $e:
    $block
elif ($name := $e):
    $block
else:
    $block

for $targets in $e:
    $block
    if $e:
        break
else:
    $block

for $targets in $e, *$e:
    $block

for $name in asyncio.as_completed($tasks):
    $name = await $name

async for $targets in $e:
    if $e:
        continue
    $block

while $e:
    $block

while ($name := await $e) is not None:
    $block
    break

try:
    $block
except $type:
    $block

try:
    $block
except ($name, asyncio.CancelledError) as error:
    $block
    raise
else:
    $block
finally:
    $block

try:
    $block
except* ValueError as group:
    $block

with $e as $targets:
    $block

with contextlib.suppress(asyncio.CancelledError), $e:
    $block

with ($e as $name, $made as $place):
    $block

async with asyncio.timeout($e):
    $block

async with asyncio.TaskGroup() as group:
    $name = group.create_task($e)
    $block

async with contextlib.AsyncExitStack() as stack:
    stack.push_async_callback($e)
    await stack.enter_async_context($e)
    $block

async with $e as ($name, $name), asyncio.timeout_at($e):
    $block

match $e:
    case $pattern:
        $block
    case [$pattern, $pattern] if $e:
        $block
    case _:
        $block

def inner($parameters)$returned:
    nonlocal $name
    $block

async def inner($parameters):
    $block

$decorator
async def inner$generics(*items, key=$e):
    $wait
    $block

class Inner(Base, metaclass=$name):
    $name: $type = $e
    $block

$name = lambda *tasks: $e

type Alias$generics = $type
"""),
    "definition": _blocks("""
async def consume$generics($parameters)$returned:
    $block
    $wait
    $block

async def consume(tasks, work):
    "Waits."
    $wait
    $block

$decorator
$decorator
async def stream($parameters)$returned:
    $wait
    yield $e
    $block

class Box(Generic[T]):
    tasks: set[asyncio.Task[T]] = dataclasses.field(default_factory=set)
    async def run(self, *work: $type)$returned:
        $block
        $wait
        $block

class Box$generics(dict[str, $type], key=$e):
    __slots__ = ("tasks",)
    $decorator
    async def run(self, $name=$e, /):
        $wait
        $block
    @property
    def tasks(self):
        $statement

@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    left: $type
    right: $type = field(default_factory=lambda: $e)
    async def race(self):
        $wait
        $statement

class Pair(NamedTuple):
    left: $type
    right: $type = $e

class Entry(TypedDict, total=False):
    task: $type

T = TypeVar("T", bound=$type)

$name = $made

Alias: typing.TypeAlias = $type

if __name__ == "__main__":
    asyncio.run($e)

async def main():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work($arguments)) for $name in $e]
        $wait
    $block
"""),
}
_ENDS = {word: [form for form in forms if "$" not in form] for word, forms in GRAMMAR.items()}


def module(seed: int) -> str:
    """A module of one to three functions that wait, and of what may stand beside them."""
    draw = random.Random(seed)
    waiting = [form for form in GRAMMAR["definition"] if "$wait" in form]
    forms = draw.choices(GRAMMAR["definition"], k=draw.randrange(3))
    forms += draw.choices(waiting, k=draw.randint(1, 3))
    draw.shuffle(forms)
    return "\n\n".join([HEAD, *(_written(form, draw, DEPTH) for form in forms)]) + "\n"


def _written(form: str, draw: random.Random, depth: int) -> str:
    """A form with a form in place of each word."""

    def put(word: re.Match[str]) -> str:
        margin, line, within = word.groups()
        forms = GRAMMAR[line or within]
        if depth <= 0:
            forms = _ENDS[line or within] or forms
        return indent(_written(draw.choice(forms), draw, depth - 1), margin or "")

    return _WORD.sub(put, form)

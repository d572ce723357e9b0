"""The parts of the machine by themselves: states, sets of them, what is known of callables."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from samples import tree

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.load import File
from flake8_asyncwait.analysis.code.places import places_of
from flake8_asyncwait.analysis.machine import books
from flake8_asyncwait.analysis.machine.books import Books
from flake8_asyncwait.analysis.machine.machine import Machine
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.items import as_items
from flake8_asyncwait.analysis.states.completion import States
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    OWNED,
    UNKNOWN,
    Box,
    Const,
    Param,
    Ref,
    Status,
    Task,
)
from flake8_asyncwait.analysis.survey.survey import facts_of
from flake8_asyncwait.check import check
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules.decide import examine
from flake8_asyncwait.sites.fanout import WAIT
from flake8_asyncwait.undetermined import TOO_MANY_PATHS

pytestmark = pytest.mark.portable


def call(path: str) -> ir.Call:
    """A call of a dotted name, without arguments."""
    root, *rest = path.split(".")
    func: ir.Expr = ir.Name(root)
    for position, part in enumerate(rest, 2):
        func = ir.Attr(func, part, tuple(path.split(".")[:position]))
    return ir.Call(func, [], 1)


class TestStates:
    def test_a_state_stays_what_it_is(self) -> None:
        empty = State({}, {})
        state, ref = empty.new(Task(Status.RUNNING, OWNED, 0))
        bound = state.bind("a", ref)
        assert (empty.env, empty.heap, state.env) == ({}, {}, {})
        assert bound.get(ref) == Task(Status.RUNNING, OWNED, 0)

    def test_equal_states_differ_in_numbers_and_history_only(self) -> None:
        one, first = State({}, {}).new(Task(Status.RUNNING, OWNED, 0))
        other, _ = State({}, {}).new(Task(Status.RUNNING, OWNED, 1))
        other, second = other.new(Task(Status.RUNNING, OWNED, 0))
        assert first != second
        bound = other.bind("a", second).step(3, "something")
        assert one.bind("a", first).key() == bound.key()
        assert one.bind("b", first).key() != bound.key()
        assert one.bind("a", first).with_fault().key() != bound.key()

    def test_a_set_of_states_keeps_the_shortest_history(self) -> None:
        state = State({"x": Const(1)}, {})
        (kept,) = States([state.step(1, "first").step(2, "second"), state.step(1, "at once")])
        assert kept.trace is not None
        assert [step.what for step in kept.trace.steps()] == ["at once"]

    def test_the_order_of_a_set_tells_nothing(self) -> None:
        state, a = State({}, {}).new(Task(Status.RUNNING, OWNED, 0))
        state, b = state.new(Task(Status.MAYBE, OWNED, 1))
        sets = [state.new(Box(set, items)) for items in ((a, b), (b, a))]
        lists = [state.new(Box(list, items)) for items in ((a, b), (b, a))]
        assert len({one.bind("x", ref).key() for one, ref in sets}) == 1
        assert len({one.bind("x", ref).key() for one, ref in lists}) == 2

    def test_time_passes(self) -> None:
        state, a = State({}, {}).new(Task(Status.RUNNING, OWNED, 0))
        later = state.bind("self.task", UNKNOWN).bind("a", a).suspended()
        assert later.task(a).status == Status.MAYBE
        assert set(later.env) == {"a"}

    def test_what_nothing_reaches_is_collected(self) -> None:
        state, a = State({}, {}).new(Task(Status.RUNNING, OWNED, 0))
        state, b = state.new(Task(Status.RUNNING, OWNED, 1))
        state, held = state.new(Box(list, (b,)))
        assert set(state.bind("x", held).collected().heap) == {b.id, held.id}
        assert isinstance(a, Ref)


class TestKnown:
    @pytest.mark.parametrize("table", known.TABLES)
    def test_each_row_says_something(self, table: dict[str, known.Row[object]]) -> None:
        silent = {name for name, row in table.items() if row.rule is None and not row.traits}
        names = {"remove_done_callback", "get_coro", "get_loop", "uncancel", "cancelling"}
        assert silent <= names  # that a task has such a method

    def test_traits_go_by_the_last_component(self) -> None:
        assert known.has(call("asyncio.gather"), known.ASKS)
        assert known.has(call("aio.gather"), known.ASKS | known.STOPS)
        assert not known.has(call("gather.of"), known.ASKS)
        assert not known.has(call("sleep"), known.CARRIES)

    def test_what_may_make_a_task(self) -> None:
        assert all(map(known.may_make, ["create_task", "Task", "ensure_future", "recreate"]))
        assert not any(map(known.may_make, ["wait", "sleep", "Future", "list"]))
        assert all(map(known.makes, ["create_task", "Task", "createMyTask"]))
        assert not any(map(known.makes, ["create_context", "create_task_group", "wait"]))

    def test_only_cancel_cancels(self) -> None:
        assert known.is_cancel("cancel")
        assert not known.is_cancel("cancelled")
        assert not known.is_cancel("close")


REPLACED = """\
async def f(ready):
    NAMES = (mk(), mk(), mk(), mk(), mk(), mk())
    try:
        while ready():
            done, pending = await asyncio.wait({NAMES}, timeout=1)
            TESTS
    finally:
        for task in (NAMES):
            task.cancel()


def mk():
    return asyncio.create_task(work())
"""


def work_on(text: str, line: int) -> tuple[list[str], int]:
    """What is lost in a function whose first wait is on a line, and the work for all its waits."""
    runs: list[Books] = []

    def books(_many: int, limit: int) -> Books:
        runs.append(Books(limit))
        return runs[-1]

    file = File(text, ast.parse(text), Options())
    analysed, *_ = examine(file, [line], Options(), books)
    lost = {leak.kind for leak in analysed.books.leaks}
    return sorted(lost), sum(one.work for one in runs)


def test_a_parameter_that_is_annotated_as_texts_yields_no_task() -> None:
    text = "import asyncio\nasync def f(names):\n    await asyncio.wait(names)\n"
    file = File(text, ast.parse(text), Options())
    func = file.lower(file.outline.around(3))
    assert isinstance(func, ir.Func)
    facts = facts_of(file.program, func, dict.fromkeys(func.candidates, WAIT))
    ctx = Machine(file.program, func, facts, facts.sites[0], Books(10**6)).at_start()
    for plain, things in ((False, 4), (True, 0)):  # three tasks, and what holds them
        given = State({}, {}).bind("names", Param("names", plain=plain))
        state, items, _ = as_items(ctx, given, given.env["names"])
        assert (len(state.heap), len(items or ())) == (things, 3)


def test_tasks_that_go_by_one_name_are_told_from_each_other_by_nothing_else() -> None:
    tests = (f"if {name} in done: {name} = mk()" for name in "abcdef")
    text = REPLACED.replace("NAMES", ", ".join("abcdef"))
    text = "import asyncio\n" + text.replace("TESTS", "\n            ".join(tests))
    lost, work = work_on(text, 6)
    assert lost == ["unawaited"]
    assert work < 5_000


@pytest.mark.parametrize("asked", ["done", "cancelled", "exception"])
def test_what_is_given_something_where_a_task_would_take_nothing_is_no_task(asked: str) -> None:
    text = """\
import asyncio
async def f(report, jobs):
    tasks = {asyncio.create_task(job) for job in jobs}
    for job in jobs:
        report.ASKED(job)
    try:
        await asyncio.wait(tasks, timeout=1)
    finally:
        report.ASKED(1)
        for task in tasks:
            task.cancel()
"""
    assert work_on(text.replace("ASKED", asked), 7) == work_on(text.replace("ASKED", "tell"), 7)


def nested(tasks: int) -> str:
    """A function that waits for so many tasks, one after the other, with a cleanup for each."""
    text = "import asyncio\n\nasync def f():\n"
    for number, indent in enumerate(" " * number for number in range(1, tasks + 1)):
        text += f"{indent}t{number} = asyncio.create_task(work())\n{indent}try:\n"
        text += f"{indent} await asyncio.wait([t{number}], timeout=1)\n"
    for number in reversed(range(tasks)):
        indent = " " * (number + 1)
        text += f"{indent}finally:\n{indent} t{number}.cancel()\n{indent} await t{number}\n"
    return text


def test_a_wait_of_which_nobody_asks_what_is_done_does_not_double_the_work() -> None:
    (_, few), (lost, many) = work_on(nested(4), 6), work_on(nested(8), 6)
    assert not lost
    assert many < 5 * few


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_chain_of_terms_is_not_parsed_where_libcst_puts_too_many_in_each_other(word: str) -> None:
    text = f" {word} ".join("x" * 501)
    with pytest.raises(RecursionError):
        places_of(ast.parse(text).body, frozenset(), [text])


@pytest.mark.parametrize(
    ("tasks", "is_incomplete"), [("{mk(), mk()}", False), ("[mk() for _ in jobs]", True)]
)
def test_one_task_to_a_collection_is_a_proof_where_the_number_makes_no_difference(
    tasks: str, is_incomplete: bool
) -> None:
    text = f"""\
import asyncio
async def f(jobs):
    tasks = {tasks.replace("mk()", "asyncio.create_task(work())")}
    try:
        await asyncio.wait(tasks, timeout=1)
    finally:
        for task in tasks:
            task.cancel()
"""
    file = File(text, ast.parse(text), Options())
    (analysed,) = examine(
        file, [5], Options(), lambda many, limit: Books(limit if many == 1 else 0)
    )
    assert not [leak for leak in analysed.books.leaks if leak.kind == "lost"]
    assert analysed.is_incomplete is is_incomplete


def test_a_collection_of_unknown_size_may_hold_more_than_any_number() -> None:
    text = """\
import asyncio
async def f(jobs):
    tasks = [asyncio.create_task(work(job)) for job in jobs]
    if len(tasks) > 5:
        await asyncio.wait(tasks, timeout=1)
"""
    assert [finding.code for finding in check(text).findings] == ["AWT101"]


MANY_PATHS = """\
import asyncio
from elsewhere import stop, tell
async def f(self, wanted):
    tasks = {None: asyncio.create_task(stop())}
    ADDED
    try:
        await asyncio.shield(asyncio.wait(tasks.values(), return_when=asyncio.FIRST_EXCEPTION))
        failed = next((t.exception() for w, t in tasks.items() if w and t.done()), None)
        if failed:
            await tell(failed)
    finally:
        tasks[None].cancel()
        for worker, task in tasks.items():
            if worker and task.done() and task.exception():
                tasks[worker] = asyncio.create_task(worker.drain())
    try:
        await asyncio.wait(tasks.values())
    AFTER:
        for task in tasks.values():
            task.cancel()
"""


@pytest.fixture
def a_small_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the work that a second try may take, which is hit in a fifth of the time."""
    monkeypatch.setattr(books, "MAX_WORK", books.MAX_WORK // 5)


def of_last_wait(after: str) -> tuple[list[str], list[str]]:
    """The codes, and the reasons for none, of the last wait there; `after` begins its cleanup."""
    worker = "if self.NAME:\n        tasks[self.NAME] = asyncio.create_task(self.NAME.run())"
    added = (worker.replace("NAME", f"worker_{number}") for number in range(4))
    text = MANY_PATHS.replace("ADDED", "\n    ".join(added))
    last = text.count("\n", 0, text.rindex("await")) + 1
    checked = check(text.replace("AFTER", after), Options(codes=frozenset({"AWT201"})))
    return (
        [one.code for one in checked.findings if one.line == last],
        [one.reason for one in checked.undetermined if one.line == last],
    )


@pytest.mark.usefixtures("a_small_bound")
@pytest.mark.parametrize(
    ("after", "code", "reason"),
    [("except OSError", "AWT201", ""), ("finally", "", TOO_MANY_PATHS)],
)
def test_some_of_too_many_executions_show_that_a_task_is_lost_but_not_that_none_is(
    after: str, code: str, reason: str
) -> None:
    assert of_last_wait(after) == ([code] * bool(code), [reason] * bool(reason))


@pytest.mark.usefixtures("a_small_bound")
def test_functions_of_other_modules_stay_known_where_they_take_little_of_the_work(
    tmp_path: Path,
) -> None:
    added = (f"if self.w{n}:\n        tasks[self.w{n}] = spawn(self.w{n})" for n in range(4))
    text = MANY_PATHS.replace("ADDED", "\n    ".join(added)).replace("AFTER", "except OSError")
    text = text.replace("import asyncio\n", "import asyncio\nfrom app.tasks import spawn\n")
    text = text.replace("asyncio.create_task(stop())", "spawn(stop)")
    text = text.replace("asyncio.create_task(worker.drain())", "spawn(worker)")
    spawn = "import asyncio\ndef spawn(work):\n    return asyncio.create_task(work.run())\n"
    package = {"app/__init__.py": "", "app/tasks.py": spawn, "app/main.py": text}
    tree(tmp_path, {"pyproject.toml": "", **package})
    checked = check(text, path=str(tmp_path / "app" / "main.py"))
    assert [finding.code for finding in checked.findings] == ["AWT102"]


@pytest.mark.usefixtures("a_small_bound")
def test_a_last_run_believes_no_test_that_contradicts_another() -> None:
    cancel = "\n            for task in tasks.values():\n                task.cancel()"
    tests = f"if wanted or tell():{cancel}\n        if not wanted:{cancel}"
    assert of_last_wait(f"finally:\n        {tests}\n    if 0") == ([], [TOO_MANY_PATHS])


def test_what_gets_something_between_two_tests_may_not_be_empty_any_more() -> None:
    text = """\
import asyncio
async def f(work, check):
    rows = None
    rows = check()
    task = asyncio.create_task(work())
    if rows:
        return task
    try:
        await asyncio.wait({task}, timeout=1)
        rows.append(1)
    finally:
        if not rows:
            task.cancel()
"""
    assert [finding.code for finding in check(text).findings] == ["AWT101"]
    assert check(text.replace("rows.append(1)", "pass")).findings == ()


KEYED_BY_TASKS = """\
import asyncio
from elsewhere import log, wanted, work

async def keyed_by_tasks_beside_what_conditions_are_about(rows, pools, stop):
    jobs = {}
    groups = {}
    try:
        while True:
            while len(jobs) < 9 and not stop.is_set():
                group, row = next(rows)
                name = row.get("name") if pools else None
                if pools and name not in pools:
                    raise ValueError(name)
                tools = pools[name] if pools is not None else wanted
                place = pools[name].pop() if pools else None
                told = place.reset(**row) if place is not None else None
                prompt = row["prompt"] if "prompt" in row else [told]
                if told is not None:
                    last = prompt[-1]
                    text = [last] if isinstance(last, str) and isinstance(told, list) else last
                    told = [told] if isinstance(told, str) and isinstance(text, list) else told
                    prompt = [*prompt[:-1], text + told]
                if group not in groups:
                    groups[group] = []
                jobs[asyncio.create_task(work(prompt, tools))] = group, name, place, prompt
            if not jobs:
                return
            done, _ = await asyncio.wait(jobs, timeout=0.1)
            for task in done:
                group, name, place, prompt = jobs.pop(task)
                if task.exception() is not None:
                    raise task.exception()
                groups[group].append((prompt, task.result()))
                if place is not None:
                    pools[name].append(place)
                if len(groups[group]) == 4:
                    await log(groups.pop(group))
    finally:
        for task in jobs:
            task.cancel()
"""


def test_what_is_kept_beside_tasks_that_key_a_dict_makes_no_work() -> None:
    checked = check(KEYED_BY_TASKS)
    assert not checked.findings
    assert not checked.undetermined


def test_what_a_loop_takes_out_of_a_dict_and_drops_need_not_be_all() -> None:
    text = """\
import asyncio
from elsewhere import work

async def merge(*sources):
    tasks = {n: asyncio.create_task(work(source)) for n, source in enumerate(sources)}
    try:
        while tasks:
            done, _ = await asyncio.wait(set(tasks.values()), return_when="FIRST_COMPLETED")
            ended = [n for n, task in tasks.items() if task in done]
            results = [(n, tasks[n].result()) for n in ended]
            for n, value in results:
                tasks.pop(n, None)
                yield value
                tasks[n] = asyncio.create_task(work(n))
    finally:
        for task in tasks.values():
            task.cancel()
"""
    assert not check(text).findings


def test_what_a_nested_function_binds_may_be_bound_whenever_time_passes() -> None:
    text = """\
import asyncio
from elsewhere import other, work

async def wait():
    seen = None

    def see():
        nonlocal seen
        seen = 1

    other(see)
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=1)
    assert seen is not None
    task.cancel()
"""
    assert [finding.code for finding in check(text).findings] == ["AWT102"]


DEAR_WITH_A_PARAMETER = """\
import asyncio
from elsewhere import LAYOUT, use

async def parse(data, reader):
    at = 0
    while True:
        at = data.find(b"\\xff", at)
        if at < 0:
            break
        command = bytearray(data[at : at + 1])
        try:
            command.append(data[at + 1])
        except IndexError:
            command.append(await reader.read(1))
        if command[1] not in (1, 2, 3):
            if command[1] == 4:
                at += 1
            elif command[1] == 5:
                command.pop()
        elif command[1] == 6:
            option = []
            for _ in range(2, LAYOUT[0]):
                one = await reader.read(1)
                option.append(one)
                if one == 7:
                    break
            use(option)
        try:
            command.append(data[at + 2])
        except IndexError:
            command.append(await reader.read(1))
        if command[1] == 8 and command[2] not in (1, 2):
            use(command)
        elif command[1] == 9:
            use(data)
    return data


async def reads_and_parses(reader, other, connection):
    first = asyncio.ensure_future(reader.read(10))
    second = await started(reader, connection)
    while True:
        if second is None:
            second = await started(reader, connection)
        try:
            done, pending = await asyncio.wait(
                [first, second or other], return_when=asyncio.FIRST_COMPLETED
            )
        except BaseException:
            first.cancel()
            raise
        for task in done:
            data = task.result()
            if task == first:
                if reader.at_eof():
                    return
                first = asyncio.ensure_future(reader.read(10))
                data = await parse(data, reader)
            elif task == second:
                second = await started(reader, connection)
                if connection.is_slow:
                    data = await parse(data, reader)
                use(data)


async def started(reader, connection):
    async with connection.lock:
        if connection.reader is None:
            connection.reader = reader
        if connection.reader == reader:
            connection.reading = asyncio.ensure_future(reader.read(10))
            return connection.reading
    return None
"""


def test_what_is_dear_and_called_in_many_states_is_summed_up() -> None:
    """It leaves the caller's parameter alone; looked into each time, it is too much work."""
    checked = check(DEAR_WITH_A_PARAMETER)
    assert [finding.code for finding in checked.findings] == ["AWT102"]
    assert not checked.undetermined


@pytest.mark.usefixtures("a_small_bound")
def test_an_execution_that_has_returned_counts_where_others_are_too_many() -> None:
    text = """\
import asyncio

async def serve(conn, op):
    pending = {asyncio.create_task(op(1)), asyncio.create_task(op(2))}
    while True:
        done, pending = await asyncio.wait(pending | conn.extra, return_when="FIRST_COMPLETED")
        for task in done:
            result = task.result()
            if result is None:
                return
            if result:
                pending.add(asyncio.create_task(op(3)))
                pending.add(asyncio.create_task(op(4)))
"""
    assert [finding.code for finding in check(text).findings] == ["AWT101"]


@pytest.mark.usefixtures("a_small_bound")
def test_tests_that_contradict_each_other_lose_nothing_where_executions_are_too_many() -> None:
    text = """\
import asyncio

async def serve(conn, op):
    pending = {asyncio.create_task(op(1)), asyncio.create_task(op(2))}
    try:
        while True:
            stopping = conn.stopping()
            done, pending = await asyncio.wait(pending | conn.extra, return_when="FIRST_COMPLETED")
            if stopping:
                for task in pending:
                    task.cancel()
            for task in done:
                if stopping:
                    return
                if task.result():
                    pending.add(asyncio.create_task(op(3)))
                    pending.add(asyncio.create_task(op(4)))
    except BaseException:
        for task in pending:
            task.cancel()
        raise
"""
    assert not check(text).findings


@pytest.mark.usefixtures("a_small_bound")
def test_a_task_of_others_that_is_lost_decides_nothing_where_executions_are_too_many() -> None:
    text = """\
import asyncio

async def serve(conn, op):
    pending = {asyncio.create_task(op(1)), asyncio.create_task(op(2))}
    try:
        while True:
            done, pending = await asyncio.wait(pending | conn.extra, return_when="FIRST_COMPLETED")
            for task in done:
                if task.result():
                    pending.add(asyncio.create_task(op(3)))
                    pending.add(asyncio.create_task(op(4)))
    finally:
        for task in pending:
            task.cancel()
"""
    checked = check(text)
    assert not checked.findings
    assert checked.undetermined


AROUND = """\
import asyncio


def around(wanted):
    async def inner(work, use):
        task = asyncio.create_task(work())
        try:
            await asyncio.wait([task], timeout=1)
            if wanted:
                task.cancel()
            await use()
            if not wanted:
                await task
        except BaseException:
            task.cancel()
            raise

    {rest}
    return inner
"""


@pytest.mark.parametrize(
    ("rest", "codes"),
    [
        ("", []),
        ("wanted = not wanted", ["AWT101"]),
        ("def switch():\n        nonlocal wanted\n        wanted = not wanted", ["AWT101"]),
    ],
)
def test_a_parameter_of_the_function_around_stays_unless_something_binds_it(
    rest: str, codes: list[str]
) -> None:
    assert [finding.code for finding in check(AROUND.format(rest=rest)).findings] == codes


def test_a_wait_for_what_attributes_hold_takes_no_work() -> None:
    text = """\
import asyncio

async def serve(self):
    while self.load():
        self.tasks.add(asyncio.create_task(self.run()))
        await asyncio.wait(self.tasks, timeout=1)
"""
    assert work_on(text, 6) == ([], 0)
    assert work_on(text.replace("(self.tasks,", "({self.task, *self.load()},"), 6)[1] > 0

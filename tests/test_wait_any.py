"""`wait_any` on real event loops: it waits as `asyncio.wait` does, and nothing runs on."""

from __future__ import annotations

import ast
import asyncio
import gc
import subprocess
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from flake8_asyncwait import wait_any
from flake8_asyncwait.check import check
from flake8_asyncwait.options import ALL_CODES, Options

SOURCE = Path(__file__).parent.parent / "flake8_asyncwait" / "wait_any.py"

Task = asyncio.Task[str]
Loop = asyncio.AbstractEventLoop
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def uvloop_loop() -> Loop:
    uvloop = pytest.importorskip("uvloop", reason="there is no uvloop for this platform")
    loop: Loop = uvloop.new_event_loop()
    return loop


@pytest.fixture(params=[asyncio.new_event_loop, uvloop_loop], ids=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], Loop]:
    made: Callable[[], Loop] = request.param
    return made


# Before Python 3.11 `asyncio.wait` itself makes tasks of what it is given.
NO_TASK = AttributeError if sys.version_info >= (3, 11) else TypeError
TAKES_NO_COROUTINES = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="asyncio.wait takes coroutines before Python 3.11"
)


@pytest.fixture
def loop(new_loop: Callable[[], Loop]) -> Iterator[Loop]:
    loop = new_loop()
    yield loop
    loop.close()


@pytest.fixture
def run(loop: Loop) -> Run:
    """Runs a coroutine on the loop. No task of it may still run when it ends."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        result = loop.run_until_complete(main)
        loop.run_until_complete(turns(3))
        assert asyncio.all_tasks(loop) == set()
        return result

    return run


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def forever() -> str:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody sets the result")


async def at_once(result: str = "done") -> str:
    return result


def start(work: Coroutine[Any, Any, str]) -> Task:
    return asyncio.get_running_loop().create_task(work)


async def started(*works: Coroutine[Any, Any, str]) -> list[Task]:
    """Tasks that have run up to their first await."""
    tasks = [start(work) for work in works]
    await turns(1)
    return tasks


async def is_cancelled(task: asyncio.Future[Any]) -> bool:
    """Whether a task that was asked to cancel does so, asked by nobody else meanwhile."""
    await turns(3)
    return task.cancelled()


async def cancelled_wait(waiting: Task | asyncio.Task[Any], times: int = 1) -> None:
    """Cancel a task in its wait, and see it end so."""
    await turns(2)
    for _ in range(times):
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


class TestReturns:
    def test_the_first_that_completes_and_cancels_the_others(self, run: Run) -> None:
        async def main() -> None:
            first, second, third = tasks = await started(forever(), at_once(), forever())
            done, pending = await wait_any(tasks)
            assert (done, pending) == ({second}, {first, third})
            assert second.result() == "done"
            assert not first.done()  # asked, but not awaited
            assert await is_cancelled(first)
            assert await is_cancelled(third)

        run(main())

    def test_what_is_done_at_the_timeout(self, run: Run) -> None:
        async def main() -> None:
            done_task, other = await started(at_once(), forever())
            done, pending = await wait_any(
                [done_task, other], timeout=0, return_when=asyncio.ALL_COMPLETED
            )
            assert (done, pending) == ({done_task}, {other})
            assert await is_cancelled(other)

        run(main())

    def test_nothing_done_at_the_timeout(self, run: Run) -> None:
        async def main() -> None:
            tasks = await started(forever(), forever())
            assert await wait_any(tasks, timeout=0) == (set(), set(tasks))
            assert all([await is_cancelled(task) for task in tasks])

        run(main())

    def test_all_when_all_are_waited_for(self, run: Run) -> None:
        async def main() -> None:
            tasks = await started(at_once("a"), at_once("b"))
            done, pending = await wait_any(tasks, return_when=asyncio.ALL_COMPLETED)
            assert (done, pending) == (set(tasks), set())
            assert sorted(task.result() for task in done) == ["a", "b"]

        run(main())

    def test_the_first_that_fails(self, run: Run) -> None:
        async def fail() -> str:
            await turns(2)
            raise OSError

        async def main() -> None:
            failing, ended, other = await started(fail(), at_once(), forever())
            done, pending = await wait_any(
                (failing, ended, other), return_when=asyncio.FIRST_EXCEPTION
            )
            assert (done, pending) == ({failing, ended}, {other})
            assert isinstance(failing.exception(), OSError)
            assert await is_cancelled(other)

        run(main())

    def test_what_was_done_before_as_it_was(self, run: Run) -> None:
        async def main() -> None:
            tasks = await started(at_once("a"), at_once("b"))
            await turns(1)
            assert await wait_any(tasks) == (set(tasks), set())
            assert [task.result() for task in tasks] == ["a", "b"]

        run(main())

    def test_futures_too(self, run: Run) -> None:
        async def main() -> None:
            waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            (task,) = await started(at_once())
            done, pending = await wait_any([waiter, task])
            assert (done, pending) == ({task}, {waiter})
            assert waiter.cancelled()

        run(main())


class TestTakesAnyIterable:
    @pytest.mark.parametrize(
        "shape",
        [
            set,
            tuple,
            frozenset,
            iter,
            dict.fromkeys,
            lambda tasks: dict(enumerate(tasks)).values(),
            lambda tasks: (task for task in tasks),
            lambda tasks: map(asyncio.ensure_future, tasks),
            lambda tasks: tasks * 2,
        ],
        ids=["set", "tuple", "frozenset", "iter", "dict", "values", "generator", "map", "twice"],
    )
    def test_once(self, run: Run, shape: Callable[[list[Task]], Any]) -> None:
        async def main() -> None:
            first, second = tasks = await started(at_once(), forever())
            assert await wait_any(shape(tasks)) == ({first}, {second})
            assert await is_cancelled(second)

        run(main())

    def test_that_its_owner_changes_meanwhile(self, run: Run) -> None:
        async def main() -> None:
            tasks = set(await started(forever(), forever()))
            both = list(tasks)
            waiting = start(wait_for_all(tasks))
            await turns(2)
            tasks.clear()
            await cancelled_wait(waiting)
            assert all([await is_cancelled(task) for task in both])

        async def wait_for_all(tasks: set[Task]) -> Any:
            return await wait_any(tasks)

        run(main())

    def test_that_raises_half_way(self, run: Run) -> None:
        made: list[Task] = []

        def half() -> Iterator[Task]:
            for _ in range(2):
                made.append(start(forever()))
                yield made[-1]
            raise KeyError("half way")

        async def main() -> None:
            with pytest.raises(KeyError, match="half way"):
                await wait_any(half())
            assert len(made) == 2
            assert all([await is_cancelled(task) for task in made])

        run(main())


class TestCancelled:
    @pytest.mark.parametrize("times", [1, 2])
    def test_during_the_wait(self, run: Run, times: int) -> None:
        async def main() -> None:
            tasks = await started(forever(), forever())
            await cancelled_wait(start(wait_any(tasks, timeout=60)), times)  # type: ignore[arg-type]
            assert all([await is_cancelled(task) for task in tasks])

        run(main())

    def test_again_while_its_caller_cleans_up(self, run: Run) -> None:
        async def caller(tasks: list[Task]) -> str:
            try:
                await wait_any(tasks)
            finally:
                await forever()
            raise AssertionError

        async def main() -> None:
            tasks = await started(forever(), forever())
            waiting = start(caller(tasks))
            await turns(2)
            waiting.cancel()
            await turns(2)
            await cancelled_wait(waiting)
            assert all([await is_cancelled(task) for task in tasks])

        run(main())

    def test_before_the_wait_has_begun_to_wait(self, run: Run) -> None:
        async def caller(tasks: list[Task]) -> Any:
            current = asyncio.current_task()
            assert current is not None
            current.cancel()
            return await wait_any(tasks)

        async def main() -> None:
            tasks = await started(forever())
            with pytest.raises(asyncio.CancelledError):
                await start(caller(tasks))
            assert await is_cancelled(tasks[0])

        run(main())

    def test_when_one_is_done_already_that_one_keeps_its_result(self, run: Run) -> None:
        async def main() -> None:
            ended, other = await started(at_once("kept"), forever())
            waiting = start(wait_any([ended, other], return_when=asyncio.ALL_COMPLETED))  # type: ignore[arg-type]
            await cancelled_wait(waiting)
            assert ended.result() == "kept"
            assert await is_cancelled(other)

        run(main())

    def test_by_a_timeout_around_it(self, run: Run) -> None:
        async def main() -> None:
            tasks = await started(forever(), forever())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(wait_any(tasks), 0.01)
            assert all([await is_cancelled(task) for task in tasks])

        run(main())

    def test_by_the_end_of_its_coroutine(self, run: Run) -> None:
        async def main() -> None:
            tasks = await started(forever())
            waiting = wait_any(tasks)
            waiting.send(None)
            waiting.close()
            assert await is_cancelled(tasks[0])

        run(main())


class TestTasksThatResist:
    def test_one_that_swallows_its_cancellation_is_asked_once(self, run: Run) -> None:
        asked = 0

        async def stubborn() -> str:
            nonlocal asked
            try:
                return await forever()
            except asyncio.CancelledError:
                asked += 1
                await turns(5)
                return "stayed"

        async def main() -> None:
            ended, other = await started(at_once(), stubborn())
            assert await wait_any([ended, other]) == ({ended}, {other})
            assert await other == "stayed"
            assert asked == 1

        run(main())

    def test_one_that_fails_as_it_is_cancelled(self, run: Run) -> None:
        async def failing() -> str:
            try:
                return await forever()
            finally:
                raise OSError("on the way out")

        async def main() -> None:
            ended, other, third = await started(at_once(), failing(), forever())
            assert await wait_any([ended, other, third]) == ({ended}, {other, third})
            with pytest.raises(OSError, match="on the way out"):
                await other
            assert await is_cancelled(third)

        run(main())

    def test_eager_ones(self, run: Run) -> None:
        if sys.version_info < (3, 12):
            pytest.skip("eager tasks are new in Python 3.12")

        def eager(work: Coroutine[Any, Any, str]) -> Task:
            return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)

        async def main() -> None:
            ended, other = eager(at_once("early")), eager(forever())
            assert ended.done()
            assert await wait_any([ended, other]) == ({ended}, {other})
            assert ended.result() == "early"
            assert await is_cancelled(other)

        run(main())


class TestMistakes:
    """Each fails as with `asyncio.wait`, with nothing left running and nothing to warn of but
    coroutines that nobody has awaited."""

    @pytest.fixture(autouse=True)
    def no_warning(self) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            gc.freeze()  # what was there before is not looked through
            yield
            gc.collect()
            gc.unfreeze()
        told = [str(warning.message) for warning in caught]
        assert [message for message in told if "never awaited" not in message] == []

    async def _fails(self, error: type[Exception], make: Callable[[Task], Any], **how: Any) -> None:
        (task,) = await started(forever())
        with pytest.raises(error):
            await wait_any(make(task), **how)
        assert await is_cancelled(task)

    def test_nothing_to_wait_for(self, run: Run) -> None:
        async def main(wait: Callable[[list[Task]], Awaitable[Any]]) -> str:
            with pytest.raises(ValueError, match="empty") as caught:
                await wait([])
            return str(caught.value)

        assert run(main(wait_any)) == run(main(asyncio.wait))

    def test_an_unknown_return_when(self, run: Run) -> None:
        run(self._fails(ValueError, lambda task: [task], return_when="FIRST"))

    def test_a_timeout_that_is_no_number(self, run: Run) -> None:
        run(self._fails(TypeError, lambda task: [task], timeout="soon"))

    @TAKES_NO_COROUTINES
    def test_a_coroutine_among_tasks(self, run: Run) -> None:
        run(self._fails(TypeError, lambda task: [forever(), task, forever()]))

    @TAKES_NO_COROUTINES
    def test_coroutines_from_a_generator(self, run: Run) -> None:
        run(self._fails(TypeError, lambda task: (each for each in [forever(), task])))

    def test_a_coroutine_before_the_iterable_raises(self, run: Run) -> None:
        def half(task: Task) -> Iterator[Any]:
            yield forever()
            yield task
            raise KeyError

        run(self._fails(KeyError, half))

    def test_one_task_for_an_iterable(self, run: Run) -> None:
        run(self._fails(RuntimeError, lambda task: task))

    def test_one_coroutine_for_an_iterable(self, run: Run) -> None:
        async def main() -> None:
            coroutine = forever()
            with pytest.raises(TypeError, match="not iterable"):
                await wait_any(coroutine)  # type: ignore[arg-type]
            coroutine.close()

        run(main())

    @pytest.mark.parametrize("stray", [None, 1, "task", object()])
    def test_what_is_no_task_at_all(self, run: Run, stray: object) -> None:
        run(self._fails(NO_TASK, lambda task: [stray, task]))

    def test_no_iterable_at_all(self, run: Run) -> None:
        async def main() -> None:
            with pytest.raises(TypeError, match="not iterable"):
                await wait_any(None)  # type: ignore[arg-type]

        run(main())


class TestForeignLoops:
    """`asyncio.wait` is not made for them. Here, too, our own tasks do not run on."""

    def test_a_future(self, run: Run, new_loop: Callable[[], Loop]) -> None:
        other_loop = new_loop()
        foreign: asyncio.Future[str] = other_loop.create_future()

        async def main() -> None:
            (own,) = await started(forever())
            try:
                done, pending = await wait_any([foreign, own], timeout=0)
                assert (done, pending) == (set(), {foreign, own})
            except ValueError:  # what `asyncio.wait` says in Python 3.10
                assert sys.version_info < (3, 11)
            assert foreign.cancelled()
            assert await is_cancelled(own)

        run(main())
        other_loop.close()


@pytest.mark.parametrize(
    ("situation", "waiter_work_loss"),
    [
        ("work done", ["done", "done", "cancelled"]),
        ("connection lost", ["done", "cancelled", "done"]),
        ("waiting cancelled", ["cancelled", "cancelled", "cancelled"]),
    ],
)
def test_work_in_a_race_with_the_loss_of_a_connection(
    run: Run, situation: str, waiter_work_loss: list[str]
) -> None:
    async def main() -> None:
        finished, lost = asyncio.Event(), asyncio.Event()
        work, loss = asyncio.ensure_future(finished.wait()), asyncio.ensure_future(lost.wait())
        waiter: asyncio.Future[Any] = asyncio.ensure_future(wait_any({work, loss}))
        await turns(2)
        happen: dict[str, Callable[[], object]] = {
            "work done": finished.set,
            "connection lost": lost.set,
            "waiting cancelled": waiter.cancel,
        }
        happen[situation]()
        await asyncio.gather(waiter, work, loss, return_exceptions=True)
        ended = ["cancelled" if each.cancelled() else "done" for each in (waiter, work, loss)]
        assert ended == waiter_work_loss

    run(main())


class TestImport:
    @pytest.mark.parametrize(
        "statements",
        [
            "from flake8_asyncwait import wait_any as a\n"
            "from flake8_asyncwait.wait_any import wait_any as b",
            "from flake8_asyncwait.wait_any import wait_any as b\n"
            "from flake8_asyncwait import wait_any as a",
            "import flake8_asyncwait, flake8_asyncwait.wait_any\n"
            "a = flake8_asyncwait.wait_any\n"
            "from flake8_asyncwait.wait_any import wait_any as b",
            "import flake8_asyncwait.wait_any as a\n"
            "from flake8_asyncwait.wait_any import wait_any as b",
        ],
        ids=["package first", "module first", "attribute", "module under another name"],
    )
    def test_package_and_module_give_the_function(self, statements: str) -> None:
        check = "import inspect\nassert a is b\nassert inspect.isfunction(a)"
        subprocess.run([sys.executable, "-W", "error", "-c", f"{statements}\n{check}"], check=True)

    def test_it_costs_nothing_until_it_is_used(self) -> None:
        program = (
            "import sys\nbefore = set(sys.modules)\nimport flake8_asyncwait\n"
            "print(*set(sys.modules) - before)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["flake8_asyncwait"]

    def test_it_needs_the_standard_library_and_little_of_it(self) -> None:
        tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert list(map(ast.unparse, imports)) == [
            "import asyncio",
            "from typing import TYPE_CHECKING, Any, TypeVar",
        ]


def test_we_have_nothing_to_say_of_it() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    assert check(text, Options(codes=ALL_CODES)).findings == ()

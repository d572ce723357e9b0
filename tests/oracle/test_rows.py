"""Every row of the contract's table of examples, run through the judge."""

from __future__ import annotations

import textwrap

import pytest

from flake8_asyncwait.replay.judge import judge
from flake8_asyncwait.replay.locate import find_sites

HEAD = """\
import asyncio
import contextlib
from contextlib import suppress
from elsewhere import cancel_and_wait, cancelling, log, mk_coro, use

FC = asyncio.FIRST_COMPLETED


def mk():
    return asyncio.create_task(mk_coro())


"""

ROWS = {
    "1 dropped": (
        "AWT101",
        """
        async def f():
            a = mk()
            b = mk()
            done, _ = await asyncio.wait({a, b}, return_when=FC)
            return done.pop().result()
    """,
    ),
    "2 cancelled after the wait": (
        "AWT102",
        """
        async def f():
            a = mk()
            b = mk()
            done, pending = await asyncio.wait({a, b}, return_when=FC)
            for t in pending:
                t.cancel()
            return done.pop().result()
    """,
    ),
    "3 finally over the tasks": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                for t in tasks:
                    t.cancel()
    """,
    ),
    "4 finally over pending": (
        "AWT103",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                for t in pending:
                    t.cancel()
    """,
    ),
    "5 pending bound empty before": (
        "AWT103",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            pending = set()
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                for t in pending:
                    t.cancel()
    """,
    ),
    "6 pending bound to the tasks before": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            pending = tasks
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                for t in pending:
                    t.cancel()
    """,
    ),
    "7 handler and loop": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            except asyncio.CancelledError:
                for t in tasks:
                    t.cancel()
                raise
            for t in pending:
                t.cancel()
    """,
    ),
    "8 await before the loop": (
        "AWT102",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            except asyncio.CancelledError:
                for t in tasks:
                    t.cancel()
                raise
            await log(done)
            for t in pending:
                t.cancel()
    """,
    ),
    "9 results before the loop": (
        "AWT102",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            except asyncio.CancelledError:
                for t in tasks:
                    t.cancel()
                raise
            for t in done:
                t.result()
            for t in pending:
                t.cancel()
    """,
    ),
    "10 waits until none is pending": (
        "AWT102",
        """
        async def f(things):
            pending = {mk() for _ in things}
            while pending:
                done, pending = await asyncio.wait(pending, return_when=FC)
                for t in done:
                    use(t.result())
    """,
    ),
    "11 likewise in try": (
        "",
        """
        async def f(things):
            pending = {mk() for _ in things}
            try:
                while pending:
                    done, pending = await asyncio.wait(pending, return_when=FC)
                    for t in done:
                        use(t.result())
            finally:
                for t in pending:
                    t.cancel()
    """,
    ),
    "12 one of two is done": (
        "AWT102",
        """
        async def f():
            a = mk()
            b = mk()
            done, _ = await asyncio.wait({a, b}, return_when=FC)
            if a in done:
                b.cancel()
                return a.result()
            else:
                a.cancel()
    """,
    ),
    "13 or neither": (
        "AWT101",
        """
        async def f():
            a = mk()
            b = mk()
            done, _ = await asyncio.wait({a, b}, timeout=5, return_when=FC)
            if a in done:
                b.cancel()
                return a.result()
            else:
                a.cancel()
    """,
    ),
    "14 finally for one only": (
        "AWT102",
        """
        async def f():
            a = mk()
            b = mk()
            try:
                done, _ = await asyncio.wait({a, b}, return_when=FC)
                if b in done:
                    a.cancel()
            finally:
                b.cancel()
    """,
    ),
    "15 raises if pending": (
        "AWT101",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            done, pending = await asyncio.wait(tasks, timeout=5)
            if pending:
                raise TimeoutError
    """,
    ),
    "16 awaited after": (
        "AWT102",
        """
        async def f():
            task = mk()
            await asyncio.wait([task], timeout=5)
            await task
    """,
    ),
    "17 a parameter": (
        "",
        """
        async def f(task):
            await asyncio.wait([task], timeout=5)
            await task
    """,
    ),
    "18 borrowed and dropped": (
        "AWT104",
        """
        async def first(tasks):
            done, _ = await asyncio.wait(tasks, return_when=FC)
            return done
    """,
    ),
    "19 handed back": (
        "",
        """
        async def first(tasks):
            return await asyncio.wait(tasks, return_when=FC)
    """,
    ),
    "20 adopted": (
        "AWT102",
        """
        async def first(tasks):
            done, pending = await asyncio.wait(tasks, return_when=FC)
            for t in pending:
                t.cancel()
            return done
    """,
    ),
    "21 foreign": (
        "",
        """
        class Client:
            async def f(self):
                await asyncio.wait([self._closed, self._reader], return_when=FC)
    """,
    ),
    "22 foreign and made": (
        "AWT101",
        """
        class Client:
            async def f(self):
                await asyncio.wait({self._reader, mk()}, return_when=FC)
    """,
    ),
    "23 a TaskGroup's": (
        "",
        """
        async def f():
            async with asyncio.TaskGroup() as tg:
                t = tg.create_task(mk_coro())
                await asyncio.wait({t}, timeout=1)
    """,
    ),
    "24 handed to another": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                await cancel_and_wait(*tasks)
    """,
    ),
    "25 a close comes first": (
        "AWT102",
        """
        async def f(things, ws):
            tasks = [mk() for _ in things]
            try:
                done, pending = await asyncio.wait(tasks, return_when=FC)
            finally:
                await ws.close()
                for t in tasks:
                    t.cancel()
    """,
    ),
    "26 stored": (
        "",
        """
        class Client:
            async def f(self, things):
                tasks = [mk() for _ in things]
                self._tasks.update(tasks)
                done, pending = await asyncio.wait(tasks, return_when=FC)
    """,
    ),
    "27 made again in a loop": (
        "AWT101",
        """
        async def f():
            stop = mk()
            while True:
                get = mk()
                done, _ = await asyncio.wait({get, stop}, return_when=FC)
                if stop in done:
                    break
                use(get.result())
    """,
    ),
    "28 a plain future": (
        "",
        """
        async def f(loop):
            fut = loop.create_future()
            await asyncio.wait([fut], timeout=1)
    """,
    ),
    "29 asyncio.run": (
        "",
        """
        def f():
            asyncio.run(asyncio.wait([mk(), mk()], return_when=FC))
    """,
    ),
    "30 gathered after": (
        "AWT102",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            done, pending = await asyncio.wait(tasks, timeout=5)
            await asyncio.gather(*pending)
    """,
    ),
    "31 suppressed": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            with suppress(asyncio.CancelledError):
                await asyncio.wait(tasks, timeout=5)
            for t in tasks:
                t.cancel()
    """,
    ),
    "32 the classic helper": (
        "",
        """
        async def f(things):
            tasks = [mk() for _ in things]
            cancel = set()
            try:
                done, cancel = await asyncio.wait(tasks, return_when=FC)
            except asyncio.CancelledError:
                cancel = tasks
                raise
            finally:
                for t in cancel:
                    t.cancel()
    """,
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    code, body = ROWS[name]
    source = HEAD + textwrap.dedent(body)
    ruling = judge(source)
    assert (ruling.code, ruling.cut) == (code, "")
    assert ruling.surprises <= UNBOUND
    assert (ruling.line, ruling.column) == find_sites(source)[0]


UNBOUND = {"UnboundLocalError: pending"}

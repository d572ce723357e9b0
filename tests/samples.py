"""A few files with known verdicts, for the tests of the doors, and how a project is written."""

from __future__ import annotations

from pathlib import Path

# Row 1 of the table of verdicts: what is pending is forgotten.
FORGOTTEN = """\
import asyncio


async def first(work):
    a = asyncio.create_task(work())
    b = asyncio.create_task(work())
    done, _ = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
"""
FORGOTTEN_PLACE = "7:21: AWT101 "

# Row 2, and what was cancelled is awaited: a cancellation of the wait skips the loop.
NO_FINALLY = """\
import asyncio


async def first(work):
    a = asyncio.create_task(work())
    b = asyncio.create_task(work())
    done, pending = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    for t in pending:
        t.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return done
"""
NO_FINALLY_PLACE = "7:27: AWT102 "

# Row 3, and what was cancelled is awaited: silent.
CURED = """\
import asyncio


async def first(work):
    tasks = [asyncio.create_task(work()), asyncio.create_task(work())]
    try:
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
"""

# Row 18: only the author knows whose tasks they are, and what should become of them.
BORROWED = """\
import asyncio


async def first(tasks):
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done
"""

# A full wait over tasks of its own: AWT201 where that is selected.
FULL_WAIT = """\
import asyncio


async def both(work):
    a = asyncio.create_task(work())
    b = asyncio.create_task(work())
    await asyncio.wait({a, b})
"""
FULL_WAIT_PLACE = "7:11: AWT201 "

# Silent, unless `start` is said to make tasks.
FACTORY = """\
import asyncio

from elsewhere import start


async def first():
    await asyncio.wait({start()}, timeout=1)
"""
FACTORY_PLACE = "7:11: AWT101 "

# Silent, as `stop` may keep what it is given. If it is said to cancel, `first` adopts the tasks
# that it borrowed (row 20), and a cancellation of the wait passes by.
CANCELLER = """\
import asyncio

from elsewhere import stop


async def first(tasks):
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop(pending)
    return done
"""
CANCELLER_PLACE = "7:27: AWT102 "

BROKEN = "import asyncio\n\nasync def f():\n    await asyncio.wait(\n"

# The bug of the README: a cancellation of the wait skips the loop.
FASTEST = """\
import asyncio


async def fastest(urls, fetch):
    tasks = [asyncio.create_task(fetch(url)) for url in urls]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return done.pop().result()
"""

# Nested too deeply for any Python to follow: nothing is claimed about its wait.
INTRICATE = f"""\
import asyncio


async def first(x):
    await asyncio.wait([x], timeout=1)
    return {"x" + " + x" * 10_000}
"""
INTRICATE_LINE = 5

# Two findings in one function.
TWO_WAITS = """\
import asyncio


async def f(work):
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=5)
    other = asyncio.create_task(work())
    await asyncio.wait([other, task], timeout=5)
"""


def tree(root: Path, files: dict[str, str]) -> None:
    """Write a small project: texts by their paths below its root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

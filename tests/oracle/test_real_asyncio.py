"""Real tasks on a real event loop leak exactly when the judge says so."""

from __future__ import annotations

import sys

import pytest

from .generate import indented
from .programs import PROGRAMS
from .validate import Totals, differences, differences_in_family

# What each body does of a task is in `docs/family.md`: it leaks here, and there it does not.
FAMILY = {
    "a_branch": "t = mk()\nif cond():\n    return\nawait t",
    "a_bystander": "t = mk()\nawait log()\nawait t",
    "a_sibling": "a = mk()\nb = mk()\nawait a\nawait b",
    "a_child": "await asyncio.gather(work(), work())",
    "children_that_are_cancelled": "ts = [mk(), mk()]\ntry:\n    await asyncio.gather(*ts)\n"
    "finally:\n    for t in ts:\n        t.cancel()",
    "a_gather_that_is_cancelled_in_vain": "g = asyncio.gather(work(), work())\ntry:\n"
    "    await g\nfinally:\n    g.cancel()",
    "a_loop_that_is_left": "for d in asyncio.as_completed([work(), work()]):\n    await d\n"
    "    if cond():\n        break",
    "time_is_up_in_a_loop": "try:\n    for d in asyncio.as_completed([work()], timeout=3):\n"
    "        await d\nexcept TimeoutError:\n    pass",
    "a_group": "async with asyncio.TaskGroup() as group:\n    t = group.create_task(work())\n"
    "    u = mk()\n    await t\nawait u",
    "a_timeout_that_is_expected": "t = mk()\ntry:\n    async with asyncio.timeout(2):\n"
    "        await log()\nexcept TimeoutError:\n    return\nawait t",
    "a_shield": "t = mk()\nawait asyncio.shield(t)",
    "a_generator_that_is_closed": "t = mk()\nyield 1\nawait t",
}
LOOP_OF_3_13 = "async for t in asyncio.as_completed([work(), work()]):\n    await log()"
if sys.version_info >= (3, 13):
    FAMILY["an_asynchronous_loop"] = LOOP_OF_3_13


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="gather and wait_for of the contract are those of 3.12"
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", range(0, len(PROGRAMS), 6))
def test_the_judge_agrees_with_a_real_event_loop(number: int) -> None:
    found = differences(PROGRAMS[number], Totals())
    assert not found, f"{found[0]}\n{PROGRAMS[number]}"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames know their columns since 3.11")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("body", FAMILY.values(), ids=FAMILY)
def test_so_it_does_about_tasks_that_no_wait_is_for(body: str) -> None:
    head = "import asyncio\nfrom elsewhere import cond, log, work\n\nasync def f():\n"
    lines = body.replace("mk()", "asyncio.create_task(work())").splitlines()
    totals = Totals()
    found = differences_in_family(head + "\n".join(indented(lines)) + "\n", totals)
    assert totals.compared == 1
    assert not found, found[0]

"""What messages call the tasks, which loop drops them, and what to do about it."""

from __future__ import annotations

import re
from textwrap import indent

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.options import ALL_CODES, Options

HEAD = "import asyncio\n\n\nasync def run(work, many):\n"
MANY = """\
tasks = set()
for each in many:
    task = asyncio.create_task(work(each))
    tasks.add(task)
"""


def said(body: str, *codes: str) -> str:
    """The message of the first finding in a function; its lines count from 5."""
    options = Options(codes=frozenset(codes or ALL_CODES - {"AWT202"}))
    return check(HEAD + indent(body, "    "), options).findings[0].message


def subjects(message: str) -> list[str]:
    return re.findall(r"'(.*?)'", message)


WAIT = "await asyncio.wait(tasks, timeout=1)\n"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        pytest.param(MANY + WAIT, ["tasks"], id="one is added in each turn of a loop"),
        pytest.param(
            MANY + indent(f"while tasks:\n    done, tasks = {WAIT}", "    "),
            ["tasks"],
            id="one more is added before each wait",
        ),
        pytest.param(
            f"tasks = []\nwhile True:\n    task = asyncio.create_task(work())\n"
            f"    tasks.append(task)\n    {WAIT}    tasks = [*tasks]\n    break\n",
            ["tasks"],
            id="the loop goes on with a copy",
        ),
        pytest.param(
            "one, rest = asyncio.create_task(work()), set(many)\n"
            "try:\n    await asyncio.wait({one, *rest}, timeout=1)\n"
            "finally:\n    one.cancel()\n",
            ["rest"],
            id="what a parameter holds is waited for in a collection",
        ),
        pytest.param(
            f"tasks = set()\ntask = asyncio.create_task(work())\ntasks.add(task)\n{WAIT}",
            ["task"],
            id="one is added once",
        ),
        pytest.param(
            "a = asyncio.create_task(work())\nb = asyncio.create_task(work())\n"
            "c = asyncio.create_task(work())\n"
            "try:\n    await asyncio.wait({a, b, c}, return_when=asyncio.FIRST_COMPLETED)\n"
            "finally:\n    await work()\n    stop(a, b, c)\n",
            ["b", "c"],
            id="as many as one execution loses",
        ),
        pytest.param(
            "while True:\n" + indent(MANY.replace("for each in many", "if each") + WAIT, "    "),
            ["task"],
            id="one is added to a new set in each turn",
        ),
    ],
)
def test_it_names_what_holds_the_tasks(body: str, names: list[str]) -> None:
    assert subjects(said(body)) == names


def test_the_innermost_loop_drops_them() -> None:
    body = f"while True:\n    task = asyncio.create_task(work())\n    {WAIT}"
    assert said(body.replace("tasks", "[task]")) == (
        "each turn of the loop drops 'task' while it may still run; cancel it first"
    )


def test_a_loop_further_out_drops_them() -> None:
    """The loop around the wait keeps what is pending; the one around that begins anew."""
    inner = MANY + indent(WAIT, "    ") + "    tasks = {t for t in tasks if not t.done()}\n"
    assert said("while True:\n" + indent(inner + WAIT, "    ")) == (
        "each turn of the loop on line 5 drops 'tasks' while they may still run; cancel them first"
    )


@pytest.mark.parametrize(
    ("wait", "then", "is_told"),
    [
        ("[task], timeout=5", "task.done()", True),
        ("{task}, timeout=many", "task.done()", True),
        ("[task], timeout=5", "task.cancel()", False),
        ("[task, other], timeout=5", "task.done()", False),
        ("[task], timeout=None, return_when='FIRST_COMPLETED'", "task.done()", False),
    ],
)
def test_for_one_task_asyncio_has_timeouts(wait: str, then: str, is_told: bool) -> None:
    made = "task, other = asyncio.create_task(work()), asyncio.create_task(work())\n"
    text = HEAD + indent(f"{made}await asyncio.wait({wait})\nprint({then})\n", "    ")
    (finding,) = check(text).findings
    hint = "if 'task' should stop when the time is over, use asyncio.timeout() or wait_for()"
    assert finding.hint == (hint if is_told else "")


def test_a_line_of_a_helper_is_said_to_be_one() -> None:
    text = (
        HEAD.replace("async def run(work, many):\n", "async def stop(tasks, log):\n")
        + "    await log()\n    for task in tasks:\n        task.cancel()\n\n\n"
        + "async def run(work, log):\n    tasks = [asyncio.create_task(work())]\n"
        + "    try:\n        await asyncio.wait(tasks, timeout=1)\n"
        + "    finally:\n        await stop(tasks, log)\n"
    )
    (finding,) = check(text).findings
    assert finding.message.startswith("if line 5 in stop() is cancelled, 'tasks' keep running")
    struck = next(step for step in finding.witness if step.line == 5)
    assert struck.what == "cancelled here in stop()"


def test_a_task_without_a_name_is_given_one() -> None:
    body = "await asyncio.wait([asyncio.create_task(work())], timeout=1)\n"
    assert said(body) == (
        "asyncio.wait() may leave the task made here running; name it, and cancel it in a finally"
    )


def test_two_tasks_of_one_line_are_tasks() -> None:
    made = "asyncio.create_task(work()), asyncio.create_task(work())"
    assert said(f"await asyncio.wait([{made}], timeout=1)\n") == (
        "asyncio.wait() may leave the tasks made here running; "
        "name them, and cancel them in a finally"
    )


def test_what_a_map_makes_are_tasks() -> None:
    made = "map(asyncio.create_task, many)"
    assert said(f"await asyncio.wait({made}, timeout=1)\n").startswith(
        "asyncio.wait() may leave the tasks made here running"
    )


def test_a_line_before_the_wait_is_none_to_cancel_by() -> None:
    body = "task = asyncio.create_task(work())\nwhile True:\n    if work():\n        return\n"
    assert said(f"{body}    await asyncio.wait([task], timeout=1)\n") == (
        "asyncio.wait() may leave 'task' running, and nothing cancels it; cancel it in a finally"
    )


def test_a_long_message_gets_shorter_advice() -> None:
    body = f"a_task_with_a_long_name = asyncio.create_task(work())\n{WAIT}print(many)\n"
    message = said(body.replace("tasks", "[a_task_with_a_long_name]"))
    assert message.endswith("nothing cancels it by line 7; use a finally")


def test_it_names_a_cancel_that_no_fault_is_needed_for() -> None:
    body = "task = asyncio.create_task(work())\ntry:\n    await asyncio.wait([task], timeout=1)\n"
    body += "except BaseException:\n    task.cancel()\n    raise\ntask.cancel()\n"
    assert said(body, "AWT202").startswith("'task' is cancelled on line 11 but never awaited")


def test_what_raises_is_a_step() -> None:
    body = f"a, b = [asyncio.create_task(work())], []\n{WAIT.replace('tasks', 'a')}"
    body += "await asyncio.wait(b)\nfor task in a:\n    task.cancel()\n"
    (finding,) = check(HEAD + indent(body, "    ")).findings
    assert finding.code == "AWT101"
    raised = [(step.line, step.what) for step in finding.witness][-2:]
    why = "there is nothing to wait for"
    assert raised == [(7, f"ValueError is raised here: {why}"), (7, "the function has raised")]


def test_where_a_function_raises_is_the_line_of_what_raises() -> None:
    body = "task = asyncio.create_task(work())\nothers = []\nfor each in many:\n"
    body += "    others.append(asyncio.create_task(work(each)))\n"
    body += "await asyncio.wait(others)\ntask.cancel()\n"
    assert said(body, "AWT301").startswith(
        "'task' may still run when the function raises on line 9;"
    )


def test_a_step_says_on_which_line_a_helper_raises() -> None:
    cancel = "for task in tasks:\n    task.cancel()\n"
    body = f"tasks = [asyncio.create_task(work())]\ntry:\n    {WAIT}except BaseException:\n"
    body += f"{indent(cancel, '    ')}    raise\nawait stop()\n{cancel}"
    helper = "\n\nasync def stop():\n    await elsewhere.stop()\n"
    (finding,) = check(HEAD + indent(body, "    ") + helper).findings
    told = [(step.line, step.what) for step in finding.witness][-2:]
    assert told == [(12, "stop() raises"), (12, "the function has raised")]


def test_a_wait_of_which_only_others_are_done_says_so() -> None:
    body = "tasks = list(work.tasks) + [asyncio.create_task(work())]\n"
    body += "await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)\n"
    (finding,) = check(HEAD + indent(body, "    ")).findings
    assert "the wait returns: only others are done" in [step.what for step in finding.witness]

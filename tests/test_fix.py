"""What `asyncwait fix` makes of files, and what it leaves alone."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from command import tool

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import file
from flake8_asyncwait.fix.cure import CREATE_TASK, DRAIN, EXCEPT, FINALLY, MANUAL, WAIT_ANY
from flake8_asyncwait.fix.file import FileFix, Request, fix_file, fix_text
from flake8_asyncwait.fix.fixer import Fixed, fix
from flake8_asyncwait.fix.project.helper import Helper
from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.options import ALL_CODES, DEFAULT_ON, FAMILY_CODES, Options
from flake8_asyncwait.source.text import decode
from flake8_asyncwait.verdict.checked import Checked

pytestmark = pytest.mark.lowest

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fixes"
PAIRS = sorted(path.name.removesuffix(".before.py") for path in FIXTURES.glob("*.before.py"))
NOT_FORMATTED = {"wait_any_hand_aligned", "wait_any_styles"}
HELPER = Helper("flake8_asyncwait.wait_any", "wait_any")

each_pair = pytest.mark.parametrize("name", PAIRS)


def before(name: str) -> Path:
    return FIXTURES / f"{name}.before.py"


def after(name: str) -> Path:
    return FIXTURES / f"{name}.after.py"


def chosen(path: Path) -> Options:
    """The codes that a pair is about."""
    return Options(codes=FAMILY_CODES) if path.name.startswith("family") else Options()


@cache
def fixed(path: Path) -> FileFix:
    data = path.read_bytes()
    return fix_file(str(path), decode(str(path), data), data, chosen(path), Request(HELPER))


def outcome(text: str, options: Options = Options()) -> tuple[str, str]:
    """What becomes of the one finding of a text, and why."""
    (cure,) = fix(text, options).cures
    return cure.outcome, cure.reason


def function(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"import asyncio\n\n\nasync def f(work, use, x):\n{body}"


class TestPairs:
    @each_pair
    def test_after_is_what_becomes_of_before(self, name: str) -> None:
        assert fixed(before(name)).after.decode() == after(name).read_text("utf-8")

    @each_pair
    def test_a_second_run_changes_nothing(self, name: str) -> None:
        assert not fixed(after(name)).is_changed

    @each_pair
    def test_nothing_is_found_where_it_was_fixed(self, name: str) -> None:
        left = [cure.code for cure in fixed(before(name)).cures if cure.outcome == MANUAL]
        assert [cure.code for cure in fixed(after(name)).cures] == left

    @each_pair
    def test_every_site_of_before_has_a_finding(self, name: str) -> None:
        functions = [
            node
            for node in ast.walk(ast.parse(before(name).read_text("utf-8")))
            if isinstance(node, ast.AsyncFunctionDef)
        ]
        lines = {cure.line for cure in fixed(before(name)).cures}
        for node in functions:
            assert lines & set(range(node.lineno, (node.end_lineno or 0) + 1)), node.name

    @each_pair
    def test_what_was_formatted_stays_so(self, name: str) -> None:
        ruff = tool("ruff")
        if ruff is None:
            pytest.skip("ruff is not installed")
        if name in NOT_FORMATTED:
            return
        command = [ruff, "format", "--isolated", "--line-length=100", "--check"]
        assert subprocess.run([*command, before(name), after(name)], check=False).returncode == 0


class TestBytes:
    """What of a file is not its text stays as it is."""

    TEXT = function(
        "tasks = [asyncio.create_task(work())]",
        "await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)",
        "print('\N{LATIN SMALL LETTER E WITH ACUTE}')",
    )
    OLD, NEW = "asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)", "wait_any(tasks)"

    def check(self, tmp_path: Path, text: str, encoding: str = "utf-8", bom: bytes = b"") -> None:
        path = tmp_path / "file.py"
        path.write_bytes(bom + text.encode(encoding))
        imported = "from flake8_asyncwait.wait_any import wait_any\n"
        end = "\r\n" if "\r\n" in text else "\n"
        wanted = text.replace(self.OLD, self.NEW)
        wanted = wanted.replace(
            f"import asyncio{end}",
            f"import asyncio{end}{end}{imported}".replace("\n", end)
            if end == "\n"
            else f"import asyncio{end}{end}{imported.rstrip()}{end}",
        )
        assert fixed(path).after == bom + wanted.encode(encoding)

    def test_newlines(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT)

    def test_carriage_returns(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT.replace("\n", "\r\n"))

    def test_tabs(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT.replace("    ", "\t"))

    def test_no_last_newline(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT.rstrip("\n"))

    def test_a_byte_order_mark(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT, bom=b"\xef\xbb\xbf")

    def test_an_encoding_cookie(self, tmp_path: Path) -> None:
        self.check(tmp_path, f"# coding: latin-1\n{self.TEXT}", "latin-1")

    def test_form_feeds_and_trailing_space(self, tmp_path: Path) -> None:
        self.check(tmp_path, self.TEXT.replace("\n\n\n", "\n\x0c\n   \n", 1) + "# end   \n\x0c\n")

    @each_pair
    def test_other_statements_stay_to_the_letter(self, name: str) -> None:
        left = iter(statements(after(name)))
        for statement in statements(before(name)):
            assert statement in left


CONTINUED = '''\
import asyncio


async def f(work, use, x):
    task = asyncio.create_task(work())
    done, _ = \\
        await asyncio.wait([task], \\
                           timeout=5)
    use("""
  a \\
b""", done)
    await use()
    x.task = task
'''
MOVED = '''\
import asyncio


async def f(work, use, x):
    task = asyncio.create_task(work())
    try:
        done, _ = \\
            await asyncio.wait([task], \\
                               timeout=5)
        use("""
  a \\
b""", done)
        await use()
    except BaseException:
        task.cancel()
        raise
    x.task = task
'''


def test_lines_behind_backslashes_move_with_their_statement_but_no_string_does() -> None:
    assert fix(CONTINUED, Options()).text == MOVED


def test_lines_behind_backslashes_move_back_with_their_statement() -> None:
    text = function(
        "first, second = asyncio.create_task(work()), asyncio.create_task(work())",
        "await use(1, \\",
        "          2)",
        "got = \\",
        "    await first",
        "await second",
        "return got",
    )
    moved = [
        "    try:",
        "        await use(1, \\",
        "                  2)",
        "        got = \\",
        "            await first",
        "        await second",
        "    finally:",
    ]
    assert "\n".join(moved) in fix(text, Options(codes=FAMILY_CODES)).text


def test_a_cancel_on_the_line_of_its_condition_stays() -> None:
    text = function(
        "task = asyncio.create_task(work())",
        "try:",
        "    await use()",
        "    done, pending = await asyncio.wait([task], timeout=1)",
        "    if pending: task.cancel()",
        "finally:",
        "    print(x)",
    )
    cured = text.replace("finally:", "finally:\n        task.cancel()")
    assert fix(text, Options()).text == cured


@pytest.mark.parametrize(("telling", "kind"), [("=", MANUAL), ("!r", EXCEPT)])
def test_no_string_that_tells_its_own_code_is_indented(telling: str, kind: str) -> None:
    text = function(
        "task = asyncio.create_task(work())",
        "await asyncio.wait([task], timeout=5)",
        'await use(f"""{',
        "    x",
        f'{telling}}}""")',
        "x.task = task",
    )
    assert outcome(text)[0] == kind


def statements(path: Path) -> list[str]:
    """The simple statements of a file as they are written, but for indentation, without those that
    a fix may touch: waits, cancels and imports, and what binds a pending half before its wait."""
    text = path.read_text("utf-8")
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            lines = (ast.get_source_segment(text, node) or "").split("\n")
            code = "\n".join(line.strip() for line in lines)
            if not re.search(r"\bwait|\.cancel\(|import |^pending = |^(waited_)?task = ", code):
                found.append((node.lineno, code))
    return [code for _, code in sorted(found)]


class TestManual:
    """Facts that forbid a rewrite; each is the reason that the user is told."""

    def test_the_callers_tasks(self) -> None:
        text = function("await asyncio.wait(x, timeout=1)")
        assert outcome(text)[0] == MANUAL

    def test_more_lines_than_anybody_reads_would_move(self) -> None:
        lines = [f"use({number})" for number in range(25)]
        text = function(
            "task = asyncio.create_task(work())",
            "await asyncio.wait([task], timeout=1)",
            *[f"await {line}" for line in lines],
            "use(task.done())",
            "task.cancel()",
        )
        why = "a try around 27 lines cancels them all, but is too long for a fix"
        assert outcome(text) == (MANUAL, why)
        text = text.replace("    await use(0)\n    await use(1)\n", "")
        assert outcome(text)[0] in (FINALLY, EXCEPT)

    def test_what_is_awaited_later_may_need_the_tasks(self) -> None:
        text = function(
            "if x:",
            "    tasks = [asyncio.create_task(work(each)) for each in x]",
            "    await asyncio.wait(tasks, timeout=1)",
            "await use()",
        )
        why = "only you know whether what it awaits further down needs 'tasks' to run on"
        assert outcome(text) == (MANUAL, why)

    def test_given_a_callback(self) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in x]",
            "done, pending = await asyncio.wait(tasks, timeout=1)",
            "for task in pending:",
            "    task.add_done_callback(use)",
        )
        assert outcome(text)[0] == FINALLY

    def test_not_awaited(self) -> None:
        text = function(
            "tasks = [asyncio.create_task(work())]",
            "waiting = asyncio.wait(tasks, timeout=1)",
            "del tasks",
            "await waiting",
        )
        assert outcome(text)[0] == MANUAL

    def test_another_function_that_waits(self) -> None:
        text = function(
            "tasks = [asyncio.create_task(work())]",
            "done, pending = await x.wait(tasks, timeout=1)",
        )
        done = fix(text, Options(wait_functions=frozenset({"x.wait"})))
        assert [cure.outcome for cure in done.cures] == [FINALLY]

    @pytest.mark.parametrize("tasks", ["work()", "asyncio.create_task(work())"])
    def test_what_such_a_function_stands_in_may_be_no_asyncio(self, tasks: str) -> None:
        text = function(
            f"tasks = [{tasks}]",
            "try:",
            "    await x.wait(tasks, timeout=1)",
            "finally:",
            "    for task in tasks:",
            "        task.cancel()",
        ).replace("f(work, use, x)", "f(use, x)")
        text += "\n\nasync def work(): ...\n"
        options = Options(ALL_CODES, wait_functions=frozenset({"x.wait"}))
        for cure in (done := fix(text, options)).cures:
            assert cure.reason == "it is not a call of asyncio.wait() itself"
        assert done.cures
        assert done.text == text

    def test_an_argument_that_wait_any_does_not_take(self) -> None:
        text = function("await asyncio.wait({asyncio.create_task(work())}, timeout=1, loop=x)")
        reason = "wait_any does not take the argument 'loop'"
        assert outcome(text) in [(FINALLY, ""), (MANUAL, reason)]

    def test_arguments_that_are_not_spelled_out(self) -> None:
        text = function("await asyncio.wait([asyncio.create_task(work()), x.t], **x)")
        assert outcome(text)[0] in (FINALLY, MANUAL)


class TestTasksOfCoroutines:
    """AWT203: coroutines become tasks, and what leaks then is cured as well."""

    WORK = "async def work(x): ...\n\n\n"

    @pytest.mark.parametrize(
        ("before", "after", "cured"),
        [
            ("[work(1)]", "[asyncio.create_task(work(1))]", CREATE_TASK),
            ("{work(1), t}", "{asyncio.create_task(work(1)), t}", CREATE_TASK),
            (
                "[work(1), asyncio.sleep(1)]",
                "[asyncio.create_task(work(1)), asyncio.create_task(asyncio.sleep(1))]",
                CREATE_TASK,
            ),
            (
                "[work(y) for y in x]",
                "[asyncio.create_task(work(y)) for y in x]",
                CREATE_TASK,
            ),
        ],
    )
    def test_in_place(self, before: str, after: str, cured: str) -> None:
        text = f"import asyncio\n\n\n{self.WORK}async def f(x, t):\n    await asyncio.wait(ARG)\n"
        done = fix(text.replace("ARG", before), Options(), width=100)
        assert [cure.outcome for cure in done.cures] == [cured]
        assert done.text == text.replace("ARG", after)

    def test_in_a_collection_that_was_filled_first(self) -> None:
        text = (
            f"import asyncio\n\n\n{self.WORK}async def f(x):\n    works = []\n    for y in x:\n"
            "        works.append(work(y))\n    await asyncio.wait(works)\n"
        )
        done = fix(text, Options())
        assert done.text == text.replace("append(work(y))", "append(asyncio.create_task(work(y)))")

    def test_what_leaks_then(self) -> None:
        text = (
            f"import asyncio\n\n\n{self.WORK}async def f(x):\n"
            "    await asyncio.wait([work(x)], timeout=1)\n"
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert "asyncio.create_task(work(x))" in done.text
        assert check(done.text).findings == ()

    @pytest.mark.parametrize(
        "lines",
        [
            ["asyncio.wait([work(x)], timeout=1)"],
            ["later = asyncio.wait([work(x)])", "use(later)"],
            ["later = asyncio.wait([work(x)])", "await use()", "await later"],
            ["return asyncio.wait([work(x)])"],
        ],
    )
    def test_not_where_the_wait_is_not_awaited_at_once(self, lines: list[str]) -> None:
        """The tasks would start before it does, or run on where it never does."""
        body = "".join(f"    {line}\n" for line in lines)
        text = f"import asyncio\n\n\n{self.WORK}async def f(use, x):\n{body}"
        why = "the wait itself is not awaited where it stands"
        assert outcome(text) == (MANUAL, why)

    @pytest.mark.parametrize(
        ("call", "make"),
        [
            ("loop.run_until_complete(WAIT)", "loop.create_task"),
            ("x = yield from WAIT", "asyncio.create_task"),
            ("asyncio.run(WAIT)", None),
            ("asyncio.get_event_loop().run_until_complete(WAIT)", None),
            ("asyncio.ensure_future(WAIT)", None),
        ],
    )
    def test_in_a_function_that_no_loop_runs(self, call: str, make: str | None) -> None:
        text = f"import asyncio\n\n\n{self.WORK}def f(loop, x):\n    {call}\n".replace(
            "WAIT", "asyncio.wait([work(x)])"
        )
        wanted = text if make is None else text.replace("[work(x)]", f"[{make}(work(x))]")
        assert fix(text, Options()).text == wanted


class TestAnotherRun:
    """A second run changes nothing: what another cure makes possible is done in the first."""

    def test_a_task_that_waits_for_others_and_is_waited_for(self) -> None:
        text = function(
            "t = asyncio.create_task(work())",
            "u = asyncio.create_task(work())",
            "w = asyncio.create_task(asyncio.wait([t, u], timeout=5))",
            "await x()",
            "done, pending = await asyncio.wait({w, t}, return_when=asyncio.FIRST_COMPLETED)",
        )
        first = fix(text, Options())
        assert [cure.outcome for cure in first.cures] == [FINALLY, FINALLY]
        again = fix(first.text, Options())
        assert (again.text, again.cures) == (first.text, ())


class TestDrain:
    """AWT202: what was cancelled is awaited, where the function may suspend."""

    OPTIONS = Options(codes=DEFAULT_ON | {"AWT202"})
    LINES = (
        "tasks = [asyncio.create_task(work())]",
        "try:",
        "    await asyncio.wait(tasks, timeout=1)",
        "finally:",
        "    for task in tasks:",
        "        task.cancel()",
    )

    def test_behind_the_loop(self) -> None:
        drain = "    await asyncio.gather(*tasks, return_exceptions=True)"
        done = fix(function(*self.LINES), self.OPTIONS)
        assert [cure.outcome for cure in done.cures] == [DRAIN]
        assert done.text == function(*self.LINES, drain)
        assert fix(done.text, self.OPTIONS).cures == ()

    def test_not_in_a_generator(self) -> None:
        assert outcome(function(*self.LINES, "yield 1"), self.OPTIONS)[0] == MANUAL

    def test_not_where_a_handler_would_take_it_for_the_wait(self) -> None:
        text = function(
            *self.LINES[:2],
            "    done, pending = await asyncio.wait(tasks, timeout=1)",
            "    for task in pending:",
            "        task.cancel()",
            "except asyncio.CancelledError:",
            "    for task in tasks:",
            "        if not task.cancel():",
            "            use(task.result())",
            "    raise",
        )
        assert outcome(text, self.OPTIONS)[0] == MANUAL

    def test_not_behind_a_cancel_that_goes(self) -> None:
        task = "task = asyncio.create_task(work())"
        ask = ("if not task.done():", '    print("late")')
        done = fix(
            function(task, "await asyncio.wait([task], timeout=5)", *ask, "    task.cancel()"),
            self.OPTIONS,
        )
        drain = "    await asyncio.gather(task, return_exceptions=True)"
        body = ("    await asyncio.wait([task], timeout=5)", *(f"    {line}" for line in ask))
        cleanup = ("finally:", "    task.cancel()", drain)
        assert done.text == function(task, "try:", *body, *cleanup)

    def test_at_the_end_of_a_finally(self) -> None:
        """What follows the cancels is done even if a cancellation comes while they are awaited."""
        drain = "    await asyncio.gather(*tasks, return_exceptions=True)"
        lines = (*self.LINES, "    use()")
        done = fix(function(*lines), self.OPTIONS)
        assert done.text == function(*lines, drain)
        returning = (*self.LINES, "    return x")
        assert fix(function(*returning), self.OPTIONS).text == function(
            *returning[:-1], drain, returning[-1]
        )

    def test_at_the_end_also_of_those_that_run(self) -> None:
        made = "one, other = asyncio.create_task(work()), asyncio.create_task(work())"
        lines: tuple[str, ...] = (made, "try:")
        lines += ("    await asyncio.wait([one, other], timeout=1)", "finally:")
        for name in ("one", "other"):
            lines += (f"    if not {name}.done():", f"        {name}.cancel()")
        lines += ("    use()",)
        drain = "    await asyncio.gather(one, other, return_exceptions=True)"
        assert fix(function(*lines), self.OPTIONS).text == function(*lines, drain)

    @pytest.mark.parametrize(
        "cleanup",
        [
            ("task.cancel()", "if x:", "    return 1", "close()"),
            ("if x:", "    task.cancel()", "close()"),
            ("with x:", "    task.cancel()", "    close()"),
        ],
    )
    def test_not_before_what_a_finally_does_then(self, cleanup: tuple[str, ...]) -> None:
        """A cancellation while they are awaited would leave it out."""
        lines = ("task = asyncio.create_task(work())", "try:", "    await asyncio.wait([task])")
        text = function(*lines, "finally:", *(f"    {line}" for line in cleanup))
        assert (
            fix(text.replace("[task]", "[task], timeout=1"), self.OPTIONS).text.count("gather") == 0
        )

    def test_a_plain_function_cannot_await_them(self) -> None:
        text = (
            "import asyncio\n\n\ndef f(loop, work):\n    task = loop.create_task(work())\n"
            "    loop.run_until_complete(asyncio.wait([task], timeout=5))\n"
        )
        why = "a try cancels them all, but there is no place to wait for them to end"
        assert outcome(text, self.OPTIONS) == (MANUAL, why)
        assert outcome(text)[0] == FINALLY

    def test_with_another_cure(self) -> None:
        done = fix(function(self.LINES[0], self.LINES[2].strip()), self.OPTIONS)
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert check(done.text, self.OPTIONS).findings == ()

    def test_once_and_nothing_is_cancelled_again(self) -> None:
        first, wait = self.LINES[0], self.LINES[2].strip()
        loop = ("", "for task in pending:", "    task.cancel()", "print(len(done), len(pending))")
        done = fix(function(first, f"done, pending = {wait}", *loop), self.OPTIONS)
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert done.text.count(".cancel()") == done.text.count("gather(") == 1


class TestJoined:
    """Two tries in a row become one where nothing else comes of that."""

    WAIT = "    await asyncio.wait([x], timeout=1)"

    @pytest.mark.parametrize(
        ("more", "header", "count"),
        [
            ("    use()", "except BaseException:", 1),
            ("    if use: return x", "except BaseException:", 2),
            ("    use()", "except BaseException:  # noqa: BLE001", 2),
        ],
    )
    def test_where_only_errors_leave_the_first(self, more: str, header: str, count: int) -> None:
        tried = ("try:", self.WAIT, more, header, "    x.cancel()", "    raise")
        made = "x = asyncio.create_task(work())"
        done = fix(function(made, *tried, self.WAIT.strip()), Options())
        assert {cure.outcome for cure in done.cures} <= {FINALLY, EXCEPT}
        assert done.text.count("try:") == count


class TestBeforeAReturn:
    """A cancel before a `return` goes only where the `finally` follows at once."""

    @pytest.mark.parametrize(("around", "count"), [("with x:", 1), ("async with x:", 2)])
    def test_not_where_something_may_suspend_in_between(self, around: str, count: int) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "await asyncio.wait([task], timeout=1)",
            around,
            "    if use():",
            "        task.cancel()",
            "        return 2",
            "await work()",
            "task.cancel()",
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert done.text.count("task.cancel()") == count


class TestNestedFunctions:
    """A nested function may be what ends a task, and it ends with its own task."""

    @pytest.mark.parametrize(("stopped", "cure"), [("x", FINALLY), ("task", MANUAL)])
    def test_a_task_that_one_ends_is_not_left_to_it(self, stopped: str, cure: str) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "async def stop_later():",
            "    await asyncio.sleep(1)",
            f"    {stopped}.cancel()",
            "stop = asyncio.create_task(stop_later())",
            "await asyncio.wait([task, stop], timeout=5)",
        )
        assert outcome(text)[0] == cure


class TestBoundFirst:
    """A cleanup that is there gets the waited tasks to cancel, where it may cancel them."""

    def test_not_what_is_returned_before_the_wait(self) -> None:
        text = function(
            "tasks = {asyncio.create_task(work())}",
            "pending = set()",
            "try:",
            "    if use():",
            "        return tasks",
            "    done, pending = await asyncio.wait(tasks, timeout=1)",
            "finally:",
            "    for task in pending:",
            "        task.cancel()",
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [EXCEPT]
        assert "pending = tasks" not in done.text

    def test_not_what_holds_something_already(self) -> None:
        text = function(
            "pending = {asyncio.create_task(work()) for _ in x}",
            "try:",
            "    while pending:",
            "        done, pending = await asyncio.wait(pending, timeout=1)",
            "finally:",
            "    use(done)",
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert "set(pending)" not in done.text


class TestWaitAny:
    """A site becomes a call of `wait_any` only where that changes nothing but the leak."""

    def test_suspensions_before_the_cancel_do_not_matter(self) -> None:
        text = function(
            "tasks = {asyncio.create_task(work())}",
            "done, pending = await asyncio.wait(tasks, timeout=1, return_when='FIRST_COMPLETED')",
            "await use(done)",
            "for task in pending:",
            "    task.cancel()",
        )
        assert outcome(text) == (WAIT_ANY, "")

    def test_nor_does_what_is_only_looked_at(self) -> None:
        text = function(
            "tasks = {asyncio.create_task(work())}",
            "done, pending = await asyncio.wait(tasks, timeout=1, return_when='FIRST_COMPLETED')",
            "if pending:",
            "    print(len(pending), 'are late:', pending)",
            "    raise TimeoutError",
        )
        assert outcome(text) == (WAIT_ANY, "")

    @pytest.mark.parametrize(
        "use",
        [
            "await task",
            "await asyncio.gather(task)",
            "await asyncio.wait_for(task, 1)",
            "await asyncio.shield(task)",
            "await asyncio.wait([task])",
            "await use(); print(task.done())",
        ],
    )
    def test_what_lets_the_task_go_on_forbids_it(self, use: str) -> None:
        text = function(
            "task = asyncio.create_task(work())", "await asyncio.wait([task], timeout=1)", use
        )
        assert outcome(text)[0] in (FINALLY, EXCEPT)

    def test_what_only_a_fault_comes_to_forbids_it_too(self) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "try:",
            "    await asyncio.wait([task], timeout=1)",
            "except asyncio.CancelledError:",
            "    await task",
            "    raise",
        )
        assert outcome(text)[0] == FINALLY

    def test_a_task_that_is_done_may_be_asked(self) -> None:
        text = function(
            "task, other = asyncio.create_task(work()), asyncio.create_task(work())",
            "await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)",
            "if task.done():",
            "    return await task",
            "task.cancel()",
            "return await other",
        )
        assert outcome(text) == (WAIT_ANY, "")

    @pytest.mark.parametrize("mode", ["", ", return_when=asyncio.FIRST_EXCEPTION", ", timeout=5"])
    def test_a_wait_for_all_is_no_race(self, mode: str) -> None:
        text = function("tasks = {asyncio.create_task(work())}", f"await asyncio.wait(tasks{mode})")
        assert outcome(text, Options(codes=DEFAULT_ON | {"AWT201"})) == (FINALLY, "")

    def test_where_it_cannot_be_had_there_is_a_finally(self) -> None:
        text = function(
            "tasks = {asyncio.create_task(work())}", "await asyncio.wait(tasks, timeout=1)"
        )
        (cure,) = fix(text, Options(), function=None).cures
        assert cure.outcome == FINALLY

    def test_nor_is_it_taken_where_formatters_lay_it_out_differently(self) -> None:
        lines = (
            "one = asyncio.create_task(work())",
            "two = asyncio.create_task(use())",
            "done, _ = await asyncio.wait(",
            "    {one, two}, return_when=asyncio.FIRST_COMPLETED",
        )
        for comment, outcome in (("  # noqa: E501", FINALLY), ("  # x", WAIT_ANY), ("", WAIT_ANY)):
            text = function(*lines, f"){comment}", "return done.pop().result()")
            (cure,) = fix(text, Options(), width=46).cures
            assert cure.outcome == outcome


class TestExcept:
    """Where the tasks live on without a fault, only an error cancels them."""

    @pytest.mark.parametrize(
        "after",
        [
            ["use(pending)"],
            ["return pending"],
            ["x.tasks = pending", "await work()"],
            ["await work()", "return pending"],
        ],
        ids=str,
    )
    def test_a_task_that_is_needed_later(self, after: list[str]) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "done, pending = await asyncio.wait([task], timeout=1)",
            *after,
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [EXCEPT]
        assert "    except BaseException:\n        task.cancel()\n        raise\n" in done.text

    def test_nothing_that_follows_moves(self) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "await asyncio.wait([task], timeout=1)",
            "if task.done():",
            "    return await task",
            "return task",
        )
        assert fix(text, Options()).text == function(
            "task = asyncio.create_task(work())",
            "try:",
            "    await asyncio.wait([task], timeout=1)",
            "except BaseException:",
            "    task.cancel()",
            "    raise",
            "if task.done():",
            "    return await task",
            "return task",
        )

    def test_in_a_handler_that_is_there(self) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "try:",
            "    await asyncio.wait([task], timeout=1)",
            "except asyncio.CancelledError:",
            "    use('cancelled')",
            "    raise",
            "return task",
        )
        done = fix(text, Options())
        assert [cure.outcome for cure in done.cures] == [EXCEPT]
        assert done.text == text.replace("        use(", "        task.cancel()\n        use(")


class TestChoice:
    """`--cure` asks for one kind, and gets it where it is harmless."""

    TEXT = function(
        "tasks = {asyncio.create_task(work())}",
        "done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)",
        "for task in pending:",
        "    task.cancel()",
    )

    @pytest.mark.parametrize("cure", [WAIT_ANY, FINALLY, EXCEPT])
    def test_the_kind_that_is_asked_for(self, cure: str) -> None:
        done = fix(self.TEXT, Options(), cure=cure)
        assert [each.outcome for each in done.cures] == [cure]

    def test_none_where_that_is_not_harmless(self) -> None:
        text = self.TEXT + "    await use(tasks)\n"
        assert [each.outcome for each in fix(text, Options(), cure=EXCEPT).cures] == [EXCEPT]
        text = self.TEXT.partition("    for task")[0] + "    return pending\n"
        text = text.replace(
            "{asyncio.create_task(work())}", "{asyncio.create_task(work()) for _ in x}"
        )
        for cure in (WAIT_ANY, FINALLY):
            done = fix(text, Options(), cure=cure)
            assert [each.outcome for each in done.cures] == [MANUAL]
            assert done.text == text


class TestOtherSites:
    """A cure makes no other site of the function worse."""

    LINES = (
        "first, second = asyncio.create_task(work()), asyncio.create_task(work())",
        "await asyncio.wait([first], timeout=1)",
        "await asyncio.wait([second], timeout=1)",
        "first.cancel()",
        "second.cancel()",
    )

    def test_all_are_cured(self) -> None:
        cured = fix(function(*self.LINES), Options()).cures
        assert [cure.outcome for cure in cured] == ["finally", "finally"]

    def test_where_one_would_be_worse_none_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Seen, "is_worse", property(lambda _: True))
        text = function(*self.LINES)
        assert fix(text, Options()).text == text

    def test_where_the_file_would_be_worse_only_that_function_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good, bad = (function(*self.LINES).replace("f(", f"{name}(") for name in ("good", "bad"))
        text = good + bad.removeprefix("import asyncio\n")

        def proof(text: str, *_: object, **__: object) -> Checked:
            is_worse = "try:" in text.partition("bad(")[2]
            return check(good + good + good if is_worse else text)

        monkeypatch.setattr(file, "check", proof)
        done = fix_text("app.py", text, Options())
        assert [cure.outcome for cure in done.cures] == [FINALLY, FINALLY, MANUAL, MANUAL]
        assert done.cures[-1].reason == "the fixed file would have new findings"
        assert done.text.endswith(bad.removeprefix("import asyncio\n"))
        assert done.text.count("try:") == 1

    def test_then_the_code_outside_of_functions_stays_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its text holds the functions as they were to be."""
        race = "await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)"
        tasks = "a, b = asyncio.create_task(work()), asyncio.create_task(use())"
        text = function(tasks, race) + f"\n\n{tasks}\n{race}\n"

        def proof(text: str, *_: object, **__: object) -> Checked:
            is_worse = "    await wait_any" in text
            return check(function(*self.LINES) * 3 if is_worse else text)

        assert {cure.outcome for cure in fix_text("app.py", text, Options()).cures} != {MANUAL}
        monkeypatch.setattr(file, "check", proof)
        done = fix_text("app.py", text, Options(), Request(HELPER))
        assert {cure.outcome for cure in done.cures} == {MANUAL}
        assert done.text == text


class TestRedundant:
    """What a cure makes redundant goes with it."""

    TASKS = ("a, b = asyncio.create_task(work()), asyncio.create_task(work())",)
    RACE = "asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)"

    def becomes(self, before: list[str], after: list[str]) -> None:
        text = function(*self.TASKS, *before).replace("RACE", self.RACE)
        wanted = function(*self.TASKS, *after).replace("RACE", "wait_any({a, b})")
        done = fix(text, Options())
        assert [each.outcome for each in done.cures] == [WAIT_ANY]
        assert done.text == wanted

    def test_branches(self) -> None:
        self.becomes(
            [
                "done, pending = await RACE",
                "if a not in done:",
                "    a.cancel()",
                "if b in pending:",
                "    b.cancel()",
                "else:",
                "    use(b.result())",
                "return a in done",
            ],
            [
                "done, pending = await RACE",
                "if b not in pending:",
                "    use(b.result())",
                "return a in done",
            ],
        )

    def test_a_comment_goes_on_to_what_else_is_done_to_the_task(self) -> None:
        self.becomes(
            [
                "done, pending = await RACE",
                "for task in pending:",
                "    # these are the losers",
                "    task.cancel()",
                "    await asyncio.gather(task, return_exceptions=True)",
                "return done",
            ],
            [
                "done, pending = await RACE",
                "for task in pending:",
                "    # these are the losers",
                "    await asyncio.gather(task, return_exceptions=True)",
                "return done",
            ],
        )

    def test_a_handler_that_a_finally_stands_for(self) -> None:
        made = "fs = [asyncio.create_task(work()) for _ in x]"
        rest = ["for f in pending:", "    f.cancel()", "    await asyncio.wait([f])"]
        wait = "    done, pending = await asyncio.wait(fs, timeout=5)"
        handler = ["except:", "    for f in fs:", "        f.cancel()", "    raise"]
        final = ["finally:", "    for task in fs:", "        task.cancel()"]
        done = fix(function(made, "try:", wait, *handler, *rest), Options())
        assert [each.outcome for each in done.cures] == [FINALLY]
        assert done.text == function(made, "try:", wait, *(f"    {e}" for e in rest), *final)

    def test_no_block_begins_with_a_blank_line(self) -> None:
        self.becomes(
            [
                "done, pending = await RACE",
                "if pending:",
                "    for task in pending:",
                "        task.cancel()",
                "",
                "    await asyncio.wait(pending, timeout=10)",
                "return done",
            ],
            [
                "done, pending = await RACE",
                "if pending:",
                "    await asyncio.wait(pending, timeout=10)",
                "return done",
            ],
        )

    def test_both_branches(self) -> None:
        self.becomes(
            [
                "done, pending = await RACE",
                "if a in done:",
                "    b.cancel()",
                "else:",
                "    a.cancel()",
            ],
            ["await RACE"],
        )

    def test_on_every_path(self) -> None:
        self.becomes(
            [
                "try:",
                "    done, pending = await RACE",
                "except asyncio.CancelledError:",
                "    a.cancel()",
                "    raise",
                "if a in done:",
                "    b.cancel()",
                "    return a.result()",
                "else:",
                "    a.cancel()",
                "return b.result()",
            ],
            ["done, _ = await RACE", "if a in done:", "    return a.result()", "return b.result()"],
        )

    def test_a_finally(self) -> None:
        self.becomes(
            [
                "pending = set()",
                "try:",
                "    done, pending = await RACE",
                "    use(done.pop().result())",
                "finally:",
                "    a.cancel()",
                "for task in pending:",
                "    task.cancel()",
            ],
            ["done, _ = await RACE", "use(done.pop().result())"],
        )

    def test_not_a_finally_that_is_needed_before_the_wait(self) -> None:
        lines = ["try:", "    await use(x)", "    await RACE", "finally:", "    a.cancel()"]
        self.becomes(lines, lines)

    def test_not_what_does_more(self) -> None:
        self.becomes(
            [
                "_, pending = await RACE",
                "for task in pending:",
                "    task.cancel()",
                "    use(task)",
            ],
            ["_, pending = await RACE", "for task in pending:", "    use(task)"],
        )

    def test_not_a_comment_about_something_else(self) -> None:
        lines = ["_, pending = await RACE", "for task in pending:", "    task.cancel()  # see #12"]
        self.becomes(lines, lines)
        self.becomes(
            [lines[0], "# Cancel the other", *lines[1:2], "    task.cancel()"], ["await RACE"]
        )

    def test_a_name_that_others_have_stays(self) -> None:
        self.becomes(
            ["done, pending = await RACE", "print(_)"], ["done, pending = await RACE", "print(_)"]
        )


class TestTasksThatWait:
    """What a wait in a task of its own waits for is needed as long as that task is."""

    @pytest.mark.parametrize(
        "use",
        [
            "await waiting",
            "await asyncio.wait([waiting], timeout=1)",
            "await asyncio.gather(waiting)",
            "await asyncio.gather(waiting, return_exceptions=True)",
            "await asyncio.shield(waiting)",
            "await asyncio.wait_for(waiting, 1)",
            "print(waiting.done())",
            "await asyncio.create_task(asyncio.wait([waiting], timeout=2))",
        ],
    )
    def test_nothing_is_cancelled_before_its_last_use(self, use: str) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "waiting = asyncio.create_task(asyncio.wait([task], timeout=3))",
            "await work()",
            use,
        )
        done = fix(text, Options(), None)
        assert {cure.outcome for cure in done.cures} in ({FINALLY}, {MANUAL})  # one a site
        assert "task.cancel()" not in done.text.partition(use)[0]


@pytest.mark.parametrize("code", sorted(ALL_CODES))
def test_the_good_twin_of_a_rule_is_left_alone(code: str) -> None:
    from flake8_asyncwait.rules import RULES

    (rule,) = (rule for rule in RULES if rule.code == code)
    assert fix(rule.good, Options(codes=DEFAULT_ON | {code})) == Fixed(rule.good, ())


def test_a_finally_takes_the_place_of_a_handler_that_only_cancels() -> None:
    body = [
        "task = asyncio.create_task(work())",
        "try:",
        "    while True:",
        "        done, _ = await asyncio.wait({task}, timeout=1)",
        "        if done:",
        "            return task.result()",
        "        if await x():",
        "            raise ConnectionError",
    ]
    text = function(*body, "except asyncio.CancelledError:", "    task.cancel()", "    raise")
    assert fix(text, Options()).text == function(*body, "finally:", "    task.cancel()")
    told = [*body, "except asyncio.CancelledError:", "    task.cancel()", "    use(x)", "    raise"]
    left = [line for line in told if line != "    task.cancel()"]
    assert fix(function(*told), Options()).text == function(*left, "finally:", "    task.cancel()")
    late = [line.replace("use(x)", "await use(x)") for line in told]
    assert fix(function(*late), Options()).text == function(*late, "finally:", "    task.cancel()")


def test_wait_any_is_not_given_a_task_that_runs_a_wait() -> None:
    creation = "a = asyncio.create_task(work())"
    wait = "h = asyncio.create_task(asyncio.wait([a], timeout=3))"
    race = "await asyncio.wait([h], timeout=1, return_when=asyncio.FIRST_COMPLETED)"
    done = fix(function(f"{creation}; {wait}", race), Options())
    assert [cure.outcome for cure in done.cures] == [MANUAL, FINALLY]
    assert [each.code for each in check(done.text).findings] == ["AWT101"]


@pytest.mark.parametrize(
    ("comment", "goes"),
    [
        ("# We have to cancel the rest.|# Otherwise one more task would|# wait in each round.", 1),
        ("# We have to cancel the rest.|# The log needs what is done.", 0),
        ("# cancel the rest|# log what is done", 0),
        ("# cancel the rest||# Otherwise nothing ends.", 0),
    ],
)
def test_a_comment_of_several_lines_goes_with_its_cancels(comment: str, goes: int) -> None:
    text = function(
        "a, b = asyncio.create_task(work()), asyncio.create_task(use())",
        "done, pending = await asyncio.wait([a, b], return_when=asyncio.FIRST_COMPLETED)",
        *comment.split("|"),
        "for task in pending:",
        "    task.cancel()",
        "return done",
    )
    done = fix(text, Options())
    assert [cure.outcome for cure in done.cures] == [WAIT_ANY]
    assert ("task.cancel()" not in done.text, "# " not in done.text) == (bool(goes), bool(goes))


class TestReady:
    """Who waits until a task is ready may want it to run on; for its end, nobody does."""

    @pytest.mark.parametrize(
        ("work", "sign", "outcome"),
        [
            ("x.serve()", "x.started.wait()", MANUAL),
            ("x.serve()", "x.stopped.wait()", WAIT_ANY),
            ("x.serve()", "x.watch()", WAIT_ANY),
            ("x.serve()", "use.started.wait()", WAIT_ANY),
            ("x.recv()", "x.wait_for_more()", WAIT_ANY),
            ("work(ready)", "ready.wait()", MANUAL),
            ("work(x)", "ready.wait()", WAIT_ANY),
            ("x.serve()", "x.endpoints.wait()", MANUAL),
            ("x.serve()", "x.onStop.wait()", WAIT_ANY),
            ("x.backend.serve()", "x.backend.wait()", MANUAL),
        ],
    )
    def test_by_what_the_tasks_run(self, work: str, sign: str, outcome: str) -> None:
        text = function(
            "ready = asyncio.Event()",
            f"task = asyncio.create_task({work})",
            f"other = asyncio.create_task({sign})",
            "await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)",
            "if other.done():",
            "    return x.name",
            "task.result()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [outcome]

    @pytest.mark.parametrize(
        ("owner", "sign", "outcome"),
        [
            ("x", "started", MANUAL),
            ("x", "_ready", MANUAL),
            ("x", "pulse", WAIT_ANY),
            ("self", "started", MANUAL),
            ("self", "stop", WAIT_ANY),
            ("self", "pulse", WAIT_ANY),
            ("x.connection", "pulse", WAIT_ANY),
            ("made", "started", WAIT_ANY),
        ],
    )
    def test_by_its_name_where_nothing_uses_what_is_ready(
        self, owner: str, sign: str, outcome: str
    ) -> None:
        """What is not the function's own outlives it."""
        text = function(
            "made = use(1)",
            f"task: asyncio.Task = asyncio.create_task({owner}.serve())",
            f"other: asyncio.Task = asyncio.create_task({owner}.{sign}.wait())",
            "await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [outcome]

    @pytest.mark.parametrize(("later", "outcome"), [("x.app", MANUAL), ("xs.app", WAIT_ANY)])
    def test_by_what_is_used_behind_the_block_around(self, later: str, outcome: str) -> None:
        text = function(
            "try:",
            "    task = asyncio.create_task(x.app.serve())",
            "    other = asyncio.create_task(x.app.pulse.wait())",
            "    await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)",
            "except OSError:",
            "    return None",
            f"return {later}",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [outcome]

    def test_not_where_the_function_cancels_the_task(self) -> None:
        text = function(
            "task = asyncio.create_task(x.serve())",
            "other = asyncio.create_task(x.started.wait())",
            "await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)",
            "if asyncio.fails:",
            "    task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [WAIT_ANY]


class TestSwitch:
    """Whether tasks are cancelled is up to the caller."""

    @pytest.mark.parametrize(
        ("switch", "outcome"),
        [
            ("x", MANUAL),
            ("not x", MANUAL),
            ("x is True", MANUAL),
            ("pending and x", MANUAL),
            ("x.y", FINALLY),
            ("tasks", FINALLY),
            ("x:\n        use.info('%s', x)\n    if x", MANUAL),
        ],
    )
    def test_cancels_where_a_parameter_says_so(self, switch: str, outcome: str) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in use]",
            "_, pending = await asyncio.wait(tasks, timeout=1)",
            f"if {switch}:",
            "    use('too late')",
            "    for task in pending:",
            "        task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [outcome]

    @pytest.mark.parametrize(
        "cancels",
        [
            ("for task in pending:", "    if x: task.cancel()"),
            ("if x:", "    return done", "for task in pending:", "    task.cancel()"),
            ("if x:", "    for task in tasks:", "        task.cancel()"),
        ],
    )
    def test_other_ways_to_say_so(self, cancels: tuple[str, ...]) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in use]",
            "done, pending = await asyncio.wait(tasks, timeout=1)",
            *cancels,
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    @pytest.mark.parametrize(
        "switch", ["x.kill", "not x['kill']", "x.get('kill')", "x.kills()", "kill", "x.kill == 1"]
    )
    def test_by_a_part_of_a_parameter(self, switch: str) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "kill = x.kill",
            "await asyncio.wait([task], timeout=1)",
            f"if {switch}:",
            "    task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    @pytest.mark.parametrize(
        "binding",
        [
            "kill: bool = x.kill",
            "other, kill = use, x.kill",
            "options = x.options; kill = options.kill",
            "print(kill := x.kill)",
        ],
    )
    def test_by_a_part_under_another_name(self, binding: str) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            binding,
            "await asyncio.wait([task], timeout=1)",
            "if kill:",
            "    task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    @pytest.mark.parametrize("switch", ["bool(x.kill)", "getattr(x, 'kill', 0)", "await x.kill()"])
    def test_by_what_is_asked_of_a_parameter(self, switch: str) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "await asyncio.wait([task], timeout=1)",
            f"if {switch}:",
            "    task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    def test_by_a_match(self) -> None:
        text = function(
            "task = asyncio.create_task(work())",
            "await asyncio.wait([task], timeout=1)",
            "match x:",
            "    case 'kill':",
            "        task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    @pytest.mark.parametrize("switch", ["asyncio.kill", "task", "late"])
    def test_not_by_anything_else(self, switch: str) -> None:
        text = function(
            "task, late = asyncio.create_task(work()), load(x)",
            "await asyncio.wait([task], timeout=1)",
            f"if {switch}:",
            "    task.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [FINALLY]

    def test_of_the_family(self) -> None:
        text = function(
            "task = asyncio.create_task(work())", "await use()", "if x:", "    task.cancel()"
        )
        done = fix(text, Options(codes=frozenset({"AWT301"})))
        assert [cure.outcome for cure in done.cures] == [MANUAL]

    def test_not_by_a_test_around_the_site(self) -> None:
        text = function(
            "if x:",
            "    a, b = asyncio.create_task(work()), asyncio.create_task(use())",
            "    await asyncio.wait([a, b], return_when=asyncio.FIRST_COMPLETED)",
            "    a.cancel()",
            "    b.cancel()",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] != [MANUAL]

    def test_cancels_where_a_parameter_says_so_before_it_raises(self) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in use]",
            "done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)",
            "if x:",
            "    for task in pending:",
            "        task.cancel()",
            "for task in done:",
            "    if task.exception():",
            "        raise ValueError",
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

    @pytest.mark.parametrize(
        ("made", "branch"),
        [("use(x)", ["use(2)", "task.cancel()"]), ("use(1)", ["use.cancel()"])],
    )
    def test_not_by_a_parameter_that_says_more_or_by_another_cancel(
        self, made: str, branch: list[str]
    ) -> None:
        text = function(
            f"task = asyncio.create_task({made})",
            "await asyncio.wait([task], timeout=1)",
            "if x:",
            *(f"    {line}" for line in branch),
        )
        assert [cure.outcome for cure in fix(text, Options()).cures] == [FINALLY]


class TestDrains:
    """Cancelled tasks are awaited unless the function asks them later: they would be done then."""

    @pytest.mark.parametrize(
        ("later", "outcome"),
        [
            ("return use(1)", DRAIN),
            ("return tasks[0].done()", MANUAL),
            ("use([task.done() for task in tasks])", MANUAL),
            ("if x in tasks: use(x)", DRAIN),
            ("del tasks", DRAIN),
        ],
    )
    def test_by_what_is_read_later(self, later: str, outcome: str) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in x]",
            "try:",
            "    done, pending = await asyncio.wait(tasks, timeout=1)",
            "finally:",
            "    for task in tasks:",
            "        task.cancel()",
            later,
        )
        done = fix(text, Options(codes=frozenset({"AWT202"})))
        assert [cure.outcome for cure in done.cures] == [outcome]

    def test_with_the_cancels_where_a_failure_comes_behind(self) -> None:
        """The cancelled task is lost before the function fails."""
        text = function(
            "one, other = asyncio.create_task(work()), asyncio.create_task(work())",
            "done, _ = await asyncio.wait([one, other], return_when=asyncio.FIRST_EXCEPTION)",
            "for task in done:",
            "    await task",
        )
        options = Options(codes=DEFAULT_ON | {"AWT202"})
        done = fix_text("app.py", text, options)
        assert [cure.outcome for cure in done.cures] == [FINALLY]
        assert "await asyncio.gather(one, other, return_exceptions=True)" in done.text
        assert not check(done.text, options).findings

    def test_not_where_another_task_would_be_lost(self) -> None:
        """Also where the code of that is not among those that are fixed."""
        lines = (
            "one, other = asyncio.create_task(work()), asyncio.create_task(work())",
            "try:",
            "    await asyncio.wait([one, other], timeout=1)",
            "finally:",
            "    one.cancel()",
            "    use()",
            "    other.cancel()",
        )
        options = Options(codes=frozenset({"AWT202"}))
        drain = "    await asyncio.gather(one, other, return_exceptions=True)"
        assert fix(function(*lines), options).text == function(*lines, drain)
        assert "gather(one" not in fix(function(*lines, "    return x"), options).text


class TestStruck:
    """No cancel strikes a task that is still needed."""

    BEATS = (
        "heart = asyncio.create_task(work())",
        "try:",
        "    await asyncio.wait([heart], timeout=1)",
        "except BaseException:",
        "    heart.cancel()",
        "    raise",
    )

    @pytest.mark.parametrize(
        "rest",
        [
            ["while True:", "    item = x()", "    if item is None: break", "    await item()"],
            ["for item in x:", "    if item:", "        await item()"],
            ["async for item in x:", "    await item()"],
        ],
    )
    def test_in_another_turn_of_a_loop(self, rest: list[str]) -> None:
        cured = fix(function(*self.BEATS, *rest, "heart.cancel()"), Options()).text
        tree = ast.parse(cured)
        kinds = (ast.For, ast.While, ast.AsyncFor)
        loops = [node for node in ast.walk(tree) if isinstance(node, kinds)]
        assert "cancel" not in "".join(map(ast.unparse, loops))

    @pytest.mark.parametrize("around", ["with x.suppress(Exception):", "try:"])
    def test_behind_what_swallows(self, around: str) -> None:
        lines = [around, "    use(1)", "    if x.ready:", "        await x()"]
        lines += ["except Exception:", "    pass"] if around == "try:" else []
        served = ["try:", "    await use(2)", "finally:", "    heart.cancel()"]
        done = fix(function(*self.BEATS, *lines, *served), Options())
        assert "        except BaseException" not in done.text
        assert "        finally" not in done.text

    def test_one_that_two_cancels_strike(self) -> None:
        text = function(
            "one, other = asyncio.create_task(work()), asyncio.create_task(use(1))",
            "both = asyncio.gather(one, other)",
            "await asyncio.wait({both, one}, timeout=x)",
            "await one",
        )
        cured = fix(text, Options()).text
        assert "        await one\n    finally:\n" in cured


class TestSiblings:
    """A plain `gather` that has failed leaves the others to run on: so does the fix."""

    @pytest.mark.parametrize(
        ("gather", "outcome"),
        [
            ("gather(*tasks)", MANUAL),
            ("gather(*tasks, return_exceptions=True)", FINALLY),
        ],
    )
    def test_no_cancels_around_a_gather(self, gather: str, outcome: str) -> None:
        text = function(
            "tasks = [asyncio.create_task(work()) for _ in use]",
            "async with x:",
            f"    return await asyncio.{gather}",
        )
        done = fix(text, Options(codes=frozenset({"AWT302"})))
        assert [cure.outcome for cure in done.cures] == [outcome]


class TestOwnCancels:
    """The cancels of a function move into a `finally` only where it always comes to them, and only
    those of its own tasks."""

    TASKS = ("task = asyncio.create_task(work())", "await asyncio.wait([task], timeout=1)")

    @pytest.mark.parametrize(
        "lines",
        [
            ("if await use():", "    return task", "task.cancel()"),
            ("if await use():", "    x.append(task)", "    raise ValueError", "task.cancel()"),
        ],
    )
    def test_not_where_the_function_may_leave_before(self, lines: tuple[str, ...]) -> None:
        done = fix(function(*self.TASKS, *lines), Options())
        assert "finally" not in done.text

    @pytest.mark.parametrize("other", ["x.timer()", "x", "x.cancel and x"])
    def test_nothing_else_is_cancelled_where_it_was_not(self, other: str) -> None:
        lines = (f"other = {other}", "other.cancel()", "task.cancel()")
        text = fix(function(*self.TASKS, *lines), Options()).text
        assert "other.cancel()" not in text.partition("finally:")[2].partition("    other =")[0]

    def test_what_may_be_unbound_stays_behind(self) -> None:
        text = fix(
            function(
                self.TASKS[0],
                "try:",
                "    await asyncio.wait([task], timeout=1)",
                "    other = x.timer()",
                "finally:",
                "    other.cancel()",
            ),
            Options(),
        ).text
        assert text.index("task.cancel()") < text.index("other.cancel()")

    def test_an_if_on_one_line(self) -> None:
        text = function(*self.TASKS, "task.cancel()", "if x: use.cancel()")
        assert [cure.outcome for cure in fix(text, Options()).cures] == [FINALLY]

    def test_a_function_on_one_line(self) -> None:
        text = f"import asyncio\nasync def f(work): {'; '.join(self.TASKS)}; task.cancel()\n"
        assert [cure.outcome for cure in fix(text, Options()).cures] == [MANUAL]

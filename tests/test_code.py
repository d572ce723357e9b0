"""What the text of a function says, by value: calls, places, names, liveness, facts."""

from __future__ import annotations

import ast
from typing import ClassVar

import libcst as cst
import pytest

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.annotations import is_coroutine, is_plain
from flake8_asyncwait.analysis.code.exceptions import ANY, CANCELLED_ERROR, Exc, catches, ordinary
from flake8_asyncwait.analysis.code.load import File
from flake8_asyncwait.analysis.code.patterns import ANYTHING, REST, captures, pattern
from flake8_asyncwait.analysis.code.places import Place, places_of
from flake8_asyncwait.analysis.code.verdicts import all_of, any_of
from flake8_asyncwait.analysis.code.walk import CONSTANT, Question, every, own_nodes, question
from flake8_asyncwait.analysis.survey import agreeing, relevance
from flake8_asyncwait.analysis.survey.survey import facts_of
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.fanout import WAIT
from flake8_asyncwait.sites.visitor import find_calls

HEAD = "import asyncio\n"
BODY = """\
async def f(x, tasks, log):
    made = asyncio.create_task(x())
    both = [made, *tasks]
    done, pending = await asyncio.wait(both, timeout=1)
    log(x)
    for task in pending:
        task.cancel()
"""


def function(text: str) -> tuple[File, ir.Func]:
    """The first function of a file, lowered."""
    text = HEAD + text
    file = File(text, ast.parse(text), Options())
    func = file.lower(file.outline.around(2))
    assert isinstance(func, ir.Func)
    return file, func


def names(calls: list[cst.Call]) -> list[str]:
    return [cst.Module([]).code_for_node(call) for call in calls]


class TestTheVisitor:
    def found(self, text: str) -> list[str]:
        statement: cst.CSTNode = cst.parse_module(text).body[0]
        if isinstance(statement, cst.SimpleStatementLine):
            statement = statement.body[0]
        return names(find_calls(statement, {"wait"}))

    def test_it_finds_calls_by_the_last_component_outer_ones_first(self) -> None:
        assert self.found("wait(a.wait(1))[0](wait)\n") == ["wait(a.wait(1))", "a.wait(1)"]

    def test_it_leaves_out_statements_inside(self) -> None:
        assert self.found("if wait(1):\n    wait(2)\nelif wait(3):\n    wait(4)\n") == ["wait(1)"]
        assert self.found("try: wait(1)\nexcept wait(2): wait(3)\n") == ["wait(2)"]

    def test_it_leaves_out_what_is_inside_of_an_f_string(self) -> None:
        assert self.found("f'{wait(1)}', lambda: wait(2)\n") == ["wait(2)"]


def test_places_are_those_of_statements_in_order() -> None:
    text = "if wait(1):\n    pass\nelse:\n    a.wait(é, b); no()\n"
    places = list(places_of(ast.parse(text).body, frozenset({"wait"}), text.split("\n")))
    assert [place.line for place in places] == [1, 2, 4, 4]
    assert [[call.column for call in place.calls] for place in places] == [[3], [], [4], []]
    assert places[2] == Place(4, [places[2].calls[0]._replace(end=(4, 16))])


def test_the_module_and_its_candidates_are_lowered() -> None:
    _, func = function(BODY)
    (site,) = func.candidates
    assert (func.name, func.line, func.params) == ("f", 2, ["x", "tasks", "log"])
    assert (site.line, site.column, site.end) == (5, 26, (5, 55))
    assert {"made", "both", "done", "pending", "task"} <= func.locals
    assert not func.generator


def test_variables_of_comprehensions_are_names_of_their_own() -> None:
    _, func = function("def f(t):\n    return [t for t in t], t\n")
    found = {node.id for node in every(func) if isinstance(node, ir.Name)}
    assert found == {"t", "t~1"}


@pytest.mark.parametrize(
    ("annotation", "known"),
    [
        ("Coroutine[Any, Any, int]", True),
        ("typing.Awaitable[int] | None", True),
        ("Optional['Awaitable[int]']", True),
        ("Annotated[Awaitable[int], 1]", True),
        ("int | Awaitable[int]", False),
        ("Task[int]", False),
    ],
)
def test_annotations_of_coroutines(annotation: str, known: bool) -> None:
    assert is_coroutine(cst.parse_expression(annotation)) is known


@pytest.mark.parametrize(
    ("annotation", "known"),
    [
        ("str", True),
        ("typing.Iterable[str] | None", True),
        ("'dict[str, tuple[int, ...]]'", True),
        ("Annotated[Literal['a', 'b'], Task]", True),
        ("Mapping[str, Task[int]]", False),
        ("list", False),
        ("Iterable[Any]", False),
        ("'not ] python'", False),
    ],
)
def test_annotations_of_what_holds_no_task(annotation: str, known: bool) -> None:
    assert is_plain(cst.parse_expression(annotation)) is known


@pytest.mark.parametrize(
    ("text", "values", "irrefutable", "binds"),
    [
        ("_", None, True, []),
        ("None | 1", [None, 1], False, []),
        ("(True, x)", [(True, ANYTHING)], False, ["x"]),
        ("(1 | 2, _)", [(1, ANYTHING), (2, ANYTHING)], False, []),
        ("[1, *rest]", [(1, REST)], False, ["rest"]),
        ("A(b=c)", None, False, ["c"]),
    ],
)
def test_patterns(text: str, values: object, irrefutable: bool, binds: list[str]) -> None:
    (match,) = cst.parse_module(f"match x:\n    case {text}: pass\n").body
    assert isinstance(match, cst.Match)
    node = match.cases[0].pattern
    assert pattern(node) == (values, irrefutable)
    assert list(captures(node)) == binds


class TestExceptions:
    CLASSES: ClassVar = {"Mine": ["ValueError"], "Gone": ["CancelledError"]}

    @pytest.mark.parametrize(
        ("handler", "exc", "known"),
        [
            ("Exception", CANCELLED_ERROR, False),
            ("BaseException", CANCELLED_ERROR, True),
            (None, CANCELLED_ERROR, False),
            ("Exception", ANY, True),
            ("ValueError", ANY, None),
            ("KeyboardInterrupt", ANY, False),
            ("ValueError", Exc("Mine"), True),
            ("IOError", Exc("OSError"), True),
            ("Exception", Exc("Gone"), False),
            (None, Exc("Mine"), None),
        ],
    )
    def test_what_a_handler_catches(self, handler: str | None, exc: Exc, known: bool) -> None:
        assert catches(handler, exc, self.CLASSES) is known

    def test_ordinary_ones_derive_from_exception(self) -> None:
        names = ["Exception", "Mine", "Gone", "CancelledError", None]
        assert ordinary(names, self.CLASSES) == (ANY, Exc("Mine"))


def test_three_values() -> None:
    assert [any_of(each) for each in ([], [False, None], [None, True])] == [False, None, True]
    assert [all_of(each) for each in ([], [True, None], [None, False])] == [True, None, False]


class TestLiveness:
    def test_a_name_is_live_until_it_is_read_for_the_last_time(self) -> None:
        file, func = function(BODY)
        live = facts_of(file.program, func, dict.fromkeys(func.candidates, WAIT)).liveness
        made, both, wait, log, loop = func.body
        assert live.is_read_after("made", made)
        assert not live.is_read_after("made", both)
        assert live.is_read_after("x", wait)
        assert not live.is_read_after("x", log)
        assert live.is_reached_after(func.candidates[0], both)
        assert not live.is_reached_after(func.candidates[0], wait)
        assert live.is_bound_after("task", log)
        assert not live.is_bound_after("task", loop)

    def test_what_a_handler_reads_is_live_in_its_try(self) -> None:
        file, func = function(
            "def f(a, b):\n    try:\n        b()\n        b()\n    finally:\n        a\n"
        )
        live = facts_of(file.program, func, {}).liveness
        (statement,) = func.body
        assert isinstance(statement, ir.Try)
        assert all(live.is_read_after("a", each) for each in statement.body)

    def test_a_loop_reads_again(self) -> None:
        file, func = function("def f(a):\n    while a:\n        a.go()\n        a = a.next\n")
        live = facts_of(file.program, func, {}).liveness
        (loop,) = func.body
        assert isinstance(loop, ir.While)
        assert live.is_read_after("a", loop.body[-1])
        assert not live.is_read_after("a", loop)

    @pytest.mark.parametrize(
        ("body", "is_later"),
        [
            ("here()", False),
            ("await x; here()", False),
            ("here(); await x", True),
            ("here(); [y async for y in x]", True),
            ("async with x: here()", True),
            ("async with x:\n  if here(): return", True),
            ("with x: here()", False),
            ("async for y in x: here()", True),
            ("for y in x: here()", False),
            ("for y in await x: here()", False),
            ("for y in x: await y; here()", True),
            ("try: here()\n finally: await x", True),
        ],
    )
    def test_a_function_suspends_behind_a_statement(self, body: str, is_later: bool) -> None:
        file, func = function(f"async def f(x):\n {body}\n")
        live = facts_of(file.program, func, {}).liveness
        (here,) = (
            node
            for node in every(func)
            if isinstance(node, (ir.ExprStmt, ir.If))
            and any(getattr(each, "id", "") == "here" for each in own_nodes(node))
        )
        assert live.suspends_after(here) is is_later


class TestFacts:
    def test_relevant_are_the_names_through_which_a_task_may_pass(self) -> None:
        file, func = function(BODY)
        facts = facts_of(file.program, func, dict.fromkeys(func.candidates, WAIT))
        assert {"made", "both", "tasks", "done", "pending", "task"} <= facts.relevant
        assert "log" not in facts.relevant
        assert {"made", "both", "tasks"} <= facts.elements
        assert "done" not in facts.elements
        assert facts.borrows

    def test_the_names_of_a_result(self) -> None:
        file, func = function(BODY)
        (site,) = facts_of(file.program, func, dict.fromkeys(func.candidates, WAIT)).sites
        assert site.pending_names == {"pending"}
        assert site.result_names == {"done", "pending"}

    def test_what_is_asked_again(self) -> None:
        _, func = function(
            "def f(a, b, c):\n"
            "    if a is None or not b.c: pass\n"
            "    while a and b.c: pass\n"
            "    for x in c: pass\n"
            "    for x in c: pass\n"
        )
        assert agreeing.tested_again(func) == {"a", "b.c"}
        assert relevance.repeated(func) == {"c"}

    @pytest.mark.parametrize(
        ("test", "asked"),
        [
            ("a", Question("a")),
            ("a.b", Question("a.b")),
            ("None is not a", Question("a", "none", expected=False)),
            ("a['k'] is None", Question("a.['k']", "none")),
            ("a == 1", Question("a", "==", (CONSTANT, 1))),
            ("1 != a", Question("a", "==", (CONSTANT, 1), False)),
            ("a is b.c", Question("a", "==", ("path", "b.c"))),
            ("a.b not in (1, 2)", Question("a.b", "in", (CONSTANT, (1, 2)), False)),
            ("a > 3", Question("a", "<=", (CONSTANT, 3), False)),
        ],
    )
    def test_what_a_condition_asks(self, test: str, asked: Question) -> None:
        _, func = function(f"def f(a):\n    return {test}\n")
        (result,) = func.body
        assert isinstance(result, ir.Return)
        assert result.value is not None
        assert question(result.value) == asked

    @pytest.mark.parametrize("test", ["a()", "a < b < 3", "a in b", "a == f()"])
    def test_what_asks_nothing_of_a_name(self, test: str) -> None:
        _, func = function(f"def f(a, b):\n    return {test}\n")
        (result,) = func.body
        assert isinstance(result, ir.Return)
        assert result.value is not None
        assert not question(result.value).name

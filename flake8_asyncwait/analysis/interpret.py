"""Runs the interpreter over one function that holds wait sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.completion import RETURN, Flow
from flake8_asyncwait.analysis.relevance import (
    every,
    last_name,
    makes_task,
    relevant_names,
    target_names,
    tested_again,
    walk,
)
from flake8_asyncwait.analysis.run import (
    Context,
    Decided,
    Frame,
    Program,
    Site,
    Undetermined,
)
from flake8_asyncwait.analysis.state import MANY, Param, State
from flake8_asyncwait.analysis.statements import Statements


@dataclass(frozen=True, slots=True)
class Analysed:
    """What all executions of one function show. Where the bound of work was hit (`cut`), the leaks
    that were found are true, and no more is known."""

    sites: list[Site]
    run: Statements
    cut: bool

    def is_undetermined(self, site: Site) -> bool:
        """Whether nothing is claimed about a site."""
        lost = any(leak.kind == "lost" for leak in self.run.books.of(site.index))
        return self.cut and not lost


def analyse(
    program: Program,
    func: ir.Func,
    calls: list[ir.Call],
    letter: bool = False,
    make: Callable[..., Statements] = Statements,
) -> Analysed:
    """Run all executions of `func`, whose wait sites are `calls`.

    `letter` says that tasks of others count too (AWT105). `make` makes the interpreter: a fix has
    one that takes notes.
    Where the work would grow beyond its bound, collections of unknown size stand for fewer tasks;
    for a single one a leak is still a leak, but none is no proof.
    """
    follows = _follows(program)
    sites = _sites(func, calls)
    relevant = relevant_names(func, calls, follows, partial(_makes, program))
    made = {name for node in every(func) for name in _made_names(node, program)}
    made |= {name for node in every(func) for name in _deleted_names(node)}
    results = frozenset().union(*(site.halves for site in sites))
    bindable = frozenset((made | results) & relevant.names)
    borrows = any(name in relevant.feeding for name in func.params)
    nothing_to_lose = not (letter or borrows or _may_make(program, func))

    def prepared(many: int, tested_again: frozenset[str] = frozenset()) -> Statements:
        run = make(program, func, sites, relevant, bindable, many)
        run.letter = letter
        run.nothing_to_lose = nothing_to_lose
        run.tested_again = tested_again
        return run

    run, cut = _try(prepared, func)
    if cut:
        # What is lost under a fault may be lost without one, too: that is another code.
        run.without_faults()
        _is_executed(run, func)
    elif run.books.leaks:
        # Tests of one thing that contradict each other may have led there.
        run = _with_agreeing_tests(prepared, func, relevant.names, run)
    return Analysed(sites, run, cut)


def _with_agreeing_tests(
    prepared: Callable[[int, frozenset[str]], Statements],
    func: ir.Func,
    tracked: frozenset[str],
    run: Statements,
) -> Statements:
    """Run a function once more, with as many tasks, so that the tests of one thing agree; the
    first run where there are no such tests, or where this one is not within the bound of work."""
    again = tested_again(func) - tracked
    if not again:
        return run
    stricter = prepared(run.many, again)
    return stricter if _is_executed(stricter, func) else run


def _try(prepared: Callable[[int], Statements], func: ir.Func) -> tuple[Statements, bool]:
    """Run a function with fewer and fewer tasks to a collection until that is within the bound of
    work; returns the last run, and whether it is no proof."""
    for many in range(MANY, 0, -1):
        run = prepared(many)
        if _is_executed(run, func):
            return run, many == 1
    return run, True


def _is_executed(run: Statements, func: ir.Func) -> bool:
    """Run a function; whether that was within the bound of work."""
    try:
        _execute(run, func)
    except Decided:
        pass
    except (Undetermined, RecursionError):
        return False
    return True


def _execute(run: Statements, func: ir.Func) -> None:
    env = {name: Param(name) for name in func.params if name in run.relevant}
    if func.params and func.cls is not None and func.params[0] in ("self", "cls"):
        env.pop(func.params[0], None)
    flow = Flow()
    ctx = Context(Frame(func, "", 0), flow)
    last = max((n.line for n in every(func) if hasattr(n, "line")), default=func.line)
    try:
        for state in run.run_block(func.body, [State(env, {})], ctx):
            run.finish(state, last, "the function ends")
    finally:
        # Also where the bound was hit: these executions have ended.
        _finish_abrupt(run, flow, ctx, last)


def _finish_abrupt(run: Statements, flow: Flow, ctx: Context, last: int) -> None:
    for completion, states in flow:
        how = "the function returns" if completion == RETURN else "the function has raised"
        for state in states:
            line = state.trace.line if state.trace is not None else last
            if not run.func.line <= line <= last:
                line = last  # a helper raised
            if completion == RETURN:
                # Only now: a `finally` may have raised, or returned something else.
                state = run.hand_over(state, state.env["$return"], ctx)
            run.finish(state, line, how)


def _may_make(program: Program, func: ir.Func) -> bool:
    """Whether a function, or one of the file that it calls, may make a task."""
    for node in every(func):
        if isinstance(node, ir.Call) and _makes(program, node):
            return True
        if isinstance(node, ir.Call) and program.named(program.task_factories, func, node.func):
            return True
    return any(_may_make(program, nested) for nested in func.nested)


def _makes(program: Program, call: ir.Call) -> bool:
    """Whether a call may make a task, by its name or by what a function of the file does."""
    name = last_name(call.func) or ""
    return makes_task(name) or program.makes_task(name)


def _follows(program: Program) -> Callable[[ir.Call], bool]:
    """Whether a call may give back what it was given: only functions of the file are known to."""

    def follows(call: ir.Call) -> bool:
        return last_name(call.func) in program.function_names

    return follows


def _made_names(node: object, program: Program) -> set[str]:
    """The names that a statement binds to what a task-making call returns: reading one before it
    is bound is not passed over."""
    if not isinstance(node, ir.Assign):
        return set()
    if not any(isinstance(n, ir.Call) and _makes(program, n) for n in _inside(node.value)):
        return set()
    return {name for target in node.targets for name in target_names(target) if "." not in name}


def _deleted_names(node: object) -> set[str]:
    """The names that a statement deletes: reading one afterwards raises."""
    if not isinstance(node, ir.Delete):
        return set()
    return {target.id for target in node.targets if isinstance(target, ir.Name)}


def _inside(expr: ir.Expr) -> list[object]:
    return list(walk([ir.ExprStmt(expr, 0)]))


def _sites(func: ir.Func, calls: list[ir.Call]) -> list[Site]:
    """The sites, with the names that their results are bound to, at once or later."""
    assigns = [node for node in every(func) if isinstance(node, (ir.Assign, ir.Walrus))]
    holding: dict[object, list[ir.Assign | ir.Walrus]] = {call: [] for call in calls}
    taking: dict[str, list[ir.Assign | ir.Walrus]] = {}
    for assign in assigns:
        for node in _inside(assign.value):
            if isinstance(node, ir.Call) and node in holding:
                holding[node].append(assign)
        taking.setdefault(_taken(assign.value), []).append(assign)
    return [_site(call, index, holding[call], taking) for index, call in enumerate(calls)]


def _site(
    call: ir.Call,
    index: int,
    holding: list[ir.Assign | ir.Walrus],
    taking: dict[str, list[ir.Assign | ir.Walrus]],
) -> Site:
    """A site whose call stands in the assignments `holding`. `taking` are those that take a name,
    or part of what it holds."""
    results: set[str] = set()
    halves: set[str] = set()
    whole: set[str] = set()
    followed: set[str] = set()
    queue = list(holding)
    while queue:
        node = queue.pop()
        for target in node.targets if isinstance(node, ir.Assign) else [node.target]:
            if _is_done_half(node.value):
                halves.update(target_names(target))
            else:
                _result_names(target, results, halves, whole)
        for name in whole - followed:
            queue += taking.get(name, ())
        followed |= whole
    return Site(call, index, results=frozenset(results), halves=frozenset(results | halves))


def _taken(value: ir.Expr) -> str:
    """The name that an expression yields, or takes a part of; "" for any other."""
    if isinstance(value, ir.Subscript):
        value = value.value
    if isinstance(value, ir.Await):
        value = value.value
    return value.id if isinstance(value, ir.Name) else ""


def _is_done_half(value: ir.Expr) -> bool:
    """Whether an expression takes the first half of a result: `result[0]`."""
    index = value.index if isinstance(value, ir.Subscript) else None
    return isinstance(index, ir.Const) and index.value == 0 and index.value is not False


def _result_names(target: ir.Target, results: set[str], halves: set[str], whole: set[str]) -> None:
    if isinstance(target, ir.Name):
        whole.add(target.id)
        results.add(target.id)
    elif isinstance(target, ir.Unpack):
        for position, (part, _) in enumerate(target.parts):
            (halves if position == 0 else results).update(target_names(part))

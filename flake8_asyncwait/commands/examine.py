"""From the path of a file to what reports say of it: what `check` does for each file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from flake8_asyncwait.commands.result import Result
from flake8_asyncwait.config.settings import AUTO, Settings
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.fanout import words_of
from flake8_asyncwait.sites.gate import Candidates, candidates, may_hold_site
from flake8_asyncwait.source.text import (
    Source,
    SourceError,
    decode,
    os_error,
    read,
    with_newlines,
)
from flake8_asyncwait.undetermined import (
    INTERNAL_ERROR,
    FailedElsewhere,
    InternalError,
    Net,
    UndeterminedSite,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from typing import TypeVar

    from flake8_asyncwait.commands.cache import Cache
    from flake8_asyncwait.fix.advise import Advice
    from flake8_asyncwait.fix.project.helper import Helper
    from flake8_asyncwait.replay.proof.proof import Proof
    from flake8_asyncwait.report.entry import Entry, Identity
    from flake8_asyncwait.source.ignore import Excluder
    from flake8_asyncwait.verdict.checked import Checked
    from flake8_asyncwait.verdict.finding import Finding

    T = TypeVar("T")
    Work = Callable[[str, "Task"], T]

STDIN = "-"
_GIVEN_UP_AT_MOST = 3  # proofs of one file


class Task(NamedTuple):
    """What to do with each file: the same for all files of a run.

    `per_file_ignores` are pairs of a glob and the codes that files which match it do not report.
    `stdin_filename` is what to call standard input. `helper` is where a fix would import `wait_any`
    from, and `cure` which kind it would take. Changes are shown, and findings proved, where the
    report needs it. It has no entries for the findings that are `known`, which are told as in
    `report.baseline`, or for any where nothing is reported. `cache` is the directory that keeps
    results, None where none are kept.
    """

    options: Options
    per_file_ignores: Sequence[tuple[str, Sequence[str]]] = ()
    stdin_filename: str = "stdin"
    helper: str | None = None
    cure: str = AUTO
    shows_changes: bool = False
    proves: bool = False
    known: frozenset[tuple[str, str]] = frozenset()
    reports: bool = True
    cache: str | None = None


def task_of(settings: Settings, stdin_filename: str = "stdin") -> Task:
    """What to do with each file where these settings are in force."""
    return Task(
        settings.options,
        settings.per_file_ignores,
        stdin_filename,
        settings.helper,
        settings.cure,
    )


class Examined(NamedTuple):
    """What there is to say of one file: `identities` of all findings, and `entries` of those that
    are to be reported. `undetermined` and `waits` are those of `Checked`, and `errors` say what
    could not be done."""

    path: str
    identities: tuple[Identity, ...] = ()
    entries: tuple[Entry, ...] = ()
    undetermined: tuple[UndeterminedSite, ...] = ()
    waits: int = 0
    errors: tuple[SourceError, ...] = ()

    @property
    def is_checked(self) -> bool:
        """Whether the file could be checked, if not in all its functions."""
        return not self.errors or self.waits > 0


def at_gate(path: str, task: Task) -> Examined | None:
    """The result for a file that can hold no site, or that cannot be read; None for the others."""
    if path == STDIN:  # can be read only once
        return examine(path, task)
    return or_failed(_at_gate, path, task, failed)


def examine(path: str, task: Task) -> Examined:
    """Check the file at `path`. No error is raised: where there is one it is in the result."""
    return or_failed(_examine, path, task, failed)


def failed(path: str, *errors: SourceError) -> Examined:
    """The result for a file with which nothing can be done."""
    return Examined(path, errors=errors)


def or_failed(work: Work[T], path: str, task: Task, lost: Callable[..., T]) -> T:
    """The result of `work` on the file at `path`, or what `lost` makes of the path and the errors
    that it ends with."""
    net = Net(SourceError, MemoryError)
    try:
        with net.over():
            return work(path, task)
    except SourceError as error:
        return lost(path, error)
    except MemoryError:
        return lost(path, SourceError(path, "not enough memory"))
    return lost(path, *internal_errors(path, net.caught))


def _at_gate(path: str, task: Task) -> Examined | None:
    name, data = load(path, task)
    source = open_source(name, data, task.options)
    if source is None:
        return Examined(name)
    cache = _cache(name, task)
    result = cache.get(name, data) if cache is not None else None
    if result is None or (result.checked.findings and (task.shows_changes or task.proves)):
        return None
    return _examined(source, data, result, task)


def _examine(path: str, task: Task) -> Examined:
    task = task_for(path, task)
    name, data = load(path, task)
    source = open_source(name, data, task.options)
    if source is None:
        return Examined(name)
    cache = _cache(name, task)
    result = cache.get(name, data) if cache is not None else None
    if result is None:
        result = _result(source, task)
        if cache is not None:
            cache.put(name, data, result)
    return _examined(source, data, result, task)


def _cache(name: str, task: Task) -> Cache | None:
    """What is kept of results for the file of that name."""
    if task.cache is None:
        return None
    from flake8_asyncwait.commands.cache import cache_in

    return cache_in(task.cache, task.options, _silenced(name, task.per_file_ignores))


def _result(source: Source, task: Task) -> Result:
    """What the check says of a file. Raises `SourceError`."""
    checked = findings_of(source, task)
    if not checked.findings:
        return Result(checked)
    return Result(checked, identities(source, checked.findings, task.options))


def _examined(source: Source, data: bytes, result: Result, task: Task) -> Examined:
    """What reports say of a file with that result."""
    name, (checked, known) = source.name, result
    if not checked.findings:
        errors = internal_errors(name, checked.internal)
        return Examined(name, (), (), checked.undetermined, checked.waits, errors)
    entries, failed = _entries(source, data, checked.findings, known, task)
    undetermined = sorted((*checked.undetermined, *failed.undetermined))
    errors = internal_errors(name, (*checked.internal, *failed.internal))
    return Examined(name, known, entries, tuple(undetermined), checked.waits, errors)


def task_for(path: str, task: Task) -> Task:
    """What to do with the file at `path`: standard input stands nowhere, so it looks into itself
    only, whatever it is called, and nothing is kept of it."""
    if path != STDIN:
        return task
    return task._replace(options=task.options._replace(project=False), cache=None)


def internal_errors(name: str, errors: Iterable[InternalError]) -> tuple[SourceError, ...]:
    """What to say of our own errors in a file, each once."""
    return tuple(SourceError(name, each.reason, each.line) for each in dict.fromkeys(errors))


def load(path: str, task: Task) -> tuple[str, bytes]:
    """What reports call the file at `path`, and its bytes. Raises `SourceError`."""
    if path == STDIN:
        return task.stdin_filename, _standard_input(task.stdin_filename)
    return path, read(path)


def _standard_input(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise os_error(name, error) from error
    except MemoryError as error:
        raise SourceError(name, "too large to be read") from error


def open_source(name: str, data: bytes, options: Options) -> Source | None:
    """A file with the given bytes, or None where it cannot hold a site.

    What nothing is claimed about may be as broken as it likes: no error is raised for it.
    Else raises `SourceError`.
    """
    if not may_hold_site(data, options.wait_functions, words_of(options)):
        return None
    try:
        source = decode(name, data)
    except SourceError:
        if _candidates(str(data, "latin-1"), options).lines:
            raise
        return None
    return source if _candidates(source.text, options).lines else None


def open_text(name: str, text: str, options: Options) -> Source | None:
    """The same of a file whose text somebody else has decoded: it may still have a BOM, and any
    line ends. No error is raised."""
    source = Source(name, with_newlines(text.removeprefix("\ufeff")), "utf-8")
    return source if _candidates(source.text, options).lines else None


def _candidates(text: str, options: Options) -> Candidates:
    return candidates(text, options.wait_functions, words_of(options))


def findings_of(source: Source, task: Task, tree: ast.Module | None = None) -> Checked:
    """What the check says of a file, but for what its comments and the settings silence. `tree` is
    its ast where the caller has it already.

    Raises `SourceError`.
    """
    from flake8_asyncwait.check import check_source

    checked = check_source(source, task.options, tree)
    silenced = _silenced(source.name, task.per_file_ignores) if checked.findings else ()
    visible = (each for each in checked.findings if not each.code.startswith(silenced))
    return checked._replace(findings=tuple(visible))


def unwalled() -> str:
    """What to know before anything is proved: "" where the system walls in what is run."""
    from flake8_asyncwait.replay.proof.wall import lacking

    why = lacking()
    return why and f"no wall here, only a fence ({why}): run only your own code"


def prove(source: Source, finding: Finding, options: Options) -> Proof:
    """What running the execution that a finding describes shows. Raises `FailedElsewhere`.

    Only what stands in the same file is lifted. What stands elsewhere is unknown to the proof: so
    what it proves is true, but where it proves nothing, that is why.
    """
    from flake8_asyncwait.replay.proof.apart import prove_apart
    from flake8_asyncwait.replay.proof.proof import BROKEN, NOT_PROVED, PROVED, Proof
    from flake8_asyncwait.replay.text.locate import Declared
    from flake8_asyncwait.report.paths import relative

    steps = [(step.line, step.choice) for step in finding.witness if not step.path]
    declared = Declared(options.task_factories, options.cancellers, options.wait_functions)
    place = finding.line, finding.column
    proof = prove_apart(source.text, place, finding.code, steps, declared)
    if proof.word == BROKEN:
        raise FailedElsewhere(proof.reason)
    if finding.elsewhere and proof.word != PROVED:
        modules = " and ".join(map(relative, finding.elsewhere))
        return Proof(NOT_PROVED, f"it rests on {modules}, and only its own file is lifted")
    return proof


def helper_of(task: Task) -> Helper | None:
    """Where a fix imports `wait_any` from, as the fixer wants it."""
    from flake8_asyncwait.fix.project.helper import parse_helper

    return parse_helper(task.helper) if task.helper is not None else None


def _silenced(path: str, ignores: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """The codes, or prefixes of codes, that a file does not report."""
    name, whole = os.path.basename(path), os.path.abspath(path)
    here = os.getcwd() if ignores else ""
    return tuple(
        code
        for glob, codes in ignores
        if _excluder(glob, here).excludes(name, whole)
        for code in codes
    )


@lru_cache(10_000)
def _excluder(glob: str, _here: str) -> Excluder:
    """What a glob matches, as it is relative to the working directory: compiled once for that, and
    not for each file."""
    from flake8_asyncwait.source.ignore import Excluder

    return Excluder([glob])


def identities(
    source: Source, findings: Sequence[Finding], options: Options
) -> tuple[Identity, ...]:
    """What each of the findings of a file is known by."""
    from flake8_asyncwait.check import parse_near
    from flake8_asyncwait.report.fingerprint import identify

    tree, _ = parse_near(source.text, _candidates(source.text, options))
    return tuple(identify(source.text, tree, findings))


def _entries(
    source: Source,
    data: bytes,
    findings: Sequence[Finding],
    identities: Sequence[Identity],
    task: Task,
) -> tuple[tuple[Entry, ...], Checked]:
    """The entries of the findings to report, and what became undetermined over that.
    Their cures take the most time: they are worked out only where the report shows them."""
    from flake8_asyncwait.report.baseline import key
    from flake8_asyncwait.verdict.checked import Checked

    new = {
        finding: identity
        for finding, identity in zip(findings, identities, strict=True)
        if task.reports and key(source.name, identity) not in task.known
    }
    net = Net(SourceError)
    advice: Advice | None = None
    if task.shows_changes and new:
        from flake8_asyncwait.fix.advise import Advice

        advice = Advice(source, data, list(new), task.options, helper_of(task), task.cure)
        net.caught += advice.internal
    entries: list[Entry] = []
    undetermined: list[UndeterminedSite] = []
    given_up = 0
    for finding, identity in new.items():
        failed = advice is not None and advice.cures[finding].is_broken
        with net.over(finding.line, identity.function) as over:
            if not failed:
                proof = _proof(source, finding, task, given_up)
                given_up += proof is not None and proof.is_given_up
                mark = proof.mark if proof is not None else ""
                entries.append(_entry(source, finding, identity, advice, mark))
        if over.failed or failed:
            undetermined.append(UndeterminedSite(finding.line, finding.column, INTERNAL_ERROR))
    return tuple(entries), Checked((), tuple(undetermined), internal=tuple(net.caught))


def _proof(source: Source, finding: Finding, task: Task, given_up: int) -> Proof | None:
    """What running a finding shows, if that is asked for and proofs have not been given up so often
    in this file that it does not pay: each of those takes up to half a minute."""
    if not task.proves:
        return None
    from flake8_asyncwait.replay.proof.proof import GAVE_UP, Proof

    if given_up >= _GIVEN_UP_AT_MOST:
        return Proof(GAVE_UP, f"so did {_GIVEN_UP_AT_MOST} proofs before it in this file")
    return prove(source, finding, task.options)


def _entry(
    source: Source, finding: Finding, identity: Identity, advice: Advice | None, mark: str
) -> Entry:
    """What a report says of a finding; `advice` is what a fix would do, where the report shows
    it, and `mark` what running it has shown."""
    from flake8_asyncwait.report.entry import Entry

    entry = Entry(
        source.name,
        finding,
        source.text,
        identity.function,
        identity.fingerprint,
        proof=mark,
    )
    if advice is None:
        return entry
    cure = advice.cures[finding]
    return entry._replace(
        is_fixable=not cure.is_left,
        outcome=cure.outcome,
        reason=cure.reason,
        change=advice.change(finding),
    )

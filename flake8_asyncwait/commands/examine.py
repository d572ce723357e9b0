"""From the path of a file to what reports say of it: what `check` does for each file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.gate import candidates, may_hold_site
from flake8_asyncwait.source.text import Source, SourceError, decode, os_error, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.fix.helper import Helper
    from flake8_asyncwait.replay.live import Proof
    from flake8_asyncwait.report.entry import Entry, Identity
    from flake8_asyncwait.undetermined import UndeterminedSite
    from flake8_asyncwait.verdict.checked import Checked
    from flake8_asyncwait.verdict.finding import Finding

STDIN = "-"


class Task(NamedTuple):
    """What to do with each file: the same for all files of a run.

    `per_file_ignores` are pairs of a glob and the codes that files which match it do not report.
    `stdin_filename` is what to call standard input. `helper` is where a fix would import `wait_any`
    from. Changes are shown, and findings proved, where the report needs it. It has no entries for
    the findings that are `known`, which are told as in `report.baseline`, or for any where nothing
    is reported.
    """

    options: Options
    per_file_ignores: Sequence[tuple[str, Sequence[str]]] = ()
    stdin_filename: str = "stdin"
    helper: str | None = None
    shows_changes: bool = False
    proves: bool = False
    known: frozenset[tuple[str, str]] = frozenset()
    reports: bool = True


class Examined(NamedTuple):
    """What there is to say of one file: `identities` of all findings, and `entries` of those that
    are to be reported. `undetermined` and `waits` are those of `Checked`."""

    path: str
    identities: tuple[Identity, ...] = ()
    entries: tuple[Entry, ...] = ()
    undetermined: tuple[UndeterminedSite, ...] = ()
    waits: int = 0
    error: SourceError | None = None


def at_gate(path: str, task: Task) -> Examined | None:
    """The result for a file that can hold no site, or that cannot be read; None for the others."""
    if path == STDIN:  # can be read only once
        return examine(path, task)
    try:
        name, data = load(path, task)
        return Examined(name) if open_source(name, data, task.options) is None else None
    except SourceError as error:
        return Examined(path, error=error)


def examine(path: str, task: Task) -> Examined:
    """Check the file at `path`. No error is raised: where there is one it is in the result."""
    try:
        name, data = load(path, task)
        source = open_source(name, data, task.options)
        if source is None:
            return Examined(name)
        checked = findings_of(source, task)
        if not checked.findings:
            return Examined(name, undetermined=checked.undetermined, waits=checked.waits)
        identities = _identities(source, checked.findings)
        entries = _entries(source, data, checked.findings, identities, task)
    except SourceError as error:
        return Examined(path, error=error)
    except MemoryError:
        return Examined(path, error=SourceError(path, "not enough memory"))
    return Examined(name, identities, entries, checked.undetermined, checked.waits)


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
    if not may_hold_site(data, options.wait_functions):
        return None
    try:
        source = decode(name, data)
    except SourceError:
        if candidates(str(data, "latin-1"), options.wait_functions).lines:
            raise
        return None
    return source if candidates(source.text, options.wait_functions).lines else None


def findings_of(source: Source, task: Task) -> Checked:
    """What the check says of a file, but for what its comments and the settings silence.

    Raises `SourceError`.
    """
    from flake8_asyncwait.check import check_source

    checked = check_source(source, task.options)
    silenced = _silenced(source.name, task.per_file_ignores) if checked.findings else ()
    visible = (each for each in checked.findings if not each.code.startswith(silenced))
    return checked._replace(findings=tuple(visible))


def unwalled() -> str:
    """What to know before anything is proved: "" where the system walls in what is run."""
    from flake8_asyncwait.replay.wall import lacking

    why = lacking()
    return why and f"no wall here, only a fence ({why}): the code should be one's own"


def prove(source: Source, finding: Finding, options: Options) -> Proof:
    """What running the execution that a finding describes shows."""
    from flake8_asyncwait.replay.apart import prove_apart
    from flake8_asyncwait.replay.locate import Known

    steps = [(step.line, step.choice) for step in finding.witness]
    known = Known(options.task_factories, options.cancellers, options.wait_functions)
    return prove_apart(source.text, (finding.line, finding.column), finding.code, steps, known)


def helper_of(task: Task) -> Helper | None:
    """Where a fix imports `wait_any` from, as the fixer wants it."""
    from flake8_asyncwait.fix.helper import parse_helper

    return parse_helper(task.helper) if task.helper is not None else None


def _silenced(path: str, ignores: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """The codes, or prefixes of codes, that a file does not report."""
    from flake8_asyncwait.source.ignore import Excluder

    name, whole = os.path.basename(path), os.path.abspath(path)
    return tuple(
        code for glob, codes in ignores if Excluder([glob]).excludes(name, whole) for code in codes
    )


def _identities(source: Source, findings: Sequence[Finding]) -> tuple[Identity, ...]:
    from flake8_asyncwait.check import parse_newer
    from flake8_asyncwait.report.fingerprint import identify

    return tuple(identify(source.text, parse_newer(source.text), findings))


def _entries(
    source: Source,
    data: bytes,
    findings: Sequence[Finding],
    identities: Sequence[Identity],
    task: Task,
) -> tuple[Entry, ...]:
    """The entries of the findings that are to be reported. Their cures take the most time: they are
    worked out only where the report shows them."""
    from flake8_asyncwait.report.baseline import key
    from flake8_asyncwait.report.entry import Entry

    new = {
        finding: identity
        for finding, identity in zip(findings, identities, strict=True)
        if task.reports and key(source.name, identity) not in task.known
    }
    if not new:
        return ()
    entries = tuple(
        Entry(
            source.name,
            finding,
            source.text,
            identity.function,
            identity.fingerprint,
            proof=prove(source, finding, task.options).mark if task.proves else "",
        )
        for finding, identity in new.items()
    )
    return _advised(source, data, entries, task) if task.shows_changes else entries


def _advised(
    source: Source, data: bytes, entries: tuple[Entry, ...], task: Task
) -> tuple[Entry, ...]:
    """Entries with what a fix would do about their findings."""
    from flake8_asyncwait.fix.advise import change_for, cures_for

    options, helper = task.options, helper_of(task)
    findings = [entry.finding for entry in entries]
    cures = cures_for(source.name, source.text, findings, options, helper)
    return tuple(
        entry._replace(
            is_fixable=not cure.is_left,
            outcome=cure.outcome,
            reason=cure.reason,
            change=None
            if cure.is_left
            else change_for(source, data, entry.finding, options, helper),
        )
        for entry, cure in zip(entries, cures, strict=True)
    )

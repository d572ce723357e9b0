"""What a worker is asked: each function here is run in a process of its own (`worker`).

All of it is what the commands do, on the text that an editor shows. Lines and columns are those of
`Finding` and `Edit`, of the text without a BOM.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flake8_asyncwait.commands.examine import (
    Task,
    examine,
    findings_of,
    helper_of,
    internal_errors,
    open_text,
    prove,
    task_of,
    unwalled,
)
from flake8_asyncwait.commands.prove import timeline
from flake8_asyncwait.commands.run import walk_of
from flake8_asyncwait.config.load import load
from flake8_asyncwait.fix.advise import Advice
from flake8_asyncwait.fix.cure import CHOICES, FINALLY
from flake8_asyncwait.report.edits import edits
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.rules import decide  # noqa: F401 - a worker has it before it is asked
from flake8_asyncwait.sites.newer import NEWEST
from flake8_asyncwait.sites.pieces import LONG_FILE
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.source.project import project_of
from flake8_asyncwait.source.suppress import Noqa, with_noqa
from flake8_asyncwait.source.text import Source, SourceError
from flake8_asyncwait.source.write import encode
from flake8_asyncwait.verdict.finding import Finding

if TYPE_CHECKING:
    from flake8_asyncwait.config.load import Config

_SETTINGS_FILES = ("pyproject.toml", ".gitignore")


class Buffer(NamedTuple):
    """A document as an editor shows it: `text` may have a BOM and any line ends.

    `name` is the absolute path of its file; one that has none `is_loose`, and looks into itself
    only. `folder` is where its settings are looked for.
    """

    name: str
    text: str
    folder: str
    is_loose: bool = False


class Found(NamedTuple):
    """What a check has found: `findings`, None where the text is not Python or its settings cannot
    be used. `errors` are lines for the log, `settings_error` is one for the user. `may_be_newer`
    says that nobody has tried whether the text is Python of a newer version."""

    findings: tuple[Finding, ...] | None = ()
    errors: tuple[str, ...] = ()
    settings_error: str = ""
    may_be_newer: bool = False


class Offer(NamedTuple):
    """A cure that is harmless: its outcome, as in `fix.cure`, and what it changes."""

    outcome: str
    change: Change


class Offers(NamedTuple):
    """The cures of a finding, that which `asyncwait fix` takes first. `reason` says why there is
    none."""

    cures: tuple[Offer, ...] = ()
    reason: str = ""


class Scan(NamedTuple):
    """What a check of whole folders has found: findings by path, and the text they are in.

    `state` is what the files are known by; with None in `found` nothing has changed since.
    """

    state: str
    found: dict[str, tuple[tuple[Finding, ...], str]] | None


def check(buffer: Buffer, args: argparse.Namespace, tries_newer: bool) -> Found:
    """What `asyncwait check` says of a document. To try whether one that this Python refuses is in
    the syntax of a newer one takes long: while somebody types, most are just not finished."""
    try:
        task = _task(buffer, args)
    except SourceError as error:
        return Found(None, (), str(error))
    source = open_text(buffer.name, buffer.text, task.options)
    if source is None or _is_left_out(buffer, args):
        return Found()
    try:
        checked = findings_of(source, task, None if tries_newer else _tree(source.text))
    except SyntaxError:
        return Found(None, may_be_newer=sys.version_info < NEWEST)
    except SourceError:  # who types knows
        return Found(None)
    errors = internal_errors(buffer.name, checked.internal)
    return Found(checked.findings, tuple(map(str, errors)))


def cures(buffer: Buffer, args: argparse.Namespace, finding: Finding, may_create: bool) -> Offers:
    """Which cures of a finding are harmless, and what each changes. One that makes a module is
    left out where the editor `may_create` none."""
    task = _task(buffer, args)
    source = open_text(buffer.name, buffer.text, task.options)
    if source is None:
        return Offers()
    first = _advice(source, buffer, task, [finding], task.cure)
    told = first.cures[finding]
    if told.is_left and task.cure == CHOICES[0]:
        return Offers(reason=told.reason)
    offers: dict[str, Change] = {}
    kinds = CHOICES[1:] if told.is_left or told.outcome in CHOICES else ()
    tried = (_advice(source, buffer, task, [finding], k) for k in kinds if k != told.outcome)
    for advice in (first, *tried):
        cure, change = advice.cures[finding], advice.change(finding)
        if change is not None and (may_create or change.new_module is None):
            offers.setdefault(cure.outcome, change)
    reason = "" if offers else (told.reason or "it needs a module that this editor cannot make")
    return Offers(tuple(Offer(*each) for each in offers.items()), reason)


def cure_all(
    buffer: Buffer, args: argparse.Namespace, findings: Sequence[Finding], may_create: bool
) -> Change | None:
    """What `asyncwait fix` changes in a document; None where that is nothing."""
    from flake8_asyncwait.fix.file import Request, fix_file

    task = _task(buffer, args)
    source = open_text(buffer.name, buffer.text, task.options)
    if source is None:
        return None
    data = _data(buffer)
    for kind in (task.cure, FINALLY):
        request = Request(helper_of(task), findings, kind)
        done = fix_file(source.name, source, data, task.options, request)
        if done.create is None or may_create:
            break
    if not done.is_changed:
        return None
    return Change("", edits(data.decode(), done.after.decode()), done.create)


def silence(buffer: Buffer, args: argparse.Namespace, finding: Finding) -> Change | None:
    """The comment that silences a finding; None where none can."""
    task = _task(buffer, args)
    source = open_text(buffer.name, buffer.text, task.options)
    if source is None:
        return None
    text = with_noqa(source.text, {finding.line: [finding.code]})
    if not Noqa(text).covers(finding.line, finding.code):
        return None
    data = _data(buffer)
    return Change("", edits(data.decode(), encode(source, data, text).decode()), None)


def show_proof(buffer: Buffer, args: argparse.Namespace, finding: Finding, is_trusted: bool) -> str:
    """What `asyncwait prove` says of a finding. Where the system walls in nothing, only what
    `is_trusted` is run."""
    task = _task(buffer, args)
    source = open_text(buffer.name, buffer.text, task.options)
    if source is None:
        return ""
    warning = unwalled()
    if warning and not is_trusted:
        return f"not run: {warning}, with asyncwait server --trust"
    return timeline(source, finding, prove(source, finding, task.options))


def scan(folders: Sequence[str], args: argparse.Namespace, before: str) -> Scan:
    """What `asyncwait check` says of all files below some folders, if they are not as `before`."""
    tasks: dict[str, Task] = {}
    paths = list(_below(folders, args))
    state = _state(folders, paths)
    if state == before:
        return Scan(state, None)
    found = {}
    for path in paths:
        folder = os.path.dirname(path)
        try:
            if folder not in tasks:
                tasks[folder] = task_of(_settings(folder, args).settings)
        except SourceError:  # whoever opens a file there is told
            continue
        entries = examine(path, tasks[folder]).entries
        if entries:
            found[path] = tuple(each.finding for each in entries), entries[0].text
    return Scan(state, found)


def _below(folders: Iterable[str], args: argparse.Namespace) -> Iterator[str]:
    """The Python files below some folders, each as the settings of its folder say."""
    for folder in folders:
        try:
            settings = _settings(folder, args).settings
        except SourceError:
            continue
        yield from walk_of(settings, lambda _: None).files([folder])


def _state(folders: Sequence[str], paths: Sequence[str]) -> str:
    """What tells one state of some files, and of the settings beside them, from another."""
    from flake8_asyncwait.source.opened import opened

    beside = {os.path.dirname(path) for path in (*paths, *(f"{f}/x" for f in folders))}
    settings = (os.path.join(folder, name) for folder in sorted(beside) for name in _SETTINGS_FILES)
    digest = hashlib.blake2b(digest_size=16)
    for path in (*paths, *settings):
        shown = opened(path)
        try:
            known = os.stat(path) if shown is None else None
        except OSError:
            continue
        what = (known.st_mtime_ns, known.st_size) if known is not None else hash(shown)
        digest.update(f"{path}\0{what}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _tree(text: str) -> ast.Module | None:
    """The tree of a text, as this Python reads it; None where it is too long for one, or nested too
    deeply. Raises `SyntaxError`."""
    try:
        return parse(text) if len(text) <= LONG_FILE else None
    except RecursionError:
        return None


def _advice(
    source: Source, buffer: Buffer, task: Task, findings: Sequence[Finding], kind: str
) -> Advice:
    return Advice(source, _data(buffer), findings, task.options, helper_of(task), kind)


def _data(buffer: Buffer) -> bytes:
    """The bytes of a document without its BOM; only edits are made of them, nothing is written."""
    return buffer.text.removeprefix("\ufeff").encode()


def _settings(folder: str, args: argparse.Namespace) -> Config:
    """What is in force below a folder."""
    return load(argparse.Namespace(**{**vars(args), "paths": [folder]}))


def _task(buffer: Buffer, args: argparse.Namespace) -> Task:
    """What to do with a document. Raises `SourceError` for settings that cannot be used."""
    task = task_of(_settings(buffer.folder, args).settings)
    if buffer.is_loose:
        task = task._replace(options=task.options._replace(project=False))
    return task


def _is_left_out(buffer: Buffer, args: argparse.Namespace) -> bool:
    """Whether a check of the project around a document would pass over it."""
    if buffer.is_loose:
        return False
    walk = walk_of(_settings(buffer.folder, args).settings, lambda _: None)
    return walk.leaves_out(buffer.name, project_of(buffer.name).root)

"""One file, from its bytes to its fixed bytes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.cure import AUTO, Cure
from flake8_asyncwait.fix.fixer import Fixed, FixedFunction, fix
from flake8_asyncwait.fix.project.helper import (
    Helper,
    HelperError,
    HelperPlan,
    NoHelper,
    apply_helper,
    plan_helper,
)
from flake8_asyncwait.fix.project.imports import remove_unused
from flake8_asyncwait.fix.project.style import style_of
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.diff import diff
from flake8_asyncwait.report.entry import NewModule
from flake8_asyncwait.source.project import project_of
from flake8_asyncwait.source.text import Source, SourceError
from flake8_asyncwait.source.write import create, encode, write
from flake8_asyncwait.undetermined import InternalError
from flake8_asyncwait.verdict.finding import Finding

_NEW_FINDINGS = "the fixed file would have new findings"


class Request(NamedTuple):
    """What the user asks of the fix of a file.

    `helper` is where `wait_any` is to come from. `findings` are those to fix, None for all. `cure`
    is one of `CHOICES`, the kind of cure.
    """

    helper: Helper | None = None
    findings: Collection[Finding] | None = None
    cure: str = AUTO


ALL = Request()


class FileFix(NamedTuple):
    """What a fix would do to a file: nothing is written yet.

    `before` and `after` are its bytes, `create` is the module that has to be made first, if any.
    `cures` say what becomes of each finding, in the order of the findings, `internal` are our own
    errors over that.
    """

    before: bytes
    after: bytes
    cures: tuple[Cure, ...] = ()
    create: NewModule | None = None
    internal: tuple[InternalError, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.after != self.before

    @property
    def to_create(self) -> str | None:
        """The path of the module to make, if there is one and it is not there already."""
        module = self.create
        return None if module is None or os.path.exists(module.path) else module.path

    def diff(self, path: str, shown: set[str]) -> bytes:
        """The changes as a diff: the file at `path`, and the module to make, whose path is added
        to those that are `shown` already."""
        if not self.is_changed:
            return b""
        made, module = b"", self.create
        if module is not None and self.to_create is not None and module.path not in shown:
            shown.add(module.path)
            made = diff(module.path, None, module.text.encode())
        return made + diff(path, self.before, self.after)

    def write(self, path: str) -> str | None:
        """Make the module, if there is one to make, then replace the file at `path`: at every
        moment it can be imported. Returns the path of the module, if it was not there already.
        Raises `SourceError` when that cannot be done. A module that was made then stays: by now
        another run may have written a file that uses it."""
        made: list[str] = []

        def make() -> None:
            module = self.create
            if module is not None and create(module.path, module.text.encode()):
                made.append(module.path)

        write(path, self.before, self.after, make)
        return made[0] if made else None


class TextFix(NamedTuple):
    """What a fix would make of a text: the new one, and the rest as in `FileFix`."""

    text: str
    cures: tuple[Cure, ...]
    create: NewModule | None = None
    internal: tuple[InternalError, ...] = ()


class Plan(NamedTuple):
    """What to do to the file at `path`, function by function. `helper` is how it comes by
    `wait_any`, None where it cannot."""

    path: str
    fixed: Fixed
    helper: HelperPlan | None
    options: Options

    def whole(self) -> TextFix:
        """The fix of all functions, or of those that can be proved alone. Raises `SourceError`
        where it cannot be proved."""
        with _errors(self.path):
            try:
                return self._proved(self.fixed, self._made(self.fixed))
            except SourceError:
                kept = tuple(map(self._if_proved, self.fixed.functions))
                fixed = self.fixed._replace(functions=kept)
                return self._proved(fixed, self._made(fixed))

    def alone(self, function: FixedFunction) -> TextFix:
        """The fix of one function, in the file as it is but for that. Raises `SourceError` where it
        cannot be proved.

        It has been proved while all others were as they are. So the file has to be looked at again
        only where the `whole` may be what keeps others as they are: where they may look into the
        function.
        """
        if function.entry is None:  # its text holds that of all functions
            return self.whole()
        fixed = self.fixed._replace(functions=(function,), internal=())
        with _errors(self.path):
            made = self._made(fixed)
            return self._proved(fixed, made) if _is_mentioned(function, fixed.before) else made

    def _if_proved(self, function: FixedFunction) -> FixedFunction:
        """A function, which stays as it is where its fix cannot be proved in the file; so does the
        code outside of all functions, whose text holds all of these as they were to be."""
        if function.entry is None and function.is_changed:
            return function.unchanged(_NEW_FINDINGS)
        fixed = self.fixed._replace(functions=(function,))
        try:
            self._proved(fixed, self._made(fixed))
        except SourceError as error:
            return function.unchanged(error.reason)
        return function

    def _made(self, fixed: Fixed) -> TextFix:
        after, create = fixed.text, None
        if self.helper is not None and fixed.needs_helper:
            after, create = apply_helper(after, self.helper), self.helper.create
        if fixed.freed and os.path.basename(self.path) != "__init__.py":
            after = remove_unused(after, fixed.freed)
        return TextFix(after, fixed.cures, create, fixed.internal)

    def _proved(self, fixed: Fixed, made: TextFix) -> TextFix:
        """The same, if it has no finding that nobody knows of, and no error of our own that the
        file has not."""
        if made.text == fixed.before:
            return made
        cured = Counter(cure.code for cure in fixed.cures if not cure.is_left)
        left = Counter(cure.code for cure in self.fixed.cures) - cured
        checked = check(made.text, self.options, path=self.path)
        after = Counter(finding.code for finding in checked.findings)
        if not after - left and not checked.internal:
            return made
        # Others may have been there before: a comment suppresses them, or nobody asked to fix them.
        known = check(fixed.before, self.options, path=self.path)
        if len(checked.internal) > len(known.internal):
            error = checked.internal[-1]
            why = f"the fixed file: {error.reason}"
            raise SourceError(self.path, why, error.line)
        before = Counter(finding.code for finding in known.findings)
        if after - left and after - (before - cured):
            raise SourceError(self.path, _NEW_FINDINGS)
        return made


def fix_file(
    path: str,
    source: Source,
    data: bytes,
    options: Options,
    request: Request = ALL,
) -> FileFix:
    """Fix the file at `path`, whose bytes `data` are decoded in `source`.

    The other arguments, and the errors, are those of `fix_text`. Also raises `SourceError` when the
    file's encoding cannot hold what is new.
    """
    return encoded(source, data, fix_text(path, source.text, options, request))


def encoded(source: Source, data: bytes, done: TextFix) -> FileFix:
    """The fix of a file, whose bytes `data` are decoded in `source`. Raises `SourceError` when the
    file's encoding cannot hold what is new."""
    if done.text == source.text:
        return FileFix(data, data, done.cures, internal=done.internal)
    after = encode(source, data, done.text)
    return FileFix(data, after, done.cures, done.create, done.internal)


def fix_text(path: str, text: str, options: Options, request: Request = ALL) -> TextFix:
    """Fix the text of the file at `path`: the `whole` of its `plan`, whose arguments and errors are
    these."""
    return plan(path, text, options, request).whole()


def plan(path: str, text: str, options: Options, request: Request = ALL) -> Plan:
    """What to do to the text of the file at `path`; its lines end in `\\n`.

    Raises `SourceError` when the text is not Python or nested too deeply, and where the helper that
    the user wants can neither be found nor made.
    """
    helper, findings, cure = request
    with _errors(path):
        known, why_not = None, ""
        try:
            known = plan_helper(path, text, helper)
        except HelperError as error:
            if helper is not None and isinstance(error, NoHelper):
                raise SourceError(f"--helper {helper}", str(error)) from error
            why_not = str(error)
        name, width = known.name if known is not None else None, _line_length(path, text)
        fixed = fix(text, options, name, width, findings, why_not, cure, path)
    return Plan(path, fixed, known, options)


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Turns what Python says of a text into errors of the file."""
    try:
        yield
    except SyntaxError as error:
        raise SourceError(path, f"syntax error: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise SourceError(path, "nested too deeply") from error


def _line_length(path: str, text: str) -> int:
    """What the project's configuration says, or what the file's lines show."""
    project = project_of(path)
    found = style_of(os.path.dirname(os.path.abspath(path)), project.root).width
    return layout.line_length(text) if found is None else found


def _is_mentioned(function: FixedFunction, text: str) -> bool:
    """Whether what stands around a function in a file has its name, or uses it without that."""
    entry = function.entry
    if entry is None or entry.name.startswith("__"):
        return True
    lines = text.split("\n")
    around = "\n".join([*lines[: entry.start - 1], *lines[entry.end :]])
    return re.search(rf"\b{re.escape(entry.name)}\b", around) is not None

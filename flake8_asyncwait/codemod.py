"""The door for libcst:

    python -m libcst.tool codemod -x --no-format flake8_asyncwait.codemod.FixAsyncioWait PATH

It does what `asyncwait fix` does. libcst writes the file; the module that `wait_any` comes from is
made here, before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst
from libcst.codemod import CodemodCommand, CodemodContext, SkipFile

from flake8_asyncwait.check import check_source
from flake8_asyncwait.commands.parser import argument
from flake8_asyncwait.config.settings import known_codes
from flake8_asyncwait.fix.cure import AUTO, CHOICES
from flake8_asyncwait.fix.file import Request, fix_file
from flake8_asyncwait.fix.project.helper import parse_helper
from flake8_asyncwait.options import Options, resolve_codes, split_list
from flake8_asyncwait.report.paths import relative
from flake8_asyncwait.report.text import beginning
from flake8_asyncwait.source.text import SourceError, decode, read
from flake8_asyncwait.source.write import create
from flake8_asyncwait.undetermined import InternalError

_NOT_KEPT = "libcst would not keep the bytes of what is not changed"


class FixAsyncioWait(CodemodCommand):
    """Cures leaky `asyncio.wait` calls, where that changes nothing but the leak."""

    DESCRIPTION = "Cure leaky asyncio.wait calls, where that changes nothing but the leak."

    def __init__(
        self,
        context: CodemodContext,
        select: str | None = None,
        helper: str | None = None,
        cure: str = AUTO,
        project: bool = True,
    ) -> None:
        """Raises `ValueError` for a code or a helper that cannot be one."""
        super().__init__(context)
        codes = _codes(select) if select is not None else None
        self._options = Options(codes=resolve_codes(codes, [], []), project=project)
        self._helper = parse_helper(helper) if helper is not None else None
        self._cure = cure

    @staticmethod
    def add_args(arg_parser: argparse.ArgumentParser) -> None:
        """Add the arguments that this command has of its own."""
        arg_parser.add_argument(
            "--select", type=_valid(_codes), metavar="CODES", help="fix only these codes"
        )
        arg_parser.add_argument(
            "--helper",
            type=_valid(parse_helper),
            metavar="MODULE:NAME",
            help="where wait_any is imported from; made there if it does not exist",
        )
        arg_parser.add_argument(
            "--no-project",
            dest="project",
            action="store_false",
            help="do not look into other modules of the project",
        )
        arg_parser.add_argument(
            "--cure", choices=CHOICES, default=AUTO, help="the kind of cure, where it is harmless"
        )

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        """The fixed file. What is left alone is told as a warning. Raises `SkipFile` for a file
        that cannot be fixed, or that libcst would not write as it is to be."""
        try:
            return self._fixed(self.context.filename or "stdin", tree)
        except SourceError as error:
            raise SkipFile(beginning(str(error))) from error

    def _fixed(self, path: str, tree: cst.Module) -> cst.Module:
        data = tree.bytes
        if _loses_bytes(path, tree):
            raise SourceError(path, _NOT_KEPT)
        source = decode(path, data)
        checked = check_source(source, self._options)
        self._warn_of(path, checked.internal)
        if not checked.findings:
            return tree
        request = Request(self._helper, checked.findings, self._cure)
        done = fix_file(path, source, data, self._options, request)
        self._warn_of(path, done.internal)
        for cure in done.cures:
            if cure.is_left:
                self.warn(beginning(cure.told(path, would=False)))
        if not done.is_changed:
            return tree
        fixed = cst.parse_module(done.after)
        if fixed.bytes != done.after:
            raise SourceError(path, _NOT_KEPT)
        module = done.create
        if module is not None and create(module.path, module.text.encode()):
            self.warn(f"created {relative(module.path)} (add it to version control)")
        return fixed

    def _warn_of(self, path: str, errors: Iterable[InternalError]) -> None:
        for error in errors:
            self.warn(beginning(f"{path}:{error.line}: {error.reason}"))


def _loses_bytes(path: str, tree: cst.Module) -> bool:
    """Whether a tree was made of the file at `path`, but lacks some of it: the end of the last line
    where that is a lone carriage return, or how a codec wrote it that can write the same in other
    ways. libcst writes files from their trees, also those in which nothing has changed."""
    try:
        data = read(path)
        return data != tree.bytes == cst.parse_module(data).bytes
    except (SourceError, cst.ParserSyntaxError, LookupError, ValueError):  # made of something else
        return False


def _codes(value: str) -> list[str]:
    """The codes that `--select` names. Raises `ValueError` for one that there is not."""
    return known_codes(split_list(value))


def _valid(parse: Callable[[str], Any]) -> Callable[[str], str]:
    """What takes an argument as it is, once `parse` has raised no error: libcst makes a command for
    each file, and would report the error for each."""

    def checked(value: str) -> str:
        argument(parse)(value)
        return value

    return checked

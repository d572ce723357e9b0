"""The settings of the command `asyncwait`, and what values they may have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from operator import ne

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.options import (
    ALL_CODES,
    Options,
    dotted_names,
    resolve_codes,
    split_list,
    unknown_codes,
)
from flake8_asyncwait.report.formats import FORMATS
from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AUTO = "auto"
CACHE = ".asyncwait_cache"
CURES = (AUTO, "wait_any", "finally", "except")


class Settings(NamedTuple):
    """What is in force, key by key: the names are those of `KEYS`, with underscores.

    `per_file_ignores` are pairs of a glob and the codes that files which match it do not report.
    `jobs` is a number of processes, or `AUTO`. `cache_dir` is None for `CACHE` in the usual place.
    """

    select: Sequence[str] | None = None
    extend_select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    per_file_ignores: Sequence[tuple[str, Sequence[str]]] = ()
    exclude: Sequence[str] = DEFAULT_EXCLUDE
    extend_exclude: Sequence[str] = ()
    respect_gitignore: bool = True
    task_factories: Sequence[str] = ()
    cancellers: Sequence[str] = ()
    wait_functions: Sequence[str] = ()
    project: bool = True
    helper: str | None = None
    cure: str = AUTO
    output_format: str = "text"
    jobs: int | str = AUTO
    cache: bool = True
    cache_dir: str | None = None

    @property
    def options(self) -> Options:
        """What changes what is found."""
        return Options(
            codes=resolve_codes(self.select, self.extend_select, self.ignore),
            task_factories=frozenset(self.task_factories),
            cancellers=frozenset(self.cancellers),
            wait_functions=frozenset(self.wait_functions),
            project=self.project,
        )


class Kind(NamedTuple):
    """A kind of value: what it is called, and how it is made.

    `from_text` takes one argument of the command line, and is None for a flag, which has none.
    `from_toml` takes a value of a file and the directory that its paths are relative to. Both raise
    `ValueError` with the reason for what is not such a value; `from_toml` raises `TypeError` where
    the type is wrong. A list may be given in several arguments, which add up.
    """

    name: str
    from_text: Callable[[str], Any] | None
    from_toml: Callable[[object, str], Any]
    is_list: bool = False


class Key(NamedTuple):
    """A setting: `name` is that in the file and, behind "--", on the command line, where it may
    have a `letter` too."""

    name: str
    kind: Kind
    metavar: str
    help: str
    letter: str = ""

    @property
    def options(self) -> list[str]:
        """What sets it on the command line."""
        return [*([f"-{self.letter}"] if self.letter else []), f"--{self.name}"]

    @property
    def attribute(self) -> str:
        """What it is called in `Settings`."""
        return self.name.replace("-", "_")


def known_codes(codes: list[str]) -> list[str]:
    """`codes`, all of them codes or prefixes of codes. Raises `ValueError` for one that is not."""
    unknown = unknown_codes(codes)
    if unknown:
        raise unknown_code(unknown[0])
    return codes


def _names(names: Iterable[str]) -> list[str]:
    return sorted(dotted_names(names))


def _globs(value: str) -> list[str]:
    return [glob for glob in map(str.strip, value.split(",")) if glob]


def _file_ignores(value: str) -> list[tuple[str, list[str]]]:
    """`GLOB:CODES`, and after a comma more of them: a word with a colon begins the next."""
    found: list[tuple[str, list[str]]] = []
    for word in split_list(value):
        glob, colon, code = word.rpartition(":")
        if colon:
            found.append((glob, []))
        elif not found:
            raise ValueError(f"{value!r} is not of the form GLOB:CODES")
        if code:
            found[-1][1].extend(known_codes([code]))
    return found


def _cure(value: str) -> str:
    if value not in CURES:
        raise ValueError(f"unknown cure {value!r}; {nearest(value, CURES)}")
    return value


def _helper(value: str) -> str:
    from flake8_asyncwait.fix.project.helper import parse_helper

    parse_helper(value)
    return value


def _format(value: str) -> str:
    if value not in FORMATS:
        raise ValueError(f"unknown format {value!r}; {nearest(value, list(FORMATS))}")
    return value


def _jobs(value: str) -> int | str:
    if value == AUTO:
        return AUTO
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise ValueError(f"{value!r} is neither a number of processes nor {AUTO!r}")
    return int(value)


def path_of(value: str) -> str:
    """A path as it is given; raises `ValueError` for what is none."""
    if not value or "\0" in value:
        raise ValueError(f"{value!r} is no path")
    return value


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint for who wrote `word`: the most similar one of those that are known, else all."""
    similar = closest(word, known)
    return f"did you mean {similar!r}?" if similar else f"choose from {', '.join(known)}"


def closest(word: str, known: Iterable[str]) -> str:
    """The one of those that are known that is most similar to `word`, or "". Two options are not
    similar because both begin with dashes."""
    import difflib  # only for who made a mistake

    names = {each.lstrip("-"): each for each in known}
    return names.get(next(iter(difflib.get_close_matches(word.lstrip("-"), names, 1)), ""), "")


def unknown_code(word: str) -> ValueError:
    """What is wrong with `word`, with which no code begins. It suggests a code or a prefix that
    differs only in case, or else a code that differs in one character."""
    upper = word.upper()
    meant = [each for each in sorted(ALL_CODES) if len(each) == len(upper)]
    meant = [each for each in meant if sum(map(ne, each, upper)) == 1]
    if word != upper and not unknown_codes([upper]):
        meant = [upper]
    hint = f"did you mean {meant[0]!r}?" if meant else "asyncwait rules lists the codes"
    return ValueError(f"unknown code {word!r}; {hint}")


# From TOML: the values of these are arrays of strings, strings, and so on, and then as above.


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _toml_flag(value: object, _: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _toml_jobs(value: object, _: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError
    return _jobs(str(value))


def _toml_globs(value: object, directory: str) -> list[str]:
    return [_anchored(glob, directory) for glob in _strings(value)]


def _toml_file_ignores(value: object, directory: str) -> list[tuple[str, list[str]]]:
    if not isinstance(value, dict):
        raise TypeError
    return [(_anchored(g, directory), known_codes(_strings(codes))) for g, codes in value.items()]


def _anchored(glob: str, directory: str) -> str:
    """A glob with a slash in it is relative to the directory of its file."""
    return os.path.join(directory, glob) if "/" in glob.rstrip("/") else glob


_CODES = Kind(
    "an array of codes",
    lambda v: known_codes(split_list(v)),
    lambda v, _: known_codes(_strings(v)),
    True,
)
_NAMES = Kind(
    "an array of names", lambda v: _names(split_list(v)), lambda v, _: _names(_strings(v)), True
)
_GLOBS = Kind("an array of globs", _globs, _toml_globs, True)
_FILE_IGNORES = Kind("a table of globs with codes", _file_ignores, _toml_file_ignores, True)
_HELPER = Kind("a string", _helper, lambda v, _: _helper(_string(v)))
_CURE = Kind("a string", _cure, lambda v, _: _cure(_string(v)))
_FORMAT = Kind("a string", _format, lambda v, _: _format(_string(v)))
_JOBS = Kind(f"a number of processes or {AUTO!r}", _jobs, _toml_jobs)
_DIRECTORY = Kind(
    "a string", path_of, lambda v, directory: os.path.join(directory, path_of(_string(v)))
)
_FLAG = Kind("true or false", None, _toml_flag)

KEYS = {
    key.name: key
    for key in (
        Key("select", _CODES, "CODES", "only these codes"),
        Key(
            "extend-select",
            _CODES,
            "CODES",
            "these codes too, such as those that are off by default",
        ),
        Key("ignore", _CODES, "CODES", "not these codes"),
        Key("per-file-ignores", _FILE_IGNORES, "GLOB:CODES", "not these codes in these files"),
        Key(
            "exclude",
            _GLOBS,
            "GLOBS",
            "files and directories to leave out, instead of the default list",
        ),
        Key("extend-exclude", _GLOBS, "GLOBS", "files and directories to leave out as well"),
        Key("respect-gitignore", _FLAG, "", "leave out the files that git ignores (default: yes)"),
        Key(
            "task-factories",
            _NAMES,
            "NAMES",
            "functions that return a task which their caller owns",
        ),
        Key("cancellers", _NAMES, "NAMES", "functions that cancel the tasks they are given"),
        Key(
            "wait-functions",
            _NAMES,
            "NAMES",
            "functions that wrap asyncio.wait with its own signature",
        ),
        Key("project", _FLAG, "", "look into other modules of the project (default: yes)"),
        Key(
            "helper",
            _HELPER,
            "MODULE:NAME",
            "where to import wait_any from; a fix makes it there if it does not exist "
            "(default: _wait_any.py in the top package of the file)",
        ),
        Key(
            "cure",
            _CURE,
            "KIND",
            f"one of {', '.join(CURES)}: the kind of cure to try, where it is harmless "
            f"(default: {AUTO}, whichever changes least)",
        ),
        Key("output-format", _FORMAT, "FORMAT", f"one of {', '.join(FORMATS)} (default: text)"),
        Key("jobs", _JOBS, "N", f"how many processes check files at a time (default: {AUTO})", "j"),
        Key("cache", _FLAG, "", "keep what a check has found for the next one (default: yes)"),
        Key(
            "cache-dir",
            _DIRECTORY,
            "DIR",
            f"where to keep that (default: {CACHE} beside the configuration, else here)",
        ),
    )
}

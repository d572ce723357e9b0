"""Is there anything to look at? Tests on the bytes and on the text of a file, each cheaper than
what comes after it. They may let too much through, never too little.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.text import codec_lines

# Regular expressions, compiled where they are needed first: most runs do without the costly ones.

# What may stand between two tokens of an expression that is broken over lines, but comments. A
# pattern that looks for it behind a name takes time for its length once: what stands behind two
# names is not the same. A comment may hold many names, and what follows it stands behind them all.
_SPACE = r"[\s\\()]*"
# These begin with plain text, not with a word boundary: so they are found many times faster.
_WAIT = r"wait(?<!\wwait)(?!\w)"
_WAIT_BYTES = _WAIT.encode()
_IMPORTED = r"asyncio(?:[\s\\]*\.[\s\\]*tasks)?[\s\\]+(as|import)\b[\s\\]*"
_NAME = r"[^\s\\,;()#]+"
_LIST = r"\((?:[^()#]+|#[^\n]*\n)*|(?:[^\n\\;(#]|\\\n)*"

# What names a codec in one of the first two lines: more than Python takes for that.
_CODEC = rb"coding[:=][ \t]*([-\w.]+)"
# Of a word of ASCII, a file in one of these holds the bytes. In UTF-7, say, it need not.
PLAIN_CODECS = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "koi8-r", "utf-8"})

# Of more names than these every line is a candidate: each takes a look at the whole text.
_MANY = 20
# What stands between tokens, and in lists of imports, is read as often as it stands behind a name.
# Together that is less than the text, but in one of nothing but comments on asyncio.
_READ_AT_MOST = 4
_READ_ALWAYS = 10_000


class _TooOften(Exception):
    """To follow each name takes longer than to take every line for a candidate."""


class Candidates(NamedTuple):
    """Where callees of wait sites may be: the lines (from 1, ascending) on which their last names
    end, and these names. Without a line there is no site."""

    lines: Sequence[int] = ()
    names: frozenset[str] = frozenset()


def may_hold_site(
    data: bytes, wait_functions: Collection[str] = (), words: Collection[str] = ()
) -> bool:
    """Whether a file that consists of `data` may hold a site, as far as its bytes say. `words` are
    those of the kinds of site that are looked for besides waits."""
    if b"asyncio" in data:
        if re.search(_WAIT_BYTES, data) or any(word.encode() in data for word in words):
            return True
    for name in _last_names(wait_functions):
        if not name.isascii() or name.encode() in data:
            return True
    lines = codec_lines(data)
    return bool(lines) and any(map(_may_hide_words, re.findall(_CODEC, lines)))


def may_name_site(text: str, wait_functions: Collection[str] = ()) -> bool:
    """Whether a text may hold a site, as far as one word says: nearly none does."""
    return "asyncio" in text or bool(wait_functions)


def candidates(
    text: str, wait_functions: Collection[str] = (), words: Collection[str] = ()
) -> Candidates:
    """Where the text of a file, with lines that end in `\n`, may hold a site. `words` are those of
    the kinds of site that are looked for besides waits."""
    try:
        return _candidates(text, wait_functions, words)
    except _TooOften:
        return Candidates(_all_lines(text), frozenset(re.findall(r"\w+", text)))


def _candidates(text: str, wait_functions: Collection[str], words: Collection[str]) -> Candidates:
    reader = _Reader(text)
    names: set[str] = set()
    patterns: set[str] = set()
    modules: set[str] = set()
    offsets: set[int] = set()
    for name in _last_names(wait_functions):
        if name in text:
            names |= {name, *reader.renamed(name)}
            patterns |= set(map(re.escape, names))
    if "asyncio" in text and re.search(_WAIT, text):
        modules, functions = reader.imported()
        names |= {"wait", *functions}
        patterns |= {rf"{name}(?<![.\w]{name})\b" for name in map(re.escape, functions)}
    if "asyncio" in text:
        spoken = {word for word in words if word in text}
        spoken |= {other for word in spoken for other in reader.renamed(word)}
        names |= spoken
        patterns |= {rf"{name}(?<!\w{name})\b" for name in map(re.escape, spoken)}
    if len(patterns) + len(modules) > _MANY:
        return Candidates(_all_lines(text), frozenset(names))
    for pattern in patterns:
        offsets.update(match.end() for match in re.finditer(pattern, text))
    for name in sorted(modules):
        offsets.update(reader.waits(name))
    return Candidates(tuple(_lines(text, sorted(offsets))), frozenset(names))


def _may_hide_words(codec: bytes) -> bool:
    """Whether words may be any bytes in a file of the codec of that name. Nobody can read one in a
    codec that does not exist."""
    try:
        return codecs.lookup(codec.decode()).name not in PLAIN_CODECS
    except LookupError:
        return False


class _Reader:
    """The text of a file, of which a bounded part is read again and again.

    Its methods raise `_TooOften` beyond that.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.left = _READ_AT_MOST * len(text) + _READ_ALWAYS

    def waits(self, module: str) -> Iterator[int]:
        """Where `wait` ends, where it is had from what is called `module`, or from its `tasks`."""
        text, wait = self.text, re.compile(r"wait\b")
        for match in re.finditer(rf"{re.escape(module)}{_SPACE}[.#]", text):
            at = self._dot(match.end() - 1)
            if at is not None and text.startswith("tasks", at):
                at = self._dot(at + len("tasks"))
            if at is not None and wait.match(text, at):
                yield at + len("wait")

    def renamed(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """What else imports may call `name`, where it stands in a part of the text."""
        text, renaming, other = self.text, re.compile(r"\bas\b"), re.compile(_NAME)
        end = len(text) if stop is None else stop
        for match in re.compile(rf"{re.escape(name)}{_SPACE}(?:#|\bas\b)").finditer(
            text, start, end
        ):
            at = match.end()
            if text.startswith("#", at - 1):
                at = self._gap(at - 1)
                if renaming.match(text, at) is None:
                    continue
                at += len("as")
            if (found := other.match(text, self._gap(at))) is not None:
                self._spend(found.end() - found.start())
                yield found[0]

    def imported(self) -> tuple[set[str], set[str]]:
        """The names that `asyncio` or its `tasks` have, and those that its `wait` has."""
        text, name, imports = self.text, re.compile(_NAME), re.compile(_LIST)
        modules: set[str] = {"asyncio"}
        functions: set[str] = set()
        line_end = 0
        for match in re.finditer(_IMPORTED, text):
            end = match.end()
            if match[1] == "as":
                if (found := name.match(text, end)) is not None:
                    modules.add(found[0])
            elif text.startswith("(", end) or end > line_end:  # else it is part of the list before
                listed = imports.match(text, end)
                assert listed is not None, "it matches nothing, too"
                line_end = listed.end()
                self._spend(line_end - end)
                for public, names in (("tasks", modules), ("wait", functions)):
                    if public in listed[0] or "*" in listed[0]:
                        names |= {public, *self.renamed(public, end, line_end)}
        return modules, functions

    def _dot(self, at: int) -> int | None:
        """Where the token behind a dot begins, if the next one is a dot."""
        at = self._gap(at)
        return self._gap(at + 1) if self.text.startswith(".", at) else None

    def _gap(self, at: int) -> int:
        """Where the next token begins."""
        text, space, start = self.text, re.compile(_SPACE), at
        while (match := space.match(text, at)) is not None:
            at = match.end()
            if not text.startswith("#", at):
                break
            at = text.find("\n", at) + 1 or len(text)
        self._spend(at - start)
        return at

    def _spend(self, length: int) -> None:
        self.left -= length
        if self.left < 0:
            raise _TooOften


def _last_names(wait_functions: Collection[str]) -> list[str]:
    return [dotted.rpartition(".")[2] for dotted in wait_functions]


def _all_lines(text: str) -> Sequence[int]:
    return range(1, text.count("\n") + 2)


def _lines(text: str, offsets: Iterable[int]) -> Iterator[int]:
    """The lines that ascending offsets stand on, each once."""
    line, start, last = 1, 0, 0
    for offset in offsets:
        line += text.count("\n", start, offset)
        start = offset
        if line != last:
            yield line
            last = line

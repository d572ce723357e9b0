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

# What may stand between two tokens of an expression that is broken over lines. The comments in it
# are bounded, and with them the time for a text of nothing but comments on asyncio.
_SPACE = r"[\s\\()]*"
_COMMENT = r"#[^\n]{0,500}\n"
_GAP = rf"{_SPACE}(?:{_COMMENT}{_SPACE}){{0,20}}"
_DOT = rf"{_GAP}\.{_GAP}"
# These begin with plain text, not with a word boundary: so they are found many times faster.
_WAIT = r"wait(?<!\wwait)(?!\w)"
_WAIT_BYTES = _WAIT.encode()
_CALLED = rf"{_DOT}(?:tasks{_DOT})?(wait)\b"
_SPELLED = rf"asyncio(?:{_CALLED}|(?:[\s\\]*\.[\s\\]*tasks)?[\s\\]+(as|import)\b[\s\\]*)"
_NAME = r"[^\s\\,;()#]+"
_LIST = rf"\((?:[^()#]+|{_COMMENT}){{0,200}}|(?:[^\n\\;(#]|\\\n)*"

# What names a codec in one of the first two lines: more than Python takes for that.
_CODEC = rb"coding[:=][ \t]*([-\w.]+)"
# Of a word of ASCII, a file in one of these holds the bytes. In UTF-7, say, it need not.
PLAIN_CODECS = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "koi8-r", "utf-8"})

# Of more names than these every line is a candidate: each takes a look at the whole text.
_MANY = 20


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
    names: set[str] = set()
    patterns: set[str] = set()
    offsets: set[int] = set()
    for name in _last_names(wait_functions):
        if name in text:
            names |= {name, *_renamed(name, text)}
            patterns |= set(map(re.escape, names))
    if "asyncio" in text and re.search(_WAIT, text):
        modules, functions = _imported(text, offsets)
        names |= {"wait", *functions}
        patterns |= {name + _CALLED for name in map(re.escape, modules)}
        patterns |= {rf"{name}(?<![.\w]{name})\b" for name in map(re.escape, functions)}
    if "asyncio" in text:
        spoken = {word for word in words if word in text}
        spoken |= {other for word in spoken for other in _renamed(word, text)}
        names |= spoken
        patterns |= {rf"{name}(?<!\w{name})\b" for name in map(re.escape, spoken)}
    if len(patterns) > _MANY:
        return Candidates(range(1, text.count("\n") + 2), frozenset(names))
    for pattern in patterns:
        offsets.update(match.end() for match in re.finditer(pattern, text))
    return Candidates(tuple(_lines(text, sorted(offsets))), frozenset(names))


def _may_hide_words(codec: bytes) -> bool:
    """Whether words may be any bytes in a file of the codec of that name. Nobody can read one in a
    codec that does not exist."""
    try:
        return codecs.lookup(codec.decode()).name not in PLAIN_CODECS
    except LookupError:
        return False


def _imported(text: str, offsets: set[int]) -> tuple[set[str], set[str]]:
    """The names that imports give to asyncio or its `tasks`, and those they give to its `wait`.

    Also puts into `offsets` where `asyncio.wait`, spelled like this, ends.
    """
    modules: set[str] = set()
    functions: set[str] = set()
    line_end = 0
    for match in re.finditer(_SPELLED, text):
        end = match.end()
        if match[1]:
            offsets.add(end)
        elif match[2] == "as":
            if (name := re.compile(_NAME).match(text, end)) is not None:
                modules.add(name[0])
        elif text.startswith("(", end) or end > line_end:  # else it is part of the list before
            imported = re.compile(_LIST).match(text, end)
            assert imported is not None, "it matches nothing, too"
            line_end = imported.end()
            for public, found in (("tasks", modules), ("wait", functions)):
                if public in imported[0] or "*" in imported[0]:
                    found |= {public, *_renamed(public, imported[0])}
    return modules, functions


def _last_names(wait_functions: Collection[str]) -> list[str]:
    return [dotted.rpartition(".")[2] for dotted in wait_functions]


def _renamed(name: str, text: str) -> list[str]:
    """What else imports may call `name`."""
    return re.findall(rf"{re.escape(name)}{_GAP}\bas\b{_GAP}({_NAME})", text)


def _lines(text: str, offsets: Iterable[int]) -> Iterator[int]:
    """The lines that ascending offsets stand on, each once."""
    line, start, last = 1, 0, 0
    for offset in offsets:
        line += text.count("\n", start, offset)
        start = offset
        if line != last:
            yield line
            last = line

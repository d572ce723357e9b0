"""Is there anything to look at? Cheap tests on the text, which may let too much through, never
too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# What may stand between two tokens of an expression that is broken over lines. The number of its
# comments is bounded, and with it the time for a text of nothing but comments on asyncio.
_SPACE = r"[\s\\()]*"
_GAP = rf"{_SPACE}(?:#[^\n]*\n{_SPACE}){{0,100}}"
_DIRECT = re.compile(rf"\basyncio\b{_GAP}\.{_GAP}(?:tasks\b{_GAP}\.{_GAP})?wait\b")
# Parts of imports after which a site need not be spelled `asyncio.wait`.
_ALIAS = re.compile(
    r"\basyncio(?:[\s\\]*\.[\s\\]*tasks)?[\s\\]+as\b"
    r"|\bfrom[\s\\]+asyncio(?:[\s\\]*\.[\s\\]*tasks)?[\s\\]+import\b"
)
_RENAMED = re.compile(r"\bwait[\s\\]+as[\s\\]+(\w+)")


def candidate_lines(text: str, wait_functions: Iterable[str] = ()) -> list[int]:
    """The lines (from 1, ascending) on which the name of a wait site may stand; none: no site."""
    patterns = list(_patterns(text, wait_functions))
    if not patterns:
        return []
    offsets = sorted({match.end() for pattern in patterns for match in pattern.finditer(text)})
    return _lines(text, offsets)


def _patterns(text: str, wait_functions: Iterable[str]) -> Iterator[re.Pattern[str]]:
    if "asyncio" in text and "wait" in text:
        if _ALIAS.search(text):
            yield _words({"wait", *_RENAMED.findall(text)})
        else:
            yield _DIRECT
    named = {dotted.rpartition(".")[2] for dotted in wait_functions}
    found = {name for name in named if name and name in text}
    if found:
        yield _words(found)


def _words(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\b")


def _lines(text: str, offsets: list[int]) -> list[int]:
    lines: list[int] = []
    line, start = 1, 0
    for offset in offsets:
        line += text.count("\n", start, offset)
        start = offset
        if not lines or lines[-1] != line:
            lines.append(line)
    return lines

"""`# noqa`: which findings the author of a file does not want to hear of.

flake8 does this itself for its plugins. The functions here say the same for our own command, and
a test holds them against flake8's: the regular expressions are flake8's, and so is the rule that
a comment speaks for its physical line, or for all lines that a string or a backslash ties to it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

_NOQA = re.compile(r"# noqa(?::[\s]?(?P<codes>([A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_FILE_NOQA = re.compile(r"^[^\S\n]*# flake8[:=][^\S\n]*noqa", re.IGNORECASE | re.MULTILINE)


def is_file_suppressed(text: str) -> bool:
    """Whether a line of `text` begins with `# flake8: noqa`: flake8 then skips the whole file.

    So it does for `# flake8: noqa: CODE`, which names a code in vain.
    """
    return _FILE_NOQA.search(text) is not None


class Noqa:
    """The `# noqa` comments of one file."""

    __slots__ = ("_covering",)

    def __init__(self, text: str) -> None:
        """`text` is that of the whole file, with lines that end in "\\n"."""
        self._covering = _covering_lines(text) if _NOQA.search(text) else {}

    def covers(self, line: int, code: str) -> bool:
        """Whether a comment suppresses `code` on `line`, which counts from 1.

        A comment without codes suppresses all; a code in it speaks for all that begin with it.
        """
        match = _NOQA.search(self._covering.get(line, ""))
        if match is None:
            return False
        codes = match["codes"]
        return codes is None or code.startswith(tuple(codes.replace(",", " ").split()))


def _covering_lines(text: str) -> dict[int, str]:
    """For each line number, from 1, the text whose noqa comment covers that line."""
    lines = io.StringIO(text).readlines()  # str.splitlines would also split at form feeds
    covering = dict(enumerate(lines, 1))
    for first, last in _tied_lines(lines):
        covering.update(dict.fromkeys(range(first, last + 1), "".join(lines[first - 1 : last])))
    return covering


def _tied_lines(lines: list[str]) -> Iterator[tuple[int, int]]:
    """The first and last line of each run of tokens up to a line end outside any string.

    A line end inside brackets ends a run too: only strings and backslashes tie lines together.
    """
    import tokenize  # 10 ms, and few runs of the command come here

    try:
        tokens = list(tokenize.generate_tokens(iter(lines).__next__))
    except (tokenize.TokenError, SyntaxError):
        return
    first, last = len(lines) + 1, 0
    for token in tokens:
        if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
            continue
        first, last = min(first, token.start[0]), max(last, token.end[0])
        if token.type in (tokenize.NL, tokenize.NEWLINE):
            yield first, last
            first, last = len(lines) + 1, 0

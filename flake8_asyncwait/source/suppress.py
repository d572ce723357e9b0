"""`# noqa`: which findings the author of a file does not want to hear of.

flake8 does this itself for its plugins. The functions here say the same for our own command, and
a test holds them against flake8's: the regular expressions are flake8's, and so is the rule that
a comment speaks for its physical line, or for all lines that a string or a backslash ties to it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tokenize import TokenInfo

_NOQA = re.compile(r"# noqa(?::[\s]?(?P<codes>([A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)
_FILE_NOQA = re.compile(r"^[^\S\n]*# flake8[:=][^\S\n]*noqa", re.IGNORECASE | re.MULTILINE)


def is_file_suppressed(text: str) -> bool:
    """Whether a line of `text` begins with `# flake8: noqa`: flake8 then skips the whole file.

    So it does for `# flake8: noqa: CODE`, which names a code in vain.
    """
    return _FILE_NOQA.search(text) is not None


class Noqa:
    """The `# noqa` comments of one file. It is read when the first finding asks for them."""

    def __init__(self, text: str) -> None:
        """`text` is that of the whole file, with lines that end in "\\n"."""
        self._text = text

    @cached_property
    def _comments(self) -> list[re.Match[str]]:
        return list(_NOQA.finditer(self._text))

    @cached_property
    def _covering(self) -> dict[int, str]:
        return _covering_lines(self._text)

    def covers(self, line: int, code: str) -> bool:
        """Whether a comment suppresses `code` on `line`, which counts from 1.

        A comment without codes suppresses all; a code in it speaks for all that begin with it.
        """
        if not self._may_suppress(code):
            return False
        match = _NOQA.search(self._covering.get(line, ""))
        return match is not None and _suppresses(match, code)

    def _may_suppress(self, code: str) -> bool:
        """Whether a comment anywhere may suppress a code. Most are about others, and to read the
        tokens of a file takes longer than to read its tree."""
        # A match that goes on to the next line may say something else than its own line does.
        return any("\n" in each[0].rstrip() or _suppresses(each, code) for each in self._comments)


def _suppresses(comment: re.Match[str], code: str) -> bool:
    codes = comment["codes"]
    return codes is None or code.startswith(tuple(codes.replace(",", " ").split()))


def with_noqa(text: str, codes: Mapping[int, Iterable[str]]) -> str:
    """`text` with comments that suppress `codes`, which are given for each line, from 1.

    A comment goes to the end of its line, or of the last of the lines that are tied to it; codes
    that a `# noqa` comment is to suppress already stay in it. Where there is no place for one
    nothing is put in: `Noqa` says so. There is none where a line ends inside a string that is
    formatted: what stands there may be part of what comes of that.
    """
    from token import COMMENT

    lines = _lines(text)
    tokens = _tokens(lines)
    last = {line: end for first, end in _tied_lines(tokens) for line in range(first, end + 1)}
    comments = {token.start[0]: token.start[1] for token in tokens if token.type == COMMENT}
    formatted = _ends_in_format(tokens)
    wanted: dict[int, set[str]] = {}
    for line, new in codes.items():
        if line in last and last[line] not in formatted:
            wanted.setdefault(last[line], set()).update(new)
    for line, new in wanted.items():
        body = lines[line - 1].removesuffix("\n")
        start = comments.get(line, len(body))
        end = lines[line - 1][len(body) :]
        lines[line - 1] = f"{body[:start]}{_suppressing(body[start:], sorted(new))}{end}"
    return "".join(lines)


def _suppressing(comment: str, codes: list[str]) -> str:
    """A comment, or nothing, with `codes` added to those that it suppresses."""
    match = _NOQA.search(comment)
    if match is None or match["codes"] is None:
        return f"{comment}  # noqa: {', '.join(codes)}"
    end = match.start("codes") + len(match["codes"].rstrip(", \t"))
    known = match["codes"].replace(",", " ").split()
    new = [code for code in codes if code not in known]
    return f"{', '.join([comment[:end], *new])}{comment[end:]}"


def _covering_lines(text: str) -> dict[int, str]:
    """For each line number, from 1, the text whose noqa comment covers that line."""
    lines = _lines(text)
    covering = dict(enumerate(lines, 1))
    for first, last in _tied_lines(_tokens(lines)):
        covering.update(dict.fromkeys(range(first, last + 1), "".join(lines[first - 1 : last])))
    return covering


def _lines(text: str) -> list[str]:
    return io.StringIO(text).readlines()  # str.splitlines would also split at form feeds


def _tokens(lines: list[str]) -> list[TokenInfo]:
    """The tokens of a file; none where it cannot be tokenized."""
    import tokenize  # 10 ms, and few runs of the command come here

    try:
        return list(tokenize.generate_tokens(iter(lines).__next__))
    except (tokenize.TokenError, SyntaxError):
        return []


def _ends_in_format(tokens: list[TokenInfo]) -> set[int]:
    """The lines that end between the braces of a string that is formatted. Before Python 3.12, an
    f-string is one token and ties its lines together."""
    from token import NL, tok_name

    found: set[int] = set()
    depth = 0
    for token in tokens:
        kind = tok_name[token.type]
        depth += kind in ("FSTRING_START", "TSTRING_START")
        depth -= kind in ("FSTRING_END", "TSTRING_END")
        if depth and token.type == NL:
            found.add(token.start[0])
    return found


def _tied_lines(tokens: list[TokenInfo]) -> Iterator[tuple[int, int]]:
    """The first and last line of each run of tokens up to a line end outside any string.

    A line end inside brackets ends a run too: only strings and backslashes tie lines together.
    """
    from token import DEDENT, ENDMARKER, NEWLINE, NL

    first, last = sys.maxsize, 0
    for token in tokens:
        if token.type in (ENDMARKER, DEDENT):
            continue
        first, last = min(first, token.start[0]), max(last, token.end[0])
        if token.type in (NL, NEWLINE):
            yield first, last
            first, last = sys.maxsize, 0

"""Lines that have become too long, as black and ruff would break them.

Only what these would do for certain is done: the last brackets of a line are opened, what stands
alone between two brackets is split at its commas, or before its `for`, `else` or `and`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.sites.syntax import parse

_OPEN, _CLOSE = "([{", ")]}"
_TOKEN = re.compile(rf"{layout.QUOTE}|([(\[{{])|([)\]}}])|(,)|\b(async for|for|if|else|and|or)\b")
# How a piece of a comprehension or a condition begins, with what is no operator of a loop.
_PIECE = re.compile(r"(?:async for|for|if|else|and|or) ")
_LOOP = re.compile(r"^(?:async )?for .+? in |^(?:if|else|and|or) ")
_OPERATORS = (r"\b(?:and|or)\b", r"[=!<>]=|[<>]|\b(?:is|in)\b", r" [-+*/%|&^@]{1,2} ")
# A lambda of several parameters: there are commas that part no elements.
_LAMBDA = re.compile(r"\blambda\b[^:]*,")
# What stands before calls of methods one after the other, and what these look like.
_HEAD = re.compile(r"[\w.]+ = |return ")
_OPENED = re.compile(r"(?:(?:[\w.]+ = )+|return )\(")
_LINKS = re.compile(r"(?:await )?[\w.]*@(?:\.\w+@)+")
_ROUNDS = 60


def relaid(before: str, after: str, unit: str, width: int) -> str | None:
    """The text `after` with its lines broken that are longer than `width` and were not `before`;
    None where that is not possible. `unit` is what one level of indentation is."""
    known = {line.strip() for line in before.split("\n") if _is_long(line, width)}
    lines = after.split("\n")
    for _ in range(_ROUNDS):
        number = next((n for n in _long(lines, width) if lines[n].strip() not in known), None)
        if number is None:
            text = "\n".join(lines)
            return text if text == after or _is_same(after, text) else None
        broken = _broken(lines, number, unit)
        if broken is None:
            return None
        lines[number : number + 1] = broken
    return None


def _long(lines: Sequence[str], width: int) -> Iterator[int]:
    return (number for number, line in enumerate(lines) if _is_long(line, width))


def _is_long(line: str, width: int) -> bool:
    return layout.columns(line) > width


def _is_same(before: str, after: str) -> bool:
    """Whether two texts are the same program."""
    try:
        return ast.dump(parse(before)) == ast.dump(parse(after))
    except (SyntaxError, RecursionError):
        return False


def _broken(lines: Sequence[str], number: int, unit: str) -> list[str] | None:
    """A line as several; None where there is no certain way."""
    line = lines[number]
    code = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if "#" in code or "\\" in code or _LAMBDA.search(code):
        return None
    if layout.is_chain(code):
        is_alone = number > 0 and _OPENED.fullmatch(lines[number - 1].strip()) is not None
        return _links(code, indent) if is_alone else _linked(code, indent, unit)
    above = lines[number - 1].rstrip()[-1:] if number else ""
    below = lines[number + 1].strip() if number + 1 < len(lines) else ""
    is_piece = _PIECE.match(code) is not None and not code.endswith(":")
    pieces: list[str] = []
    if above and below and above in _OPEN and below[0] in _CLOSE and not code.endswith(","):
        pieces = _pieces(code)
    elif is_piece and code.startswith("if ") and not below.startswith("else "):
        # The condition of a comprehension.
        pieces = _cut_at(code, (("or",), ("and",)))
    if pieces:
        return [indent + piece for piece in pieces]
    is_inside = is_piece or (bool(above) and above in f"{_OPEN},")
    return None if _operators(code) > (not is_inside) else _opened(code, indent, unit)


def _linked(code: str, indent: str, unit: str) -> list[str] | None:
    """A line that binds, or returns, what calls of methods give one after the other, with a line
    for these: where it is still too long, each has its own then."""
    head = _HEAD.match(code)
    if head is None or _links(code[head.end() :], "") is None:
        return None
    return [f"{indent}{head[0]}(", f"{indent}{unit}{code[head.end() :]}", f"{indent})"]


def _links(chain: str, indent: str) -> list[str] | None:
    """Calls of methods one after the other with a line for each of them."""
    if not _LINKS.fullmatch(layout.surface(chain)):
        return None
    ends = [match.end() for match, depth in _tokens(chain) if match[3] and depth == 0]
    return [indent + link for link in _cut(chain, ends[:-1])]


def _operators(code: str) -> int:
    """How many operators of the kind that binds least stand outside of all brackets: a line with
    several is broken at them, and so is one with any if it is part of an expression itself."""
    surface, depth = "", 0
    for character in re.sub(layout.STRING, "", _LOOP.sub("", code)):
        depth -= character in _CLOSE
        surface += character * (not depth)
        depth += character in _OPEN
    counts = (len(re.findall(operators, surface)) for operators in _OPERATORS)
    return next((count for count in counts if count), 0)


def _opened(code: str, indent: str, unit: str) -> list[str] | None:
    """A line with what its last brackets hold on a line of its own."""
    opened: list[int] = []
    last: tuple[int, int] | None = None
    for match, depth in _tokens(code):
        if match[2]:
            opened.append(match.start())
        elif match[3] and opened:
            start = opened.pop()
            if depth == 0:
                last = start, match.start()
    if last is None or opened or code[last[1] + 1 :] not in ("", ",", ":"):
        return None
    start, end = last
    body = code[start + 1 : end].strip()
    if not body or body.endswith(","):
        return None
    pieces = _pieces(body) if _is_display(code, start) else []
    inside = pieces if len(pieces) > 1 and pieces[0].endswith(",") else [body]
    return [
        indent + code[: start + 1],
        *(indent + unit + each for each in inside),
        indent + code[end:],
    ]


def _is_display(code: str, start: int) -> bool:
    """Whether a bracket opens a list, say, and no call or subscript: there, each element has a line
    of its own."""
    return re.search(r"[\w)\]]$", code[:start]) is None


def _pieces(code: str) -> list[str]:
    """What stands between two brackets, in pieces for a line each."""
    found = [match for match, depth in _tokens(code) if depth == 0]
    commas = [match.end() for match in found if match[4]]
    loops = [match.start() for match in found if match[5] in ("for", "async for")]
    if loops and not commas:
        later = [m.start() for m in found if m[5] == "if" and m.start() > loops[0]]
        return _cut(code, sorted([*loops, *later]))
    if commas:
        return [piece if piece.endswith(",") else f"{piece}," for piece in _cut(code, commas)]
    return _cut_at(code, (("if", "else"), ("or",), ("and",)))


def _cut_at(code: str, kinds: Sequence[Collection[str]]) -> list[str]:
    """A line in pieces that begin with the words of the first kind that it has outside of brackets,
    but for the one that it begins with."""
    found = [match for match, depth in _tokens(code) if depth == 0 and match.start()]
    for words in kinds:
        places = [match.start() for match in found if match[5] in words]
        if places:
            return _cut(code, places)
    return []


def _cut(code: str, places: Sequence[int]) -> list[str]:
    ends = [*places, len(code)]
    starts = [0, *places]
    pieces = [code[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [piece for piece in pieces if piece]


def _tokens(code: str) -> Iterator[tuple[re.Match[str], int]]:
    """Brackets, commas and words outside of strings, each with how many brackets are around it."""
    depth, position = 0, 0
    while (match := _TOKEN.search(code, position)) is not None:
        position = match.end()
        if match[1]:
            end = re.compile(rf"(?:\\.|(?!{match[1]}).)*{match[1]}").match(code, position)
            if end is None:
                return
            position = end.end()
            continue
        depth -= bool(match[3])
        yield match, depth
        depth += bool(match[2])

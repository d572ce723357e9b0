"""From the text of a file to its tree."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast


def parse(text: str) -> ast.Module:
    """The ast of a file, without what Python would warn of in it: that is not ours to say.

    Raises `SyntaxError` when `text` is not Python, or nested too deeply for the parser.
    """
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except ValueError as error:  # null bytes, before Python 3.12
            raise SyntaxError(str(error)) from error
        except MemoryError as error:  # "too many nested parentheses" of older parsers
            raise SyntaxError("too deeply nested") from error


def parse_newer(text: str) -> ast.Module:
    """`parse`, for files whose syntax may be newer than that of the Python that runs.

    What is newer is in the tree as `sites/convert.py` says. `text` has lines that end in `\\n`.
    Raises `SyntaxError` when it is not Python, of whatever version, as far as libcst knows it.
    """
    try:
        return parse(text)
    except SyntaxError as error:
        if error.__cause__ is not None or error.msg == "too many nested parentheses":
            raise  # no Python takes it, and libcst would take minutes to say so of what is too deep
        from flake8_asyncwait.sites.newer import read_newer

        return read_newer(text, error)


class _Last:
    """The tree of the file that was parsed last: where there are findings, it is asked for again.
    It is let go of before the next one is parsed, for a tree takes much memory."""

    def __init__(self) -> None:
        self._parsed: tuple[str, ast.Module] | None = None

    def tree_of(self, text: str) -> ast.Module:
        """What `parse_newer` says of a whole file, which nobody may change."""
        parsed, self._parsed = self._parsed, None
        if parsed is None or parsed[0] != text:
            del parsed
            parsed = text, parse_newer(text)
        self._parsed = parsed
        return parsed[1]


tree_of = _Last().tree_of

"""The one way from a file's text to its findings. Every door calls `check`."""

from __future__ import annotations

import gc
from functools import cache

from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.fanout import creators, words_of
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.syntax import parse, tree_of
from flake8_asyncwait.source.text import with_newlines
from flake8_asyncwait.undetermined import INTERNAL_ERROR, TOO_DEEP, TOO_LONG, Net, UndeterminedSite
from flake8_asyncwait.verdict.checked import Checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from flake8_asyncwait.sites.gate import Candidates
    from flake8_asyncwait.sites.outline import Outline
    from flake8_asyncwait.source.text import Source

_NOTHING = Checked()


def check(
    text: str,
    options: Options = Options(),
    tree: ast.Module | None = None,
    path: str | None = None,
) -> Checked:
    """Check one file.

    `text` is the decoded source without a BOM. `tree` is its ast where the caller has it already.
    `path` is where the file stands, None where it looks into itself only.
    Raises `SyntaxError` when the text holds a candidate and is not Python, of whatever version, as
    far as libcst knows it; its `lineno` says where.
    """
    text = with_newlines(text)
    found = candidates(text, options.wait_functions, words_of(options))
    if not found.lines:
        return _NOTHING
    # What only some files need is imported for these: it costs more than to look at all others.
    from flake8_asyncwait.sites.creations import creations
    from flake8_asyncwait.sites.find import call_lines
    from flake8_asyncwait.sites.pieces import TooLong

    net, reason = Net(SyntaxError, MemoryError, RecursionError, TooLong), INTERNAL_ERROR
    try:
        with net.over():
            outline = None
            if tree is None:
                tree, outline = parse_near(text, found)
            names = creators(options)
            made = set() if names.isdisjoint(found.names) else creations(tree, names, found.lines)
            lines = call_lines(tree, found, names, made)
            if not lines:
                return _NOTHING
            return _decide()(text, tree, lines, options, outline, path, made)
    except RecursionError:
        # Nested more deeply than this Python can follow: nothing is claimed.
        reason = TOO_DEEP
    except TooLong:
        reason = TOO_LONG
    sites = tuple(UndeterminedSite(line, 0, reason) for line in sorted(found.lines))
    return Checked((), sites, len(sites), tuple(net.caught))


@cache
def _decide() -> Callable[..., Checked]:
    """What decides, imported with the first site that there is.

    All that this makes stays. To let Python look through it for garbage, while it is young, takes a
    tenth of the time of flake8 over one file; so it is not, and old at once.
    """
    from flake8_asyncwait.sites.pieces import uncollected

    with uncollected():
        from flake8_asyncwait.rules.decide import decide

        gc.freeze()
        gc.unfreeze()
    return decide


def check_source(source: Source, options: Options, tree: ast.Module | None = None) -> Checked:
    """Check one decoded file, whose name is its path, but for what its comments suppress. `tree` is
    as for `check`.

    Raises `SourceError` when Python could not parse it.
    """
    from flake8_asyncwait.source.suppress import Noqa, is_file_suppressed
    from flake8_asyncwait.source.text import SourceError

    if is_file_suppressed(source.text):
        return _NOTHING
    try:
        checked = check(source.text, options, tree, source.name)
    except SyntaxError as error:
        raise SourceError(source.name, f"syntax error: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise SourceError(source.name, "nested too deeply") from error
    except MemoryError as error:
        raise SourceError(source.name, "not enough memory") from error
    noqa = Noqa(source.text)
    visible = tuple(f for f in checked.findings if not noqa.covers(f.line, f.code))
    return checked._replace(findings=visible)


def parse_near(text: str, found: Candidates) -> tuple[ast.Module, Outline | None]:
    """`tree_of`, and None; of a long file only the statements of the top level that hold a
    call which is a candidate, and the outline of the whole.

    Raises `TooLong` where one statement of a long file is too long, and `SyntaxError`.
    """
    from flake8_asyncwait.sites.pieces import LONG_FILE, MAX_STATEMENT, pieces_of

    if len(text) > LONG_FILE:
        try:
            pieces = pieces_of(text, found, parse)
        except SyntaxError:
            if len(text) > MAX_STATEMENT:
                raise
        else:
            return pieces.tree, pieces.outline
    return tree_of(text), None

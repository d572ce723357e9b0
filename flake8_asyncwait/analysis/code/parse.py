"""libcst's parser, which does not look after its stack: where that is small, a few nested blocks
end the process.
"""

from __future__ import annotations

import threading

import libcst as cst

# Enough for whatever Python itself can parse and `MAX_NESTING` lets through, in bytes. The stack of
# a process has this size on Linux and macOS, where nobody has set another.
STACK = 8 * 2**20


def parse_module(text: str) -> cst.Module:
    """What libcst makes of a text. Raises `ParserSyntaxError` where it cannot read it."""
    try:
        return _parse_aside(text) if _is_small() else cst.parse_module(text)
    except cst.CSTLogicError as error:  # of template strings side by side, up to libcst 1.9
        raise cst.ParserSyntaxError(str(error), lines=[text], raw_line=1, raw_column=0) from error


def _is_small() -> bool:
    """Whether this thread may have a smaller stack."""
    try:
        import resource
    except ImportError:  # Windows, where a process has one megabyte
        return True
    size, _ = resource.getrlimit(resource.RLIMIT_STACK)
    is_first = threading.current_thread() is threading.main_thread()
    return not is_first or (size != resource.RLIM_INFINITY and size < STACK)


def _parse_aside(text: str) -> cst.Module:
    """Parse in a thread with a stack that is large enough."""
    results: list[cst.Module | Exception] = []

    def parse() -> None:
        try:
            results.append(cst.parse_module(text))
        except Exception as error:  # is raised below
            results.append(error)

    usual = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=parse)
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    (result,) = results
    if isinstance(result, Exception):
        raise result
    return result

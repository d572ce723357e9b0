"""What files are called in reports that other programs read."""

from __future__ import annotations

import os


def relative(path: str) -> str:
    """The path with slashes, relative to the working directory where it is below it."""
    below = os.path.relpath(path)
    return (path if below.startswith(os.pardir) else below).replace(os.sep, "/")


def uri(path: str) -> str:
    """The path as a URI: a relative one where `relative` is, else of the scheme `file`."""
    from urllib.parse import quote  # it would cost every run 3 ms

    name = relative(path)
    if below(name):
        return quote(os.fsencode(name))
    absolute = os.path.abspath(path).replace(os.sep, "/")
    return f"file:///{quote(os.fsencode(absolute.lstrip('/')), safe='/:')}"


def below(name: str) -> bool:
    """Whether what `relative` says is below the working directory."""
    return not os.path.isabs(name) and not name.startswith(f"{os.pardir}/")


def readable(path: str) -> str:
    """The path as text that can be encoded: what is no text in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")

"""The files that an editor has open: what it shows of them counts, not what is on the disk.

This is the seam through which the language server lets all others read its documents. Every other
door leaves it empty.
"""

from __future__ import annotations

import os

_texts: dict[str, bytes] = {}


def show(path: str, data: bytes | None) -> None:
    """From now on the file at `path`, an absolute path, holds `data`; None: what the disk says.
    Nobody reads what is no path."""
    if not is_path(path):
        return
    if data is None:
        _texts.pop(os.path.realpath(path), None)
    else:
        _texts[os.path.realpath(path)] = data


def opened(path: str) -> bytes | None:
    """What an editor shows of the file at `path`, whatever it is called; None where it does not."""
    return _texts.get(os.path.realpath(path)) if _texts else None


def is_path(text: str) -> bool:
    """Whether a text can be the path of a file on this system."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half a character
        return False


def is_file(path: str) -> bool:
    """Whether there is a file at `path`, if only in an editor."""
    return os.path.isfile(path) or opened(path) is not None

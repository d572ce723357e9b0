"""Changes of files as unified diffs that `git apply` and `patch` take, byte by byte."""

from __future__ import annotations

import difflib
import os

from flake8_asyncwait.report.paths import relative

_NO_END = "\n\\ No newline at end of file\n"


def diff(path: str, before: bytes | None, after: bytes) -> bytes:
    """The change of the file at `path`, which is new where `before` is None.

    The file is named relative to the working directory where it is below it.
    """
    name = _name(path)
    old, new = _lines(before or b""), _lines(after)
    origin = f"a/{name}" if before is not None else "/dev/null"
    lines = list(difflib.unified_diff(old, new, _header(origin), _header(f"b/{name}")))
    if before is None and lines:
        lines.insert(0, f"diff --git a/{name} b/{name}\nnew file mode 100644\n")
    text = "".join(line if line.endswith("\n") else line + _NO_END for line in lines)
    return text.encode("latin-1")


def _lines(data: bytes) -> list[str]:
    """The lines of `data` with their ends, a character a byte."""
    *lines, last = data.decode("latin-1").split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _name(path: str) -> str:
    return os.fsencode(relative(path).lstrip("/")).decode("latin-1")


def _header(name: str) -> str:
    """As git writes it: a tab behind a name with a space says where the name ends."""
    return f"{name}\t" if " " in name else name

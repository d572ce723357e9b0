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
    ours, theirs = _quoted(f"a/{name}"), _quoted(f"b/{name}")
    origin = ours if before is not None else "/dev/null"
    lines = list(difflib.unified_diff(old, new, _header(origin), _header(theirs)))
    if before is None and lines:
        lines.insert(0, f"diff --git {ours} {theirs}\nnew file mode 100644\n")
    text = "".join(line if line.endswith("\n") else line + _NO_END for line in lines)
    return text.encode("latin-1")


def _lines(data: bytes) -> list[str]:
    """The lines of `data` with their ends, a character a byte."""
    *lines, last = data.decode("latin-1").split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _name(path: str) -> str:
    return os.fsencode(relative(path).lstrip("/")).decode("latin-1")


def _quoted(name: str) -> str:
    """As git writes it: a name that could end its line, or steer a terminal, is a string of C."""
    if os.fsdecode(name.encode("latin-1")).isprintable() and not {'"', "\\"} & set(name):
        return name
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\{ord(c):03o}" for c in name)
    return f'"{"".join(plain)}"'


def _header(name: str) -> str:
    """As git writes it: a tab behind a name with a space says where the name ends."""
    return f"{name}\t" if " " in name and not name.endswith('"') else name

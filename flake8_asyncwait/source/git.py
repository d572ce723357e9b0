"""What git says of a file."""

from __future__ import annotations

import os
import subprocess


def is_untracked(path: str) -> bool:
    """Whether a file lies in a work tree of git, which knows nothing of it. Where git cannot be
    asked it is not."""
    where, name = os.path.split(os.path.abspath(path))
    try:
        tree = subprocess.run(
            ["git", "-C", where, "rev-parse", "--is-inside-work-tree"],
            capture_output=True,
            check=False,
        )
        known = subprocess.run(
            ["git", "-C", where, "ls-files", "--error-unmatch", "--", name],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return tree.stdout.strip() == b"true" and known.returncode == 1

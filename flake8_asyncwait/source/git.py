"""What git says of a file.

Git runs programs that the configuration of a repository names, and a project may hold directories
that look like repositories. So git is asked at a root that we have found ourselves, and told to run
nothing for what it is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from flake8_asyncwait.source.ignore import repository

_OPTIONS = (
    "--literal-pathspecs",
    *("-c", "core.fsmonitor="),  # the empty value is none for every version; an old one runs others
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "safe.bareRepository=explicit"),
)
# What git reads from the environment that leads to no other repository: where the user's own
# settings are, and git itself.
_KEPT = ("GIT_CONFIG_", "GIT_EXEC_PATH")


def is_untracked(path: str) -> bool:
    """Whether a file lies in a work tree of git, which knows nothing of it. Where git cannot be
    asked, or does not answer, it is not: there is none, or the repository is somebody else's."""
    git, directory = shutil.which("git"), os.path.realpath(os.path.dirname(path))
    root = repository(directory)
    if git is None or not os.path.isabs(git) or root is None:  # a relative one may be the project's
        return False
    name = os.path.relpath(os.path.join(directory, os.path.basename(path)), root)
    command = [git, *_OPTIONS, "ls-files", "--error-unmatch", "--", name]
    try:
        known = subprocess.run(
            command,
            cwd=root,
            env=_environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return known.returncode == 1


def _environment(root: str) -> dict[str, str]:
    """The environment of a git that sees the repository at `root` alone, and fetches nothing that
    is not there. In a hook it sees what is about to be committed."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    index = os.environ.get("GIT_INDEX_FILE")
    if index is not None and root == os.path.realpath(os.curdir):  # where git runs its hooks
        kept["GIT_INDEX_FILE"] = index
    return kept | {
        "GIT_ALLOW_PROTOCOL": "none",  # for those that do not know the next one
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_CEILING_DIRECTORIES": os.path.dirname(root),
    }

"""Files in a syntax that is newer than the Python that runs, whose own parser refuses them."""

from __future__ import annotations

import subprocess
import sys


def in_older_words(text: str) -> str | None:
    """The text of a file, with what is newer replaced by something older of the same extent.

    `text` has lines that end in `\\n`. None where libcst cannot read it. That is tried in a process
    of its own: where something is nested too deeply, the parser takes its process with it.
    """
    program = "from flake8_asyncwait.sites.older import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout.decode() if done.returncode == 0 else None

"""Prove a finding in a process of its own, which is trusted neither with time nor at its word."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from threading import Thread

from flake8_asyncwait.replay.proof import wall
from flake8_asyncwait.replay.proof.message import MOST, unpacked
from flake8_asyncwait.replay.proof.proof import GAVE_UP, NOT_LIFTED, NOT_PROVED, Proof
from flake8_asyncwait.replay.text.locate import NONE_DECLARED, Declared
from flake8_asyncwait.verdict.checked import LONGEST

SECONDS = 30
ROOT = str(Path(__file__).parents[3])
# Isolated, and without the site's packages: the child needs the standard library and this package.
PROGRAM = "import sys; sys.path.append(sys.argv[1]); from {} import main; main()"
# The limits of `child.py` and `wall.py`, as the system names them.
OVERDUE = {getattr(signal, name, None) for name in ("SIGXCPU", "SIGALRM")}


def prove_apart(
    source: str,
    site: tuple[int, int],
    code: str,
    steps: Sequence[tuple[int, str]],
    declared: Declared = NONE_DECLARED,
    seconds: float = SECONDS,
) -> Proof:
    """Do what `prove` does, in a process of its own that is killed after so many seconds.

    Where the system has a wall (`wall.lacking`), nothing runs outside of it. Elsewhere the source
    should be one that its user trusts. No error is raised, whatever the process does.
    """
    if len(source) > LONGEST:
        return Proof(NOT_LIFTED, "its file is too long")
    names = [sorted(some) for some in astuple(declared)]
    task = [source, site, code, list(steps), names, not wall.lacking()]
    try:
        said, status = _run(json.dumps(task).encode("ascii"), seconds)
    except (OSError, RuntimeError) as error:  # no process, or no thread
        return Proof(NOT_LIFTED, f"the system has no process for it ({error})")
    if status is None or -status in OVERDUE:
        return Proof(GAVE_UP, f"it does not end within {seconds:g} s")
    return concluded(said, status, code, source.count("\n") + 1)


def concluded(said: bytes, status: int, code: str, lines: int) -> Proof:
    """Return what to make of what a process said, and how it ended; no error is raised.

    `code` is the finding's, `lines` the number of its file's lines.
    """
    if status:
        return _misbehaved(_ended(status))
    try:
        return unpacked(said, code, lines)
    except (ValueError, TypeError, RecursionError):
        return _misbehaved("it says what no proof can say")


def _run(task: bytes, seconds: float) -> tuple[bytes, int | None]:
    """Return what the process said, and how it ended; None where it did not end in time."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM.format(f"{__package__}.child"), ROOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
        start_new_session=True,
    )
    said = bytearray()
    # In a thread, as neither end may block this one, on any system.
    talk = Thread(target=_talk, args=(process, task, said), daemon=True)
    try:
        talk.start()
        talk.join(seconds)
        late = talk.is_alive()
    finally:
        _end(process)
    return bytes(said), None if late else process.returncode


def _talk(process: subprocess.Popen[bytes], task: bytes, said: bytearray) -> None:
    """Give a process its task, and take down what it says until it says too much."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError), process.stdin:  # it may be gone
        process.stdin.write(task)
    with process.stdout:
        said += process.stdout.read(MOST + 1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and those that it may have started. One that ends by itself is let."""
    if sys.platform == "win32":
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
    else:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ended(status: int) -> str:
    """Tell how a process ended that ended badly."""
    if status > 0:
        return f"it ended with {status}"
    try:
        return f"it was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was ended by signal {-status}"


def _misbehaved(how: str) -> Proof:
    return Proof(NOT_PROVED, f"its process misbehaved ({how})")

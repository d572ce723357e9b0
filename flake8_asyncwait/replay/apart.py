"""Prove a finding in a process of its own, which has a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from flake8_asyncwait.replay.live import NOT_LIFTED, Proof
from flake8_asyncwait.replay.locate import NONE_KNOWN, Known
from flake8_asyncwait.replay.timeline import Event

SECONDS = 20
ROOT = str(Path(__file__).parent.parent.parent)
# Isolated, and without the site's packages: the child needs the standard library and this package.
PROGRAM = "import sys; sys.path.append(sys.argv[1]); from {} import main; main()"


def prove_apart(
    source: str,
    site: tuple[int, int],
    code: str,
    steps: Sequence[tuple[int, str]],
    known: Known = NONE_KNOWN,
    seconds: float = SECONDS,
) -> Proof:
    """Do what `prove` does, in a process of its own that is killed after so many seconds."""
    names = [sorted(some) for some in astuple(known)]
    task = [source, site, code, list(steps), names]
    program = PROGRAM.format(f"{__package__}.child")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, ROOT],
            input=json.dumps(task),
            capture_output=True,
            encoding="ascii",
            timeout=seconds,
            env={name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
        )
    except subprocess.TimeoutExpired:
        return Proof(NOT_LIFTED, f"it does not end within {seconds:g} s")
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        return Proof(NOT_LIFTED, f"its process died: {last}")
    word, reason, events = json.loads(done.stdout)
    return Proof(word, reason, tuple(Event(*event) for event in events))

"""The 300 programs of `programs.txt`, which `generate.programs` has drawn: the same ones on every
Python and with every version of Hypothesis. `python -m tests.oracle` draws new ones."""

from __future__ import annotations

from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs.txt").read_text(encoding="utf-8").split("# ---\n")

"""The 300 programs of `programs.txt`, which `generate` has drawn: the same ones whatever
becomes of it. `python -m tests.oracle` draws new ones."""

from __future__ import annotations

from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs.txt").read_text(encoding="utf-8").split("# ---\n")

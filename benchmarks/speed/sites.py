"""Print which Python files of a tree hold a wait site: `python -m benchmarks.speed.sites TREE`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.speed.prepare import python_files
from flake8_asyncwait.analysis.code.load import File
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules.decide import examine
from flake8_asyncwait.sites.find import call_lines
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.source.text import SourceError, decode


def holds_site(path: Path) -> bool:
    """Whether a file is Python that holds a wait site."""
    options = Options()
    try:
        text = decode(str(path), path.read_bytes()).text
        found = candidates(text)
        if not found.lines:
            return False
        tree = parse(text)
        return any(examine(File(text, tree, options), call_lines(tree, found), options))
    except (SourceError, SyntaxError):
        return False


if __name__ == "__main__":
    tree = Path(sys.argv[1])
    print(*(name for name in python_files(tree) if holds_site(tree / name)), sep="\n")

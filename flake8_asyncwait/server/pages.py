"""The pages that an editor opens: of the rules, and of what a proof has shown. They are files in a
directory of their own, which is gone when the server is."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path

from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.rules.explain import markdown


class Pages:
    """The directory and what is in it. Each page is written when it is asked for first."""

    @cached_property
    def _directory(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="asyncwait-")).resolve()

    def of_rule(self, code: str) -> str:
        """The URI of the page of a code. Raises OSError where it cannot be written."""
        path = self._directory / f"{code}.md"
        if not path.exists():
            rule = rule_of(code)
            path.write_text(f"# {code} {rule.name}\n\n{markdown(rule)}\n", encoding="utf-8")
        return path.as_uri()

    def of_proof(self, code: str, line: int, told: str) -> str:
        """The URI of a page with what a proof of a finding has shown. Raises OSError."""
        path = self._directory / f"proof-{code}-line-{line}.txt"
        path.write_text(f"{told}\n", encoding="utf-8", errors="backslashreplace")
        return path.as_uri()

    def remove(self) -> None:
        """Remove them all."""
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)

"""MkDocs runs this as it builds the site: the pages of the rules are made from the rules."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from flake8_asyncwait.rules import RULES, Rule
from flake8_asyncwait.rules.explain import markdown


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for each rule where the navigation says `rules/`."""
    for section in config.nav or ():
        for entries in section.values():
            for entry in entries if isinstance(entries, list) else ():
                if entry.get("Rules") == "rules/":
                    entry["Rules"] = ["rules/index.md", *(_path(rule) for rule in RULES)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add those pages."""
    files.append(File.generated(config, "rules/index.md", content=_index()))
    for rule in RULES:
        files.append(File.generated(config, _path(rule), content=_page(rule)))
    return files


def _path(rule: Rule) -> str:
    return f"rules/{rule.code}.md"


def _index() -> str:
    rows = [
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {'on' if rule.default else 'off'} "
        f"| {rule.summary} | {rule.fix} |"
        for rule in RULES
    ]
    head = "| code | name | default | finds | `asyncwait fix` |\n| --- | --- | --- | --- | --- |"
    return "\n".join(["# Rules", "", head, *rows])


def _page(rule: Rule) -> str:
    return f"""\
# {rule.code} {rule.name}

{markdown(rule)}

**What `asyncwait check` reports for the bad example**

{_said(rule)}
"""


def _said(rule: Rule) -> str:
    """The report on the bad example, as a script: a change makes it the good one."""
    command = [sys.executable, "-m", "flake8_asyncwait", "check", "--isolated"]
    options = [f"--extend-select={rule.code}", "--output-format=full"]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "first.py").write_text(rule.bad, encoding="utf-8")
        done = subprocess.run(
            [*command, *options, "first.py"],
            cwd=directory,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    told, mark, change = done.stdout.strip().partition("\n  --- ")
    if not mark:
        return f"```text\n{told}\n```"
    change, _, closing = change.rpartition("\n\n")
    change = textwrap.dedent(f"  --- {change}").rstrip()
    return f"```text\n{told.rstrip()}\n```\n\n```diff\n{change}\n```\n\n```text\n{closing}\n```"

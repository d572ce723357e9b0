"""All there is to say of a rule: on a terminal, on a page of the docs, and to programs."""

from __future__ import annotations

from typing import Any

from flake8_asyncwait.rules.rule import Rule


def line(rule: Rule) -> str:
    """A rule in one line."""
    return f"{rule.code}  {rule.summary}{'' if rule.default else f' ({_default(rule)})'}"


def plain(rule: Rule) -> str:
    """A rule for a terminal: without a line end behind it."""
    return "\n\n".join(
        [
            f"{rule.code} {rule.name} ({_default(rule)})",
            f"{rule.summary}.",
            rule.rationale,
            f"Bad:\n\n{_indented(rule.bad)}",
            f"Good:\n\n{_indented(rule.good)}",
            f"What asyncwait fix does:\n\n{rule.cure}",
        ]
    )


def markdown(rule: Rule) -> str:
    """A rule as Markdown, without a title and without a line end behind it."""
    return "\n\n".join(
        [
            f"{rule.summary} ({_default(rule)}).",
            rule.rationale,
            f"**Bad**\n\n```python\n{rule.bad}```",
            f"**Good**\n\n```python\n{rule.good}```",
            f"**What `asyncwait fix` does**\n\n{rule.cure}",
        ]
    )


def data(rule: Rule) -> dict[str, Any]:
    """A rule as JSON."""
    return {
        "code": rule.code,
        "name": rule.name,
        "default": rule.default,
        "summary": rule.summary,
        "rationale": rule.rationale,
        "bad": rule.bad,
        "good": rule.good,
        "fix": rule.fix,
        "cure": rule.cure,
    }


def _default(rule: Rule) -> str:
    return "on by default" if rule.default else "off by default"


def _indented(code: str) -> str:
    lines = code.rstrip().split("\n")
    return "\n".join(f"    {line}".rstrip() for line in lines)

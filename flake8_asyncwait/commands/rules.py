"""`asyncwait rules`."""

from __future__ import annotations

import argparse

from flake8_asyncwait.commands.status import CLEAN


def run(args: argparse.Namespace) -> int:
    """Print the rules: a line each, or all there is to say of them as JSON."""
    print(listed(args.output_format))
    return CLEAN


def listed(output_format: str) -> str:
    """All rules, in the order of their codes."""
    from flake8_asyncwait.rules import RULES
    from flake8_asyncwait.rules.explain import data, line

    if output_format == "json":
        import json

        return json.dumps([data(rule) for rule in RULES], indent=2)
    return "\n".join(map(line, RULES))

"""`asyncwait explain`."""

from __future__ import annotations

import argparse
import json

from flake8_asyncwait.commands.rules import listed
from flake8_asyncwait.commands.status import CLEAN
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.rules.explain import data, plain


def run(args: argparse.Namespace) -> int:
    """Print what there is to say of a rule, or which rules there are."""
    if args.code is None:
        print(listed(args.output_format))
        return CLEAN
    rule = rule_of(args.code)
    print(plain(rule) if args.output_format == "text" else json.dumps(data(rule), indent=2))
    return CLEAN

"""The rules, by their codes. In which order they win, the kinds of site say (`sites.fanout`)."""

from __future__ import annotations

from flake8_asyncwait.rules import (
    awt101,
    awt102,
    awt103,
    awt104,
    awt105,
    awt201,
    awt202,
    awt203,
    awt301,
    awt302,
    awt303,
    awt304,
    awt311,
    awt312,
    awt313,
    awt321,
    awt322,
    awt331,
)
from flake8_asyncwait.rules.rule import Hit, Rule

RULES: tuple[Rule, ...] = (
    awt101.RULE,
    awt102.RULE,
    awt103.RULE,
    awt104.RULE,
    awt105.RULE,
    awt201.RULE,
    awt202.RULE,
    awt203.RULE,
    awt301.RULE,
    awt302.RULE,
    awt303.RULE,
    awt304.RULE,
    awt311.RULE,
    awt312.RULE,
    awt313.RULE,
    awt321.RULE,
    awt322.RULE,
    awt331.RULE,
)

_BY_CODE = {rule.code: rule for rule in RULES}


def rule_of(code: str) -> Rule:
    """The rule with a code. Raises `KeyError` where there is none."""
    return _BY_CODE[code]


__all__ = ["RULES", "Hit", "Rule", "rule_of"]

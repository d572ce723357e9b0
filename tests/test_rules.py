"""What holds of every rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.file import fix_text
from flake8_asyncwait.options import ALL_CODES, DEFAULT_OFF, DEFAULT_ON, Options
from flake8_asyncwait.rules import RULES, Rule

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"


def code(rule: Rule) -> str:
    return rule.code


def own(rule: Rule) -> Options:
    """What is on by default, and the rule's own code."""
    return Options(codes=DEFAULT_ON | {rule.code})


each_rule = pytest.mark.parametrize("rule", RULES, ids=code)


@each_rule
def test_the_bad_example_is_found_once(rule: Rule) -> None:
    compile(rule.bad, rule.code, "exec")
    result = check(rule.bad, own(rule))
    assert [finding.code for finding in result.findings] == [rule.code]
    assert result.undetermined == ()


@each_rule
def test_the_good_example_is_silent(rule: Rule) -> None:
    compile(rule.good, rule.code, "exec")
    result = check(rule.good, own(rule))
    assert result.findings == ()
    assert result.undetermined == ()


@each_rule
def test_the_good_example_is_what_a_fix_makes_of_the_bad_one(rule: Rule, tmp_path: Path) -> None:
    fixed = fix_text(str(tmp_path / "first.py"), rule.bad, own(rule)).text
    left = rule.code == "AWT105" or rule.fix.startswith("none")  # the example has tasks of others
    assert fixed == (rule.bad if left else rule.good)


@each_rule
def test_a_rule_that_is_off_by_default_says_nothing_unless_asked(rule: Rule) -> None:
    found = [finding.code for finding in check(rule.bad).findings]
    assert found == ([rule.code] if rule.default else [])


@each_rule
def test_the_texts(rule: Rule) -> None:
    assert re.fullmatch(r"AWT[1-9]\d\d", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    assert rule.summary == rule.summary.strip()
    assert len(rule.summary.splitlines()) == 1
    assert not rule.summary.endswith(".")
    assert rule.rationale.endswith(".")
    assert rule.cure.endswith(".")
    assert rule.rationale[0].isupper() or rule.rationale.startswith("`")


def test_no_two_rules_share_a_name() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_codes_that_are_off_by_default() -> None:
    assert {rule.code for rule in RULES if not rule.default} == DEFAULT_OFF


def test_the_changelog_has_the_codes_of_the_rules() -> None:
    lines = re.findall(r"^- .* the codes (.*)\.$", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    named: set[str] = set()
    for first, last in re.findall(r"AWT(\d+)(?: to AWT(\d+))?", " ".join(lines)):
        named |= {f"AWT{number}" for number in range(int(first), int(last or first) + 1)}
    assert named == ALL_CODES

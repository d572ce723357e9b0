"""What holds of every rule, and of the findings that the rules make of the fixtures."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from expectations import Fixture, checked, read_all

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.file import fix_text
from flake8_asyncwait.options import ALL_CODES, DEFAULT_OFF, DEFAULT_ON, Options
from flake8_asyncwait.rules import RULES, Rule

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"
WITHOUT_WITNESS = "AWT203"  # what is wrong stands in the call itself
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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


each_fixture = pytest.mark.parametrize("fixture", read_all(), ids=lambda fixture: fixture.name)


@each_fixture
def test_the_texts_of_findings(fixture: Fixture) -> None:
    for finding in checked(fixture.name).findings:
        for text in (finding.message, *(step.what for step in finding.witness)):
            assert text == text.strip() != ""
            assert text.isprintable()
            assert not text.endswith(".")


@each_fixture
def test_a_message_is_short_and_plain(fixture: Fixture) -> None:
    for finding in checked(fixture.name).findings:
        assert len(finding.message) <= 140, finding.message
        assert not re.search(r"outliv|forg[eo]t|pass\w* by|asyncwait fix|'_'", finding.message)


@each_fixture
def test_a_witness_starts_where_its_wait_starts(fixture: Fixture) -> None:
    for finding in checked(fixture.name).findings:
        if finding.code == WITHOUT_WITNESS:
            assert finding.witness == ()
        else:
            first = finding.witness[0]
            struck_before = first.choice.startswith("fault:")
            assert struck_before or first.line in range(finding.line, finding.end_line + 1), finding


@each_fixture
def test_a_witness_stays_in_the_function_and_its_helpers(fixture: Fixture) -> None:
    functions = [node for node in ast.parse(fixture.text).body if isinstance(node, DEFINITIONS)]
    inside = {line for node in functions for line in range(*extent(node))}
    for finding in checked(fixture.name).findings:
        outside = [step for step in finding.witness if step.line not in inside]
        assert finding.line not in inside or not outside, finding


def extent(node: ast.stmt) -> tuple[int, int]:
    """The first line of a statement, and the line behind its last."""
    return node.lineno, (node.end_lineno or node.lineno) + 1

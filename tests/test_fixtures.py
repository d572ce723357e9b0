"""Every fixture gets exactly the findings that its marks state, to the column, and what holds of
every finding holds of these."""

from __future__ import annotations

import ast
import re

import pytest
from expectations import OK, checked, read_all

from flake8_asyncwait.analysis.states.trace import DROPPED

pytestmark = pytest.mark.lowest

ALL = {fixture.name: fixture for fixture in read_all()}
WITHOUT_WITNESS = "AWT203"  # what is wrong stands in the call itself
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = [(name, function) for name, fixture in ALL.items() for function in fixture.sites]


@pytest.mark.parametrize(
    ("name", "function"), FUNCTIONS, ids=[f"{name}:{function}" for name, function in FUNCTIONS]
)
def test_function(name: str, function: str) -> None:
    sites = ALL[name].sites[function]
    lines = {site.line for site in sites}
    found = [each for each in checked(name).findings if each.line in lines]
    assert [(each.line, each.column, each.code) for each in found] == [
        (site.line, site.column, site.code) for site in sites if site.code != OK
    ]


@pytest.mark.parametrize("name", ALL)
def test_findings_stand_on_marked_lines(name: str) -> None:
    marked = {site.line for group in ALL[name].sites.values() for site in group}
    assert {finding.line for finding in checked(name).findings} <= marked


@pytest.mark.parametrize("name", ALL)
def test_every_site_is_determined(name: str) -> None:
    assert checked(name).undetermined == ()


@pytest.mark.parametrize("name", ALL)
def test_a_message_tells_of_the_last_step(name: str) -> None:
    for finding in checked(name).findings:
        if finding.code == "AWT101":
            last = finding.witness[-1]
            named = [int(line) for line in re.findall(r"by line (\d+)", finding.message)]
            if "each turn of the loop drops" in finding.message:
                assert last.what == DROPPED
            else:
                assert named == ([last.line] if last.line > finding.end_line else [])


@pytest.mark.parametrize("name", ALL)
def test_the_texts_of_findings(name: str) -> None:
    for finding in checked(name).findings:
        for text in (finding.message, *(step.what for step in finding.witness)):
            assert text == text.strip() != ""
            assert text.isprintable()
            assert not text.endswith(".")


@pytest.mark.parametrize("name", ALL)
def test_a_message_is_short_and_plain(name: str) -> None:
    for finding in checked(name).findings:
        assert len(finding.message) <= 140, finding.message
        assert not re.search(r"outliv|forg[eo]t|pass\w* by|asyncwait fix|'_'", finding.message)


@pytest.mark.parametrize("name", ALL)
def test_a_witness_starts_where_its_wait_starts(name: str) -> None:
    for finding in checked(name).findings:
        if finding.code == WITHOUT_WITNESS:
            assert finding.witness == ()
        else:
            first = finding.witness[0]
            struck_before = first.choice.startswith("fault:")
            assert struck_before or first.line in range(finding.line, finding.end_line + 1), finding


@pytest.mark.parametrize("name", ALL)
def test_a_witness_stays_in_the_function_and_its_helpers(name: str) -> None:
    functions = [node for node in ast.parse(ALL[name].text).body if isinstance(node, DEFINITIONS)]
    inside = {line for node in functions for line in range(*extent(node))}
    for finding in checked(name).findings:
        outside = [step for step in finding.witness if step.line not in inside]
        assert finding.line not in inside or not outside, finding


def extent(node: ast.stmt) -> tuple[int, int]:
    """The first line of a statement, and the line behind its last."""
    return node.lineno, (node.end_lineno or node.lineno) + 1

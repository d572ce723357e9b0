"""Every fixture gets exactly the findings that its marks state, to the column."""

from __future__ import annotations

import re

import pytest
from expectations import OK, checked, read_all

from flake8_asyncwait.analysis.states.state import DROPPED

ALL = {fixture.name: fixture for fixture in read_all()}
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
            last, lines = finding.witness[-1], range(finding.line, finding.end_line + 1)
            named = [int(line) for line in re.findall(r"by line (\d+)", finding.message)]
            if "each turn of the loop drops" in finding.message:
                assert last.what == DROPPED
            else:
                assert named == ([] if last.line in lines else [last.line])

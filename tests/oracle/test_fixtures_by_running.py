"""The mark on every fixture is what running it shows."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from expectations import OK, Fixture, Site, checked, read_all

from flake8_asyncwait.options import FAMILY_CODES
from flake8_asyncwait.replay.text.locate import CannotLift

from .compare import replays
from .judge import find_family, find_sites, judge

pytestmark = pytest.mark.portable

PRECEDENCE = ("AWT203", "AWT101", "AWT103", "AWT102", "AWT104", "AWT105", "AWT201", "AWT202")
OPTIONAL = {"AWT105", "AWT201", "AWT202"}

# What cannot be held against an execution, and why in one word: limits.py is marked with what the
# linter says where it is known to be wrong, options tell the linter what the judge is not told,
# the judge runs no lambda, a TaskGroup cancels its tasks as an execution has it, and what the judge
# gives a function has one text for ever.
NOT_RUN = {
    "limits.py": "limit",
    "owners_task_factories.py": "options",
    "sites_wait_functions.py": "options",
    "sites_functions.py:lambda_over_the_enclosing_functions_tasks": "lambda",
    "sites_functions.py:lambda_that_drops_the_pending_half": "lambda",
    "sites_functions.py:lambda_that_returns_both_halves": "lambda",
    "sites_functions.py:lambda_that_returns_the_wait": "lambda",
    "AWT105.py:task_of_a_group": "group",
    "collections_keys.py:text_of_what_counts": "text",
    "collections_keys.py:text_of_what_has_a_number": "text",
}

FIXTURES = {one.name: one for one in read_all()}
FUNCTIONS = [
    (fixture.name, function)
    for fixture in FIXTURES.values()
    for function in fixture.sites
    if fixture.name not in NOT_RUN and f"{fixture.name}:{function}" not in NOT_RUN
]


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_function(name: str, function: str) -> None:
    fixture = FIXTURES[name]
    for site in fixture.sites[function]:
        assert shown(fixture, site) == site.code


@pytest.mark.parametrize("name", [name for name in NOT_RUN if NOT_RUN[name] == "lambda"])
def test_lambdas_are_refused(name: str) -> None:
    file, _, function = name.partition(":")
    site = FIXTURES[file].sites[function][0]
    with pytest.raises(CannotLift):
        shown(FIXTURES[file], site)


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_witnesses_replay(name: str, function: str) -> None:
    fixture = FIXTURES[name]
    lines = {site.line for site in fixture.sites[function]}
    for finding in checked(name).findings:
        if finding.line in lines:
            assert replays(fixture.text, finding), finding


def test_what_did_not_happen_does_not_replay() -> None:
    name = "section6.py"
    text = FIXTURES[name].text
    finding = next(one for one in checked(name).findings if one.code == "AWT102")
    fault = next(step for step in finding.witness if step.choice.startswith("fault:"))
    steps = list(finding.witness)
    for wrong in (
        fault._replace(line=fault.line + 1),
        fault._replace(choice="fault:GeneratorExit"),
        fault._replace(choice="branch:yes"),
    ):
        steps[finding.witness.index(fault)] = wrong
        assert not replays(text, finding._replace(witness=tuple(steps)))
    assert replays(text, finding)


def test_few_are_not_run() -> None:
    assert Counter(NOT_RUN.values()) == {
        "limit": 1,
        "options": 2,
        "lambda": 4,
        "group": 1,
        "text": 2,
    }


def shown(fixture: Fixture, site: Site) -> str:
    """Return the code that running a site's function shows, under the fixture's options."""
    of_family = bool(fixture.options.codes & FAMILY_CODES)
    if (site.line, site.column) not in sites_in(fixture.text, of_family):
        return OK
    thorough = bool(fixture.options.codes & OPTIONAL)
    ruling = judge(fixture.text, (site.line, site.column), thorough=thorough)
    assert not ruling.given_up
    if of_family:
        return ruling.code or OK
    codes = fixture.options.codes & {ruling.code, *ruling.optional}
    return next((code for code in PRECEDENCE if code in codes), OK)


@cache
def sites_in(text: str, of_family: bool) -> list[tuple[int, int]]:
    return find_family(text) if of_family else find_sites(text)

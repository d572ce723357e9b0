"""Every finding in the fixtures comes true on a real event loop, as `asyncwait prove` runs it."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from expectations import OK, checked, read_all

from flake8_asyncwait.replay.proof.proof import PROVED
from flake8_asyncwait.replay.proof.prove import prove
from flake8_asyncwait.replay.text.locate import Declared

pytestmark = pytest.mark.judged

# What does not come true, and why in one word: limits.py holds what the linter is known to say
# without cause, no lambda is run, a TaskGroup sees to its tasks, whatever AWT105 says, and the time
# of a wait in a task of its own is never up on the real loop before it is asked to cancel.
NOT_PROVED = {
    "limits.py:nothing_but_a_timeout": "limit",
    "limits.py:same_question_by_two_names": "limit",
    "limits.py:Pool.one_place_for_each_job": "limit",
    "limits.py:Worker.flag_in_an_attribute": "limit",
    "limits.py:results_after_the_first_exception": "limit",
    "sites_functions.py:lambda_that_drops_the_pending_half": "lambda",
    "sites_wrapped.py:waiter_with_a_time_may_have_ended": "time",
    "AWT105.py:task_of_a_group": "group",
}
# What the asyncio of a Python before this version lacks.
NEEDS = {
    "conditions_sizes.py:a_time_is_set": (3, 11),
    "family_as_completed.py:asynchronous": (3, 13),
    "family_as_completed.py:awaits_each_that_is_completed": (3, 13),
    "family_as_completed.py:asynchronous_time_is_up": (3, 13),
    "family_as_completed.py:asynchronous_time_is_up_in_a_later_turn": (3, 13),
    "family_creation.py:awaited_in_time": (3, 11),
    "family_creation.py:left_when_a_timeout_is_up": (3, 11),
    "family_gather.py:timeout_is_left": (3, 11),
    "settle_await.py:as_completed_gives_only_the_first_of_the_tasks": (3, 13),
    "sites_consumed.py:under_a_timeout": (3, 11),
    "sites_early.py:full_wait_alone_under_a_timeout": (3, 11),
    "sites_early.py:full_wait_alone_under_a_timeout_cleaned_up_after_the_timeout_only": (3, 11),
}

FIXTURES = {one.name: one for one in read_all()}
FINDINGS = [
    (f"{name}:{function}", number)
    for name, fixture in FIXTURES.items()
    for function, sites in fixture.sites.items()
    if sys.version_info >= NEEDS.get(f"{name}:{function}", ())
    for number, site in enumerate(sites)
    if site.code != OK
]


@pytest.mark.parametrize(("name", "number"), FINDINGS)
def test_finding(name: str, number: int) -> None:
    file, _, function = name.partition(":")
    fixture = FIXTURES[file]
    place = fixture.sites[function][number]
    (finding,) = [
        one
        for one in checked(file).findings
        if (one.line, one.column) == (place.line, place.column)
    ]
    options = fixture.options
    declared = Declared(options.task_factories, options.cancellers, options.wait_functions)
    steps = [(step.line, step.choice) for step in finding.witness]
    proof = prove(fixture.text, (place.line, place.column), finding.code, steps, declared)
    assert (proof.word == PROVED) is (name not in NOT_PROVED), proof.verdict


def test_few_are_not_proved() -> None:
    assert Counter(NOT_PROVED.values()) == {"limit": 5, "lambda": 1, "time": 1, "group": 1}

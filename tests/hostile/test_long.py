"""A long file is read piece by piece: what is reported of it is what is reported of a short one."""

from __future__ import annotations

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.sites.pieces import LONG_FILE, MAX_STATEMENT
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.undetermined import TOO_LONG

pytestmark = pytest.mark.thorough

PADDING = "".join(f"def g{n}(a):\n    '''\nimport x\n'''\n    return a\n\n" for n in range(12_000))
FILE = """\
from asyncio import Queue, create_task, wait


def cancel(task):
    task.cancel()


class A:
    def __init__(self):
        self.queue = Queue()

    def forget(self, task):
        pass

    async def leak(self, work):
        task = create_task(work())
        await wait({{task}}, timeout=1)
        self.forget(task)

    async def wait_for_an_item(self):
        await wait([self.queue.get()], timeout=1)


{padding}
async def cured(work):
    task = create_task(work())
    try:
        await wait({{task}}, timeout=1)
    finally:
        cancel(task)
"""


def test_what_is_found_in_a_long_file_is_what_is_found_in_its_tree() -> None:
    text = FILE.format(padding=PADDING)
    assert len(text) > LONG_FILE
    whole = check(text, tree=parse(text))
    assert check(text) == whole
    assert [(finding.line, finding.code) for finding in whole.findings] == [
        (finding.line, finding.code) for finding in check(FILE.format(padding="")).findings
    ]
    assert whole.findings


def test_a_wait_outside_of_all_functions_of_a_long_file_is_not_decided() -> None:
    text = FILE.format(padding=PADDING)
    checked = check(text + "wait(x, timeout=1)\n")
    assert [each.reason for each in checked.undetermined] == [TOO_LONG]
    assert checked.findings == check(text).findings


def test_no_wait_beside_a_statement_that_is_too_long_is_decided() -> None:
    table = "X = [\n" + "    'abc',\n" * (MAX_STATEMENT // 10) + "]\n"
    checked = check(FILE.format(padding=table))
    assert checked.findings == ()
    assert {each.reason for each in checked.undetermined} == {TOO_LONG}


def test_the_line_of_a_syntax_error_in_a_long_file() -> None:
    text = FILE.format(padding=PADDING)
    with pytest.raises(SyntaxError) as caught:
        check(text + "x = = 1\n")
    assert caught.value.lineno == text.count("\n") + 1

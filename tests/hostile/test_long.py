"""A long file is read piece by piece: what is reported of it is what is reported of a short one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.cure import UNTRIED
from flake8_asyncwait.fix.file import fix_text
from flake8_asyncwait.fix.fixer import fix
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.pieces import LONG_FILE, MAX_STATEMENT
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.undetermined import TOO_LONG
from flake8_asyncwait.verdict.checked import LONGEST

pytestmark = pytest.mark.portable

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


FIRST = """\
import asyncio


async def first(work):
    tasks = [asyncio.create_task(work()) for _ in range(3)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done


{padding}"""


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


def test_a_fix_of_a_long_file_changes_its_functions_alone() -> None:
    """A helper below the function that grows is found where it is then."""
    text = FILE.format(padding=PADDING)
    fixed, expected = fix(text, Options()), fix(FILE.format(padding=""), Options())
    assert [cure.outcome for cure in fixed.cures] == [cure.outcome for cure in expected.cures]
    assert fixed.text.replace(PADDING, "") == expected.text
    assert fixed.text != text


def test_a_long_file_is_not_given_an_import(tmp_path: Path) -> None:
    """Its imports are not read: its tree would take more memory than all else."""
    (tmp_path / "pyproject.toml").touch()
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").touch()
    for padding, outcome in ("", "wait_any"), (PADDING, "finally"):
        done = fix_text(str(package / "a.py"), FIRST.format(padding=padding), Options())
        assert [cure.outcome for cure in done.cures] == [outcome]


def test_a_file_that_is_too_long_is_not_fixed() -> None:
    text = FIRST.format(padding="x = 1\n" * (LONGEST // 6))
    done = fix(text, Options())
    assert (done.text, [cure.outcome for cure in done.cures]) == (text, [UNTRIED])


def test_a_function_that_is_too_long_is_not_fixed() -> None:
    text = FIRST.format(padding="").replace("return done", "await work()\n" + "    x = 1\n" * 5_000)
    assert check(text).findings
    (cure,) = fix(text, Options()).cures
    assert (cure.outcome, cure.reason) == (UNTRIED, "the function is too long to fix")

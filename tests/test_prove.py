"""`asyncwait prove`: findings run on a real event loop, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.proof import prove
from flake8_asyncwait.replay.proof.proof import GAVE_UP, NOT_LIFTED, NOT_REPRODUCED, PROVED, Proof

LEAKS = """\
import asyncio


async def fastest(urls):
    reader = asyncio.create_task(fetch(urls))
    done, pending = await asyncio.wait({reader, other()}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return done.pop().result()
"""

Ran = subprocess.CompletedProcess[str]


def asyncwait(*arguments: str, stdin: str = "") -> Ran:
    command = [sys.executable, "-m", "flake8_asyncwait", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8", check=False)


def events(done: Ran) -> list[str]:
    """What the timeline says, in order: the lines between the finding and the verdict."""
    return [line.strip() for line in done.stdout.split("\n\n")[1].splitlines()]


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    path = tmp_path / "leaky.py"
    path.write_text(LEAKS, encoding="utf-8")
    return path


def test_a_proved_finding_ends_with_the_task_that_still_runs(leaky: Path) -> None:
    done = asyncwait("prove", f"{leaky}:6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{leaky}:6:27: AWT102 ")
    assert done.stdout.endswith("\n\nproved\n\n")
    assert events(done) == [
        "line 5    'reader' started as fetch()",
        "line 6    asyncio.wait() starts, on 'reader' and 'other()'",
        "line 6    the function is cancelled here",
        "the function has ended (CancelledError)",
        "still running: 'reader', started on line 5",
    ]


@pytest.mark.portable
def test_the_place_may_have_the_column_that_check_prints(leaky: Path) -> None:
    place = asyncwait("check", str(leaky)).stdout.partition(" ")[0]
    assert place == f"{leaky}:6:27:"
    assert asyncwait("prove", place).returncode == 0
    assert asyncwait("prove", f"{leaky}:6:1").returncode == 2


def test_no_finding_is_an_error_that_says_where(leaky: Path) -> None:
    done = asyncwait("prove", f"{leaky}:5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{leaky}:5: no finding here; the nearest is {leaky}:6:27 (AWT102)\n"


def test_check_says_of_each_finding_whether_it_is_proved(leaky: Path) -> None:
    done = asyncwait("check", "--prove", str(leaky))
    assert done.returncode == 1
    assert " [proved]\n" in done.stdout


SILENT_LIMIT = """\
import asyncio


async def f(strict):
    task = asyncio.create_task(work())
    careful = strict
    try:
        await asyncio.wait({task}, timeout=1)
    finally:
        if strict:
            task.cancel()
        if not careful:
            task.cancel()
"""


def test_what_does_not_come_true_is_not_reproduced(tmp_path: Path) -> None:
    """A false alarm: the linter takes one question for two (docs/limits.md)."""
    path = tmp_path / "limit.py"
    path.write_text(SILENT_LIMIT, encoding="utf-8")
    done = asyncwait("prove", f"{path}:8")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("\n\nnot reproduced: no execution follows the witness\n\n")
    assert (
        asyncwait("check", "--prove", str(path))
        .stdout.splitlines()[0]
        .endswith(" [not reproduced]")
    )


def test_a_search_that_is_given_up_says_nothing_of_the_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prove, "GUIDED", 2)
    proof = proof_of_return("closed.wait", "(a() or b() or c()) and closed in done and not done")
    assert proof.word == GAVE_UP
    assert proof.reason == "none of 2 executions that were tried follows the witness"


def proof_of(body: str) -> Proof:
    """What comes of the only finding in a method of a class."""
    head = "import asyncio\n\n\nclass Connection:\n"
    text = head + textwrap.indent(textwrap.dedent(body), "    ")
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    return prove.prove(text, (finding.line, finding.column), finding.code, steps)


READS = """
    async def read(self, urls):
        closed = asyncio.create_task(self.{waits}())
        reader = asyncio.create_task(fetch(urls))
        done, _ = await asyncio.wait({{closed, reader}}, return_when=asyncio.FIRST_COMPLETED)
        if {branch}:
            return
        closed.cancel()
        reader.cancel()
"""


def proof_of_return(waits: str, branch: str) -> Proof:
    """What comes of it that the function forgets its tasks where it returns."""
    text = f"import asyncio\n{textwrap.dedent(READS).format(waits=waits, branch=branch)}"
    site = text[: text.index("await asyncio.wait")].count("\n") + 1
    column = text.splitlines()[site - 1].index("asyncio.wait")
    steps = [(site, "wait"), (site, "outcome:pending=?;done=?"), (site + 1, "branch:yes")]
    return prove.prove(text, (site, column), "AWT101", steps)


def test_what_was_assumed_is_told() -> None:
    proof = proof_of(READS.format(waits="closed.wait", branch="self.closed.is_set()"))
    assert proof.word == PROVED
    assert [str(event) for event in proof.assumed] == ["line 10   self.closed.is_set() is true"]
    assert "assumed" not in "".join(map(str, proof.happened))


@pytest.mark.parametrize(
    ("waits", "question", "is_proved"),
    [
        ("closed.wait", "self.closed.is_set()", False),
        ("closed.wait", "not self.closed.is_set()", True),
        ("closed.wait", "self.other.is_set()", True),
        ("queue.get", "not self.queue.empty()", False),
        ("queue.get", "self.queue.empty()", True),
        ("closed.wait", "self.queue.full() and not self.queue.full()", False),
    ],
)
def test_answers_that_contradict_each_other_are_not_combined(
    waits: str, question: str, is_proved: bool
) -> None:
    """A task that waits for an event shows that it is not set; a question has one answer."""
    proof = proof_of_return(waits, f"closed not in done and {question}")
    expected = (PROVED, "") if is_proved else (NOT_REPRODUCED, "no execution follows the witness")
    assert (proof.word, proof.reason) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "self.done and not self.result",
        "buffer[3:].decode() or buffer[7] == 2",
        "await anext(buffer)",
        "self.handle().text",
    ],
)
def test_what_is_not_known_may_be_anything(condition: str) -> None:
    proof = proof_of(
        f"""
        async def read(self, buffer):
            task = asyncio.create_task(work())
            if {condition}:
                await asyncio.wait([task], timeout=1)

        @abstractmethod
        def handle(self):
            pass
        """
    )
    assert proof.word == PROVED, proof.verdict


@pytest.mark.parametrize(
    ("tasks", "condition"),
    [
        ("[asyncio.create_task(work(url)) for url in urls]", "len(done) < 4"),
        ("[asyncio.create_task(work()) for _ in range(6)]", "len(done) != 3"),
        ("self.all([])", "len(done) < 4"),
        ("[asyncio.create_task(work())]; self.all(tasks)", "len(tasks) < 3"),
    ],
)
def test_a_proof_may_take_more_things_than_a_search_tries(tasks: str, condition: str) -> None:
    proof = proof_of(
        f"""
        async def read(self, urls):
            mine = asyncio.create_task(work())
            tasks = {tasks}
            done, _ = await asyncio.wait({{mine, *tasks}}, return_when=asyncio.FIRST_COMPLETED)
            if {condition}:
                return [task.cancel() for task in {{mine, *tasks}}]
        """
    )
    assert proof.word == PROVED, proof.verdict


def test_a_wait_for_many_named_tasks_is_proved() -> None:
    names = [f"task_{number}" for number in range(26)]
    made = "\n".join(f"    {name} = asyncio.create_task(work())" for name in names)
    wait = f"    await asyncio.wait([{', '.join(names)}], timeout=5)"
    proof = proof_of(f"async def read(self):\n{made}\n{wait}\n")
    assert proof.word == PROVED, proof.verdict


def test_a_property_with_a_setter_is_a_property() -> None:
    proof = proof_of(
        """
        async def read(self):
            task = asyncio.create_task(work())
            if self.size == 1:
                await asyncio.wait([task], timeout=1)
            else:
                await task

        @property
        def size(self):
            return 1

        @size.setter
        def size(self, value):
            pass
        """
    )
    assert proof.word == PROVED, proof.verdict


def test_an_integer_that_python_cannot_print() -> None:
    proof = proof_of(
        f"""
        async def read(self):
            task = asyncio.create_task(work())
            await asyncio.wait([task], timeout=1)
            for one in (task,):
                self.mask = 0x{"f" * 5_000}
        """
    )
    assert proof.word == PROVED, proof.verdict


@pytest.mark.parametrize(
    "options",
    ["**options", "timeout=options['seconds']", "**self.options", "**self.a, **self.b"],
)
def test_options_that_are_not_known_may_set_a_timeout(options: str) -> None:
    proof = proof_of(
        f"""
        async def read(self, **options):
            task = asyncio.create_task(work())
            await asyncio.wait([task], {options})
        """
    )
    assert proof.word == PROVED, proof.verdict


@pytest.mark.portable
def test_what_cannot_be_lifted_says_why(tmp_path: Path) -> None:
    path = tmp_path / "lifted.py"
    path.write_text(
        "import asyncio\n"
        "wait = lambda tasks: asyncio.wait({asyncio.create_task(t) for t in tasks}, timeout=1)\n"
        "async def f():\n"
        "    task = asyncio.create_task(work())\n"
        "    match await read():\n"
        "        case Answer(value):\n"
        "            await asyncio.wait({task}, timeout=1)\n",
        encoding="utf-8",
    )
    done = asyncwait("prove", f"{path}:7")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.endswith("\n\ncould not be lifted: it has a class pattern\n\n")
    mark = "[not lifted: it has a class pattern]"
    assert mark in asyncwait("check", "--prove", "--output-format", "full", str(path)).stdout


@pytest.mark.portable
@pytest.mark.parametrize(
    "costly",
    [
        "\n".join(["class A: pass"] * 1_001),
        f"match work:\n    case [{', '.join(f'x{n}' for n in range(1_001))}]: pass",
        "\n".join(["x = 1, 2, 3, 4"] * 10_000),
    ],
    ids=["classes", "patterns", "nodes"],
)
def test_what_takes_long_to_compile_is_not_run(costly: str) -> None:
    body = textwrap.indent(costly, "    ")
    proof = proof_of(
        "async def read():\n    task = asyncio.create_task(work())\n"
        "    await asyncio.wait([task], timeout=1)\n    costly()\n"
        f"def costly(work=None):\n{body}\n"
    )
    assert (proof.word, proof.reason) == (NOT_LIFTED, "too much of its file is needed to run it")


@pytest.mark.portable
def test_every_finding_of_a_line_is_proved(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(
        "import asyncio\n"
        "async def f(a, b):\n"
        "    x, y = await asyncio.wait(a, timeout=1), await asyncio.wait(b, timeout=1)\n"
        "    return x[0] | y[0]\n",
        encoding="utf-8",
    )
    done = asyncwait("prove", f"{path}:3")
    assert done.returncode == 0
    assert done.stdout.count("AWT104") == 2
    assert done.stdout.count("\nproved\n") == 2


CODES = {
    "AWT104": (
        "async def f(tasks):\n"
        "    done, _ = await asyncio.wait(tasks, timeout=1)\n"
        "    return done\n",
        "still running: 'tasks[0]'",
    ),
    "AWT105": (
        "async def f(self):\n    await asyncio.wait([self.reader], timeout=1)\n",
        "still running: 'self.reader'",
    ),
    "AWT201": (
        "async def f():\n    a = asyncio.create_task(work())\n    await asyncio.wait([a])\n",
        "still running: 'a'",
    ),
    "AWT202": (
        "async def f():\n    a = asyncio.create_task(work())\n    try:\n"
        "        await asyncio.wait([a], timeout=1)\n    finally:\n        a.cancel()\n",
        "asked to cancel, but not done yet: 'a'",
    ),
    "AWT203": (
        "async def f():\n    await asyncio.wait([asyncio.sleep(1)], timeout=1)\n",
        "asyncio.wait() ",
    ),
}


@pytest.mark.judged
@pytest.mark.parametrize("code", CODES)
def test_codes_are_proved_by_what_they_say(code: str, tmp_path: Path) -> None:
    body, shown = CODES[code]
    path = tmp_path / "code.py"
    path.write_text(f"import asyncio\n{body}", encoding="utf-8")
    done = asyncwait("check", "--select", code, "--prove", str(path))
    assert f" {code} " in done.stdout, done.stderr
    place = done.stdout.partition(" ")[0]
    done = asyncwait("prove", "--select", code, place)
    assert done.returncode == 0, done.stdout
    assert shown in events(done)[-1]


@pytest.mark.portable
def test_the_linters_options_are_the_provers(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(
        "import helpers\n"
        "async def f():\n"
        "    task = helpers.spawn(work())\n"
        "    await helpers.wait_some([task], timeout=1)\n",
        encoding="utf-8",
    )
    options = ("--task-factories", "spawn", "--wait-functions", "helpers.wait_some")
    done = asyncwait("prove", *options, f"{path}:4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert events(done)[-1] == "still running: 'task', started on line 3"


@pytest.mark.portable
def test_a_function_in_a_file_with_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "windows.py"
    path.write_bytes(LEAKS.replace("\n", "\r\n").encode())
    assert asyncwait("prove", f"{path}:6").returncode == 0


@pytest.mark.portable
@pytest.mark.parametrize("name", ["{é}", "{0}", "{", "{}", "%s", "{self.x!r:>{w}}"])
def test_a_name_is_only_a_name(name: str, tmp_path: Path) -> None:
    """Not a template, and not of ASCII: that of an error, and what a task is made of."""
    path = tmp_path / "name.py"
    path.write_text(
        "import asyncio\n"
        f"Odd = type({name!r}, (Exception,), {{}})\n"
        "async def f(urls):\n"
        f"    task = asyncio.create_task(getattr(urls, {name!r})())\n"
        "    other = asyncio.create_task(asyncio.Event().wait())\n"
        "    await asyncio.wait([task, other], timeout=1)\n"
        "    raise Odd\n",
        encoding="utf-8",
    )
    done = asyncwait("prove", f"{path}:6")
    assert (done.returncode, done.stderr) == (0, "")
    assert events(done)[:2] == [
        f"line 4    'task' started as urls.{name}()",
        "line 5    'other' started as Event().wait()",
    ]
    assert f"the function has ended ({name})" in events(done)


@pytest.mark.parametrize("place", ["leaky.py", "leaky.py:", "leaky.py:x", ":3"])
def test_a_place_is_a_path_and_a_line(place: str) -> None:
    done = asyncwait("prove", place)
    assert done.returncode == 2
    assert "is not PATH:LINE" in done.stderr


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    done = asyncwait("prove", f"{tmp_path / 'none.py'}:3")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.py" in done.stderr


def test_nothing_of_the_environment_is_needed(leaky: Path) -> None:
    command = [sys.executable, "-m", "flake8_asyncwait", "prove", f"{leaky}:6"]
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(command, env={"PYTHONPATH": root}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (
            (
                "tasks = [asyncio.create_task(work(1)), asyncio.create_task(work(2))]",
                "await asyncio.wait(tasks, timeout=1)",
                "tasks.pop(0)",
                "tasks.append(asyncio.create_task(work(3)))",
                "await asyncio.wait(tasks, timeout=2)",
            ),
            ("'tasks[1]' (1)", "'tasks[1]' (2)"),
        ),
        (
            (
                "task = asyncio.create_task(work(1))",
                "await asyncio.wait([task], timeout=1)",
                "task = asyncio.create_task(work(2))",
                "await asyncio.wait([task], timeout=2)",
            ),
            ("'task' (1)", "'task' (2)"),
        ),
    ],
)
def test_no_two_tasks_have_one_name(
    tmp_path: Path, lines: tuple[str, ...], names: tuple[str, str]
) -> None:
    body = "".join(f"    {line}\n" for line in lines)
    path = tmp_path / "app.py"
    path.write_text(f"import asyncio\n\n\nasync def f(work):\n{body}")
    done = asyncwait("prove", f"{path}:{4 + len(lines)}")
    assert done.returncode == 0
    told = events(done)
    first, second = (next(line for line in told if name in line) for name in names)
    assert told.index(first) < told.index(second)


@pytest.mark.parametrize(
    "makes",
    [
        "task = asyncio.ensure_future(super().send(urls))",
        "task = asyncio.ensure_future(super(Connection, self).send(urls))",
        "a, b, c, d, e = [asyncio.Event() for _ in range(5)]; task = asyncio.create_task(f())",
        "task = asyncio.create_task({'a': fetch, 'b': other}[urls]())",
        "env = self.env.copy(); env.update(a=1); task = asyncio.create_task(f())",
        "env = self.env.copy(); env.pop('a', None); task = asyncio.create_task(f())",
    ],
)
def test_what_plain_python_would_refuse_of_a_stand_in(makes: str) -> None:
    proof = proof_of(
        f"""
        async def read(self, urls):
            {makes}
            await asyncio.wait([task], timeout=1)
        """
    )
    assert proof.word == PROVED, proof.verdict

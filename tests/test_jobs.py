"""Several processes find the same as one, and one that dies takes nothing with it but its file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import samples
from command import Asyncwait

from flake8_asyncwait.commands import jobs
from flake8_asyncwait.commands.examine import Examined, Task, examine, failed
from flake8_asyncwait.commands.jobs import examine_all, spread
from flake8_asyncwait.options import Options

pytestmark = pytest.mark.lowest

LEAK = (
    "import asyncio\n\n\nasync def f(job):\n"
    "    await asyncio.wait({asyncio.create_task(job())}, timeout=1)\n"
)
posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has such signals")

NAMES = [f"{letter}.py" for letter in "abcdef"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six files with a leak, one that is broken, and one without a wait; the working directory."""
    for name in NAMES:
        (tmp_path / name).write_text(LEAK)
    (tmp_path / "broken.py").write_text(f"{LEAK}def")
    (tmp_path / "plain.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def die_on_c(path: str, task: Task | None = None) -> Examined:
    """What a process does that is killed while it looks at c.py, as where memory has run out."""
    if os.path.basename(path) == "c.py":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return Examined(path) if task is None else examine(path, task)


def takes_too_much(path: str, task: Task) -> Examined:
    """What a process does that needs more memory for much.py than it may have."""
    much = bytearray(500 << 20) if os.path.basename(path) == "much.py" else b""
    return Examined(path) if much else examine(path, task)


def exit_on_all(_: str) -> Examined:
    """What a process does that always ends by itself."""
    sys.exit(3)


def pid(_: str, task: Task | None = None) -> Examined:  # noqa: ARG001
    """Which process looks at a file: instead of its name."""
    return Examined(str(os.getpid()))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("number", ["2", "100", "auto"])
def test_the_number_of_processes_changes_nothing(asyncwait: Asyncwait, number: str) -> None:
    alone = asyncwait("check", "--jobs=1", "--statistics", ".")
    assert (alone.status, len(alone.places), len(alone.err)) == (2, len(NAMES), 1)
    assert asyncwait("check", f"--jobs={number}", "--statistics", ".") == alone


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("number", ["2", "auto"])
def test_nor_does_it_for_a_fix(asyncwait: Asyncwait, number: str) -> None:
    alone = asyncwait("fix", "--jobs=1", "--diff", ".")
    assert alone.status == 2
    assert asyncwait("fix", f"--jobs={number}", "--diff", ".") == alone


@pytest.mark.usefixtures("project")
def test_a_process_that_dies_is_reported_and_the_others_go_on(
    asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "examine", die_on_c)
    run = asyncwait("check", "--jobs=2", *NAMES)
    assert run.status == 2
    assert [place.split(":")[0] for place in run.places] == [n for n in NAMES if n != "c.py"]
    assert len(run.err) == 1
    assert run.err[0].startswith("c.py: not checked: its process ")


def test_results_come_in_order_whatever_happens() -> None:
    results = list(spread(die_on_c, NAMES, 3, failed))
    assert [result.path for result in results] == NAMES
    assert [result.path for result in results if result.errors] == ["c.py"]


def test_nothing_hangs_where_no_process_lives() -> None:
    results = list(spread(exit_on_all, NAMES, 2, failed))
    assert [str(error) for result in results for error in result.errors] == [
        f"{name}: not checked: its process ended with 3" for name in NAMES
    ]


def test_who_has_seen_enough_may_stop() -> None:
    results = spread(pid, NAMES, 2, failed)
    assert next(results).path != str(os.getpid())
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", ["check", "fix --diff"])
def test_no_process_runs_what_is_in_the_working_directory(
    project: Path, asyncwait: Asyncwait, command: str
) -> None:
    for name in ("multiprocessing", "pickle", "signal", "socket"):
        (project / f"{name}.py").write_text("open('ran', 'w')\n")
    assert asyncwait(*command.split(), "--jobs", "2", *NAMES).status == 1
    assert not (project / "ran").exists()


def test_one_file_takes_no_other_process() -> None:
    assert [result.path for result in spread(pid, ["a.py"], 8, failed)] == [str(os.getpid())]


def never_done(path: str, task: Task) -> Examined:  # noqa: ARG001
    """What a process does that looks at a file for longer than any of the tests waits."""
    sys.stdout.write(f"{path}\n")  # at once: another process writes there, too
    sys.stdout.flush()
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        pass
    return Examined(path)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("SIGINT", marks=posix),
        pytest.param("SIGTERM", marks=posix),
        "kill",  # which nothing can catch
    ],
)
def test_no_process_lives_on_when_the_command_is_killed(how: str) -> None:
    program = (
        "import signal, sys, test_jobs\n"
        "from flake8_asyncwait import cli\n"
        "from flake8_asyncwait.commands import jobs\n"
        "jobs.examine = test_jobs.never_done\n"
        # What a shell runs in the background ignores it, and so do those who are started there.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(cli.main(['check', '--jobs=2', 'a.py', 'b.py']))\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert command.stdout is not None
    assert {command.stdout.readline() for _ in range(2)} == {"a.py\n", "b.py\n"}
    if how == "kill":
        command.kill()
    else:
        command.send_signal(signal.Signals[how])
    # All of them have this output: it ends with the last of them, or the test in an error.
    assert command.communicate(timeout=60)[0] == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to such a limit")
def test_a_process_that_runs_out_of_memory_is_reported_and_the_others_go_on(project: Path) -> None:
    (project / "much.py").write_text(samples.FORGOTTEN)
    program = (
        "import resource, sys, test_jobs\n"
        "from flake8_asyncwait import cli\n"
        "from flake8_asyncwait.commands import jobs\n"
        "jobs.examine = test_jobs.takes_too_much\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "sys.exit(cli.main(['check', '--jobs=2', 'a.py', 'much.py', 'b.py', 'c.py']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 2
    assert [line[:5] for line in done.stdout.splitlines()[:3]] == ["a.py:", "b.py:", "c.py:"]
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("much.py"))
    assert error.startswith(("much.py: not checked", "much.py: not enough memory"))


@posix
@pytest.mark.usefixtures("project")
def test_more_processes_than_the_system_gives() -> None:
    program = (
        "import resource, sys\n"
        "from flake8_asyncwait import cli\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))\n"
        "sys.exit(cli.main(['check', '--jobs=6', '.']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--jobs: too many open files\n"


class TestAuto:
    @pytest.fixture(autouse=True)
    def work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "examine", pid)
        monkeypatch.setattr(jobs, "_processors", lambda: 2)

    @pytest.mark.usefixtures("project")
    def test_little_work_stays_in_one_process(self) -> None:
        here = {result.path for result in examine_all(NAMES, Task(Options()), None)}
        assert here == {str(os.getpid())}

    @pytest.mark.usefixtures("project")
    def test_much_work_is_spread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "_TOLD_BY", 0)
        monkeypatch.setattr(jobs, "_PAYS_FROM", 0)
        results = examine_all(NAMES, Task(Options()), None)
        first, second, *others = (result.path for result in results)
        assert first == second == str(os.getpid())
        assert first not in others

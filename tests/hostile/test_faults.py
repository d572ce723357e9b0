"""A fix loses nothing: each file is as before, or completely fixed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import samples
from command import Asyncwait

from flake8_asyncwait.fix.project.helper import template

pytestmark = pytest.mark.portable

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has it")
FIX = [sys.executable, "-m", "flake8_asyncwait", "fix"]
FILES = 12


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package of files to fix."""
    write_package(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What its files are when nothing disturbs the fix."""
    project = tmp_path_factory.mktemp("undisturbed")
    write_package(project)
    assert subprocess.run([*FIX, "."], cwd=project, capture_output=True).returncode == 0
    return contents(project)


def write_package(directory: Path) -> None:
    (directory / "pyproject.toml").touch()
    (directory / "pkg").mkdir()
    (directory / "pkg" / "__init__.py").touch()
    for number in range(FILES):
        text = samples.FORGOTTEN if number % 2 else samples.NO_FINALLY
        (directory / "pkg" / f"m{number}.py").write_text(f"N = {number}\n{text}")


def contents(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((project / "pkg").glob("*.py"))}


def without_notices(stderr: str) -> list[str]:
    """The lines of stderr, but for those that name a module that was made."""
    return [line for line in stderr.splitlines() if not line.startswith("created ")]


@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_at_any_moment(
    project: Path, after: dict[str, bytes], how: signal.Signals
) -> None:
    before = contents(project)
    for _ in range(4):
        process = subprocess.Popen(
            [*FIX, "."], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(random.randrange(3)):
            process.stdout.readline()
        time.sleep(random.uniform(0, 0.05))
        process.send_signal(how)
        process.communicate()
        for name, data in contents(project).items():
            assert data in (before.get(name), after[name])
    subprocess.run([*FIX, "."], cwd=project, capture_output=True, check=False)
    assert contents(project) == after


@posix
def test_two_at_once_on_one_tree(project: Path, after: dict[str, bytes]) -> None:
    both = [
        subprocess.Popen([*FIX, "."], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [without_notices(process.communicate()[1].decode()) for process in both]
    assert contents(project) == after
    for process, errors in zip(both, told, strict=True):
        assert all(line.endswith("it was changed meanwhile") for line in errors)
        assert process.returncode == (2 if errors else 0)
    assert [path.name for path in project.rglob(".asyncwait-*")] == []


# Fixes a copy of a project on a small disk: with nothing left of it, then with one page more each
# time. Prints how each run has ended, and what is in the files, as JSON.
ON_A_FULL_DISK = """
import json, os, shutil, subprocess, sys
disk, project, *command = sys.argv[1:]
shutil.copytree(project, disk + "/project")
os.chdir(disk + "/project")
page, filler = bytes(4096), open(disk + "/filler", "ab", buffering=0)
def fill():
    try:
        while filler.write(page):
            pass
    except OSError:
        pass
runs = []
for pages in range(5):
    fill()
    filler.truncate(filler.tell() - pages * len(page))
    ran = subprocess.run(command, capture_output=True, text=True)
    files = {name: open("pkg/" + name).read() for name in os.listdir("pkg")}
    runs.append((ran.returncode, ran.stderr, files))
print(json.dumps(runs))
"""


def test_a_full_disk(
    project: Path, after: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A small disk that only one process sees."""
    disk = tmp_path_factory.mktemp("disk")
    mount = f"mount -t tmpfs -o size=256k tmpfs '{disk}'"
    mounted = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    try:
        subprocess.run([*mounted, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk may be mounted here: {error}")
    before = contents(project)
    ran = subprocess.run(
        [*mounted, sys.executable, "-c", ON_A_FULL_DISK, disk, project, *FIX, "."],
        capture_output=True,
        text=True,
        check=True,
    )
    runs = json.loads(ran.stdout)
    for status, stderr, files in runs:
        told = without_notices(stderr)
        for name, text in files.items():
            assert text.encode() in (before.get(name), after[name])
        assert all(line.endswith(": no space left on device") for line in told)
        assert status == (2 if told else 0)
    (first, *_, last) = runs
    assert (first[0], set(first[2])) == (2, set(before))
    assert {name: text.encode() for name, text in last[2].items()} == after


def test_read_only_files_are_left_and_the_others_fixed(asyncwait: Asyncwait, project: Path) -> None:
    locked = project / "pkg" / "m1.py"
    before = locked.read_bytes()
    locked.chmod(0o444)
    run = asyncwait("fix")
    assert run.status == 2
    assert without_notices("\n".join(run.err)) == ["./pkg/m1.py: permission denied"]
    assert locked.read_bytes() == before
    locked.chmod(0o644)
    assert asyncwait("fix").status == 0
    assert asyncwait("check").status == 0


def test_a_file_that_changes_between_reading_and_writing(
    asyncwait: Asyncwait, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flake8_asyncwait.fix.file import FileFix

    put = FileFix.write

    def meanwhile(self: FileFix, path: str) -> None:
        if path.endswith("m2.py"):
            Path(path).write_text("mine = 1\n")
        put(self, path)

    monkeypatch.setattr(FileFix, "write", meanwhile)
    run = asyncwait("fix")
    assert run.status == 2
    assert run.err == ["./pkg/m2.py: it was changed meanwhile"]
    assert (project / "pkg" / "m2.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    "helper", ["..outside:wait_any", "pkg...outside:wait_any", "../outside:wait_any", "/x/y:wait"]
)
def test_a_helper_that_climbs_out(asyncwait: Asyncwait, project: Path, helper: str) -> None:
    before = contents(project)
    run = asyncwait("fix", f"--helper={helper}")
    assert run.status == 2
    assert "is not of the form pkg.module:name" in run.err[-1]
    assert contents(project) == before


@posix
def test_a_package_that_leads_out(asyncwait: Asyncwait, project: Path) -> None:
    """The helper would be made where the link leads: that is an error, and nothing is written."""
    outside = project.parent / f"{project.name}-outside"
    outside.mkdir()
    (outside / "__init__.py").touch()
    (project / "vendored").symlink_to(outside)
    before = contents(project)
    run = asyncwait("fix", "--helper=vendored.tools:wait_any")
    assert run.status == 2
    assert "is outside" in run.err[-1]
    assert contents(project) == before
    assert os.listdir(outside) == ["__init__.py"]


@pytest.mark.parametrize("text", ["", "wait_any = None\n", template().replace("cancel()", "x()")])
def test_helper_modules_are_never_overwritten(
    asyncwait: Asyncwait, project: Path, text: str
) -> None:
    helper = project / "pkg" / "_wait_any.py"
    helper.write_text(text)
    asyncwait("fix")
    assert helper.read_text() == text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
@pytest.mark.parametrize("report", ["text", "json"])
def test_output_that_cannot_be_written(project: Path, report: str) -> None:
    command = [sys.executable, "-m", "flake8_asyncwait", "check", "--output-format", report, "."]
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            command, cwd=project, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (run.returncode, run.stderr) == (2, "standard output: no space left on device\n")

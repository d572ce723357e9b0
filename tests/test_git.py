"""What git knows of a file is asked without running what a repository names."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flake8_asyncwait.source.git import is_untracked

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="it is about git"),
    pytest.mark.portable,
]

KNOWN, UNKNOWN = "pkg/__init__.py", "pkg/_wait_any.py"


def git(directory: Path, *arguments: str) -> str:
    """The output of git, which sees no settings but those of the repository."""
    who = ("user.name=A", "user.email=a@example.org", "protocol.file.allow=always")
    options = [word for setting in who for word in ("-c", setting)]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    done = subprocess.run(
        ["git", *options, *arguments],
        cwd=directory,
        env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    """A repository with a package: one of its files is not tracked."""
    root = tmp_path / "honest"
    for name in (KNOWN, UNKNOWN):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    git(root, "init", "-q")
    git(root, "add", KNOWN)
    git(root, "commit", "-qm", "start")
    return root


def untracked(root: Path) -> list[str]:
    """The files of a package that are said to be untracked."""
    return [name for name in (KNOWN, UNKNOWN) if is_untracked(str(root / name))]


# Each makes a directory of the repository, or itself, run a command for who asks git there.


def bare_repository(root: Path, command: str) -> None:
    """The package is a bare repository, which can be tracked as any other directory."""
    package = root / "pkg"
    for name in ("objects", "refs"):
        (package / name).mkdir()
    (package / "HEAD").write_text("ref: refs/heads/main\n")
    (package / "config").write_text(
        "[core]\nrepositoryformatversion = 0\nbare = false\nworktree = ..\n"
        f'fsmonitor = "{command}"\n'
    )


def configuration(root: Path, command: str) -> None:
    """The repository came with its `.git`, as out of an archive."""
    git(root, "config", "core.fsmonitor", command)


def missing_objects(root: Path, command: str) -> None:
    """The index needs an object that is not there, and the remote to get it from is a program."""
    (root / "other").mkdir()
    (root / "other" / "x.py").touch()
    git(root, "add", "other")
    git(root, "commit", "-qm", "other")
    git(root, "sparse-checkout", "init", "--cone", "--sparse-index")
    git(root, "sparse-checkout", "set", "other")
    tree = git(root, "rev-parse", "HEAD:pkg")
    (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(root),
        "remote.origin.uploadPack": command,
    }.items():
        git(root, "config", name, value)


@pytest.mark.parametrize("trap", [bare_repository, configuration, missing_objects])
def test_nothing_that_a_repository_names_is_run(
    honest: Path, tmp_path: Path, trap: Callable[[Path, str], None]
) -> None:
    ran = tmp_path / "ran"
    trap(honest, f"touch '{ran}'; false")
    directory = honest / "pkg"
    directory.mkdir(exist_ok=True)
    subprocess.run(["git", "ls-files", "x"], cwd=directory, capture_output=True, check=False)
    if not ran.exists():
        pytest.skip("this git falls into no such trap")
    ran.unlink()
    assert UNKNOWN in untracked(honest)
    assert not ran.exists()


def test_a_work_tree_beside_the_first_one(honest: Path) -> None:
    other = honest.parent / "other"
    git(honest, "worktree", "add", "-q", str(other))
    assert untracked(other) == [UNKNOWN]
    git(other, "rm", "-q", "--cached", KNOWN)
    assert (untracked(other), untracked(honest)) == ([KNOWN, UNKNOWN], [UNKNOWN])


def test_a_submodule(honest: Path) -> None:
    around = honest.parent / "around"
    around.mkdir()
    git(around, "init", "-q")
    git(around, "submodule", "--quiet", "add", str(honest), "inner")
    assert (around / "inner" / ".git").is_file()
    assert untracked(around / "inner") == [UNKNOWN]


def test_a_path_through_a_link_and_names_that_are_patterns(honest: Path) -> None:
    (honest.parent / "link").symlink_to(honest / "pkg")
    assert not is_untracked(str(honest.parent / "link" / "__init__.py"))
    assert is_untracked(str(honest / "pkg" / "*.py"))


def test_where_nobody_can_say(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (honest / "pkg" / ".git").mkdir()
    assert untracked(honest) == []  # git does not take it for a repository
    (honest / "pkg" / ".git").rmdir()
    monkeypatch.setenv("PATH", ".")
    (honest / "git").write_text("#!/bin/sh\nexit 1\n")
    (honest / "git").chmod(0o755)
    monkeypatch.chdir(honest)
    assert untracked(honest) == []
    monkeypatch.setenv("PATH", "")
    assert untracked(honest) == []


def test_a_hook_of_a_commit(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git names the index that is about to be committed, and may name its repository."""
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index")
    monkeypatch.setenv("GIT_DIR", str(honest / "nowhere"))
    monkeypatch.chdir(honest.parent)  # the hook of another repository
    assert untracked(honest) == [UNKNOWN]
    monkeypatch.chdir(honest)
    assert untracked(honest) == [KNOWN, UNKNOWN]

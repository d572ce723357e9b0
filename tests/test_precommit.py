"""The hooks, run by pre-commit itself in a project that takes them from this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import samples

from flake8_asyncwait import __version__

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "docs" / "how-to" / "pre-commit.md", ROOT / "docs" / "tutorial.md"]
PACKAGED = (".pre-commit-hooks.yaml", "LICENSE", "README.md", "flake8_asyncwait", "pyproject.toml")

# What git says of this repository, where the tests run from a hook of it, is not for the others.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

# pre-commit builds an environment for the hooks, with pip and what our package depends on.
pytestmark = [pytest.mark.network, pytest.mark.portable]


def git(directory: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgSign=0")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit_all(directory: Path) -> str:
    """Make a repository of a directory, or one more commit in it; its name."""
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--no-verify", "--allow-empty", "--message=test")
    return git(directory, "rev-parse", "HEAD")


class Hooks(NamedTuple):
    """This repository, as others find it, and where pre-commit keeps what it builds from it."""

    repository: Path
    revision: str
    home: Path

    def run(self, hook: str, project: Path) -> tuple[int, str]:
        """The exit status and the output of a hook over all files of a project."""
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", hook, "--all-files", "--color=never"],
            cwd=project,
            env={**ENVIRONMENT, "PRE_COMMIT_HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode in (0, 1), f"pre-commit could not run:\n{done.stdout}"
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    """Made from the files here, committed or not: the tests may run where there is no `.git`."""
    repository = tmp_path_factory.mktemp("repository")
    for name in PACKAGED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, repository / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, repository / name)
    commit_all(repository)
    release = f"v{__version__}"  # as CONTRIBUTING.md says, and as the guide names it
    git(repository, "tag", release)
    assert all(f"    rev: {release}\n" in page.read_text("utf-8") for page in PAGES)
    return Hooks(repository, release, tmp_path_factory.mktemp("home"))


Project = Callable[[str], Path]


@pytest.fixture
def project(hooks: Hooks, tmp_path: Path) -> Project:
    """A project with a package of one module, and both hooks."""

    def make(module: str) -> Path:
        (tmp_path / ".pre-commit-config.yaml").write_text(
            f"repos:\n- repo: {hooks.repository}\n  rev: {hooks.revision}\n"
            "  hooks:\n  - id: asyncwait\n  - id: asyncwait-fix\n"
        )
        (tmp_path / "pkg").mkdir()
        (tmp_path / "pkg" / "__init__.py").touch()
        (tmp_path / "pkg" / "first.py").write_text(module)
        commit_all(tmp_path)
        return tmp_path

    return make


@pytest.mark.parametrize("hook", ["asyncwait", "asyncwait-fix"])
def test_a_clean_project_passes(hooks: Hooks, project: Project, hook: str) -> None:
    root = project(samples.CURED)
    status, out = hooks.run(hook, root)
    assert (status, out.split(".")[-1].strip()) == (0, "Passed")
    assert git(root, "status", "--porcelain") == ""


def test_a_leak_is_reported(hooks: Hooks, project: Project) -> None:
    root = project(samples.FORGOTTEN)
    status, out = hooks.run("asyncwait", root)
    assert status == 1
    assert f"pkg/first.py:{samples.FORGOTTEN_PLACE}" in out
    assert git(root, "status", "--porcelain") == ""


def test_a_leak_is_fixed_and_then_the_project_passes(hooks: Hooks, project: Project) -> None:
    root = project(samples.FORGOTTEN)
    status, out = hooks.run("asyncwait-fix", root)
    assert status == 1
    assert "files were modified by this hook" in out
    assert git(root, "status", "--porcelain") == "M pkg/first.py\n?? pkg/_wait_any.py"
    assert "created pkg/_wait_any.py (add it to version control)" in out
    git(root, "add", "--update")
    status, out = hooks.run("asyncwait-fix", root)
    assert status == 1
    assert "pkg/_wait_any.py: made by a fix, and not under version control: add it" in out
    commit_all(root)
    for hook in ("asyncwait", "asyncwait-fix"):
        assert hooks.run(hook, root)[0] == 0
    assert git(root, "status", "--porcelain") == ""


def test_what_cannot_be_fixed_is_told(hooks: Hooks, project: Project) -> None:
    root = project(samples.BORROWED)
    status, out = hooks.run("asyncwait-fix", root)
    assert status == 1
    assert "AWT104" in out
    assert git(root, "status", "--porcelain") == ""

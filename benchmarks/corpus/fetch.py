"""Download the archives that the labels name, check them, and unpack their Python files.

DIR/archives/ gets the wheels, DIR/src/PACKAGE-VERSION/ their *.py files. Nothing is built or run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.corpus.labels import Label


class FetchError(Exception):
    """An archive cannot be had, has another sha256, or lacks a labelled file."""


def fetch(labels: Iterable[Label], target: Path) -> list[str]:
    """Bring every labelled file below `target`; what is unpacked already is taken as it is.

    Returns one line for each package that failed.
    """
    packages: dict[str, list[Label]] = {}
    for label in labels:
        packages.setdefault(label.archive, []).append(label)
    failures = []
    for archive, members in packages.items():
        try:
            _fetch_package(members, target)
        except (FetchError, OSError, zipfile.BadZipFile) as error:
            failures.append(f"{archive}: {error}")
    return failures


def _fetch_package(labels: list[Label], target: Path) -> None:
    """Unpack the one archive that all of `labels` name, downloading it first where need be."""
    source = target / "src"
    if all((source / label.place).is_file() for label in labels):
        return
    first = labels[0]
    archive = target / "archives" / first.archive
    if not _has_digest(archive, first.sha256):
        _download(first, archive)
    _unpack(archive, source / f"{first.package}-{first.version}")
    for label in labels:
        if not (source / label.place).is_file():
            raise FetchError(f"holds no {label.file}")


def _download(label: Label, archive: Path) -> None:
    """Download the archive of `label` to `archive` with pip. Raises FetchError."""
    archive.unlink(missing_ok=True)
    archive.parent.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    options = ["--dest", str(archive.parent), *_wheel_options(label.archive)]
    subprocess.run([*pip, *options, f"{label.package}=={label.version}"], check=False)
    if not archive.is_file():
        raise FetchError("was not downloaded")
    if not _has_digest(archive, label.sha256):
        raise FetchError("has another sha256")


def _wheel_options(archive: str) -> list[str]:
    """The pip options that pick exactly this wheel, on whatever machine and Python this runs."""
    python, abi, platform = archive.removesuffix(".whl").split("-")[-3:]
    options = ["--only-binary", ":all:", "--ignore-requires-python"]
    if platform == "any":
        return options
    if python.startswith("cp"):
        options += ["--implementation", "cp", "--python-version", f"{python[2]}.{python[3:]}"]
    else:
        options += ["--implementation", "py", "--python-version", "3.11"]
    options += ["--abi", abi]
    for one in platform.split("."):
        options += ["--platform", one]
    return options


def _has_digest(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _unpack(archive: Path, root: Path) -> None:
    """Unpack the Python files of a wheel into `root`."""
    with zipfile.ZipFile(archive) as wheel:
        wheel.extractall(root, [name for name in wheel.namelist() if name.endswith(".py")])

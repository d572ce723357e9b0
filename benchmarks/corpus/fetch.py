"""Download archives that are pinned by their sha256, and unpack their Python files.

DIR/archives/ gets the archives, DIR/src/PACKAGE-VERSION/ their *.py files. pip brings them, from
wherever it is set up to. Of wheels nothing is built or run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus.labels import Site

WHEEL = ".whl"


class FetchError(Exception):
    """An archive cannot be had, has another sha256, or lacks a labelled file."""


class Archive(NamedTuple):
    """A wheel, or a source distribution in a `.tar.gz`."""

    package: str
    version: str
    name: str
    sha256: str

    @property
    def folder(self) -> str:
        """Where its files go, below `src`."""
        return f"{self.package}-{self.version}"


def fetch(labels: Iterable[Site], target: Path) -> list[str]:
    """Bring every labelled file below `target`; what is unpacked already is taken as it is.

    Returns one line for each package that failed.
    """
    failures = []
    for archive, members in archives(labels).items():
        try:
            bring(archive, target)
            _require(members, target / "src")
        except FetchError as error:
            failures.append(f"{archive.name}: {error}")
    return failures


def archives(labels: Iterable[Site]) -> dict[Archive, list[Site]]:
    """The archives that hold labelled files, each with its labels, in the order of the labels."""
    packages: dict[Archive, list[Site]] = {}
    for label in labels:
        archive = Archive(label.package, label.version, label.archive, label.sha256)
        packages.setdefault(archive, []).append(label)
    return packages


def bring(archive: Archive, target: Path) -> Path:
    """The folder with the Python files of an archive, below `target`. They are downloaded and
    unpacked where they are not there yet. Raises `FetchError`."""
    folder = target / "src" / archive.folder
    path = target / "archives" / archive.name
    if not folder.is_dir():
        try:
            if not _has_digest(path, archive.sha256):
                _download(archive, path)
            _unpack(path, folder)
        except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise FetchError(str(error)) from error
    return folder


def _require(labels: list[Site], source: Path) -> None:
    for label in labels:
        if not (source / label.place).is_file():
            raise FetchError(f"holds no {label.file}")


def _download(archive: Archive, path: Path) -> None:
    """Download an archive to `path` with pip. Raises `FetchError`."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    is_wheel = archive.name.endswith(WHEEL)
    source = ["--no-binary", archive.package, "--ignore-requires-python"]
    kind = _wheel_options(archive.name) if is_wheel else source
    with tempfile.TemporaryDirectory() as directory:
        # With its hash, pip looks at what it has got before it asks that for its metadata.
        pin = Path(directory, "requirements.txt")
        pin.write_text(f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n")
        wanted = ["--dest", str(path.parent), "--requirement", str(pin)]
        subprocess.run([*pip, *kind, *wanted], check=False)
    if not _has_digest(path, archive.sha256):
        raise FetchError("was not downloaded")


def _wheel_options(archive: str) -> list[str]:
    """The pip options that pick exactly this wheel, on whatever machine and Python this runs."""
    python, abi, platform = archive.removesuffix(WHEEL).split("-")[-3:]
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


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the Python files of an archive into `folder`, which is there once it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as directory:
        if archive.name.endswith(WHEEL):
            with zipfile.ZipFile(archive) as wheel:
                names = [name for name in wheel.namelist() if name.endswith(".py")]
                wheel.extractall(Path(directory, "files"), names)
        else:
            with tarfile.open(archive) as tar:
                members = [one for one in tar if one.isfile() and one.name.endswith(".py")]
                tar.extractall(Path(directory, "files"), members, filter="data")
        Path(directory, "files").rename(folder)

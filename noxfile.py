"""The sessions of `nox`: everything that a change has to pass.

`nox` runs those of a change, `nox --list` names all. A Python that the machine does not have is
skipped, and said so. The tests of `newest` and `lowest` are run in what `build` has packed, so that
they show too that the source distribution is complete.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
DIST = Path("dist").absolute()

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
# Every Python once. `nox -s newest lowest` is the whole matrix.
nox.options.sessions = [
    *("style", "site", "build", "wheel"),
    *(f"{'lowest' if python == PYTHONS[0] else 'newest'}-{python}" for python in PYTHONS),
]


@nox.session
def style(session: nox.Session) -> None:
    """Types, lint and layout."""
    session.install("-e", ".[dev]")
    session.run("mypy")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def site(session: nox.Session) -> None:
    """The site of the documentation, without a warning."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", "--clean", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel and the source distribution, as an index would take them."""
    session.install("build", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST))
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))


@nox.session
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of what comes with the package. Needs a network and a service that
    knows them, so it is run by name only; what that service does not know is a failure, too."""
    session.install("pip-audit")
    session.run("pip-audit", "--strict", "--desc=off", ".")


@nox.session(python=PYTHONS, requires=["build"])
def wheel(session: nox.Session) -> None:
    """The wheel alone in an environment: nothing is missing, and each door opens."""
    session.install(str(_one("*.whl")))
    session.run(*(["uv"] if session.venv_backend == "uv" else []), "pip", "check", external=True)
    files = ("section6.py", "fixes/wait_any_loops.before.py")
    leaky, curable = (str(Path("fixtures", name).absolute()) for name in files)
    session.chdir(session.create_tmp())
    session.run("flake8", "--isolated", "--select=AWT", leaky, success_codes=[1], silent=True)
    session.run("python", "-c", "from flake8_asyncwait import wait_any")
    told = session.run(
        *("asyncwait", "check", "--isolated", "--extend-select=AWT2", "--output-format=gitlab"),
        *(leaky, curable),
        success_codes=[1],
        silent=True,
    )
    _compare_with_other_pythons(session, str(told))


def _compare_with_other_pythons(session: nox.Session, told: str) -> None:
    """The same files give the same output, whichever Python runs: the first has said it."""
    first = DIST / "told.json"
    if not first.exists():
        first.write_text(told, encoding="utf-8")
    elif first.read_text(encoding="utf-8") != told:
        session.error("another Python says something else of the same files")


@nox.session(python=PYTHONS, requires=["build"])
def newest(session: nox.Session) -> None:
    """The tests, with the newest versions of what we depend on."""
    if session.python == os.environ.get("TESTED_PYTHON"):
        session.skip("tested already by the command of the README")
    _tests(session)


@nox.session(python=PYTHONS, requires=["build"])
def lowest(session: nox.Session) -> None:
    """The tests, with the lowest versions that `pyproject.toml` allows."""
    if session.python in ("3.14", "3.15"):
        session.skip("the lowest libcst is not built for it")
    project = PYPROJECT["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    _tests(session, *(name.replace(">=", "==") for name in needed))


def _tests(session: nox.Session, *requirements: str) -> None:
    """The tests of the source distribution, unpacked."""
    left_out = _left_out(session)
    if "lowest" not in left_out and shutil.which("nvim") is None:
        session.warn("there is no nvim: the test with a real editor is skipped")
    with tempfile.TemporaryDirectory() as directory:  # not below here, where git ignores things
        with tarfile.open(_one("*.tar.gz")) as archive:
            archive.extractall(directory, filter="data")
        with session.chdir(next(Path(directory).iterdir())):
            session.install("-e", ".[test]", *requirements)
            chosen = " and ".join(f"not {mark}" for mark in left_out)
            options = ["-n", "2", "-m", chosen, *session.posargs]
            session.run("python", "-m", "pytest", *options)


def _left_out(session: nox.Session) -> list[str]:
    """The marks of the long tests that a Python leaves out: the newest runs those that a new Python
    may change, the oldest those that change with what we depend on, as it has the lowest versions.
    """
    oldest, *_, newest = PYTHONS
    long = {"judged": newest, "lowest": oldest}
    return ["portable", *(mark for mark, python in long.items() if session.python != python)]


def _one(pattern: str) -> Path:
    """The one file that `build` has made of a kind."""
    (path,) = DIST.glob(pattern)
    return path

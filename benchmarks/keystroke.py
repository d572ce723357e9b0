"""From keystroke to diagnostics: `asyncwait server` beside python-lsp-server, which asks flake8.

    python -m benchmarks.keystroke [--edits N] [--memory N]

Opens a file of 1,000 lines with three waits in both servers, types a letter, and measures how long
it takes until diagnostics come, in turn. An edit is made only when the diagnostics of the one
before are there. Then it makes so many edits for the memory of `asyncwait server` and its
processes, with requests in between, and prints what they hold on the way (Linux only).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

import samples  # noqa: E402
from editor import ABLE, Editor, at, between  # noqa: E402

LINES = 1_000
WARM = 5  # edits that are not measured
FLAKE8 = {"enabled": True, "maxLineLength": 100}
OTHERS = {name: {"enabled": False} for name in ("mccabe", "pycodestyle", "pyflakes")}
# One edit changes a letter of the first function with a wait.
WAITS = (samples.NO_FINALLY, samples.FORGOTTEN, samples.CURED)
FILLER = """\


async def handle_{0}(request, limits):
    total = 0
    for number, item in enumerate(request.items):
        if item.size > limits.get(number, 0):
            total += await item.read()
    return total
"""


def text() -> str:
    """A file of so many lines, with its waits at the beginning, in the middle and at the end."""
    places = {0: 0, LINES // 2: 1, LINES - 60: 2}
    lines = ["import asyncio"]
    for number in range(LINES):
        due = [place for place in places if len(lines) >= place]
        for place in due:
            lines += ["", "", *WAITS[places.pop(place)].splitlines()[3:]]
        lines += FILLER.format(number).splitlines()
        if len(lines) > LINES - 12 and not places:
            break
    lines += ["# the end"] * (LINES - len(lines))
    return "\n".join(lines) + "\n"


class Typist:
    """An editor whose user types in one document, a letter at a time."""

    def __init__(self, editor: Editor, directory: Path) -> None:
        self.editor = editor
        self.uri = (directory / "long.py").as_uri()
        self._version = 1
        editor.start(directory, **ABLE)
        # Only python-lsp-server reads these.
        settings = {"pylsp": {"plugins": {"flake8": FLAKE8, **OTHERS}}}
        editor.tell("workspace/didChangeConfiguration", settings=settings)
        content = text()
        (directory / "long.py").write_text(content, encoding="utf-8")
        lines = content.splitlines()
        self._line = next(n for n, line in enumerate(lines) if "return done" in line)
        editor.open(self.uri, content)
        editor.diagnostics(self.uri)

    def type(self) -> None:
        """Add a letter to a name, or take it away."""
        self._version += 1
        place = self._line, len("    return done")
        if self._version % 2:
            change = {"range": between(place, (place[0], place[1] + 1)), "text": ""}
        else:
            change = {"range": between(place, place), "text": "x"}
        self.editor.type(self.uri, self._version, change)

    def keystroke(self) -> float:
        """The seconds from an edit to its diagnostics."""
        started = time.perf_counter()
        self.type()
        self.editor.diagnostics(self.uri)
        return time.perf_counter() - started

    def ask(self) -> None:
        """Ask what an editor asks while somebody moves about."""
        document = {"uri": self.uri}
        place = at(self._line, 4)
        self.editor.request("textDocument/hover", textDocument=document, position=place)
        self.editor.request(
            "textDocument/codeAction",
            textDocument=document,
            range=between((0, 0), (LINES, 0)),
            context={"diagnostics": []},
        )


def latency(typists: dict[str, Typist], edits: int) -> None:
    """Print how long the diagnostics of each take, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in typists}
    for number in range(WARM + edits):
        for name, typist in typists.items():
            seconds = typist.keystroke()
            if number >= WARM:
                taken[name].append(seconds)
    for name, every in taken.items():
        shown = (
            f"median {median(every) * 1000:.0f} ms, 90 % {quantiles(every, n=10)[-1] * 1000:.0f}"
        )
        print(f"{name}: {shown} ms, {edits} edits of {LINES:,} lines", flush=True)


def memory(typist: Typist, edits: int) -> None:
    """Print what the server and its processes hold after more and more edits."""
    marks = {edits * share // 10 for share in (1, 2, 4, 6, 8, 10)}
    for number in range(1, edits + 1):
        typist.type()
        if number % 50 == 0:
            typist.ask()
        if number % 10 == 0 or number in marks:
            typist.keystroke()
        if number in marks:
            server, *workers = (_mebibytes(each) for each in _family(typist.editor.process.pid))
            held = " + ".join(f"{each:.0f}" for each in workers)
            print(
                f"after {number:,} edits: server {server:.0f} MiB, workers {held} MiB", flush=True
            )


def _family(pid: int) -> Iterator[int]:
    """A process, and those that it has started, and they again."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        yield from _family(int(child))
    for thread in Path(f"/proc/{pid}/task").iterdir():
        if thread.name != str(pid):
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))


def _mebibytes(pid: int) -> float:
    """What a process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (held,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(held) / 1024


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keystroke", description="From keystroke to diagnostics."
    )
    parser.add_argument("--edits", type=int, default=50, help="that are measured")
    parser.add_argument("--memory", type=int, default=10_000, help="edits; 0 for none")
    arguments = parser.parse_args()
    commands = {
        "asyncwait server": ("flake8_asyncwait", "server"),
        "pylsp with flake8": ("pylsp",),
    }
    with tempfile.TemporaryDirectory() as directory:
        places = {name: Path(directory, command[0]) for name, command in commands.items()}
        for place in places.values():
            place.mkdir()
        editors = {name: Editor(places[name], *command) for name, command in commands.items()}
        try:
            typists = {name: Typist(each, places[name]) for name, each in editors.items()}
            latency(typists, arguments.edits)
            if arguments.memory:
                memory(typists["asyncwait server"], arguments.memory)
        finally:
            for each in editors.values():
                each.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())

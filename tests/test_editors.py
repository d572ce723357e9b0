"""Real editors, and one that plays their part: what they show, and what they write."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import samples
from editor import ABLE, Editor, Message, at, between

from flake8_asyncwait.commands.examine import Task, examine
from flake8_asyncwait.options import Options

pytestmark = pytest.mark.lowest

FLAKE8 = {"enabled": True, "extendSelect": ["AWT201"], "maxLineLength": 100}
OTHERS = {key: {"enabled": False} for key in ["mccabe", "pycodestyle", "pyflakes"]}
SETTINGS = {"pylsp": {"plugins": {"flake8": FLAKE8, **OTHERS}}}
PLAIN = ["--headless", "-i", "NONE", "-n"]
SCRIPT = Path(__file__).with_name("neovim.lua")
PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "editors.md"
LUA = re.compile(r"^```lua.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def served(directory: Path, *command: str) -> Iterator[Editor]:
    """An editor with a server, which has to end as it should."""
    editor = Editor(directory, *command)
    try:
        editor.start(directory, **ABLE)
        yield editor
        assert editor.leave() == 0
    finally:
        editor.kill()


# python-lsp-server, which asks flake8


@pytest.fixture
def pylsp(tmp_path: Path) -> Iterator[Editor]:
    for editor in served(tmp_path, "pylsp"):
        editor.tell("workspace/didChangeConfiguration", settings=SETTINGS)
        yield editor


def shown(diagnostics: list[Message]) -> list[tuple[str, str, int, int]]:
    """Source, code, line and column from 0, of each."""
    starts = [(one, one["range"]["start"]) for one in diagnostics]
    return [(one["source"], one["code"], at["line"], at["character"]) for one, at in starts]


def test_findings_come_and_go_as_one_types(pylsp: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "first.py").as_uri()
    pylsp.open(uri, samples.FORGOTTEN)
    found = pylsp.diagnostics(uri)
    assert shown(found) == [("flake8", "AWT101", 6, 20)]
    assert "may leave 'a' running" in found[0]["message"]
    pylsp.type(uri, 2, samples.CURED)
    assert pylsp.diagnostics(uri) == []
    pylsp.type(uri, 3, samples.FULL_WAIT)
    assert shown(pylsp.diagnostics(uri)) == [("flake8", "AWT201", 6, 10)]


# asyncwait server


def test_neovim_cures_a_file(tmp_path: Path) -> None:
    """With the configuration of the page about editors the file equals what a fix writes."""
    neovim = shutil.which("nvim")
    if neovim is None:
        pytest.skip("needs nvim: on Debian, apt-get install neovim")
    for name in ("edited", "fixed"):
        package = tmp_path / name / "pkg"
        package.mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").touch()
        (package / "__init__.py").touch()
        (package / "first.py").write_text(samples.FORGOTTEN)
    init, seen = tmp_path / "init.lua", tmp_path / "seen.json"
    (told,) = (text for text in LUA.findall(PAGE.read_text("utf-8")) if "start_client" in text)
    init.write_text(told)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(tmp_path))
    subprocess.run(
        [neovim, *PLAIN, "-u", init, "-c", f"luafile {SCRIPT}", "pkg/first.py"],
        cwd=tmp_path / "edited",
        env={**os.environ, **homes, "PATH": tools, "SEEN": str(seen)},
        check=True,
        timeout=240,
        capture_output=True,
    )
    found = json.loads(seen.read_text())["diagnostic"]
    assert (found["line"], found["column"]) == (6, 20)
    fix = [sys.executable, "-m", "flake8_asyncwait", "fix", str(tmp_path / "fixed")]
    subprocess.run(fix, check=True, capture_output=True)
    for name in ("first.py", "_wait_any.py"):
        edited, fixed = (tmp_path / which / "pkg" / name for which in ("edited", "fixed"))
        assert edited.read_bytes() == fixed.read_bytes()


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Editor]:
    pytest.importorskip("pygls", reason="needs the extra `server`")
    yield from served(tmp_path, "flake8_asyncwait", "server")


class Typist:
    """Somebody who edits a document at random, and goes back to one that is Python in between."""

    PIECES = (samples.NO_FINALLY, samples.FORGOTTEN, samples.CURED, samples.BORROWED)
    WORDS = ("😀 = 1", "#", "\n", "    ", "(", ")", "x = 1\n", "pass", "'", "\r\n", "# noqa\n")

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.text = "\n\n".join(self.PIECES)

    def edit(self) -> Message | str:
        """Change the text; returns the change as the protocol has it."""
        before = self.text
        start, end, new = self._edit()
        self.text = before[:start] + new + before[end:]
        if "\r" in self.text.replace("\r\n", ""):  # half of a line end cannot be told
            self.text = self.text.replace("\r", "")
            return self.text
        return {"range": between(_place(before, start), _place(before, end)), "text": new}

    def _edit(self) -> tuple[int, int, str]:
        if self.chance.random() < 0.4:
            return 0, len(self.text), "\n\n".join(self.chance.sample(self.PIECES, 2))
        start = self.chance.randrange(len(self.text) + 1)
        end = min(len(self.text), start + self.chance.choice([0, 0, 0, 1, 5, 40]))
        return start, end, self.chance.choice(self.WORDS)

    def ask(self, editor: Editor, uri: str) -> None:
        """Ask something, and do not wait for the answer."""
        document = {"uri": uri}
        if self.chance.random() < 0.2:
            place = at(self.chance.randrange(40), self.chance.randrange(40))
            editor.request("textDocument/hover", textDocument=document, position=place)
        if self.chance.random() < 0.1:
            editor.request(
                "textDocument/codeAction",
                textDocument=document,
                range=between((0, 0), (40, 0)),
                context={"diagnostics": []},
            )


def _place(text: str, offset: int) -> tuple[int, int]:
    """A line and a character of it from 0, in units of UTF-16."""
    *lines, last = text[:offset].replace("\r\n", "\n").split("\n")
    return len(lines), len(last.encode("utf-16-le")) // 2


@pytest.mark.parametrize("edits", [20, pytest.param(100, marks=pytest.mark.portable)])
def test_random_edits_and_requests(restless: Editor, tmp_path: Path, edits: int) -> None:
    """Whenever the text is Python the editor shows what the command prints."""
    typist = Typist(edits)
    path = tmp_path / "first.py"
    path.touch()
    restless.open(path.as_uri(), typist.text)
    compared = 0
    for version in range(2, edits + 2):
        restless.type(path.as_uri(), version, typist.edit())
        typist.ask(restless, path.as_uri())
        if typist.chance.random() < 0.3:
            continue  # types on
        found = restless.diagnostics(path.as_uri(), version)
        if _is_python(typist.text):
            path.write_bytes(typist.text.encode())
            told = [each.finding for each in examine(str(path), Task(Options())).entries]
            starts = [(each["range"]["start"]["line"] + 1, each["code"]) for each in found]
            assert starts == [(each.line, each.code) for each in told]
            compared += 1
    assert compared > edits // 5


def _is_python(text: str) -> bool:
    try:
        compile(text, "first.py", "exec")
    except SyntaxError:
        return False
    return True

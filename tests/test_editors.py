"""An editor's side of python-lsp-server: what it shows of our findings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples

pytestmark = pytest.mark.thorough

FLAKE8 = {"enabled": True, "extendSelect": ["AWT201"], "maxLineLength": 100}
OTHERS = {key: {"enabled": False} for key in ["mccabe", "pycodestyle", "pyflakes"]}
SETTINGS = {"pylsp": {"plugins": {"flake8": FLAKE8, **OTHERS}}}


class Server:
    """python-lsp-server as an editor talks to it: messages with a header, over its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.input, self.output = process.stdin, process.stdout
        self._ask("initialize", rootUri=root.as_uri(), capabilities={})
        self.tell("initialized")
        self.tell("workspace/didChangeConfiguration", settings=SETTINGS)

    def leave(self) -> None:
        self._ask("shutdown")
        self.tell("exit")

    def diagnostics(self) -> list[dict[str, Any]]:
        """The next ones that the server sends of any file."""
        while True:
            message = self._receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def tell(self, method: str, **params: object) -> None:
        self._send(method=method, params=params)

    def _ask(self, method: str, **params: object) -> None:
        self._send(id=method, method=method, params=params)
        while self._receive().get("id") != method:
            pass

    def _send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.input.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self.output.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(self.output.read(length))
        return message


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-m", "pylsp"],
        cwd=tmp_path,
        env={**os.environ, "PATH": tools, "HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            server = Server(process, tmp_path)
            yield server
            server.leave()
            assert process.wait(60) == 0
        finally:
            process.kill()


def shown(diagnostics: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    """Source, code, line and column from 0, of each."""
    starts = [(one, one["range"]["start"]) for one in diagnostics]
    return [(one["source"], one["code"], at["line"], at["character"]) for one, at in starts]


def test_findings_come_and_go_as_one_types(server: Server, tmp_path: Path) -> None:
    uri = (tmp_path / "first.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": samples.FORGOTTEN}
    server.tell("textDocument/didOpen", textDocument=document)
    found = server.diagnostics()
    assert shown(found) == [("flake8", "AWT101", 6, 20)]
    assert "may leave 'a' running" in found[0]["message"]

    def typed(text: str, version: int) -> list[tuple[str, str, int, int]]:
        changed = {"uri": uri, "version": version}
        server.tell("textDocument/didChange", textDocument=changed, contentChanges=[{"text": text}])
        return shown(server.diagnostics())

    assert typed(samples.CURED, 2) == []
    assert typed(samples.FULL_WAIT, 3) == [("flake8", "AWT201", 6, 10)]

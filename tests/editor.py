"""An editor's side of a language server, for tests: messages with a header, over its pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class EditorError(Exception):
    """The error that a server has answered with: its code and its message."""


class Editor:
    """An editor that has started a server, which is a module of Python, in a directory.

    What the server sends while something else is waited for is kept, in its order.
    """

    def __init__(self, directory: Path, *command: str, **environment: str) -> None:
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.log = directory / "log.txt"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=directory,
                env={**os.environ, "PATH": tools, "HOME": str(directory), **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        self._notifications: deque[Message] = deque()
        self._answers: dict[int, Message] = {}
        self._last = 0
        self.requests: list[Message] = []  # those of the server, which are answered with null
        self.capabilities: Message = {}

    def start(self, *folders: Path, **capabilities: object) -> None:
        """Begin a session; `capabilities` are those of the editor."""
        uris = [{"uri": each.as_uri(), "name": each.name} for each in folders]
        answer = self.ask(
            "initialize",
            processId=os.getpid(),
            rootUri=uris[0]["uri"] if uris else None,
            workspaceFolders=uris or None,
            capabilities=capabilities,
        )
        self.capabilities = answer["capabilities"]
        self.tell("initialized")

    def leave(self) -> int:
        """End the session; returns the exit status of the server."""
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(60)

    def kill(self) -> None:
        """End the server, whatever it does."""
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()

    def tell(self, method: str, **params: object) -> None:
        """Send a notification."""
        self._send(method=method, params=params)

    def ask(self, method: str, **params: object) -> Any:
        """The answer to a request. Raises `EditorError`."""
        return self.answer(self.request(method, **params))

    def request(self, method: str, **params: object) -> int:
        """Send a request, and return its number."""
        self._last += 1
        # pylsp takes an empty list of parameters for one too many
        self._send(id=self._last, method=method, **({"params": params} if params else {}))
        return self._last

    def answer(self, number: int) -> Any:
        """The answer to the request of a number. Raises `EditorError`."""
        while number not in self._answers:
            self._receive()
        message = self._answers.pop(number)
        if "error" in message:
            raise EditorError(message["error"]["code"], message["error"]["message"])
        return message["result"]

    def told(self, method: str, **params: object) -> Message:
        """The next notification of a method whose parameters have these values."""
        while True:
            for message in self._notifications:
                found: Message = message["params"]
                if message["method"] == method and params.items() <= found.items():
                    self._notifications.remove(message)
                    return found
            self._receive()

    # Documents

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.tell("textDocument/didOpen", textDocument=item)

    def type(self, uri: str, version: int, *changes: Message | str) -> None:
        """Change a document: by whole texts, or by parts with a range."""
        parts = [{"text": each} if isinstance(each, str) else each for each in changes]
        document = {"uri": uri, "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=parts)

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", textDocument={"uri": uri})

    def diagnostics(self, uri: str, version: int | None = None) -> list[Message]:
        """The next diagnostics of a document that the server sends unasked."""
        wanted: Message = {"uri": uri} | ({} if version is None else {"version": version})
        found = self.told("textDocument/publishDiagnostics", **wanted)
        diagnostics: list[Message] = found["diagnostics"]
        return diagnostics

    # Messages

    def _send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._input.flush()

    def _receive(self) -> None:
        """Take one message, and answer it where it is a request."""
        length = 0
        while line := self._output.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, f"the server has ended: {self.log.read_text()}"
        message: Message = json.loads(self._output.read(length))
        if "method" not in message:
            self._answers[message["id"]] = message
        elif "id" in message:
            self.requests.append(message)
            self._send(id=message["id"], result=None)
        else:
            self._notifications.append(message)


def at(line: int, character: int) -> Message:
    """A position."""
    return {"line": line, "character": character}


def between(start: tuple[int, int], end: tuple[int, int]) -> Message:
    """A range."""
    return {"start": at(*start), "end": at(*end)}

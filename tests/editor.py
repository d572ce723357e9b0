"""An editor's side of a language server, for tests: messages with a header, over its pipes."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

Message = dict[str, Any]

# In seconds: a server that says nothing for so long has forgotten to. No test waits for it.
SILENCE = 120

# What an editor says of itself that can do all that the server looks for.
ABLE: Message = {
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "tagSupport": {"valueSet": [1, 2]}},
        "codeAction": {
            "dataSupport": True,
            "disabledSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    },
    "workspace": {
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "diagnostics": {"refreshSupport": True},
    },
    "window": {"showDocument": {"support": True}},
}


class EditorError(Exception):
    """The error that a server has answered with: its code and its message."""


class Editor:
    """An editor that has started a server, which is a module of Python, in a directory.

    What the server sends while something else is waited for is kept, in its order. Where it says
    nothing more, a test fails with all that was said.
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
        self._received = b""
        self._said: deque[str] = deque(maxlen=200)
        self._notifications: deque[Message] = deque()
        self._answers: dict[int, Message] = {}
        self._last = 0
        self._open: set[str] = set()
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

    def was_told(self, method: str) -> bool:
        """Whether there is a notification of a method that nobody has asked about."""
        return any(message["method"] == method for message in self._notifications)

    # Documents

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.tell("textDocument/didOpen", textDocument=item)
        self._open.add(uri)

    def type(self, uri: str, version: int, *changes: Message | str) -> None:
        """Change a document: by whole texts, or by parts with a range."""
        parts = [{"text": each} if isinstance(each, str) else each for each in changes]
        document = {"uri": uri, "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=parts)

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", textDocument={"uri": uri})
        self._open.discard(uri)

    def close_all(self) -> None:
        """Close what is open."""
        for uri in sorted(self._open):
            self.close(uri)

    def diagnostics(self, uri: str, version: int | None = None) -> list[Message]:
        """The next diagnostics of a document that the server sends unasked."""
        wanted: Message = {"uri": uri} | ({} if version is None else {"version": version})
        found = self.told("textDocument/publishDiagnostics", **wanted)
        diagnostics: list[Message] = found["diagnostics"]
        return diagnostics

    # Messages

    def _send(self, **message: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._said.append(f"> {body!r:.300}")
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._input.flush()

    def _receive(self) -> None:
        """Take one message, and answer it where it is a request."""
        head = self._up_to(b"\r\n\r\n").lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self._received) < length:
            self._read_on()
        body, self._received = self._received[:length], self._received[length:]
        self._said.append(f"< {body!r:.300}")
        message: Message = json.loads(body)
        if "method" not in message:
            self._answers[message["id"]] = message
        elif "id" in message:
            self.requests.append(message)
            shows = message["method"] == "window/showDocument"
            self._send(id=message["id"], result={"success": True} if shows else None)
        else:
            self._notifications.append(message)

    def _up_to(self, end: bytes) -> bytes:
        while end not in self._received:
            self._read_on()
        found, _, self._received = self._received.partition(end)
        return found

    def _read_on(self) -> None:
        ready, _, _ = select.select([self._output], [], [], SILENCE)
        data = os.read(self._output.fileno(), 1 << 16) if ready else b""
        if not data:
            what = "has ended" if ready else "says nothing more"
            said = "\n".join(self._said)
            raise AssertionError(f"the server {what}:\n{said}\nlog: {self.log.read_text()}")
        self._received += data


def at(line: int, character: int) -> Message:
    """A position."""
    return {"line": line, "character": character}


def between(start: tuple[int, int], end: tuple[int, int]) -> Message:
    """A range."""
    return {"start": at(*start), "end": at(*end)}

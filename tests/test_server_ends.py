"""Nothing is left of a language server, however it ends."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import samples
from editor import ABLE, Editor

from flake8_asyncwait.server.bounded import Bounded

pytest.importorskip("pygls", reason="needs the extra `server`")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
    pytest.mark.lowest,
]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_server_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests are run by what ignores it, as nohup does, and so does the server")
    made = tmp_path / "made"
    made.mkdir()
    editor = Editor(tmp_path, "flake8_asyncwait", "server", TMPDIR=str(made))
    try:
        editor.start(tmp_path, **ABLE)
        uri = (tmp_path / "race.py").as_uri()
        editor.open(uri, samples.FORGOTTEN)
        assert editor.diagnostics(uri, 1)
        assert list(made.iterdir()) != []
        editor.process.send_signal(number)
        assert editor.process.wait(60) == -number
        assert list(made.iterdir()) == []
        assert editor.log.read_text() == ""
    finally:
        editor.kill()


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 99999999999\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"Content-Length: 100000001\r\n\r\n",
        b"x" * 20_000,
    ],
)
def test_a_message_that_nobody_could_read_ends_the_server(tmp_path: Path, header: bytes) -> None:
    """It says so, and leaves nothing."""
    made = tmp_path / "made"
    made.mkdir()
    editor = Editor(tmp_path, "flake8_asyncwait", "server", TMPDIR=str(made))
    try:
        editor.start(tmp_path, **ABLE)
        assert editor.process.stdin is not None
        editor.process.stdin.write(header)
        editor.process.stdin.flush()
        assert editor.process.wait(60) == 2
        assert list(made.iterdir()) == []
        told = editor.log.read_text().splitlines()
        assert told == [
            "asyncwait server: a message is longer than 100000000 bytes, or its header has no end"
        ]
    finally:
        editor.kill()


def test_a_long_header_is_one() -> None:
    read = Bounded(io.BytesIO(b"A: b\r\ncontent-length: 0000100000000\r\n\r\nbody"))
    assert [read.readline() for _ in range(3)] == [
        b"A: b\r\n",
        b"content-length: 0000100000000\r\n",
        b"\r\n",
    ]
    assert (read.read(2), read.readline(), read.readline()) == (b"bo", b"dy", b"")


BUSY = """
import asyncio, time
from flake8_asyncwait.server.workers import Workers

class Sleep:
    def __reduce__(self):
        return time.sleep, (3600,)

async def main():
    workers = Workers({})
    asked = asyncio.ensure_future(workers.ask("_data", Sleep()))
    while not workers._all or not all(each._process for each in workers._all):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    print(*(each._process.pid for each in workers._all), flush=True)
    await asked

asyncio.run(main())
"""


def test_a_busy_worker_ends_when_nobody_is_there_to_ask() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        workers = [int(number) for number in server.stdout.readline().split()]
        server.kill()
    assert workers
    until = time.monotonic() + 30
    while any(map(is_alive, workers)):
        assert time.monotonic() < until
        time.sleep(0.01)


def is_alive(number: int) -> bool:
    """Whether there is a process of a number, other than one that nobody has waited for."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True)
    return told.stdout.strip()[:1] not in ("", "Z")

"""The processes that do the work, so that the server itself never has to wait for any.

One that works on a text that has changed since is ended, however deep it is in its work: another
one is ready by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flake8_asyncwait.server.worker import LENGTH, PROGRAM, Answer, Question, pack, unpack

_MOST = 3  # so that two may be busy for long
_READY = 2  # that many are kept where there is nothing to do
_GRACE = 0.1  # seconds: what takes no longer is not worth a new process
_ANSWERS = 5_000  # then a process makes place for a fresh one
_log = logging.getLogger(__name__)


class WorkError(Exception):
    """What a worker could not do: `str()` says why."""


class Workers:
    """Up to `_MOST` processes. `shown` are the documents that an editor has open, by the paths of
    their files: it is looked at with every question."""

    def __init__(self, shown: Mapping[str, bytes]) -> None:
        self._shown = shown
        self._all: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._is_free = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        # A thread for each talks to it; those that are to end may still have one.
        self._threads = ThreadPoolExecutor(2 * _MOST, "worker")

    def prepare(self, most: int = _READY) -> None:
        """Start a process for the next question, if there are less than so many."""
        if len(self._all) < most and not self._is_closed:
            worker = _Worker()
            self._all.add(worker)
            self._in_the_background(self._start(worker))

    async def ask(self, work: str, *arguments: object) -> Any:
        """What a function of `work` returns. Raises `WorkError`."""
        worker = await self._take()
        message = worker.question(work, arguments, self._shown)
        loop = asyncio.get_running_loop()
        question = loop.run_in_executor(self._threads, worker.ask, message)
        try:
            answer = await asyncio.shield(question)
        except asyncio.CancelledError:
            self._in_the_background(self._let_finish(worker, question))
            raise
        except (OSError, EOFError) as error:
            self._in_the_background(self._replace(worker))
            raise WorkError(f"its process ended in {work}()") from error
        self._in_the_background(self._give_back(worker))
        if answer.error:
            raise WorkError(answer.error)
        return answer.value

    def close(self) -> None:
        """End all processes, and with them the threads. The event loop may have ended."""
        self._is_closed = True
        for worker in self._all:
            worker.kill()
        self._threads.shutdown()
        for worker in self._all:  # one may have been about to start
            worker.kill()

    async def _take(self) -> _Worker:
        async with self._is_free:
            while not self._idle:
                self.prepare(_MOST)
                if not self._all:
                    raise WorkError("the system has no process for it")
                await self._is_free.wait()
            return self._idle.pop()

    async def _start(self, worker: _Worker) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, worker.start)
        except OSError as error:
            _log.error("a process did not start: %s", error)
            self._all.discard(worker)
            async with self._is_free:
                self._is_free.notify_all()
            return
        await self._give_back(worker)

    async def _give_back(self, worker: _Worker) -> None:
        if worker.answers >= _ANSWERS or len(self._idle) >= _READY:
            await self._replace(worker)
            return
        async with self._is_free:
            self._idle.append(worker)
            self._is_free.notify_all()
        self.prepare()

    async def _let_finish(self, worker: _Worker, question: asyncio.Future[Answer]) -> None:
        """Go on with a worker whose answer nobody wants, or without it."""
        await asyncio.wait({question}, timeout=_GRACE)
        if question.done() and question.exception() is None:
            await self._give_back(worker)
        else:
            question.cancel()
            await self._replace(worker)

    async def _replace(self, worker: _Worker) -> None:
        """End a worker; another one is started where there are too few."""
        worker.kill()
        self._all.discard(worker)
        self.prepare()
        async with self._is_free:
            self._is_free.notify_all()

    def _in_the_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Worker:
    """One process, and what it was told of the documents."""

    def __init__(self) -> None:
        self.answers = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._told: dict[str, bytes] = {}

    def start(self) -> None:
        """Start the process. Raises OSError where the system has none."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt is for the server, which ends it
        )

    def question(
        self, work: str, arguments: tuple[object, ...], shown: Mapping[str, bytes]
    ) -> bytes:
        """A question as it is sent, with what is new of the documents since the last one."""
        new = [(path, data) for path, data in shown.items() if self._told.get(path) is not data]
        gone = [(path, None) for path in self._told.keys() - shown.keys()]
        self._told = dict(shown)
        return pack(Question(work, arguments, (*new, *gone)))

    def ask(self, message: bytes) -> Answer:
        """Send a question, and wait for the answer. Raises OSError and EOFError where the process
        is gone."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(message)
        self._process.stdin.flush()
        head = self._process.stdout.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise EOFError
        (length,) = LENGTH.unpack(head)
        data = self._process.stdout.read(length)
        if len(data) < length:
            raise EOFError
        answer = unpack(data)
        assert isinstance(answer, Answer)
        self.answers += 1
        return answer

    def kill(self) -> None:
        """End the process and those that it has started, whatever they do."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with contextlib.suppress(OSError):  # what was not sent is not missed
                pipe.close()

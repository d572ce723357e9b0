"""Several processes that check files at a time. The results are the same, and in the same order,
whatever their number.

Only the analysis is spread: to find the few files that need it is done before the second process
would have started.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from flake8_asyncwait.commands.examine import Examined, Task, at_gate, examine, failed
from flake8_asyncwait.source.text import SourceError, os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

# A process takes half a second to import what it needs. So in CPU seconds, more processes pay once
# this much work tells how long a file takes, where this much seems to be left.
_TOLD_BY = 1.0
_PAYS_FROM = 3.0
_MOST = 60  # Windows waits for no more than 63 things at a time

if TYPE_CHECKING:
    from typing import Any, TypeVar

    # What is found out about one file. It is made with a path and an error where a process died.
    T = TypeVar("T")
    Work = Callable[[str], T]
    Lost = Callable[[str, SourceError], T]


def examine_all(paths: Iterable[str], task: Task, jobs: int | None) -> Iterator[Examined]:
    """Check files, in `jobs` processes; None: in one, and in more as soon as they would pay.

    A file whose process dies is an error, and the others are checked all the same.
    """
    gated = [(path, at_gate(path, task)) for path in paths]
    left = [path for path, result in gated if result is None]
    results = work_on(partial(examine, task=task), left, jobs, failed)
    for _, result in gated:
        yield result if result is not None else next(results)


def work_on(work: Work[T], paths: Sequence[str], jobs: int | None, lost: Lost[T]) -> Iterator[T]:
    """The results of `work` for each of `paths`, in their order, by `jobs` processes; None: by one,
    and by more as soon as they would pay. `lost` makes the result for a file whose process dies."""
    if jobs is None:
        return _spread_where_it_pays(work, paths, _processors(), lost)
    return spread(work, paths, jobs, lost)


def spread(work: Work[T], paths: Sequence[str], jobs: int, lost: Lost[T]) -> Iterator[T]:
    """The results of `work` for each of `paths`, in their order, by `jobs` processes.

    Raises `SourceError` where the system has no such number of processes to give.
    """
    count = min(jobs, len(paths), _MOST)
    if count <= 1:
        yield from map(work, paths)
        return
    pool = _Pool(work, paths, count, lost)
    try:
        for index in range(len(paths)):
            yield pool.result(index)
    finally:
        pool.stop()


def _spread_where_it_pays(
    work: Work[T], paths: Sequence[str], jobs: int, lost: Lost[T]
) -> Iterator[T]:
    # Of the files so far, without the slowest: that one says little about those that are left.
    spent = slowest = 0.0
    for number, path in enumerate(paths):
        left = len(paths) - number
        if jobs > 1 and spent > _TOLD_BY and spent / (number - 1) * left > _PAYS_FROM:
            yield from spread(work, paths[number:], jobs, lost)
            return
        started = time.process_time()
        result = work(path)
        took = time.process_time() - started
        spent += min(took, slowest)
        slowest = max(took, slowest)
        yield result


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # those that we may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Pool:
    """Processes that each work on one file at a time, so that it is known which one a process was
    working on when it died. A new one takes its place."""

    def __init__(self, work: Work[Any], paths: Sequence[str], count: int, lost: Lost[Any]) -> None:
        self._work = work
        self._lost = lost
        self._paths = paths
        self._waiting = deque(range(len(paths)))
        self._results: dict[int, Any] = {}
        # By the connection to each process: the process, and the index of the file it works on.
        self._busy: dict[Connection, tuple[SpawnProcess, int]] = {}
        for _ in range(count):
            self._start()

    def result(self, index: int) -> Any:
        """The result for one of the paths; each can be asked for once."""
        from multiprocessing.connection import wait

        while index not in self._results:
            ends = [process.sentinel for process, _ in self._busy.values()]
            ready = wait([*self._busy, *ends])
            for connection, (process, _) in list(self._busy.items()):
                if connection in ready or process.sentinel in ready:
                    self._receive(connection)
        return self._results.pop(index)

    def stop(self) -> None:
        """End all processes, whatever they are doing."""
        for connection, (process, _) in self._busy.items():
            connection.close()
            process.terminate()
            process.join()
        self._busy.clear()

    def _start(self) -> None:
        import multiprocessing

        if not self._waiting:
            return
        # The one way to start a process that there is on every system.
        context = multiprocessing.get_context("spawn")
        try:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
            _start_isolated(process)
        except OSError as error:
            raise os_error("--jobs", error) from error
        theirs.close()
        self._give(ours, process)

    def _give(self, connection: Connection, process: SpawnProcess) -> None:
        """Give a process that is free the next file, or let it go."""
        from contextlib import suppress

        if not self._waiting:
            connection.close()
            process.join()
            return
        index = self._waiting.popleft()
        self._busy[connection] = process, index
        with suppress(OSError):  # it has died already: `_receive` will notice
            connection.send(self._paths[index])

    def _receive(self, connection: Connection) -> None:
        process, index = self._busy.pop(connection)
        try:
            if not connection.poll():
                raise EOFError
            self._results[index] = connection.recv()
        except (EOFError, OSError):
            connection.close()
            process.join()
            self._results[index] = self._without(self._paths[index], process.exitcode)
            self._start()
        else:
            self._give(connection, process)

    def _without(self, path: str, status: int | None) -> Any:
        """The result for a file whose process has ended with a `status`."""
        how = f"was killed by signal {-status}" if status and status < 0 else f"ended with {status}"
        return self._lost(path, SourceError(path, f"not checked: its process {how}"))


def _start_isolated(process: SpawnProcess) -> None:
    """Start a process with `-I`. `multiprocessing` starts it, and one for itself, with `-c`, which
    would import from the working directory first, so that a `socket.py` of the checked code would
    run. It gets the path of this process later.

    `multiprocessing` has no other way to give options to the processes that it starts.
    """
    from multiprocessing import util

    usual: Any = util._args_from_interpreter_flags  # type: ignore[attr-defined]
    util._args_from_interpreter_flags = lambda: ["-I", *usual()]  # type: ignore[attr-defined]
    try:
        _start_uninterrupted(process)
    finally:
        util._args_from_interpreter_flags = usual  # type: ignore[attr-defined]


def _start_uninterrupted(process: SpawnProcess) -> None:
    """Start a process that no interrupt from the keyboard reaches, where the system can do that: a
    Python that is interrupted as it starts complains of it."""
    import signal
    import sys

    if sys.platform == "win32":
        process.start()
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else it starts now, and lets interrupts through again
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)


def _serve(connection: Connection, work: Work[Any]) -> None:
    """What each process does, until nobody has work for it."""
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us is told, too, and ends us
    Thread(target=_end_with_who_started_us, daemon=True).start()
    while True:
        try:
            path = connection.recv()
        except EOFError:
            return
        connection.send(work(path))


def _end_with_who_started_us() -> None:
    """End this process as soon as the one that started it has ended, in whatever way: who was
    killed could not tell us."""
    from multiprocessing import parent_process

    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

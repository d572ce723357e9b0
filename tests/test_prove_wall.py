"""Behind the kernel's wall all of Python can do nothing, and nobody believes what it says.

The guards of `confine.py` and `child.py` are switched off here: what is tried has the whole of
Python, ctypes included, at its disposal.
"""

from __future__ import annotations

import ast
import ctypes
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Asyncwait
from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.proof import apart, wall
from flake8_asyncwait.replay.proof.apart import PROGRAM, ROOT, prove_apart
from flake8_asyncwait.replay.proof.live import STARTS
from flake8_asyncwait.replay.proof.message import MOST, packed
from flake8_asyncwait.replay.proof.proof import (
    GAVE_UP,
    NOT_LIFTED,
    NOT_PROVED,
    NOT_REPRODUCED,
    PROVED,
    Proof,
)
from flake8_asyncwait.replay.proof.timeline import Event

LEAK = """\
import asyncio


async def f(self):
    task = asyncio.create_task(self.work())
    {trick}
    await asyncio.wait([task], timeout=1)
"""

walled = pytest.mark.skipif(wall.lacking() != "", reason=f"no wall here: {wall.lacking()}")


def proof_of(text: str, seconds: float = 30) -> Proof:
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    return prove_apart(text, (finding.line, finding.column), finding.code, steps, seconds=seconds)


@pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="not Linux on x86-64"
)
def test_there_is_a_wall_where_there_can_be_one() -> None:
    """Else the tests of this file would be skipped, and nobody would know."""
    if ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) < 0:  # PR_GET_SECCOMP
        pytest.skip("the kernel knows no seccomp")
    assert wall.lacking() == ""


# -- what is tried ------------------------------------------------------------------------------

# The runner imports all that the payloads want, lets each build the wall in a process of its own,
# and says how that ended: killed by the kernel's SIGSYS, or with what the payload came to.
RUNNER = f"""
import sys
sys.path.append({ROOT!r})
import asyncio, atexit, ctypes, fcntl, io, json, mmap, multiprocessing.shared_memory, os, pathlib
import pty
import resource, select, shutil, signal, socket, subprocess, tempfile, threading, time, zipfile
from flake8_asyncwait.replay.proof import wall
payloads, mark, port = json.load(sys.stdin)
parent, opened = os.getpid(), os.open(mark, os.O_RDWR | os.O_CREAT)
connection = socket.create_connection(("127.0.0.1", port))
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
libc = ctypes.CDLL(None, use_errno=True)
def raw(number, *arguments):
    "Make a system call by its number, as a payload with a compiler would."
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), "refused")
def run_machine_code(data):
    code[: len(data)] = data
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_long)(address)()
ended = {{}}
for payload in payloads:
    child = os.fork()
    if not child:
        pipe = os.dup(1)
        wall.build(pipe, 20)
        try:
            exec(payload)
        except OSError as error:
            os._exit(100 + min(error.errno or 0, 100))
        except BaseException as error:
            os.write(pipe, repr(error).encode())
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended[payload] = signal.Signals(-status).name if status < 0 else status
os.truncate(mark, os.path.getsize(mark))
print(json.dumps(ended))
"""
PAYLOADS = {
    "files": """
        open(mark, "w")
        open("/etc/passwd").read()
        os.open(mark, os.O_WRONLY | os.O_CREAT)
        io.FileIO(mark, "w")
        pathlib.Path(mark).write_text("x")
        os.write(opened, b"x")
        os.pwrite(opened, b"x", 0)
        os.ftruncate(opened, 100)
        os.truncate(mark, 100)
        os.unlink(mark)
        os.rename(mark, mark + "2")
        os.link(mark, mark + "2")
        os.symlink(mark, mark + "2")
        os.mkdir(mark + "2")
        os.mkfifo(mark + "2")
        os.chmod(mark, 0o777)
        os.utime(mark)
        os.stat(mark)
        os.listdir("/")
        os.chdir("/")
        os.umask(0)
        os.sendfile(1, opened, 0, 10)
        tempfile.mkstemp()
        shutil.rmtree(os.path.dirname(mark))
        zipfile.ZipFile(mark, "w")
        open("/proc/self/mem", "r+b")
        open(f"/proc/{parent}/mem", "r+b")
        os.listdir("/proc/self/fd")
        fcntl.flock(opened, fcntl.LOCK_EX)
        fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_NONBLOCK)
        fcntl.ioctl(0, 0x5412, b"x")
        __import__("this")
    """,
    "sockets": """
        socket.socket()
        socket.socketpair()
        socket.create_connection(("127.0.0.1", port))
        connection.send(b"x")
        socket.socket(fileno=connection.fileno()).send(b"x")
        socket.getaddrinfo("localhost", 80)
        asyncio.new_event_loop()
        select.epoll()
        os.pipe()
        os.dup(pipe)
        os.memfd_create("x")
        os.eventfd(0)
    """,
    "processes": """
        os.fork()
        os.system(f"echo x > {mark}")
        os.posix_spawn("/bin/sh", ["sh", "-c", f"echo x > {mark}"], {})
        os.execv("/bin/sh", ["sh", "-c", f"echo x > {mark}"])
        subprocess.run(["touch", mark])
        multiprocessing.Process(target=print).start()
        pty.fork()
        threading.Thread(target=print).start()
        os.kill(parent, signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(0, signal.SIGUSR1)
        os.kill(-1, 0)
        os.killpg(0, signal.SIGUSR1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        os.pidfd_open(parent)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(0.01)
        os.setsid()
        os.setuid(0)
        os.nice(1)
        os.sched_setaffinity(0, [0])
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        resource.prlimit(parent, resource.RLIMIT_NOFILE, (5, 5))
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        os.getloadavg()
        os.getpriority(os.PRIO_PROCESS, parent)
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        os.sched_yield()
        os.getppid()
        os.times()
        time.clock_gettime((~parent << 3) | 2)
        time.clock_getres((~parent << 3) | 2)
        sys.settrace(lambda *_: open(mark, "w")); (lambda: 0)()
        atexit.register(open, mark, "w"); atexit._run_exitfuncs()
        sys.addaudithook(lambda *_: None); os.close(pipe)
    """,
    "memory": """
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)
        mmap.mmap(opened, 10)
        multiprocessing.shared_memory.SharedMemory(create=True, size=10)
        code.madvise(100)
        code.madvise(12)
        libc.mprotect(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(code))), 4096, 7)
        libc.ptrace(0, 0, 0, 0)
        libc.ptrace(16, parent, 0, 0)
        libc.prctl(38, 0, 0, 0, 0)
        libc.prctl(22, 1, 0)
        libc.unshare(0x10000000)
        libc.shmget(1234, 100, 0o1666)
        libc.shm_open(b"/x", 66, 0o666)
        libc.syscall(ctypes.c_long(425), 8, ctypes.byref(ctypes.create_string_buffer(200)))
        libc.syscall(ctypes.c_long(323), 0)
        libc.syscall(ctypes.c_long(321), 0, 0, 0)
        libc.process_vm_writev(parent, 0, 0, 0, 0, 0)
        libc.raise_(1) if hasattr(libc, "raise_") else getattr(libc, "raise")(10)
        libc.abort()
        libc.syscall(ctypes.c_long(202), ctypes.c_long(0), ctypes.c_long(6), 0, 0)
    """,
}
ON_X86_64 = {
    "32 bits": """
        run_machine_code(bytes.fromhex("b802000000cd80c3"))
        run_machine_code(bytes.fromhex("b80b000000cd80c3"))
    """,
    "x32": """
        raw(0x40000000 + 57)
        raw(0x40000000 + 39)
        raw(0x40000000 + 1, pipe, 0, 0)
    """,
}


def tried(payloads: list[str], mark: Path) -> dict[str, str | int]:
    """How each of the payloads ended; nobody has noticed any of them."""
    noticed: list[int] = []
    mark.parent.mkdir(exist_ok=True)
    before = signal.signal(signal.SIGUSR1, lambda number, _: noticed.append(number))
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ran = subprocess.run(
                [sys.executable, "-I", "-c", RUNNER],
                input=json.dumps([payloads, str(mark), server.getsockname()[1]]),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert ran.returncode == 0, ran.stderr
            connection, _ = server.accept()
            with connection:
                assert connection.recv(10) == b""
            server.settimeout(0)
            with pytest.raises(BlockingIOError):
                server.accept()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [path.name for path in mark.parent.iterdir()] == [mark.name]
    assert (mark.read_bytes(), noticed, ran.stderr) == (b"", [], "")
    ended: dict[str, str | int] = json.loads(ran.stdout)
    return ended


def lines_of(text: str) -> list[str]:
    return textwrap.dedent(text).strip().splitlines()


@walled
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_process_is_killed_for_the_first_thing_that_it_tries(name: str, tmp_path: Path) -> None:
    payloads = lines_of(PAYLOADS[name])
    ended = tried(payloads, tmp_path / "own" / "mark")
    assert {payload: how for payload, how in ended.items() if how != "SIGSYS"} == {}
    assert len(ended) == len(payloads)


@walled
@pytest.mark.parametrize("name", ON_X86_64)
def test_the_other_ways_into_the_kernel_of_an_x86_64(name: str, tmp_path: Path) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("another machine")
    ended = tried(lines_of(ON_X86_64[name]), tmp_path / "own" / "mark")
    # A kernel without 32-bit emulation knows no such calls: it kills the process just the same.
    assert set(ended.values()) <= {"SIGSYS", "SIGSEGV"}


@pytest.mark.portable
@walled
def test_every_number_of_a_system_call_but_those_that_are_admitted(tmp_path: Path) -> None:
    machine = os.uname().machine
    admitted = {getattr(call, machine) for call in (*wall.CALLS, wall.WRITE)}
    payloads = [f"raw({number}, -1, -1, -1)" for number in range(600) if number not in admitted]
    ended = tried(payloads, tmp_path / "own" / "mark")
    others = {payload: how for payload, how in ended.items() if how != "SIGSYS"}
    # Linux asks no filter about the two calls with which its own probes return. Where there is no
    # probe they do nothing: ENXIO, or the end of the process.
    probes = {"raw(335, -1, -1, -1)", "raw(336, -1, -1, -1)"} if machine == "x86_64" else set()
    assert others.keys() <= probes
    assert set(others.values()) <= {100 + errno.ENXIO, "SIGILL"}


@walled
def test_what_is_left_is_to_compute_and_to_speak(tmp_path: Path) -> None:
    payload = """if 1:
        held = [bytearray(10 ** 6) for _ in range(100)]
        del held
        assert os.getpid() and time.monotonic() and time.time() and os.urandom(8)
        threading.Lock().acquire()
        sum(hash(str(number)) for number in range(10 ** 5))
        time.get_clock_info("monotonic")
        os.write(pipe, b"")
    """
    assert list(tried([payload], tmp_path / "own" / "mark").values()) == [0]


@walled
def test_a_process_that_only_computes_ends_in_time() -> None:
    program = (
        f"import sys; sys.path.append({ROOT!r})\n"
        "from flake8_asyncwait.replay.proof import wall\n"
        "import signal\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"  # as whoever starts it may have it
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
        "wall.build(1, 1)\n"
        "while True: pass"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], timeout=20, check=False)
    assert ran.returncode == -signal.SIGALRM


@walled
def test_the_limits_of_a_process() -> None:
    """Those that stand beside the filter, which is left out here, or nobody could ask for them."""
    program = (
        f"import os, sys, resource; sys.path.append({ROOT!r})\n"
        "from flake8_asyncwait.replay.proof import child, wall\n"
        "real = wall._system_call\n"
        "wall._system_call = lambda call, *rest: 0 if call is wall.SECCOMP else real(call, *rest)\n"
        "child._limit(); wall.build(1, 60)\n"
        "names = 'AS CPU CORE FSIZE NOFILE NPROC MEMLOCK'.split()\n"
        "limits = {one: resource.getrlimit(getattr(resource, 'RLIMIT_' + one)) for one in names}\n"
        # PR_GET_DUMPABLE: no program is started that takes its core. PR_GET_NO_NEW_PRIVS.
        "asked = [real(wall.PRCTL, number, 0, 0, 0, 0) for number in (3, 39)]\n"
        "os.write(1, repr((limits, asked)).encode())"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True)
    limits = dict.fromkeys(["CORE", "FSIZE", "NOFILE", "NPROC", "MEMLOCK"], (0, 0))
    limits |= {"AS": (1 << 30, 1 << 30), "CPU": (20, 21)}
    assert ast.literal_eval(ran.stdout.decode()) == (limits, [0, 1])


@pytest.mark.parametrize(
    ("version", "files", "connections", "others"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 3, 0), (5, 16, 3, 0), (7, 16, 3, 3)],
)
def test_all_that_landlock_knows_is_refused(
    version: int, files: int, connections: int, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the kernel is told: few kernels that tests run on have it."""
    told: list[tuple[object, ...]] = []

    def system_call(call: wall.Call, *rest: object) -> int:
        if rest == (None, 0, 1):
            return version
        told.append((call, *(list(one) if isinstance(one, ctypes.Array) else one for one in rest)))
        return os.open(os.devnull, os.O_RDONLY) if call is wall.LANDLOCK_CREATE else 0

    monkeypatch.setattr(wall, "_system_call", system_call)
    wall._fence_files_off()
    (create, rights, size, flags), (restrict, _, none) = told
    assert (create, restrict) == (wall.LANDLOCK_CREATE, wall.LANDLOCK_RESTRICT)
    assert (rights, size, flags, none) == ([2**files - 1, connections, others], 24, 0, 0)


@walled
def test_a_process_ends_with_the_one_that_started_it() -> None:
    program = (
        f"import os, sys, time; sys.path.append({ROOT!r})\n"
        "from flake8_asyncwait.replay.proof import wall\n"
        "if os.fork():\n    time.sleep(1)\n    os._exit(0)\n"
        "wall.build(1, 60)\n"
        "while True: pass"
    )
    started = time.monotonic()  # the pipe is open for as long as one of them lives
    subprocess.run([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, check=True)
    assert time.monotonic() - started < 20


# -- the filter, for either machine ---------------------------------------------------------------


def verdict(machine: str, number: int, *arguments: int, speaks: str = "") -> bool:
    """Run the filter as the kernel does; say whether it admits a call."""
    data = number.to_bytes(4, "little") + wall.MACHINES[speaks or machine].to_bytes(4, "little")
    data += bytes(8) + b"".join((one % 2**64).to_bytes(8, "little") for one in arguments)
    data = data.ljust(64, b"\0")
    rules, at, word = list(wall.rules(machine, pipe=3)), 0, 0
    while True:
        code, yes, no, constant = rules[at]
        at += 1
        if code == wall.LOAD:
            word = int.from_bytes(data[constant : constant + 4], "little")
        elif code == wall.AND:
            word &= constant
        elif code == wall.EQUAL:
            at += yes if word == constant else no
        else:
            return constant == wall.ALLOW


MACHINES = pytest.mark.parametrize("machine", wall.MACHINES)


@MACHINES
def test_the_filter_looks_at_arguments(machine: str) -> None:
    numbers = {call.name: getattr(call, machine) for call in (*wall.CALLS, wall.WRITE)}
    assert verdict(machine, numbers["write"], 3)
    assert not verdict(machine, numbers["write"], 1)
    assert verdict(machine, numbers["mmap"], 0, 4096, 3, 0x22, -1)
    assert not verdict(machine, numbers["mmap"], 0, 4096, 7, 0x22, -1)
    assert not verdict(machine, numbers["mmap"], 0, 4096, 3, 0x02, 3)
    assert verdict(machine, numbers["mprotect"], 0, 4096, 3)
    assert not verdict(machine, numbers["mprotect"], 0, 4096, 5)
    assert verdict(machine, numbers["madvise"], 0, 4096, 4)
    assert not verdict(machine, numbers["madvise"], 0, 4096, 100)
    assert verdict(machine, numbers["futex"], 0, 0x189)
    assert not verdict(machine, numbers["futex"], 0, 0x86)
    assert verdict(machine, numbers["exit_group"])
    for clock in (numbers["clock_gettime"], numbers["clock_getres"]):
        assert all(verdict(machine, clock, own) for own in range(12))
        assert not verdict(machine, clock, (~os.getppid() << 3) | 2)


@MACHINES
def test_the_filter_admits_nothing_else(machine: str) -> None:
    admitted = {getattr(call, machine) for call in (*wall.CALLS, wall.WRITE)}
    for number in {*range(1024), *range(0x40000000, 0x40000400), 2**31, 2**32 - 1} - admitted:
        assert not verdict(machine, number, 3)
    other = next(one for one in wall.MACHINES if one != machine)
    assert not any(verdict(machine, number, 3, speaks=other) for number in range(1024))


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


@MACHINES
def test_the_numbers_are_the_kernels(machine: str) -> None:
    header = Path("/usr/include", HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    words = (line.split() for line in header.read_text().splitlines())
    told = {name: number for _, name, number, *_ in filter(lambda w: len(w) > 2, words)}
    prefixes = ("__NR_", "__NR3264_")  # those that 32-bit machines have another number for
    landlock = {"create": "landlock_create_ruleset", "restrict": "landlock_restrict_self"}
    calls = [*wall.CALLS, wall.WRITE, wall.PRCTL, wall.SECCOMP]
    for call in [*calls, wall.LANDLOCK_CREATE, wall.LANDLOCK_RESTRICT]:
        number = getattr(call, machine)
        name = landlock.get(call.name, call.name)
        found = [told[prefix + name] for prefix in prefixes if prefix + name in told]
        found = [one for one in found if one.isdecimal()]
        assert found == ([str(number)] if number is not None else []), call.name


# -- a proof whose fence is broken ----------------------------------------------------------------

# The process of a real proof, but that its lifted code is given all of Python, and the audit hook
# refuses nothing.
UNFENCED = """
import _thread, builtins, os, socket, subprocess, ctypes, json
from flake8_asyncwait.replay.fence import harmless
harmless.BUILTINS["escape"] = lambda text: exec(text, {**vars(builtins), **globals()})
from flake8_asyncwait.replay.proof import child
child.guard = lambda *_: lambda *_: None
child._forget = lambda: None
way_out = child._only_way_out
def found():
    global pipe
    pipe = way_out()
    return pipe
child._only_way_out = found
child.main()
"""


@pytest.fixture
def unfenced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Proof]:
    """What comes of a proof whose code gets out of the fence, and runs a payload."""
    program = f"import sys; sys.path.append(sys.argv[1])\n{UNFENCED}"
    monkeypatch.setattr(apart, "PROGRAM", program.replace("{", "{{").replace("}", "}}"))
    return lambda payload, *rest: proof_of(LEAK.format(trick=f"escape({payload!r})"), *rest)


@walled
@pytest.mark.parametrize(
    "deed",
    [
        "open({mark!r}, 'w')",
        "os.system('touch ' + {mark!r})",
        "subprocess.run(['touch', {mark!r}])",
        "os.kill(os.getppid(), 10)",
        "socket.socket()",
        "ctypes.CDLL(None).creat({mark!r}.encode(), 511)",
        "sys._getframe().f_back and open({mark!r}, 'w')",
    ],
)
def test_who_gets_out_of_the_fence_stands_before_the_wall(
    deed: str, unfenced: Callable[[str], Proof], tmp_path: Path
) -> None:
    proof = unfenced(deed.format(mark=str(tmp_path / "mark")))
    assert proof == Proof(NOT_PROVED, "its process misbehaved (it was ended by SIGSYS)")
    assert list(tmp_path.iterdir()) == []


@walled
def test_nothing_else_is_open_when_the_code_runs(unfenced: Callable[[str], Proof]) -> None:
    assert unfenced("x = 1").word == PROVED
    assert unfenced("os.write(1, b'x')").reason.endswith("SIGSYS)")
    assert unfenced("os.read(0, 1)").reason.endswith("SIGSYS)")


@walled
@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("os._exit(7)", "it ended with 7"),
        ("os.write(pipe, b'x')", "it says what no proof can say"),
        ("os.write(pipe, b'[' * 100_000)", "it says what no proof can say"),
        ('os.write(pipe, b\'["proved", "", 0]\\n\')', "it says what no proof can say"),
        ("os.write(2, b'x')", "it was ended by SIGSYS"),
        ("os.write(pipe + 1, b'x')", "it was ended by SIGSYS"),
        ("os.dup2(pipe, 1)", "it was ended by SIGSYS"),
        ("ctypes.string_at(0)", "it was ended by SIGSEGV"),
    ],
)
def test_who_finds_the_pipe_proves_nothing(
    deed: str, how: str, unfenced: Callable[[str], Proof]
) -> None:
    proof = unfenced(deed)
    assert proof.verdict == f"not proved: its process misbehaved ({how})"


@walled
def test_who_waits_for_ever_is_ended(
    unfenced: Callable[..., Proof],
) -> None:
    proof = unfenced("lock = _thread.allocate_lock(); lock.acquire(); lock.acquire()", 1)
    assert (proof.word, proof.reason) == (GAVE_UP, "it does not end within 1 s")


@walled
@pytest.mark.usefixtures("unfenced")
def test_the_wall_is_up_before_the_first_line_of_the_module(tmp_path: Path) -> None:
    deed = f"open({str(tmp_path / 'mark')!r}, 'w')"
    proof = proof_of(LEAK.format(trick="LIMIT").replace("\n\n\n", f"\nLIMIT = escape({deed!r})\n"))
    assert proof == Proof(NOT_PROVED, "its process misbehaved (it was ended by SIGSYS)")
    assert list(tmp_path.iterdir()) == []


# -- what the parent believes ---------------------------------------------------------------------

TEXT = LEAK.format(trick="pass")
FILE_LINES = TEXT.count("\n") + 1
EVENTS = (
    Event(5, "'task' started as self.work()"),
    Event(7, "asyncio.wait() starts, on 'task'"),
    Event(0, "still running: 'task', started on line 5"),
)
HONEST = packed(Proof(PROVED, "", EVENTS))
HEAD, STARTED, WAITS, RUNS = HONEST.splitlines(keepends=True)
NESTED = b"[" * 900 + b"]" * 900 + b"\n"
LIES = {
    "nothing": b"",
    "an empty line": b"\n",
    "no JSON": b"proved\n",
    "no ASCII": HEAD + STARTED + WAITS + RUNS.replace(b"task", "t\u00e4sk".encode()),
    "no UTF-8": HEAD + STARTED + WAITS + RUNS.replace(b"task", b"t\xffsk"),
    "UTF-16": HONEST.decode().encode("utf-16"),
    "half a line": HONEST[:-5],
    "no end": HONEST[:-1],
    "another beginning": HONEST + b"[",
    "fewer events than it says": HEAD + WAITS + RUNS,
    "more events than it says": HONEST + RUNS,
    "twice": HONEST * 2,
    "another head": HEAD.replace(b"[", b"{").replace(b"]", b"}") + STARTED + WAITS + RUNS,
    "a longer head": HEAD.replace(b"3]", b"3, 1]") + STARTED + WAITS + RUNS,
    "a text for a head": b'"abc"\n',
    "names for a head": b'{"proved": 1, "proved": 2, "": 3}\n',
    "another word": b'["perfect", "", 0]\n',
    "a word of the parent's": b'["not proved", "", 0]\n',
    "no word": b'[["proved"], "", 0]\n',
    "no events": b'["proved", "", 0]\n',
    "no reason": b'["not lifted", null, 0]\n',
    "a long reason": b'["not lifted", "' + b"x" * 2_001 + b'", 0]\n',
    "no number of events": b'["not lifted", "", "0"]\n',
    "a place outside": HEAD + STARTED.replace(b"5", b"9", 1) + WAITS + RUNS,
    "a place before": HEAD + STARTED.replace(b"5", b"-1", 1) + WAITS + RUNS,
    "a place that is true": HEAD + STARTED.replace(b"5", b"true", 1) + WAITS + RUNS,
    "a place that is no number": HEAD + STARTED.replace(b"5", b"NaN", 1) + WAITS + RUNS,
    "an endless place": HEAD + STARTED.replace(b"5", b"1e999", 1) + WAITS + RUNS,
    "a half place": HEAD + STARTED.replace(b"5", b"5.0", 1) + WAITS + RUNS,
    "no text": HEAD + STARTED + WAITS + b"[0, {}]\n",
    "an event of names": HEAD + STARTED + WAITS + b'{"0": 0, "still running: ": 1}\n',
    "a longer event": HEAD + STARTED.replace(b"]", b", 1]") + WAITS + RUNS,
    "no wait": HEAD.replace(b"3", b"2") + STARTED + RUNS,
    "no task": HEAD.replace(b"3", b"2") + STARTED + WAITS,
    "another kind of site's": HONEST.replace(b"asyncio.wait()", b"asyncio.gather()"),
    "a task, and more": HEAD + WAITS + RUNS + STARTED,
    "another code's": HEAD + STARTED + WAITS + b'[0, "asked to cancel, but not done yet: x"]\n',
    "deep": b"[" * 500_000 + b"\n",
    "deep, line by line": b"[" * 20_000 + b"\n" + (b"[" * 20_000 + b"\n") * 40,
    "deep and closed": NESTED * (MOST // len(NESTED)),
    "deep and closed in one line": b"[" + NESTED.strip() * 500 + b"]\n",
    "deep names": (b'{"":' * 4_000 + b"0" + b"}" * 4_000 + b"\n") * 50,
    "a great number": b'["not lifted", "", ' + b"9" * 1_000_000 + b"]\n",
    "great numbers": HEAD + (b"[" + b"9" * 4_000 + b', ""]\n') * 250,
    "too much": b"x" * (MOST + 1),
    "too much that is whole": b'["not lifted", "", 600]\n'
    + (b'[0, "%s"]\n' % (b"x" * 1_800)) * 600,
    "a wide line": b'["not lifted", "", 0' + b" " * 30_000 + b"]\n",
    "too many lines": b"\n" * MOST,
    "too many events": b'["not lifted", "", 5000]\n' + b'[0, ""]\n' * 5_000,
    "lists": b"[" + b"[]," * 340_000 + b"0]\n",
    "numbers": b"[" + b"1.5," * 250_000 + b"0]\n",
    "names": b"{" + b",".join(b'"%d":{}' % number for number in range(90_000)) + b"}\n",
}


def believed(message: bytes, code: str = "AWT101") -> Proof:
    """What the parent makes of a message; it never grows by more than 50 MB for it."""
    tracemalloc.start()
    try:
        proof = apart.concluded(message, 0, code, FILE_LINES)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50 << 20
    return proof


def test_an_honest_message_is_believed() -> None:
    """The tests below fail for the right reason."""
    assert believed(HONEST) == Proof(PROVED, "", EVENTS)
    assert believed(packed(Proof(GAVE_UP, "so"))) == Proof(GAVE_UP, "so")


@pytest.mark.parametrize("name", LIES)
def test_a_process_that_lies_has_misbehaved(name: str) -> None:
    proof = believed(LIES[name])
    assert proof.verdict == "not proved: its process misbehaved (it says what no proof can say)"
    assert (proof.status, proof.events) == (2, ())


def test_the_largest_message_that_is_believed() -> None:
    widest = [Event(1, "\U0010ffff" * 2_000)] * 41
    assert believed(packed(Proof(NOT_LIFTED, "x", tuple(widest)))).events == tuple(widest)
    many = (Event(0, ""),) * 4_999
    assert believed(packed(Proof(NOT_LIFTED, "x", many))).events == many


def test_what_is_too_long_for_a_message_is_cut_short() -> None:
    proof = believed(packed(Proof(NOT_LIFTED, "x" * 3_000, (Event(1, "y" * 3_000),))))
    assert proof == Proof(NOT_LIFTED, "x" * 2_000, (Event(1, "y" * 2_000),))
    for events in ((Event(1, "y"),) * 5_000, (Event(1, "y" * 2_000),) * 600):
        proof = believed(packed(Proof(NOT_LIFTED, "x", events)))
        assert proof == Proof(GAVE_UP, "too much happens to tell it")


BYTES = st.one_of(
    st.binary(max_size=300),
    # An honest message, of which a part is replaced.
    st.builds(
        lambda start, end, new: HONEST[:start] + new + HONEST[end:],
        st.integers(0, len(HONEST)),
        st.integers(0, len(HONEST)),
        st.binary(max_size=20) | st.sampled_from([b"", b"[", b"]", b"{}", b"9" * 20, b'"', b"\n"]),
    ),
    # Any lines of JSON.
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=4,
        ),
        max_size=4,
    ).map(lambda lines: b"".join(json.dumps(line).encode() + b"\n" for line in lines)),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(BYTES, st.sampled_from(["AWT101", "AWT202", "AWT203"]), st.integers(-70, 300))
def test_no_bytes_and_no_end_of_a_process_make_the_parent_raise(
    message: bytes, code: str, status: int
) -> None:
    proof = apart.concluded(message, status, code, FILE_LINES)
    assert proof.status in (0, 1, 2)
    assert proof.verdict
    assert proof.mark
    if proof.word == PROVED:
        assert status == 0
        assert all(0 <= event.line <= FILE_LINES for event in proof.events)
        texts = [event.text for event in proof.events]
        assert any(text.startswith(STARTS) for text in texts)


SAYS = "import os, sys, json; sys.stdin.read(); say = lambda data: os.write(1, data)\n{}"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Proof]:
    """What the parent makes of a process that does as it likes."""

    def proof(program: str, seconds: float = 30) -> Proof:
        text = SAYS.format(f"HONEST = {HONEST!r}\n{program}")
        monkeypatch.setattr(apart, "PROGRAM", text.replace("{", "{{").replace("}", "}}"))
        return proof_of(TEXT, seconds)

    return proof


def test_a_process_is_believed_that_says_a_proof(told: Callable[..., Proof]) -> None:
    assert told("[say(HONEST[at : at + 1]) for at in range(len(HONEST))]").word == PROVED


@pytest.mark.parametrize(
    ("program", "how"),
    [
        ("say(HONEST); os._exit(3)", "it ended with 3"),
        ("say(HONEST); os.kill(os.getpid(), 11)", "it was ended by SIGSEGV"),
        ("say(HONEST); os.close(1); import time; time.sleep(60)", "it was ended by SIGKILL"),
        ("pass", "it says what no proof can say"),
        (
            "os._exit(not os.getpid() == os.getpgid(0) == os.getsid(0))",
            "it says what no proof can say",
        ),
        ("say(HONEST[:40]); raise SystemExit", "it says what no proof can say"),
    ],
)
def test_how_a_process_ends_says_more_than_its_message(
    program: str, how: str, told: Callable[..., Proof]
) -> None:
    assert told(program).verdict == f"not proved: its process misbehaved ({how})"


def test_a_process_that_says_too_much_is_ended(told: Callable[..., Proof]) -> None:
    assert told("while True: say(b'x' * 65536)").word == NOT_PROVED


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(60)",
        "os.close(1); import time; time.sleep(60)" if os.name == "nt" else "os.kill(0, 19)",
        "import subprocess; subprocess.Popen(['sleep', '30'], start_new_session=True); "
        "import time; time.sleep(60)",
    ],
    ids=["sleeps", "stops", "leaves the pipe to another"],
)
def test_a_process_that_does_not_end_is_ended(program: str, told: Callable[..., Proof]) -> None:
    started = time.monotonic()
    proof = told(program, 2)
    assert (proof.word, proof.reason) == (GAVE_UP, "it does not end within 2 s")
    assert time.monotonic() - started < 20


def test_its_group_is_ended_as_a_whole(told: Callable[..., Proof], tmp_path: Path) -> None:
    """Whoever holds the queue is gone when it ends."""
    queue = tmp_path / "queue"
    os.mkfifo(queue)
    reader = os.open(queue, os.O_RDONLY | os.O_NONBLOCK)
    try:
        program = (
            f"held = os.open({str(queue)!r}, os.O_WRONLY); os.write(held, b'x')\n"
            "import subprocess, time\n"
            "subprocess.Popen(['sleep', '60'], pass_fds=[held]); time.sleep(60)"
        )
        assert told(program, 2).word == GAVE_UP
        if os.read(reader, 10):  # else it has not come to that in time
            assert select.select([reader], [], [], 30)[0]
            assert os.read(reader, 10) == b""
    finally:
        os.close(reader)


def test_a_system_that_has_no_process_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    proof = proof_of(LEAK.format(trick="pass"))
    assert proof.word == NOT_LIFTED
    assert proof.reason.startswith("the system has no process for it (")


def test_one_that_never_reads_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "PROGRAM", "import time; time.sleep(60)")
    text = LEAK.format(trick="pass") + "#" * 1_000_000
    assert proof_of(text, seconds=1).reason == "it does not end within 1 s"


ENDLESS = """\
async def f{number}(work):
    [x for x in iter(int, 1)]
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=1)


"""


@pytest.mark.portable
def test_a_file_of_endless_functions_is_given_up(
    project: Path, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them could take half a minute, and a file holds thousands."""
    ran: list[object] = []

    def soon(*args: Any, **options: Any) -> Proof:
        ran.append(args)
        return prove_apart(*args, **{**options, "seconds": 1})

    monkeypatch.setattr(apart, "prove_apart", soon)
    functions = "".join(ENDLESS.format(number=number) for number in range(6))
    (project / "endless.py").write_text(f"import asyncio\n\n\n{functions}")
    run = asyncwait("check", "--prove", "--trust", "--no-cache", "endless.py", "leaky.py")
    assert len(ran) == 3 + 1
    marks = [line.rpartition("[")[2] for line in run.out if "AWT" in line]
    assert marks[:3] == ["gave up: it does not end within 1 s]"] * 3
    assert marks[3:6] == ["gave up: so did 3 proofs before it in this file]"] * 3
    assert marks[6:] == ["proved]"]


@pytest.mark.parametrize("form", ["text", "full", "json", "sarif", "github", "gitlab"])
def test_what_it_says_steers_no_terminal(
    form: str, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = (Event(1, "\x1b]0;x\x07\u202e\ud800\n::error::x"),)
    said = packed(Proof(NOT_REPRODUCED, "\x1b[31m\nproved\ud800", events))
    text = SAYS.format(f"say({said!r})")
    monkeypatch.setattr(apart, "PROGRAM", text.replace("{", "{{").replace("}", "}}"))
    shown = asyncwait("prove", "leaky.py:7")
    assert (shown.status, shown.out[-2]) == (1, r"not reproduced: \x1b[31m\nproved\ud800")
    run = asyncwait("check", "--prove", f"--output-format={form}", "leaky.py")
    assert run.status == 1
    told = [*shown.out, *shown.err, *run.out, *run.err]
    assert all(line.isprintable() for line in told)
    assert not any(line.startswith("::error::x") for line in told)


# -- where there is no wall -----------------------------------------------------------------------

# A container that forbids seccomp: the kernel itself refuses it to this process, and to all that it
# starts. `refused` is an operation of it, or None for all.
CONTAINER = f"""
import ctypes, struct, sys
sys.path.append({ROOT!r})
from flake8_asyncwait.replay.proof import wall
from flake8_asyncwait.cli import main
error, refused = {{error}}, {{refused}}
number = getattr(wall.SECCOMP, __import__("os").uname().machine)
rules = [
    (wall.LOAD, 0, 0, wall.NUMBER),
    (wall.EQUAL, 0, 3, number),
    (wall.LOAD, 0, 0, wall.ARGUMENTS),
    (wall.EQUAL, 0, 1, refused) if refused is not None else (wall.EQUAL, 0, 0, 0),
    (wall.RETURN, 0, 0, 0x50000 + error),
    (wall.RETURN, 0, 0, wall.ALLOW),
]
packed = b"".join(struct.pack("<HBBI", *one) for one in rules)
held = ctypes.create_string_buffer(packed, len(packed))
program = (ctypes.c_uint64 * 2)(len(rules), ctypes.addressof(held))
wall._system_call(wall.PRCTL, wall.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
wall._system_call(wall.SECCOMP, wall.SET_MODE_FILTER, 0, program)
for command in ["prove", "leaky.py:7"], ["check", "--prove", "leaky.py"]:
    print("status", main(command))
"""


def in_container(
    project: Path, error: int, refused: int | None
) -> subprocess.CompletedProcess[str]:
    program = CONTAINER.format(error=error, refused=refused)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False
    )


@walled
@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_a_container_without_seccomp_has_only_a_fence(error: int, project: Path) -> None:
    ran = in_container(project, error, None)
    why = f"seccomp is not available ([Errno {error}] {os.strerror(error)})"
    line = f"no wall here, only a fence ({why}): run only your own code"
    told = [f"asyncwait prove: {line}", f"--prove: {line}; if this is yours, add --trust"]
    assert ran.stderr.splitlines() == told
    assert ran.stdout.splitlines()[-3:] == ["", "status 0", "status 2"]
    assert "\nproved\n" in ran.stdout


@walled
def test_nothing_runs_where_the_wall_cannot_be_built_after_all(project: Path) -> None:
    ran = in_container(project, errno.EINVAL, wall.SET_MODE_FILTER)
    why = f"the system lets no wall be built ([Errno 22] {os.strerror(22)})"
    assert ran.stderr == ""
    assert f"\ncould not be lifted: {why}\n" in ran.stdout
    assert ran.stdout.count(why) == 2
    assert "status 2\n" in ran.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "leaky.py").write_text(LEAK.format(trick="pass"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def no_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "lacking", lambda: "only Linux has one")


LINE = "no wall here, only a fence (only Linux has one): run only your own code"


@pytest.mark.usefixtures("no_wall")
def test_prove_says_that_there_is_only_a_fence(asyncwait: Asyncwait) -> None:
    run = asyncwait("prove", "leaky.py:7")
    assert (run.status, run.out[-2]) == (0, "proved")
    assert run.err == [f"asyncwait prove: {LINE}"]


@pytest.mark.usefixtures("no_wall")
def test_check_asks_for_trust_there(asyncwait: Asyncwait) -> None:
    run = asyncwait("check", "--prove", "leaky.py")
    assert (run.status, run.out) == (2, [])
    assert run.err == [f"--prove: {LINE}; if this is yours, add --trust"]
    run = asyncwait("check", "--prove", "--trust", "leaky.py")
    assert (run.status, run.err) == (1, [])
    assert run.out[0].endswith(" [proved]")


@walled
def test_nothing_is_said_where_there_is_a_wall(asyncwait: Asyncwait) -> None:
    assert asyncwait("prove", "leaky.py:7").err == []
    assert asyncwait("check", "--prove", "leaky.py").err == []
    assert asyncwait("check", "--prove", "--trust", "leaky.py").err == []


def test_the_fence_alone_still_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wall, "lacking", lambda: "only Linux has one")
    monkeypatch.setattr(apart, "PROGRAM", PROGRAM)
    trick = f"open({str(tmp_path / 'mark')!r}, 'w')"
    assert proof_of(LEAK.format(trick=trick)).word == PROVED
    assert list(tmp_path.iterdir()) == []


# What was found from outside: each leads to the compiler, by a way of its own, and writes a file.
WAY_OUT = """\
import asyncio
from abc import ABC
from collections import UserDict, UserList
from collections.abc import Mapping

seen = []


class D(UserDict):
    __copy__ = None

    def __reduce_ex__(self, version):
        return lambda: self.box[0], (), (None, self.box[1])


class Spy(ABC):
    @classmethod
    def __subclasshook__(cls, kind):
        seen.append(kind)
        return NotImplemented


class Plain:
    __slots__ = ()


class Catch:
    def __eq__(self, other):
        seen.append(other)
        return True


def poke(target, **slots):
    d = D()
    d.box = [target, slots]
    try:
        d.copy()
    except (AttributeError, TypeError):
        pass


async def tools():
    return compile, exec, _sys


def get_out():
    call = tools()
    Mapping.register(Spy)
    seen.clear()
    try:
        UserDict().update(call)
    except (AttributeError, TypeError, ValueError):
        pass
    poke(seen[0], __bases__=(Plain,), __module__="judged")
    poke(seen[0], data=seen[0].code, _UserList__cast=lambda self, other: other)
    seen.clear()
    UserList.__eq__(call, Catch())
    poke(UserList.append, __code__=seen[0])
    try:
        UserList.append().send(None)
    except StopIteration as error:
        compiles, executes, system = error.value
    text = "f = sys._getframe()\\nwhile f:\\n    guard = f.f_locals.get('guard')\\n"
    text += "    if guard: guard.on = False\\n    f = f.f_back\\n"
    text += "sys.modules['io'].open({mark!r}, 'w')"
    executes(compiles(text, "<judged>", "exec"), {"sys": system})


async def f(self):
    task = asyncio.create_task(self.work())
    try:
        get_out()
    except Exception:
        pass
    await asyncio.wait([task], timeout=1)
"""


def test_the_fence_holds_where_it_did_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wall, "lacking", lambda: "only Linux has one")
    proof = proof_of(WAY_OUT.replace("{mark!r}", repr(str(tmp_path / "mark"))))
    assert (proof.word, proof.reason) == (PROVED, "")
    assert list(tmp_path.iterdir()) == []

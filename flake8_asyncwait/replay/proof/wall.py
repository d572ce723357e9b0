"""The kernel's wall around a process that runs what somebody else wrote (Linux, x86-64, aarch64).

What Python forbids, Python can get round, from inside the same process. So before it runs anything,
the process gives up its rights for good (`build`): from then on the kernel admits the few system
calls of an interpreter that computes, in one thread, without files, and kills the whole process at
any other. It is killed, not told "no": no proof makes such a call, so who makes one has got past
the fence, and what the process would say after that is worth nothing.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

ALLOW, KILL = 0x7FFF0000, 0x80000000
WORD = 0xFFFFFFFF
# <asm-generic/mman-common.h>, <linux/futex.h>: what an argument is made of.
PROT_EXEC, MAP_ANONYMOUS = 0x4, 0x20
DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE = 4, 8, 14, 15
WAIT_PRIVATE, WAKE_PRIVATE, WAIT_BITSET_PRIVATE, CLOCK_REALTIME = 0x80, 0x81, 0x89, 0x100


class Check(NamedTuple):
    """What an argument (from 0) has to be: one of some values, as far as the mask goes."""

    argument: int
    mask: int
    values: tuple[int, ...]


class Call(NamedTuple):
    """A system call that is admitted: its number on each machine (None: there is none)."""

    name: str
    x86_64: int
    aarch64: int | None
    checks: tuple[Check, ...] = ()


NOT_EXECUTABLE = Check(2, PROT_EXEC, (0,))
OWN_CLOCK = Check(0, WORD ^ 0xF, (0,))  # not the time that another process, by its number, has used
# Numbers from <asm/unistd_64.h> and <asm-generic/unistd.h>: memory of its own, locks that no other
# process has, the clocks (where the kernel has no page for them), the number of the process, which
# asyncio asks for, what some allocators take random bits from, and the end.
CALLS = (
    Call("brk", 12, 214),
    Call("mmap", 9, 222, (NOT_EXECUTABLE, Check(3, MAP_ANONYMOUS, (MAP_ANONYMOUS,)))),
    Call("munmap", 11, 215),
    Call("mremap", 25, 216),
    Call("mprotect", 10, 226, (NOT_EXECUTABLE,)),
    Call("madvise", 28, 233, (Check(2, WORD, (DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE)),)),
    Call(
        "futex",
        202,
        98,
        (
            Check(
                1,
                WORD ^ CLOCK_REALTIME,
                (WAIT_PRIVATE, WAKE_PRIVATE, WAIT_BITSET_PRIVATE),
            ),
        ),
    ),
    Call("clock_gettime", 228, 113, (OWN_CLOCK,)),
    Call("clock_getres", 229, 114, (OWN_CLOCK,)),
    Call("gettimeofday", 96, 169),
    Call("time", 201, None),
    Call("getpid", 39, 172),
    Call("getrandom", 318, 278),
    Call("exit_group", 231, 94),
)
WRITE = Call("write", 1, 64)
# What it takes to build the wall.
PRCTL, SECCOMP = Call("prctl", 157, 167), Call("seccomp", 317, 277)
LANDLOCK_CREATE, LANDLOCK_RESTRICT = Call("create", 444, 444), Call("restrict", 446, 446)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
SET_MODE_FILTER, GET_ACTION_AVAIL, ALL_THREADS = 1, 2, 1
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as seccomp names them
FILE_RIGHTS = (13, 14, 15, 15, 16)  # how many Landlock knows, by its version
MOST_FILES = 1 << 16  # the limit may be a thousand million, which takes long to go through
# Instructions of the filter: load a word of `struct seccomp_data`, mask, compare, end.
LOAD, AND, EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16  # where they are in it
Instruction = tuple[int, int, int, int]  # code, steps to skip if true, if false, constant


@cache
def lacking() -> str:
    """Say why a process cannot be walled in here, or "" where it can."""
    if sys.platform != "linux":
        return "only Linux has one"
    machine = os.uname().machine
    if machine not in MACHINES or sys.maxsize < 1 << 32:
        return f"none is known for {machine}"
    try:
        import ctypes

        _system_call(SECCOMP, GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(KILL)))
    except (ImportError, OSError) as error:
        return f"seccomp is not available ({error})"
    return ""


def build(pipe: int, seconds: int) -> None:
    """Give up all rights for good, but to compute and to write to an open pipe.

    After so many seconds by the clock the process ends, or when the one that started it does.
    Raises OSError where the system refuses.
    """
    import ctypes
    import resource

    instructions = list(rules(os.uname().machine, pipe, compiles=_compiles()))
    packed = b"".join(struct.pack("<HBBI", *one) for one in instructions)
    held = ctypes.create_string_buffer(packed, len(packed))
    program = (ctypes.c_uint64 * 2)(len(instructions), ctypes.addressof(held))  # `sock_fprog`
    os.closerange(0, pipe)
    os.closerange(pipe + 1, MOST_FILES)
    for ends in (signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(ends, signal.SIG_DFL)  # a process inherits what is ignored, and what waits
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.alarm(seconds)  # nothing below can be told to ignore it
    _system_call(PRCTL, PR_SET_PDEATHSIG, signal.SIGKILL)
    _system_call(PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0)  # else the kernel starts who takes its core
    _system_call(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _fence_files_off()
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_MEMLOCK):
        resource.setrlimit(limit, (0, 0))
    if _system_call(SECCOMP, SET_MODE_FILTER, ALL_THREADS, program):
        raise OSError("a thread cannot be walled in")


def rules(machine: str, pipe: int, compiles: bool = False) -> Iterator[Instruction]:
    """Yield the filter: first the machine, as numbers mean other calls on another, then each call.

    An x32 call has a number that none of these is. `compiles` says that the interpreter makes
    machine code itself.
    """
    yield LOAD, 0, 0, MACHINE
    yield EQUAL, 1, 0, MACHINES[machine]
    yield RETURN, 0, 0, KILL
    yield LOAD, 0, 0, NUMBER
    for call in (*CALLS, WRITE._replace(checks=(Check(0, WORD, (pipe,)),))):
        number = getattr(call, machine)
        if number is not None:
            checks = [one for one in call.checks if not (compiles and one is NOT_EXECUTABLE)]
            body = [*_checked(checks), (RETURN, 0, 0, ALLOW)]
            yield EQUAL, 0, len(body), number
            yield from body
    yield RETURN, 0, 0, KILL


def _checked(checks: Iterable[Check]) -> Iterator[Instruction]:
    """Yield what looks at arguments: the lower halves, the kernel takes no more of these."""
    for argument, mask, values in checks:
        yield LOAD, 0, 0, ARGUMENTS + 8 * argument
        yield AND, 0, 0, mask
        for number, value in enumerate(values):
            yield EQUAL, len(values) - number, 0, value
        yield RETURN, 0, 0, KILL


def _fence_files_off() -> None:
    """Let Landlock, where there is one, refuse all files, connections and other processes, too."""
    import ctypes

    try:
        version = _system_call(LANDLOCK_CREATE, None, 0, 1)
        files = (1 << FILE_RIGHTS[min(version, len(FILE_RIGHTS)) - 1]) - 1
        rights = (ctypes.c_uint64 * 3)(files, 3 * (version > 3), 3 * (version > 5))
        handle = _system_call(LANDLOCK_CREATE, rights, ctypes.sizeof(rights), 0)
        _system_call(LANDLOCK_RESTRICT, handle, 0)
    except OSError:  # there is none, or there are as many already as there may be
        return
    os.close(handle)


def _compiles() -> bool:
    """Say whether this interpreter compiles what it runs often."""
    compiler = getattr(sys, "_jit", None)
    return compiler is not None and bool(compiler.is_enabled())


def _system_call(call: Call, *arguments: object) -> int:
    """Make a system call, of numbers and pointers; raises OSError where it fails."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    number = getattr(call, os.uname().machine)
    passed = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found: int = library.syscall(ctypes.c_long(number), *passed)
    if found == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return found

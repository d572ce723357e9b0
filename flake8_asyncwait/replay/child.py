"""The process that proves one finding: `python -I -S -c "..."` as `apart.py` has it.

It reads what to prove from stdin, as JSON, and writes the proof (`message.py`) to the pipe that was
its stdout, of which the lifted code knows no name. While that runs, the process may neither open a
file nor import, start or connect anything: the code has no way to ask for that (`confine.py`), an
audit hook refuses it all the same, and behind both stands the kernel's wall (`wall.py`), where it
has one.
"""

from __future__ import annotations

import ast
import collections
import encodings.raw_unicode_escape
import encodings.unicode_escape  # noqa: F401 - what `ast.unparse` would import
import faulthandler
import json
import os
import sys
import typing
import warnings
from types import CodeType

from flake8_asyncwait.replay import wall
from flake8_asyncwait.replay.confine import described
from flake8_asyncwait.replay.lift import FILENAME
from flake8_asyncwait.replay.locate import CannotLift, Declared
from flake8_asyncwait.replay.message import packed
from flake8_asyncwait.replay.proof import BROKEN, NOT_LIFTED, Proof
from flake8_asyncwait.replay.prove import prove

MEMORY = 1 << 30  # bytes
SECONDS = 20  # of the processor's time
GRACE = 10  # seconds for which it may go on by the clock, where nobody is left to end it
# What may happen while lifted code runs; any other event is refused.
HARMLESS = frozenset(
    {
        "builtins.id",
        "code.__new__",
        "compile",
        "gc.get_referents",
        "object.__delattr__",
        "object.__getattr__",
        "object.__setattr__",
        "sys._getframe",
        "sys._getframemodulename",
        "sys.set_asyncgen_hook_finalizer",
        "sys.set_asyncgen_hook_firstiter",
        "sys.set_asyncgen_hooks_finalizer",
        "sys.set_asyncgen_hooks_firstiter",
        "sys.unraisablehook",
    }
)
# These make classes by compiling text of their own.
COMPILERS = (vars(collections), vars(typing))


class Refused(BaseException):
    """Something was tried that lifted code has no business with."""


class Guard:
    """The audit hook. It refuses from `on` on, and remembers what it refused."""

    def __init__(self) -> None:
        self.on = False
        self.refused = ""

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.on and event not in HARMLESS and not _is_ours(event, args):
            self.refused = self.refused or event
            raise Refused(event)


def _is_ours(event: str, args: tuple[object, ...]) -> bool:
    """Say whether something is compiled or executed by this package, or by what makes classes."""
    if event != "exec":
        return False
    if isinstance(args[0], CodeType) and args[0].co_filename == FILENAME:
        return True
    known = sys._getframe(2).f_globals
    return any(known is module for module in COMPILERS)


def main() -> None:
    """Prove what stdin says."""
    source, (line, column), code, told, names, walled = json.load(sys.stdin)
    pipe = _only_way_out()
    ast.unparse(ast.Pass())  # from Python 3.14 on, this imports what does it
    guard = Guard()
    _limit()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    sys.addaudithook(guard)

    def shut_in() -> None:
        if walled:
            try:
                wall.build(pipe, SECONDS + GRACE)
            except OSError as error:
                raise CannotLift(f"the system lets no wall be built ({error})") from error
        else:
            faulthandler.dump_traceback_later(SECONDS + GRACE, exit=True, file=pipe)
        guard.on = True

    steps = [(at, choice) for at, choice in told]
    declared = Declared(*map(frozenset, names))
    try:
        proof = prove(source, (line, column), code, steps, declared, shut_in)
    except BaseException as error:  # whatever the lifted code raises where nobody expects it
        proof = Proof(BROKEN, described(error))
    if guard.refused:
        proof = Proof(NOT_LIFTED, f"it reaches for {guard.refused}")
    left = packed(proof)
    while left:
        left = left[os.write(pipe, left) :]
    os._exit(0)


def _only_way_out() -> int:
    """Close what is open, but for a new name of stdout, and return that."""
    pipe = os.dup(1)
    sys.stdin = sys.stdout = sys.stderr = None
    os.closerange(0, 3)
    return pipe


def _limit() -> None:
    """Bound memory and time, as far as the system can. The parent bounds time everywhere, unless it
    is killed itself."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit, most, hard in (
        (resource.RLIMIT_AS, MEMORY, MEMORY),
        # Where both are the same, Linux sends SIGKILL, which does not tell why.
        (resource.RLIMIT_CPU, SECONDS, SECONDS + 1),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
    ):
        try:
            resource.setrlimit(limit, (most, hard))
        except (OSError, ValueError):  # a lower one is set already, or the system has none
            continue

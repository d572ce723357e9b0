"""The process that proves one finding: `python -I -S -c "..."` as `apart.py` has it.

It reads what to prove from stdin, as JSON, and writes the proof (`message.py`) to the pipe that was
its stdout, of which the lifted code knows no name. While that runs, the process may neither open a
file nor import, start or connect anything: the code has no way to ask for that (`confine.py`), an
audit hook refuses it all the same, and behind both stands the kernel's wall (`wall.py`), where it
has one.
"""

from __future__ import annotations

import ast
import encodings.raw_unicode_escape
import encodings.unicode_escape  # noqa: F401 - what `ast.unparse` would import
import faulthandler
import json
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from types import CodeType

from flake8_asyncwait.replay.proof import wall
from flake8_asyncwait.replay.proof.message import packed
from flake8_asyncwait.replay.proof.proof import BROKEN, NOT_LIFTED, Proof
from flake8_asyncwait.replay.proof.prove import prove
from flake8_asyncwait.replay.text.confine import described
from flake8_asyncwait.replay.text.locate import CannotLift, Declared

MEMORY = 1 << 30  # bytes
SECONDS = 20  # of the processor's time
GRACE = 10  # seconds for which it may go on by the clock, where nobody is left to end it
# What may happen while lifted code runs, and what may be set of what Python keeps an eye on: not a
# function's code, an object's class, a class's bases or the module that it says it is from. Nothing
# is compiled then.
HARMLESS = frozenset(
    {
        "builtins.id",
        "gc.get_referents",
        "object.__getattr__",
        "sys._getframe",
        "sys._getframemodulename",
        "sys.set_asyncgen_hook_finalizer",
        "sys.set_asyncgen_hook_firstiter",
        "sys.set_asyncgen_hooks_finalizer",
        "sys.set_asyncgen_hooks_firstiter",
        "sys.unraisablehook",
    }
)
SETTABLE = frozenset({"__doc__", "__name__", "__qualname__"})
# What starts a process of which no audit hook hears, and who uses that.
UNHEARD = ("_posixsubprocess", "subprocess")


def guard(
    code: CodeType, refuse: Callable[[str], object]
) -> Callable[[str, tuple[object, ...]], None]:
    """Return the audit hook of a process that executes one code object, and nothing else: what it
    has no business with is refused, and the process ends.

    It has no switch, it reads no name that others can bind, not even a builtin, and nobody but
    the interpreter holds it.
    """
    harmless, settable, end = HARMLESS, SETTABLE, os._exit

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in harmless:
            return
        if event == "exec" and args[0] is code:
            return
        if event == "object.__setattr__" and args[1] in settable:
            return
        try:
            refuse(event)
        finally:
            end(0)

    return hook


def main() -> None:
    """Prove what stdin says."""
    source, (line, column), code, told, names, walled = json.load(sys.stdin)
    pipe = _only_way_out()
    ast.unparse(ast.Pass())  # from Python 3.14 on, this imports what does it
    _limit()
    _forget()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None

    def shut_in(lifted: CodeType) -> None:
        if walled:
            try:
                wall.build(pipe, SECONDS + GRACE)
            except OSError as error:
                raise CannotLift(f"the system lets no wall be built ({error})") from error
        else:
            faulthandler.dump_traceback_later(SECONDS + GRACE, exit=True, file=pipe)
        sys.addaudithook(guard(lifted, partial(_refuse, pipe)))

    steps = [(at, choice) for at, choice in told]
    declared = Declared(*map(frozenset, names))
    try:
        proof = prove(source, (line, column), code, steps, declared, shut_in)
    except BaseException as error:  # whatever the lifted code raises where nobody expects it
        proof = Proof(BROKEN, described(error))
    _say(pipe, proof)
    os._exit(0)


def _refuse(pipe: int, event: str) -> None:
    _say(pipe, Proof(NOT_LIFTED, f"it reaches for {event}"))


def _say(pipe: int, proof: Proof) -> None:
    left = packed(proof)
    while left:
        left = left[os.write(pipe, left) :]


def _only_way_out() -> int:
    """Close what is open, but for a new name of stdout, and return that."""
    pipe = os.dup(1)
    sys.stdin = sys.stdout = sys.stderr = None
    os.closerange(0, 3)
    return pipe


def _forget() -> None:
    """Take what starts processes unheard out of this one: asyncio has imported it."""
    for name in UNHEARD:
        module = sys.modules.pop(name, None)
        if module is not None:
            vars(module).clear()


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

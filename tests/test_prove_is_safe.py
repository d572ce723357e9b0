"""What lifted code tries has no effect: it gets stand-ins, in a process that could not do it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.proof import wall
from flake8_asyncwait.replay.proof.apart import ROOT, prove_apart
from flake8_asyncwait.replay.proof.proof import GAVE_UP, NOT_LIFTED, NOT_REPRODUCED, PROVED, Proof
from flake8_asyncwait.verdict.checked import LONGEST

FUNCTION = """\
import asyncio, builtins, collections, contextlib, ctypes, dataclasses, enum, functools, importlib
import itertools, logging, operator, os, pathlib, shutil, socket, subprocess, sys, types, typing
from asyncio import __dict__ as inside, __loader__ as loader, create_task, events, world
from functools import __builtins__ as theirs

{module}

class Catcher:
    def __setattr__(self, name, value):
        value["__builtins__"]["open"]("{mark}", "w")

    def __radd__(self, other):
        return other.calls.load.__globals__["sys"].modules["os"].system("touch {mark}")

def plain(x):
    return x

def generator():
    yield 1

async def f(self, things):
    task = asyncio.create_task(self.work())
{tricks}
    await asyncio.wait([task], timeout=1)
"""

# Every line by itself makes a file, where Python runs it. Errors of the tricks are no news.
TRICKS = {
    "builtins": """
        open("{mark}", "w")
        __import__("os").system("touch {mark}")
        eval("open('{mark}', 'w')")
        exec("open('{mark}', 'w')")
        exec(compile("open('{mark}', 'w')", "", "exec"))
        globals()["__builtins__"]["open"]("{mark}", "w")
        vars(builtins)["open"]("{mark}", "w")
        __builtins__["open"]("{mark}", "w")
        __builtins__.open("{mark}", "w")
        __loader__.load_module("os").system("touch {mark}")
        __spec__.loader.load_module("os").system("touch {mark}")
        print("", file=open("{mark}", "w"))
        breakpoint()
        input()
    """,
    "modules": """
        os.system("touch {mark}")
        subprocess.run(["touch", "{mark}"])
        pathlib.Path("{mark}").touch()
        importlib.import_module("os").system("touch {mark}")
        sys.modules["os"].system("touch {mark}")
        contextlib.os.system("touch {mark}")
        contextlib.sys.modules["os"].system("touch {mark}")
        logging.os.system("touch {mark}")
        logging.FileHandler("{mark}").emit(None)
        collections._sys.modules["os"].system("touch {mark}")
        enum.sys.modules["os"].system("touch {mark}")
        dataclasses.sys.modules["os"].system("touch {mark}")
        typing.sys.modules["os"].system("touch {mark}")
        functools.recursive_repr.__globals__["__builtins__"]["open"]("{mark}", "w")
        loader.load_module("os").system("touch {mark}")
        theirs["open"]("{mark}", "w")
    """,
    "asyncio": """
        asyncio.sys.modules["os"].system("touch {mark}")
        asyncio.events.os.system("touch {mark}")
        events.os.system("touch {mark}")
        asyncio.subprocess.subprocess.run(["touch", "{mark}"])
        await asyncio.create_subprocess_shell("touch {mark}")
        await asyncio.to_thread(open, "{mark}", "w")
        await asyncio.get_running_loop().run_in_executor(None, open, "{mark}", "w")
        await asyncio.get_running_loop().subprocess_shell(None, "touch {mark}")
        task.get_coro().cr_frame.f_builtins["open"]("{mark}", "w")
        task.get_loop().call_soon(open, "{mark}", "w")
        inside["world"].calls.load.__globals__["sys"].modules["os"].system("touch {mark}")
        world.calls.load.__globals__["sys"].modules["os"].system("touch {mark}")
        task.world.calls.load.__globals__["sys"].modules["os"].system("touch {mark}")
        task.world += Catcher()
        things.standin.world.stage.loop.call_soon(open, "{mark}", "w")
    """,
    "attributes": """
        [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "x"][0]("touch {mark}")
        getattr((), "__class__").__base__.__subclasses__()[0]("{mark}")
        functools.reduce(getattr, ("__class__", "__base__"), ())("{mark}")
        list(map(getattr, [plain], ["__globals__"]))[0]["__builtins__"]["open"]("{mark}", "w")
        operator.attrgetter("__globals__")(plain)["__builtins__"]["open"]("{mark}", "w")
        operator.methodcaller("__getattribute__", "__globals__")(plain)["x"]("touch {mark}")
        plain.__globals__["__builtins__"]["open"]("{mark}", "w")
        plain.__builtins__["open"]("{mark}", "w")
        type(plain)(plain.__code__.replace(co_names=("open",)), plain.__globals__)("{mark}")
        setattr(plain, "__code__", task.life.maker.replace(co_name="x"))
        object.__getattribute__(plain, "__globals__")["__builtins__"]["open"]("{mark}", "w")
        super(Catcher, Catcher()).__getattribute__("__class__").__base__
        generator().gi_frame.f_builtins["open"]("{mark}", "w")
        generator().gi_code.replace(co_names=("open",))
        self.f.__func__.__globals__["__builtins__"]["open"]("{mark}", "w")
        len.__self__.open("{mark}", "w")
    """,
    "library": """
        functools.update_wrapper(Catcher(), plain, assigned=("__globals__",), updated=())
        functools.wraps(plain, assigned=("__globals__",), updated=())(Catcher())
        functools.singledispatch(plain).register(open)("{mark}", "w")
        typing.get_args(typing.List["open('{mark}', 'w')"])[0]._evaluate({{}}, {{}}, frozenset())
        typing.ForwardRef("open('{mark}', 'w')")._evaluate({{}}, {{}}, frozenset())
        typing.get_type_hints(typing.NamedTuple("N", [("x", "open('{mark}', 'w')")]))
        enum.IntEnum._convert_("E", "os", lambda n: n == "system").system.value("touch {mark}")
        types.FunctionType(types.CodeType(0), {{}})("{mark}")
        dataclasses.make_dataclass("D", [("x", "open('{mark}', 'w')")])
        collections.namedtuple("N", "x, y=open('{mark}', 'w')")
        contextlib.redirect_stdout(open("{mark}", "w")).__enter__().write("x")
        contextlib.chdir("/").__enter__()
        "{{0.__globals__[__builtins__][open]}}".format(plain)("{mark}", "w")
        f"{{plain.__globals__['__builtins__']['open']('{mark}', 'w')}}"
        itertools.starmap(open, [("{mark}", "w")]).__next__()
    """,
    "errors": """
        (lambda: 1 / 0)()
        contextlib.nothing_of_the_kind.__globals__["os"].system("touch {mark}")
        len.nothing_of_the_kind
    """,
}
MODULE_LEVEL = """
HANDLE = open("{mark}", "w")
os.system("touch {mark}")
@os.system("touch {mark}")
@eval("open('{mark}', 'w')")
class Meta(type):
    def __prepare__(name, bases):
        return open("{mark}", "w")
class Work(metaclass=Meta, path=open("{mark}", "w")):
    __module__ = "os"
    handle = open("{mark}", "w")
    @property
    def work(self, default=open("{mark}", "w")):
        return open("{mark}", "w")
def wait(handle=open("{mark}", "w"), *, other: open("{mark}", "w") = HANDLE):
    return Work, HANDLE, Meta
"""


def source(mark: Path, tricks: str = "", module: str = "") -> str:
    """A module with a finding, whose function tries some tricks first, each by itself."""
    lines = textwrap.dedent(tricks).format(mark=mark).strip().splitlines()
    tried = "\n".join(f"try:\n    {line}\nexcept Exception:\n    pass" for line in lines)
    return FUNCTION.format(
        module=module.format(mark=mark), tricks=textwrap.indent(tried, "    "), mark=mark
    )


def proof_of(text: str, seconds: float = 20) -> Proof:
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    return prove_apart(text, (finding.line, finding.column), finding.code, steps, seconds=seconds)


def lines_of(tricks: str, count: int = 6) -> list[str]:
    """The tricks in portions: what is undecided in too many of them is too much to try."""
    lines = tricks.strip().splitlines()
    return ["\n".join(lines[first : first + count]) for first in range(0, len(lines), count)]


@pytest.mark.parametrize("name", TRICKS)
def test_nothing_happens_outside(name: str, tmp_path: Path) -> None:
    """The function goes on as if nothing were: the audit hook had nothing to refuse."""
    mark = tmp_path / "mark"
    for tricks in lines_of(TRICKS[name]):
        proof = proof_of(source(mark, tricks))
        assert (proof.word, proof.reason, tricks) == (PROVED, "", tricks)
    assert list(tmp_path.iterdir()) == []


# What an enum reads an attribute with, by a name that it holds, from Python 3.12 on.
READS_BY_NAME = """\
import asyncio
import enum
from contextlib import contextmanager


class Mix:
    @property
    def x(self):
        return 1


class E(Mix, enum.Enum):
    x = 1


def read(thing, name, reader):
    reader._cls_type = thing[0]
    reader.name = name
    return E._member_map_["x"].x


async def f(work):
    try:
        inner = contextmanager(E)
        reader = inner.x
        reader.fget = None
        reader._attr_type = "attr"
        modules = read([inner], "__globals__", reader)["sys"]
        posix = read([modules], "modules", reader)["posix"]
        read([posix], "mkfifo", reader)("{mark}", 0o600)
    except AttributeError:
        pass
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=1)
"""


def test_what_reads_attributes_for_an_enum_reads_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence holds by itself: no audit hook hears of this, and there is no wall."""
    monkeypatch.setattr(wall, "lacking", lambda: "no wall")
    proof = proof_of(READS_BY_NAME.replace("{mark}", str(tmp_path / "mark")))
    assert (proof.word, proof.reason) == (PROVED, "")
    assert list(tmp_path.iterdir()) == []


def test_a_future_taken_from_the_loop_shows_nothing(tmp_path: Path) -> None:
    """Whoever does this is not replayed: the loop waits for the task, and nobody asks it."""
    trick = 'task.__await__().send(None).get_loop().call_soon(open, "{mark}", "w")'
    assert proof_of(source(tmp_path / "mark", trick)).word == NOT_REPRODUCED
    assert list(tmp_path.iterdir()) == []


def test_what_the_module_executes_is_as_harmless(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    tricks = "Work()\nwait()\nself.use(HANDLE, Meta)"
    proof = proof_of(source(mark, tricks, MODULE_LEVEL))
    assert (proof.word, proof.reason) == (PROVED, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "pattern", ["object(__class__=c)", "Catcher(world=w)", "Catcher(a)", "plain.__globals__"]
)
def test_patterns_that_read_attributes_are_refused(pattern: str, tmp_path: Path) -> None:
    module = f"def take(x):\n    match x:\n        case {pattern}:\n            pass"
    proof = proof_of(source(tmp_path, "take(work)", module))
    assert proof.word == NOT_LIFTED
    assert "pattern" in proof.reason


@pytest.mark.parametrize(
    "endless",
    [
        "[x for x in iter(int, 1)]",
        "10 ** 10 ** 10",
        "list(itertools.count())",
        "[0] * 2 ** 40",
        "recursion = lambda: recursion()\nrecursion()",
    ],
)
def test_what_does_not_end_is_stopped(endless: str, tmp_path: Path) -> None:
    proof = proof_of(source(tmp_path, endless), seconds=2)
    assert proof.word == GAVE_UP
    assert proof.reason in ("it does not end within 2 s", "MemoryError", "RecursionError")


def test_a_long_file_is_not_read() -> None:
    proof = prove_apart("#" * (LONGEST + 1), (1, 0), "AWT101", [])
    assert proof == Proof(NOT_LIFTED, "its file is too long")


def test_it_ends_when_nobody_is_left_to_stop_it(tmp_path: Path) -> None:
    """Also on a system that knows no limits."""
    text = source(tmp_path, "[x for x in iter(int, 1)]")
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    task = [text, (finding.line, finding.column), finding.code, steps, [[], [], []], False]
    program = (
        f"import sys; sys.path.append({ROOT!r}); sys.modules['resource'] = None\n"
        "from flake8_asyncwait.replay.proof import child\n"
        "child.SECONDS, child.GRACE = 1, 0\n"
        "child.main()"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(
        command, input=json.dumps(task), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Timeout (0:00:01)!")


def test_an_endless_loop_is_not_run_through(tmp_path: Path) -> None:
    text = source(tmp_path, "while True: pass")
    (finding,) = check(text.replace("while True: ", "")).findings  # no wait comes behind it
    steps = [(step.line, step.choice) for step in finding.witness]
    proof = prove_apart(text, (finding.line, finding.column), finding.code, steps)
    assert "a loop goes on" in proof.reason or "no execution" in proof.reason


@pytest.mark.parametrize(
    "deed",
    [
        "open(sys.argv[1], 'w')",
        "__import__('os').system('touch ' + sys.argv[1])",
        "__import__('subprocess').run(['touch', sys.argv[1]])",
        "__import__('socket').socket()",
        "exec('1')",
        "__import__('this')",
        "__import__('os').mkdir(sys.argv[1])",
    ],
)
def test_the_process_refuses_it_too(deed: str, tmp_path: Path) -> None:
    """The second line of defence by itself: what a hole in the first would allow is refused."""
    assert _refused(deed, tmp_path / "mark")
    assert list(tmp_path.iterdir()) == []


def _refused(deed: str, mark: Path) -> str:
    """What the audit hook by itself refuses of a deed, which `code` is not part of."""
    program = (
        f"import sys, os, subprocess, socket; sys.path.append({ROOT!r})\n"
        "from flake8_asyncwait.replay.proof import child\n"
        "code = compile('done = 1', '<judged>', 'exec')\n"
        "other = compile('done = 2', '<judged>', 'exec')\n"
        "say = lambda event: os.write(1, event.encode())\n"
        "def own(): pass\n"
        "sys.addaudithook(child.guard(code, say))\n"
        f"{deed}\n"
        "os.write(2, b'nothing is refused')"
    )
    command = [sys.executable, "-c", program, str(mark)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        ("compile('1', '<judged>', 'exec')", "compile"),
        ("exec(other, {})", "exec"),
        ("exec(other.replace(co_consts=()))", "code.__new__"),
        ("own.__code__ = code", "object.__setattr__"),
        ("setattr(own, '__defaults__', ())", "object.__setattr__"),
        ("child.Declared.__bases__ = ()", "object.__setattr__"),
        ("child.Declared.__module__ = 'judged'", "object.__setattr__"),
        ("child.CannotLift().__class__ = OSError", "object.__setattr__"),
        ("type(own)(code, {})", "function.__new__"),
        ("sys.addaudithook(print)", "sys.addaudithook"),
        ("sys.settrace(print)", "sys.settrace"),
        ("import gc; gc.get_objects()", "gc.get_objects"),
        ("import gc; gc.get_referrers(child.guard)", "gc.get_referrers"),
    ],
)
def test_nothing_is_compiled_and_no_code_is_given_to_anything(
    deed: str, event: str, tmp_path: Path
) -> None:
    """What it is called does not matter: only one code object is executed."""
    assert _refused(deed, tmp_path) == event


@pytest.mark.parametrize(
    "switch",
    [
        "child.HARMLESS = child.SETTABLE = frozenset({'open', 'exec', 'compile'})",
        "child._refuse = child._say = print",
        "import builtins; builtins.frozenset = builtins.type = lambda *_: None",
        "child.os = child.sys = None; sys.modules.clear()",
        "exec(code); vars(child).clear()",
        "os._exit = print",
        "[setattr(child, name, None) for name in [*vars(child)] if name[:2] != '__']",
    ],
)
def test_no_switch_turns_the_refusal_off(switch: str, tmp_path: Path) -> None:
    assert _refused(f"{switch}\nopen(sys.argv[1], 'w')", tmp_path / "mark") == "open"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="processes are started in another way")
def test_no_process_is_started_unheard() -> None:
    """The function that starts one has no event of its own."""
    program = (
        f"import sys, asyncio, _posixsubprocess; sys.path.append({ROOT!r})\n"
        "from flake8_asyncwait.replay.proof import child\n"
        "names = ('fork_exec', '_fork_exec')\n"
        "has = lambda module: any(name in vars(module) for name in names)\n"
        "modules = [_posixsubprocess, asyncio.subprocess.subprocess, *sys.modules.values()]\n"
        "assert any(map(has, modules))\n"
        "child._forget()\n"
        "print(any(map(has, [*modules, *sys.modules.values()])))"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")

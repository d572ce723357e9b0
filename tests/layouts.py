"""Code in generated layouts: the same leaks as formatters would have them, and as people do."""

from __future__ import annotations

import ast
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from command import tool

FORMATTERS = ("black", "ruff", "ruff with tabs", "ruff, single quotes", "by hand")
WIDTHS = (79, 88, 100, 120)

# Each leaks in some way; the words in capitals become names of some length, or more of the code.
BODIES = (
    """\
TASKS = [asyncio.create_task(WORK(item, retries=RETRIES)) for item in ITEMS]
done, pending = await asyncio.wait(TASKS, return_when=asyncio.FIRST_COMPLETED)
for task in pending:
    task.cancel()
return done.pop().result()
""",
    """\
TASK = asyncio.create_task(WORK(ITEMS))
OTHER = asyncio.create_task(WORK(RETRIES))
done, pending = await asyncio.wait(
    {TASK, OTHER},
    timeout=TIMEOUT,
    return_when=asyncio.FIRST_COMPLETED,
)
if TASK in done:
    OTHER.cancel()
    return TASK.result()
else:
    TASK.cancel()
log("it took long", OTHER.result(), RETRIES, extra={"items": ITEMS, "of": "those that were asked"})
""",
    """\
TASK = asyncio.create_task(WORK(ITEMS))
await asyncio.wait([TASK], timeout=TIMEOUT)
if not TASK.done():
    log("this takes long", ITEMS)
return await TASK
""",
    """\
TASKS = [asyncio.create_task(WORK(item)) for item in ITEMS]
done, pending = await asyncio.wait(TASKS, timeout=TIMEOUT)
results = {task: task.result() for task in done if task.exception() is None and ITEMS.has(task)}
await RETRIES.keep(results, "some text that is long", ITEMS, keyword_argument=TIMEOUT * 2 + 1)
return pending
""",
    """\
TASKS = {asyncio.create_task(WORK(item)) for item in ITEMS}
while TASKS:
    done, TASKS = await asyncio.wait(TASKS, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        RETRIES.append(task.result(), "and something else that makes the line long", ITEMS[0])
""",
    """\
await asyncio.wait([asyncio.create_task(WORK(ITEMS, RETRIES))], timeout=TIMEOUT)
""",
    """\
TASK = asyncio.create_task(WORK(ITEMS))
OTHER = asyncio.create_task(RETRIES.wait())
try:
    done, pending = await asyncio.wait({TASK, OTHER}, return_when=asyncio.FIRST_COMPLETED)
    if TASK in done:
        return TASK.result()
finally:
    OTHER.cancel()
""",
    """\
TASK = asyncio.create_task(WORK(ITEMS))
OTHER = asyncio.create_task(RETRIES.wait())
try:
    await asyncio.wait({TASK, OTHER}, timeout=TIMEOUT)
    log("waited")
except asyncio.TimeoutError:
    log("nobody raises that")
RETRIES.tasks = [TASK, OTHER]
""",
    """\
await asyncio.wait([asyncio.sleep(TIMEOUT * len(RETRIES)) for _ in ITEMS], timeout=RETRIES.wait)
""",
)
PARTS = ("task", "get", "reader", "lost", "connection", "item", "waiter", "next", "job", "result")
COMMENTS = ("# why", "# see issue 12", "#: odd", "# cancel it", "#no space", "# noqa: E501")


@dataclass(frozen=True, slots=True)
class Layout:
    """A generated file: what formats it, the width of its lines, and its bytes."""

    formatter: str
    width: int
    data: bytes

    @property
    def config(self) -> str:
        """What the project's `pyproject.toml` says."""
        if self.formatter == "by hand":
            return f"[tool.none]\nwidth = {self.width}\n"
        tool = "black" if self.formatter == "black" else "ruff"
        lines = [f"[tool.{tool}]", f"line-length = {self.width}"]
        lines += ["format.indent-style = 'tab'"] if "tabs" in self.formatter else []
        lines += ["format.quote-style = 'single'"] if "single" in self.formatter else []
        return "\n".join([*lines, ""])


def make(seed: int, directory: Path) -> Layout | None:
    """The layout of a number, made in a directory that gets its `pyproject.toml`; None where the
    formatter cannot be had, or would not leave what it made as it is."""
    chance = random.Random(seed)
    formatter, width = chance.choice(FORMATTERS), chance.choice(WIDTHS)
    layout = Layout(formatter, width, b"")
    (directory / "pyproject.toml").write_text(layout.config)
    text = _file(chance)
    if formatter == "by hand":
        text = _by_hand(chance, text)
    else:
        formatted = run_formatter(formatter, width, text, directory)
        if formatted is None:
            return None
        text = _with_comments(chance, formatted)
        if run_formatter(formatter, width, text, directory) != text:
            text = formatted
    if chance.random() < 0.15:
        text = text.replace("\n", "\r\n")
    return Layout(formatter, width, text.encode())


def _file(chance: random.Random) -> str:
    functions = [_function(chance, number) for number in range(chance.choice((1, 1, 2, 3)))]
    head = "import asyncio\nimport logging\n\nlog = logging.getLogger(__name__).warning\n"
    return head + "".join("\n\n" + function for function in functions)


def _function(chance: random.Random, number: int) -> str:
    body = chance.choice(BODIES)
    for word in sorted(set(re.findall(r"\b[A-Z]{4,}S?\b", body)) - {"FIRST_COMPLETED"}):
        parts = chance.sample(PARTS, chance.choice((1, 1, 2, 3)))
        name = "_".join(parts) + ("s" if word.endswith("S") else "") + chance.choice(("", "_2"))
        body = re.sub(rf"\b{word}\b", f"{word.lower()[0]}_{name}", body)
    given = sorted(set(re.findall(r"\b[wirt]_\w+", body)) - set(re.findall(r"\b(t_\w+) =", body)))
    given = [each for each in given if not re.search(rf"^{each} = ", body, re.M)]
    function = f"async def function_{number}({', '.join(dict.fromkeys(['self', *given]))}):\n"
    if chance.random() < 0.3:
        function = "@decorated(by='something')\n" + function
    if chance.random() < 0.3:
        body = '"""Say what it does."""\n\n' + body
    if chance.random() < 0.3:
        guard = chance.choice(("if self:", "async with self.lock:", "try:"))
        end = "except ValueError:\n    pass\n" if guard == "try:" else ""
        body = f"{guard}\n{_indented(body)}{end}"
    function += _indented(body)
    if chance.random() < 0.3:
        function = f"class Class{number}:\n{_indented(function)}"
    elif chance.random() < 0.2:
        inner = f"{_indented(function)}\n    return function_{number}\n"
        function = f"def make_{number}(self):\n{inner}"
    return function


def _indented(text: str) -> str:
    return re.sub(r"^(?=.)", "    ", text, flags=re.M)


def run_formatter(formatter: str, width: int, text: str, directory: Path) -> str | None:
    """What a formatter makes of a text; None where it cannot be had."""
    if formatter == "black":
        try:
            import black
        except ImportError:
            return None
        return black.format_str(text, mode=black.Mode(line_length=width))
    ruff = tool("ruff")
    if ruff is None:
        return None
    command = [ruff, "format", "--stdin-filename", str(directory / "file.py"), "-"]
    ran = subprocess.run(
        command, input=text.encode(), capture_output=True, check=True, cwd=directory
    )
    return ran.stdout.decode()


def _with_comments(chance: random.Random, text: str) -> str:
    """The text with comments at the ends of some lines, and on lines of their own."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() and chance.random() < 0.06 and not line.endswith(('"""', "\\")):
            lines.append(f"{indent}{chance.choice(COMMENTS)}")
        lines.append(line)
        if line.strip() and chance.random() < 0.06 and line.endswith((")", ":", ",")):
            lines[-1] += f"  {chance.choice(COMMENTS)}"
    return "\n".join(lines)


def _by_hand(chance: random.Random, text: str) -> str:
    """The text as somebody writes it who aligns arguments below each other."""
    lines = []
    for line in text.split("\n"):
        match = re.match(r"(\s*)(.*?\()(.*, .*)(\).*)$", line)
        if match and chance.random() < 0.5 and not line.lstrip().startswith(("def", "async def")):
            lines += _aligned(line)
        else:
            lines.append(line)
    text = "\n".join(lines)
    if chance.random() < 0.3:
        shorter = re.sub(r":\n\s+(\w+\.cancel\(\))\n", r": \1\n", text)
        text = shorter if _is_python(shorter) else text
    if chance.random() < 0.2:
        unit = chance.choice(("\t", "  "))
        text = re.sub(r"^(?: {4})+", lambda m: unit * (len(m[0]) // 4), text, flags=re.M)
    return text


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _aligned(line: str) -> list[str]:
    """A line with the arguments of its first call of several below each other."""
    depth, starts, breaks = 0, [], []
    for position, character in enumerate(line):
        if character in "([{":
            depth += 1
            starts.append(position)
        elif character in ")]}":
            depth -= 1
            starts.pop()
        elif character == "," and depth:
            breaks.append((position + 1, starts[-1] + 1))
    if not breaks or re.search(r"['\"]", line):
        return [line]
    outer = min(start for _, start in breaks)
    cuts = [position for position, start in breaks if start == outer]
    pieces, last = [], 0
    for cut in cuts:
        pieces.append(line[last:cut])
        last = cut
    pieces.append(line[last:])
    return [pieces[0], *(" " * outer + piece.strip() for piece in pieces[1:])]

"""Findings as text: one line each, or with the source and the witness below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from flake8_asyncwait.report.colour import PLAIN, Paint
from flake8_asyncwait.report.entry import Contents, Entry, Summary
from flake8_asyncwait.report.paths import relative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.verdict.finding import Finding, Step

CONTEXT = 2
# What GitHub and Azure take for the beginning of a command, on a line of its own, and what Azure
# takes for one anywhere in a line.
_COMMANDS = ("::", "##")
_COMMAND = re.compile(r"(?i)(##vso)\[")


def lines(contents: Contents) -> Iterator[str]:
    """The report with a line for each finding."""
    for entry in contents.entries:
        yield text(entry.path, entry.finding, entry.proof, contents.paint) + "\n"


def paragraphs(contents: Contents) -> Iterator[str]:
    """The report with the source of each finding, how it leaks, and what would cure it."""
    before: Entry | None = None
    for entry in contents.entries:
        is_shown = before is not None and (before.path, before.change) == (entry.path, entry.change)
        yield full(entry, contents.paint, is_shown) + "\n\n"
        before = entry


def text(path: str, finding: Finding, mark: str = "", paint: Paint = PLAIN) -> str:
    """`path:line:column: CODE message`, as flake8 prints it: both count from 1.

    A `mark` comes behind it in brackets.
    """
    place = f"{paint('bold', beginning(path))}:{finding.line}:{finding.column + 1}"
    behind = f" [{mark}]" if mark else ""
    return f"{place}: {paint('bold red', finding.code)} {printable(finding.message + behind)}"


def full(entry: Entry, paint: Paint = PLAIN, is_shown: bool = False) -> str:
    """`text`, then the lines around the call, then the witness as numbered steps, then a hint, then
    what a fix would do, and the change that this would make, a diff, unless it `is_shown` above."""
    finding = entry.finding
    told = [text(entry.path, finding, entry.proof, paint), ""]
    told += _excerpt(finding, entry.text.split("\n"), paint)
    told += _how(finding)
    is_shown = is_shown and entry.change is not None
    if entry.advice:
        told += ["", f"  {printable(entry.advice)}{', in the change above' if is_shown else ''}"]
    if entry.change is not None and not is_shown:
        told += ["", *(_changed(line, paint) for line in entry.change.diff.splitlines())]
    return "\n".join(told)


def words(finding: Finding) -> str:
    """The message of a finding, then its witness as numbered steps, then a hint, as in `full`."""
    return "\n".join([printable(finding.message), *_how(finding)])


def _how(finding: Finding) -> list[str]:
    """How a finding leaks, and what else there is to know: each behind an empty line."""
    steps = ["", *_steps(finding.witness)] if finding.witness else []
    return steps + (["", f"  note: {printable(finding.hint)}"] if finding.hint else [])


def proof(
    path: str, finding: Finding, happened: Iterable[str], assumed: Iterable[str], verdict: str
) -> str:
    """`text`, then what happened when the finding was run, then the conditions that were assumed
    for it, then what that comes to."""
    shown = [printable(f"  {event}") for event in happened]
    conditions = [printable(f"  {condition}") for condition in assumed]
    blocks = [[text(path, finding)], shown, conditions and ["assumed", *conditions]]
    return "\n\n".join("\n".join(lines) for lines in [*blocks, [printable(verdict)]] if lines)


def closing(summary: Summary) -> str:
    """What a run comes to: the last line of a report."""
    looked_at = f"{_counted(summary.checked, 'file')}, {_counted(summary.waits, 'wait')}"
    told = []
    if summary.findings:
        told.append(f"{_counted(summary.findings, 'finding')} in {_counted(summary.files, 'file')}")
        told += _curable(summary)
    elif summary.errors and not summary.checked:
        told.append("Nothing checked")
    elif summary.undetermined or summary.errors:
        told.append(f"No findings ({looked_at})")
    else:
        told.append(f"All checks passed ({looked_at})")
    if summary.undetermined:
        told.append(f"{_counted(len(summary.undetermined), 'wait')} not decided")
    if summary.errors:
        told.append(_counted(len(summary.errors), "error"))
    return "; ".join(told)


def _curable(summary: Summary) -> Iterator[str]:
    """What `asyncwait fix` can cure, or how to find that out; nothing where all of it is known to
    need somebody to decide."""
    from flake8_asyncwait.rules import rule_of

    if summary.fixable is not None:
        yield f"asyncwait fix can cure {summary.fixable or 'none'}"
    elif not all(rule_of(code).by_hand for code in summary.counts):
        which = "whether it can cure it" if summary.findings == 1 else "which it can cure"
        yield f"asyncwait fix --diff shows {which}"


def statistics(summary: Summary) -> list[str]:
    """A line for each code with findings, and one for each reason not to decide a site."""
    told = [f"{count:<5} {code}" for code, count in sorted(summary.counts.items())]
    reasons = Counter(site.reason for _, site in summary.undetermined)
    return told + [f"{count:<5} not decided: {why}" for why, count in sorted(reasons.items())]


def printable(line: str) -> str:
    """`line` with all that a terminal or a service that runs checks may obey, or that cannot be
    shown, as escape sequences of Python."""
    if not line.isprintable():
        shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        line = "".join(shown)
    return _COMMAND.sub(r"\1\\x5b", line) if "##" in line else line


def beginning(line: str) -> str:
    """`printable`, for what a line begins with. A path that a service which runs checks would take
    for a command (`::stop-commands::x.py`) is printed with the directory that it is in."""
    told = printable(line)
    return f"./{told}" if told.lstrip().startswith(_COMMANDS) else told


def shown(data: bytes) -> str:
    """The lines of a file or a diff, each `printable` but for its tabs."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _excerpt(finding: Finding, lines: Sequence[str], paint: Paint) -> list[str]:
    """The call, marked, between `CONTEXT` lines on either side."""
    first = max(finding.line - CONTEXT, 1)
    last = min(max(finding.line, finding.end_line) + CONTEXT, len(lines))
    width = len(str(last))
    excerpt = []
    for number in range(first, last + 1):
        line = lines[number - 1]
        excerpt.append(f"{number:>{width + 4}} | {_shown(line)}".rstrip())
        if number == finding.line:
            excerpt.append(f"{'':>{width + 4}} | {_mark(finding, line, paint)}")
    return excerpt


def _mark(finding: Finding, line: str, paint: Paint) -> str:
    """Carets below the part of the call that stands on its first line."""
    end = finding.end_column if finding.end_line == finding.line else len(line)
    start = len(_shown(line[: finding.column]))
    return " " * start + paint("red", "^" * max(len(_shown(line[:end])) - start, 1))


def _shown(line: str) -> str:
    return printable(line.expandtabs())


def _changed(line: str, paint: Paint) -> str:
    """A line of a diff, indented."""
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    shown = printable(line.expandtabs()).rstrip()
    return f"  {paint(colour, shown) if colour else shown}".rstrip()


def _steps(witness: Iterable[Step]) -> list[str]:
    return [f"  {number}. {_placed(step)}" for number, step in enumerate(witness, 1)]


def _placed(step: Step) -> str:
    """`step` as a sentence that says where: "cancelled here, line 41: 'reader' is running"."""
    what, colon, consequence = step.what.partition(":")
    where = f"{relative(step.path)}, line {step.line}" if step.path else f"line {step.line}"
    return printable(f"{what}, {where}{colon}{consequence}")

"""Findings as text: one line each, or with the source and the witness below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flake8_asyncwait.verdict.finding import Finding, Step

CONTEXT = 2


def text(path: str, finding: Finding, mark: str = "") -> str:
    """`path:line:column: CODE message`, as flake8 prints it: both count from 1.

    A `mark` comes behind it in brackets.
    """
    place = f"{path}:{finding.line}:{finding.column + 1}"
    behind = f" [{mark}]" if mark else ""
    return printable(f"{place}: {finding.code} {finding.message}{behind}")


def full(
    path: str, finding: Finding, lines: Sequence[str], mark: str = "", change: str = ""
) -> str:
    """`text`, then the lines around the call in `lines`, then the witness as numbered steps, then
    a `change` that would cure it, a diff.

    `lines` are those of the whole file, without their ends.
    """
    told = [text(path, finding, mark), "", *_excerpt(finding, lines), "", *_steps(finding.witness)]
    shown = [f"  {printable(line.expandtabs())}".rstrip() for line in change.splitlines()]
    return "\n".join([*told, *([""] if shown else []), *shown])


def proof(path: str, finding: Finding, events: Iterable[str], verdict: str) -> str:
    """`text`, then what happened when the finding was run, then what that comes to."""
    shown = [printable(f"  {event}") for event in events]
    return "\n".join([text(path, finding), "", *shown, *([""] if shown else []), verdict])


def statistics(findings: Iterable[Finding], undetermined: int) -> list[str]:
    """A line for each code with findings, and one for undetermined sites if there are any."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    lines = [f"{count:<5} {code}" for code, count in sorted(counts.items())]
    if undetermined:
        lines.append(f"{undetermined:<5} undetermined: too many states to decide, nothing claimed")
    return lines


def printable(line: str) -> str:
    """`line` with all that a terminal may obey, or cannot show, as escape sequences of Python."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _excerpt(finding: Finding, lines: Sequence[str]) -> list[str]:
    """The call, marked, between `CONTEXT` lines on either side."""
    first = max(finding.line - CONTEXT, 1)
    last = min(max(finding.line, finding.end_line) + CONTEXT, len(lines))
    width = len(str(last))
    excerpt = []
    for number in range(first, last + 1):
        line = lines[number - 1]
        excerpt.append(f"{number:>{width + 4}} | {_shown(line)}".rstrip())
        if number == finding.line:
            excerpt.append(f"{'':>{width + 4}} | {_mark(finding, line)}")
    return excerpt


def _mark(finding: Finding, line: str) -> str:
    """Carets below the part of the call that stands on its first line."""
    end = finding.end_column if finding.end_line == finding.line else len(line)
    start = len(_shown(line[: finding.column]))
    return " " * start + "^" * max(len(_shown(line[:end])) - start, 1)


def _shown(line: str) -> str:
    return printable(line.expandtabs())


def _steps(witness: Iterable[Step]) -> list[str]:
    return [f"  {number}. {_placed(step)}" for number, step in enumerate(witness, 1)]


def _placed(step: Step) -> str:
    """`step` as a sentence that says where: "cancelled here, line 41: 'reader' is running"."""
    what, colon, consequence = step.what.partition(":")
    return printable(f"{what}, line {step.line}{colon}{consequence}")

"""Score the linter against the labelled corpus.

    python -m benchmarks.corpus [DIR]

Downloads the pinned packages to DIR (what is there already is used as it is), checks every labelled
file and prints how the linter did, then every disagreement. Exits 1 when a package could not be had
or a file crashed the linter, else 0: how good the figures are is for the reader to say.

    python -m benchmarks.corpus --family [DIR]

does the same with the family's labels, and prints how the linter did with each code.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks.corpus.fetch import fetch
from benchmarks.corpus.labels import FamilyLabel, Label, Site, load, load_family
from benchmarks.corpus.prove import prove_all, report
from benchmarks.corpus.run import FileResult, parses_here, run
from benchmarks.corpus.score import Judged, Score, by_code, score
from flake8_asyncwait.options import ALL_CODES, DEFAULT_ON, FAMILY_CODES, Options

DOWNLOADS = Path(__file__).parent.parent / "downloads"


def main() -> int:
    """Fetch, check, print. Returns the exit status."""
    arguments = _parse_arguments()
    if arguments.family:
        return _fetch_family(arguments)
    labels = [one for one in load() if arguments.package in (None, one.package)]
    failures = fetch(labels, arguments.directory)
    for failure in failures:
        print(failure, file=sys.stderr)
    parsed = [label for label in labels if parses_here(label)]
    source = arguments.directory / "src"
    if arguments.prove:
        print("\n".join(report(prove_all(parsed, source))))
        return 1 if failures else 0
    if arguments.messages:
        _print_messages(run(parsed, source, Options(codes=ALL_CODES - FAMILY_CODES)))
        return 1 if failures else 0
    results = run(parsed, source)
    judged = [one for result in results for one in result.judged]
    if not arguments.only_disagreements:
        _print_scores(judged, len(labels) - len(parsed))
        _print_time(results)
    for one in judged:
        if not one.agrees or one.undetermined:
            _print_disagreement(one, source, arguments.show)
    _print_extras(results)
    return 1 if failures or any(result.crash for result in results) else 0


def _fetch_family(arguments: argparse.Namespace) -> int:
    """Fetch the packages of the family, check, print. Returns the exit status."""
    labels = [one for one in load_family() if arguments.package in (None, one.package)]
    failures = fetch(labels, arguments.directory)
    for failure in failures:
        print(failure, file=sys.stderr)
    source = arguments.directory / "src"
    parsed = [label for label in labels if parses_here(label)]
    results = run(parsed, source, Options(codes=FAMILY_CODES))
    judged = [one for result in results for one in result.judged]
    if not arguments.only_disagreements:
        _print_family(labels)
        _print_codes(judged)
        _print_time(results)
    for one in judged:
        if not one.agrees or one.undetermined:
            _print_disagreement(one, source, arguments.show)
    return 1 if failures or any(result.crash for result in results) else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corpus", description="Score the linter on labelled packages."
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=DOWNLOADS, help="where the packages are or go"
    )
    parser.add_argument("--package", help="look at this package only")
    parser.add_argument(
        "--only-disagreements", action="store_true", help="leave the table of scores out"
    )
    parser.add_argument(
        "--show", action="store_true", help="print the function around each disagreement"
    )
    parser.add_argument(
        "--prove",
        action="store_true",
        help="run every finding on a real event loop instead, and print which are proved",
    )
    parser.add_argument(
        "--messages",
        action="store_true",
        help="print the messages of all codes instead, and how long they are",
    )
    parser.add_argument(
        "--family",
        action="store_true",
        help="score the family's labels instead",
    )
    return parser.parse_args()


def _print_family(labels: list[FamilyLabel]) -> None:
    packages = len({one.package for one in labels})
    print(f"{len(labels)} sites in {packages} packages, {sum(one.sure for one in labels)} sure")
    for (kind, code), count in sorted(Counter((one.kind, one.code) for one in labels).items()):
        print(f"{kind:12} {code:6} {count:4}")


def _print_messages(results: list[FileResult]) -> None:
    """The messages of each code, the longest first, then a table of their lengths."""
    said = [(one.got, one.message) for result in results for one in result.judged if one.message]
    said += [(one.code, one.message) for result in results for one in result.unlabelled]
    for code, message in sorted(said, key=lambda each: (each[0], -len(each[1]))):
        print(f"{len(message):4} {code} {message}")
    print("\ncode     messages median maximum")
    for code in sorted({code for code, _ in said}):
        _print_lengths(code, [message for one, message in said if one == code])
    _print_lengths("default", [message for one, message in said if one in DEFAULT_ON])
    _print_lengths("all", [message for _, message in said])


def _print_lengths(title: str, messages: list[str]) -> None:
    lengths = [len(message) for message in messages]
    if lengths:
        print(f"{title:8} {len(lengths):8} {median(lengths):6.0f} {max(lengths):7}")


def _print_codes(judged: list[Judged]) -> None:
    print("code    findings right leaks labelled found")
    for one in by_code(judged):
        counts = f"{one.findings:8} {one.right:5} {one.leaks:5} {one.labelled:8} {one.found:5}"
        print(f"{one.code:7} {counts}")
    print(f"undetermined: {sum(one.undetermined for one in judged)}")


def _print_scores(judged: list[Judged], left_out: int) -> None:
    early = [one for one in judged if isinstance(one.label, Label) and one.label.early]
    full = [one for one in judged if isinstance(one.label, Label) and not one.label.early]
    print("                   sites labelled flagged both  precision recall exact(both) exact(all)")
    _print_score("early, sure", score(one for one in early if one.label.sure))
    _print_score("early, all", score(early))
    _print_score("full, sure (201)", score(one for one in full if one.label.sure))
    _print_score("full, all (201)", score(full))
    print(f"undetermined: {sum(one.undetermined for one in judged)}")
    if left_out:
        print(f"labels left out, their files need a newer Python: {left_out}")


def _print_time(results: list[FileResult]) -> None:
    slowest = max(results, key=lambda one: one.seconds, default=None)
    if slowest is not None:
        total = sum(one.seconds for one in results)
        print(f"time: {total:.1f} s, the slowest file {slowest.seconds:.1f} s: {slowest.path}")


def _print_score(title: str, one: Score) -> None:
    counts = f"{one.sites:5} {one.expected:8} {one.flagged:7} {one.both:4}"
    ratios = f"{_percent(one.precision):>9} {_percent(one.recall):>6}"
    exact = f"{_percent(one.exact_flagged):>11} {_percent(one.exact):>10}"
    print(f"{title:18} {counts}  {ratios} {exact}")


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3f}"


def _print_disagreement(one: Judged, source: Path, show: bool) -> None:
    label = one.label
    got = "undetermined" if one.undetermined else one.got
    doubt = f"{label.confidence}, or {label.alt}" if label.alt else label.confidence
    print(f"\n{label.package} {source / label.place}:{label.line}:{label.col + 1}")
    print(f"  expected {label.code} ({doubt}): {label.note}")
    print(f"  got      {got} {one.message}".rstrip())
    if show:
        print("\n".join(_function_around(source / label.place, label)))


def _function_around(path: Path, label: Site) -> Iterable[str]:
    """The numbered lines of the innermost function that holds the label, its call marked."""
    with tokenize.open(path) as file:
        text = file.read()
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= label.line <= (node.end_lineno or 0)
    ]
    lines = text.split("\n")
    first, last = 1, len(lines)
    if functions:
        innermost = max(functions, key=lambda node: node.lineno)
        first, last = innermost.lineno, innermost.end_lineno or last
    for number in range(first, last + 1):
        mark = ">" if number == label.line else " "
        yield f"  {mark}{number:5} {lines[number - 1]}".rstrip()


def _print_extras(results: list[FileResult]) -> None:
    for result in results:
        for finding in result.unlabelled:
            print(f"\nno label: {result.path}:{finding.line}:{finding.column + 1}")
            print(f"  got      {finding.code} {finding.message}")
        if result.crash:
            print(f"\ncrash: {result.path}\n{result.crash.rstrip()}")


if __name__ == "__main__":
    sys.exit(main())

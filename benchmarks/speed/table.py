"""The table: what was measured, what was hoped for, and whether it came true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.speed.scaling import Growth


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `measured` is at most `target`, or at least where `is_floor`."""

    what: str
    ours: str
    theirs: str
    measured: float
    target: float
    is_floor: bool = False
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether the target is reached."""
        return self.measured >= self.target if self.is_floor else self.measured <= self.target

    def __str__(self) -> str:
        bound = "at least" if self.is_floor else "at most"
        return (
            f"| {self.what} | {self.ours} | {self.theirs} | {_number(self.measured)}{self.unit} "
            f"| {bound} {self.target:g}{self.unit} | {'yes' if self.holds else '**no**'} |"
        )


def rows_table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    head = ["| | ours | the other's | measured | target | holds |", "| --- " * 6 + "|"]
    return "\n".join([*head, *map(str, rows)])


def growths_table(growths: Iterable[Growth]) -> str:
    """What grows as a Markdown table. Sizes that were not checked to the end are in brackets."""
    lines = ["| what grows | sizes | CPU | exponent | target | holds |", "| --- " * 6 + "|"]
    for one in growths:
        whole = len(one.sizes) - one.cut
        sizes = ", ".join(
            f"{size:,}" if number < whole else f"({size:,})"
            for number, size in enumerate(one.sizes)
        )
        costs = ", ".join(map(seconds, one.costs))
        exponent = "-" if one.exponent is None else f"{one.exponent:.2f}"
        holds = "yes" if one.holds else "**no**"
        lines.append(
            f"| {one.what} | {sizes} | {costs} | {exponent} | at most {one.limit:g} | {holds} |"
        )
    return "\n".join(lines)


def seconds(value: float) -> str:
    """A time, in a unit that fits it."""
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"

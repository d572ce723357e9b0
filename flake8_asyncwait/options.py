"""The options that change what is found, the same for every door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flake8_asyncwait.named import NamedTuple

PLUGIN_PREFIX = "AWT"
DEFAULT_ON = frozenset({"AWT101", "AWT102", "AWT103", "AWT104", "AWT203"})
# Tasks that outlive their function without a wait.
FAMILY_CODES = frozenset(
    {
        *("AWT301", "AWT302", "AWT303", "AWT304"),
        *("AWT311", "AWT312", "AWT313", "AWT321", "AWT322", "AWT331"),
    }
)
DEFAULT_OFF = frozenset({"AWT105", "AWT201", "AWT202"}) | FAMILY_CODES
ALL_CODES = DEFAULT_ON | DEFAULT_OFF


# Those of them that a prefix does not turn on: they were wrong too often in the labelled corpus.
FULL_NAME_ONLY = frozenset({"AWT301"})


# A named tuple and not a dataclass: a run over files without a site would pay 20 ms, more than
# for anything else it imports, for the import of `dataclasses`.
class Options(NamedTuple):
    """What to look for.

    `codes` are the codes that may be reported. `task_factories`, `cancellers` and
    `wait_functions` are dotted names or last components of dotted names, as the user wrote them.
    `project` says that functions of other modules of the project are looked into.
    """

    codes: frozenset[str] = DEFAULT_ON
    task_factories: frozenset[str] = frozenset()
    cancellers: frozenset[str] = frozenset()
    wait_functions: frozenset[str] = frozenset()
    project: bool = True


def resolve_codes(
    select: Sequence[str] | None, extend_select: Iterable[str], ignore: Iterable[str]
) -> frozenset[str]:
    """The codes that may be reported, from lists of code prefixes as flake8 understands them.

    `select` is None where the user gave no list: then every code that is on by default is
    selected. Where a code is both selected and ignored the longer prefix wins, and `ignore` wins
    a tie. A code that is off by default has to be named by more than `AWT`: a list that names the
    whole plugin says that the plugin is wanted, not that its strictest rules are. Those in
    `FULL_NAME_ONLY` have to be named in full.
    """
    selected = [*(select or ()), *extend_select]
    ignored = list(ignore)
    return frozenset(
        code for code in ALL_CODES if _is_on(code, selected, ignored, select is not None)
    )


def unknown_codes(prefixes: Iterable[str]) -> list[str]:
    """Those of `prefixes` with which no code of ours begins, in their order."""
    return [p for p in prefixes if not p or not any(code.startswith(p) for code in ALL_CODES)]


def split_list(value: str) -> list[str]:
    """The items of a list separated by commas or white space, as flake8 splits its lists."""
    return value.replace(",", " ").split()


def dotted_names(names: Iterable[str]) -> frozenset[str]:
    """`names` as a set. Raises `ValueError`, naming it, for one that is not a dotted name."""
    checked = frozenset(names)
    for name in sorted(checked):
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"{name!r} is not a dotted name")
    return checked


def _is_on(code: str, selected: list[str], ignored: list[str], only_selected: bool) -> bool:
    chosen = _longest_prefix(code, selected)
    refused = _longest_prefix(code, ignored)
    least = len(code) if code in FULL_NAME_ONLY else len(PLUGIN_PREFIX) + 1
    if code in DEFAULT_OFF and chosen < least:
        return False
    if only_selected and chosen < 0:
        return False
    return refused < 0 or chosen > refused


def _longest_prefix(code: str, prefixes: list[str]) -> int:
    """The length of the longest of `prefixes` that `code` begins with, or -1."""
    return max((len(p) for p in prefixes if code.startswith(p)), default=-1)

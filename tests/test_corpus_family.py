"""The family's labels are sound, as far as that shows without the packages."""

from __future__ import annotations

import json
import re
from collections import Counter

from benchmarks.corpus.labels import FAMILY, SILENT, FamilyLabel, load_family

LABELS = load_family()

CODES = {
    "creation": {"AWT301", "AWT302", "AWT303", "AWT304", "AWT331"},
    "gather": {"AWT311", "AWT312", "AWT313"},
    "as_completed": {"AWT321", "AWT322"},
}
MANUAL_ONLY = {"AWT304", "AWT311", "AWT312", "AWT313", "AWT331"}
MOST_OF_A_PACKAGE = 6


def tell(label: FamilyLabel) -> str:
    """What to call a label in a failure."""
    return f"{label.package} {label.file}:{label.line}"


def test_they_are_sorted_and_no_call_is_labelled_twice() -> None:
    places = [(one.package, one.file, one.line, one.col) for one in LABELS]
    assert places == sorted(set(places))


def test_there_are_enough_of_each_kind_from_enough_packages() -> None:
    kinds = Counter(one.kind for one in LABELS)
    packages = Counter(one.package for one in LABELS)
    assert len(LABELS) >= 120
    assert kinds["creation"] >= 45
    assert kinds["gather"] >= 25
    assert kinds["as_completed"] >= 25
    assert len(packages) >= 40
    assert max(packages.values()) <= MOST_OF_A_PACKAGE


def test_neither_silence_nor_findings_outweigh() -> None:
    silent = sum(one.code == SILENT for one in LABELS)
    assert 0.4 <= silent / len(LABELS) <= 0.6


def test_a_code_belongs_to_the_kind_of_its_call() -> None:
    wrong = [tell(one) for one in LABELS if one.code not in CODES[one.kind] | {SILENT}]
    assert wrong == []


def test_a_debatable_label_says_what_else_it_could_be_and_only_that() -> None:
    for one in LABELS:
        assert one.confidence in ("sure", "debatable"), tell(one)
        assert bool(one.alt) == (not one.sure), tell(one)
        assert not one.alt or one.alt in CODES[one.kind] | {SILENT}, tell(one)
        assert one.alt != one.code, tell(one)


def test_there_is_a_cure_for_every_finding_and_none_for_silence() -> None:
    for one in LABELS:
        if one.code == SILENT:
            assert one.cure is None, tell(one)
        elif one.code in MANUAL_ONLY:
            assert one.cure == "manual", tell(one)
        else:
            assert one.cure in ("finally", "except", "manual"), tell(one)


def test_every_archive_is_a_pinned_wheel_of_its_package() -> None:
    archives: dict[str, set[tuple[str, str, str]]] = {}
    for one in LABELS:
        assert one.archive.endswith(".whl"), tell(one)
        assert one.archive.split("-")[1] == one.version, tell(one)
        assert re.fullmatch(r"[0-9a-f]{64}", one.sha256), tell(one)
        archives.setdefault(one.package, set()).add((one.version, one.archive, one.sha256))
    assert all(len(pins) == 1 for pins in archives.values())


def test_every_note_says_why() -> None:
    assert all(one.note.strip() for one in LABELS)
    assert {one.draw for one in LABELS} == {"plain", "risky"}


def test_the_file_is_laid_out_as_a_script_would_write_it() -> None:
    entries = json.loads(FAMILY.read_text(encoding="utf-8"))
    expected = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    assert FAMILY.read_text(encoding="utf-8") == expected

"""How a project begins to use the linter: `--add-noqa`, and a baseline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import samples
from command import Asyncwait, Run

FORGOTTEN = "pkg/forgotten.py:" + samples.FORGOTTEN_PLACE
NO_FINALLY = "pkg/no_finally.py:" + samples.NO_FINALLY_PLACE
WAIT = "await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "forgotten.py").write_text(samples.FORGOTTEN)
    (package / "no_finally.py").write_text(samples.NO_FINALLY)
    (package / "cured.py").write_text(samples.CURED)
    return tmp_path


class TestAddNoqa:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (WAIT, f"{WAIT}  # noqa: AWT101"),
            (f"{WAIT}  # why", f"{WAIT}  # why  # noqa: AWT101"),
            (f"{WAIT}  # noqa: E501", f"{WAIT}  # noqa: E501, AWT101"),
            (f"{WAIT}  # noqa:E501,W1", f"{WAIT}  # noqa:E501,W1, AWT101"),
            (f"{WAIT}  # NoQA: E501 - long", f"{WAIT}  # NoQA: E501, AWT101 - long"),
            (
                "await asyncio.wait(  # two\n        {a, b}, timeout=1\n    )",
                "await asyncio.wait(  # two  # noqa: AWT101\n        {a, b}, timeout=1\n    )",
            ),
            (
                "await asyncio.wait({a, b}, \\\n        timeout=1)",
                "await asyncio.wait({a, b}, \\\n        timeout=1)  # noqa: AWT101",
            ),
            (
                f'{WAIT}, """\n    text"""',
                f'{WAIT}, """\n    text"""  # noqa: AWT101',
            ),
            (f"{WAIT}\t", f"{WAIT}\t  # noqa: AWT101"),
        ],
    )
    def test_the_comment(self, project: Path, asyncwait: Asyncwait, old: str, new: str) -> None:
        path = project / "pkg" / "forgotten.py"
        path.write_text(samples.FORGOTTEN.replace(WAIT, old))
        assert asyncwait("check", "--add-noqa", "pkg/forgotten.py") == Run(
            0, ["1 noqa comment added"], []
        )
        assert path.read_text() == samples.FORGOTTEN.replace(WAIT, new)
        assert asyncwait("check", "pkg/forgotten.py").is_clean

    def test_flake8_says_no_more_either(self, asyncwait: Asyncwait) -> None:
        flake8 = [sys.executable, "-m", "flake8", "--select=AWT", "pkg"]
        assert subprocess.run(flake8, capture_output=True, check=False).returncode == 1
        assert asyncwait("check", "--add-noqa").out == ["2 noqa comments added"]
        assert subprocess.run(flake8, capture_output=True, check=False).returncode == 0

    def test_a_second_run_changes_nothing(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--add-noqa")
        before = contents(project)
        assert asyncwait("check", "--add-noqa") == Run(0, ["0 noqa comments added"], [])
        assert contents(project) == before

    def test_all_other_bytes_stay(self, project: Path, asyncwait: Asyncwait) -> None:
        path = project / "pkg" / "forgotten.py"
        text = samples.FORGOTTEN.replace("import asyncio", "# coding: latin-1\nimport asyncio  # é")
        path.write_bytes(text.rstrip().replace("\n", "\r\n").encode("latin-1"))
        expected = path.read_bytes().replace(b"COMPLETED)", b"COMPLETED)  # noqa: AWT101")
        asyncwait("check", "--add-noqa", "pkg/forgotten.py")
        assert path.read_bytes() == expected

    def test_only_what_is_looked_for(self, project: Path, asyncwait: Asyncwait) -> None:
        before = contents(project)
        assert asyncwait("check", "--add-noqa", "--select=AWT102").status == 0
        changed = {name for name, data in contents(project).items() if data != before[name]}
        assert changed == {"no_finally.py"}

    def test_where_no_comment_can_stand_nothing_is_said_to_be_done(
        self, project: Path, asyncwait: Asyncwait
    ) -> None:
        """To flake8 the first noqa counts, and here that is in a string."""
        path = project / "pkg" / "forgotten.py"
        path.write_text(samples.FORGOTTEN.replace(WAIT, f'{WAIT}, "# noqa: E501"'))
        run = asyncwait("check", "--add-noqa", "pkg/forgotten.py")
        assert run.status == 2
        assert run.err == ["pkg/forgotten.py:7: no comment can silence AWT101 here"]

    def test_what_cannot_be_written_is_an_error(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "pkg" / "forgotten.py").chmod(0o444)
        run = asyncwait("check", "--add-noqa")
        assert (run.status, run.out) == (2, ["1 noqa comment added"])
        assert run.err == ["./pkg/forgotten.py: permission denied"]


def contents(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project / "pkg").iterdir()}


class TestBaseline:
    def test_what_is_known_is_not_reported(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--write-baseline=known.json")
        assert run == Run(0, [], ["known.json: 2 known findings"])
        assert asyncwait("check", "--baseline=known.json").is_clean

    def test_what_is_new_is(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--write-baseline=known.json")
        (project / "pkg" / "new.py").write_text(samples.FORGOTTEN)
        run = asyncwait("check", "--baseline=known.json", "pkg")
        assert (run.status, run.places) == (1, ["pkg/new.py:" + samples.FORGOTTEN_PLACE])
        assert run.out[1:] == [
            "1 finding in 1 file; asyncwait fix --diff shows whether it can cure it"
        ]

    def test_a_finding_may_move(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--write-baseline=known.json")
        path = project / "pkg" / "forgotten.py"
        again = samples.FORGOTTEN.partition("\n\n\n")[2].replace("first", "earlier")
        path.write_text(samples.FORGOTTEN.replace("\n\n\n", f"\n\n\n{again}\n\n", 1))
        run = asyncwait("check", "--baseline=known.json", "pkg")
        assert run.places == [FORGOTTEN]  # `earlier` stands where `first` stood
        assert run.err == []

    def test_one_more_of_the_same_is_new(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--write-baseline=known.json")
        again = samples.FORGOTTEN.partition("\n\n\n")[2]
        with (project / "pkg" / "forgotten.py").open("a") as file:
            file.write(f"\n\n{again}")
        run = asyncwait("check", "--baseline=known.json", "pkg")
        assert run.places == ["pkg/forgotten.py:14:21: AWT101 "]

    def test_what_is_not_found_any_more_is_told(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--write-baseline=known.json")
        (project / "pkg" / "forgotten.py").unlink()
        (project / "pkg" / "no_finally.py").write_text(samples.CURED)
        run = asyncwait("check", "--baseline=known.json")
        assert (run.status, run.out) == (0, ["All checks passed (2 files, 2 waits)"])
        assert run.err == [
            "known.json: no longer found: pkg/forgotten.py: AWT101 in first",
            "known.json: no longer found: pkg/no_finally.py: AWT102 in first",
        ]

    @pytest.mark.parametrize("arguments", [["pkg/cured.py"], ["pkg", "--select=AWT104"]])
    def test_nothing_is_told_of_what_was_not_looked_for(
        self, asyncwait: Asyncwait, arguments: list[str]
    ) -> None:
        asyncwait("check", "--write-baseline=known.json")
        assert asyncwait("check", "--baseline=known.json", *arguments).is_clean

    def test_paths_are_relative_to_the_baseline(
        self, project: Path, asyncwait: Asyncwait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asyncwait("check", "--write-baseline=known.json")
        known = json.loads((project / "known.json").read_text())
        paths = [each["path"] for each in known["findings"]]
        assert paths == ["pkg/forgotten.py", "pkg/no_finally.py"]
        monkeypatch.chdir(project / "pkg")
        assert asyncwait("check", "--baseline=../known.json").is_clean

    def test_it_can_be_written_again(self, project: Path, asyncwait: Asyncwait) -> None:
        asyncwait("check", "--write-baseline=known.json")
        (project / "pkg" / "forgotten.py").unlink()
        asyncwait("check", "--write-baseline=known.json")
        assert asyncwait("check", "--baseline=known.json").is_clean

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{}",
            "null",
            "1",
            '"version"',
            '{"version": 1}',
            '{"version": true, "findings": []}',
            '{"version": 1.0, "findings": []}',
            '{"version": "1", "findings": []}',
            '{"version": 1, "findings": {}}',
            '{"version": 1, "findings": ""}',
            '{"version": 1, "findings": null}',
            '{"version": 1, "findings": [1]}',
            '{"version": 1, "findings": [[]]}',
            '{"version": 1, "findings": [{}]}',
            '{"version": 1, "findings": [{"path": 1}]}',
            '{"version": 1, "findings": '
            '[{"path": 1, "code": "", "function": "", "fingerprint": ""}]}',
            '{"version": 1, "findings": '
            '[{"path": "", "code": "", "function": "", "fingerprint": "", "line": ""}]}',
            '{"version": 1, "findings": %s}' % ("[" * 50_000 + "]" * 50_000),
            "[" * 50_000 + "]" * 50_000,
            '{"a":' * 50_000,
            '{"version": %s}' % ("9" * 5_000),
            "\udcff",
        ],
    )
    def test_something_else_is_an_error(
        self, project: Path, asyncwait: Asyncwait, content: str
    ) -> None:
        (project / "known.json").write_text(content, "utf-8", "surrogateescape")
        run = asyncwait("check", "--baseline=known.json")
        error = "known.json: not a baseline written by asyncwait check"
        assert run == Run(2, [], [error])

    @pytest.mark.parametrize("path", ["a\0b", "\ud800", "/", "", "../" * 500, "x" * 5000])
    def test_any_path_will_do(self, project: Path, asyncwait: Asyncwait, path: str) -> None:
        finding = {"path": path, "code": "AWT101", "function": "f\x1b", "fingerprint": ""}
        whole = {"version": 1, "findings": [finding]}
        (project / "known.json").write_text(json.dumps(whole))
        run = asyncwait("check", "--baseline=known.json")
        assert (run.status, run.places) == (1, ["./" + FORGOTTEN, "./" + NO_FINALLY])
        assert all(line.isprintable() for line in run.err)

    def test_another_version_is_an_error(self, project: Path, asyncwait: Asyncwait) -> None:
        (project / "known.json").write_text('{"version": 2}')
        run = asyncwait("check", "--baseline=known.json")
        assert run == Run(2, [], ["known.json: not a baseline of version 1"])

    def test_none_is_an_error(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", "--baseline=known.json")
        assert run == Run(2, [], ["known.json: no such file or directory"])


@pytest.mark.parametrize(
    "arguments", [["--add-noqa", "--baseline=a"], ["--write-baseline=a", "--baseline=a"]]
)
def test_one_way_at_a_time(asyncwait: Asyncwait, arguments: list[str]) -> None:
    assert asyncwait("check", *arguments).status == 2

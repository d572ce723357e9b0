"""Bytes become text as they do in Python, and a walk finds what git and flake8 would find."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flake8_asyncwait.source.files import Walk
from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE, Excluder
from flake8_asyncwait.source.text import SourceError, decode, encoded, read

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")

FRAGMENTS = [
    b"\xef\xbb\xbf",
    b"# coding: latin-1",
    b"# -*- coding: utf-8 -*-",
    b"# vim: set fileencoding=cp1252 :",
    b"# coding: no-such-codec",
    b"# coding: rot13",
    b"# coding: utf-7",
    b"x = 'coding'",
    b"\xe9",
    b"\xc3\xa9",
    b"\n",
    b"\r\n",
    b"\r",
    b"\f",
    b" ",
    b"x = 1",
]


class TestDecode:
    def test_utf8_is_the_default(self) -> None:
        source = decode("a.py", "é = 1\n".encode())
        assert (source.name, source.text, source.encoding) == ("a.py", "é = 1\n", "utf-8")

    def test_a_cookie_names_the_codec(self) -> None:
        source = decode("a.py", "# coding: latin-1\né = 1\n".encode("latin-1"))
        assert source.text == "# coding: latin-1\né = 1\n"
        assert source.encoding == "iso-8859-1"

    def test_a_cookie_counts_on_the_second_line_but_not_on_the_third(self) -> None:
        second = b"#!/usr/bin/env python\n# coding: latin-1\n'\xe9'\n"
        assert decode("a.py", second).text.endswith("'é'\n")
        with pytest.raises(SourceError):
            decode("a.py", b"\n" + second)

    @pytest.mark.parametrize("codec", ["rot13", "hex", "zlib", "undefined", "idna", "no-such"])
    def test_a_cookie_that_names_no_codec_of_text(self, codec: str) -> None:
        text = f"# coding: {codec}\nx = 'é'\n"
        for read_or_write in (lambda: decode("a.py", text.encode()), lambda: encoded("a.py", text)):
            with pytest.raises(SourceError):
                read_or_write()

    def test_a_bom_is_removed(self) -> None:
        source = decode("a.py", b"\xef\xbb\xbfx = 1\n")
        assert (source.text, source.encoding) == ("x = 1\n", "utf-8")

    def test_a_bom_and_a_cookie_agree(self) -> None:
        source = decode("a.py", b"\xef\xbb\xbf# coding: utf-8\n")
        assert (source.text, source.encoding) == ("# coding: utf-8\n", "utf-8")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_every_line_ends_alike(self, end: str) -> None:
        assert decode("a.py", f"a{end}b{end}".encode()).text == "a\nb\n"

    def test_a_form_feed_ends_no_line(self) -> None:
        assert decode("a.py", b"a\x0cb\x1cc\n").text == "a\x0cb\x1cc\n"

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"a = 1\nb = '\xe9'\n", "a.py:2: not utf-8: invalid continuation byte"),
            (b"# coding: cp1252\n\n\x81\n", "a.py:3: not cp1252: character maps to <undefined>"),
            (b"# coding: nonsense\n", "a.py:1: unknown encoding: nonsense"),
            (b"\xef\xbb\xbf# coding: latin-1\n", "a.py:1: encoding problem: utf-8"),
            (b"a\nb\0c", "a.py:2: source code cannot contain null bytes"),
            (
                b"# coding: rot13\n",
                "a.py: cannot decode: 'rot13' is not a text encoding; "
                "use codecs.decode() to handle arbitrary codecs",
            ),
        ],
    )
    def test_an_error_says_where_and_why(self, data: bytes, message: str) -> None:
        with pytest.raises(SourceError) as caught:
            decode("a.py", data)
        assert str(caught.value) == message

    @given(st.lists(st.sampled_from(FRAGMENTS)).map(b"".join))
    def test_it_reads_as_python_reads(self, data: bytes) -> None:
        try:
            expected = as_python_reads(data)
        except (SyntaxError, UnicodeError, LookupError):
            with pytest.raises(SourceError):
                decode("a.py", data)
        else:
            assert decode("a.py", data).text == expected


def as_python_reads(data: bytes) -> str:
    """What `tokenize.open` would read from a file that holds `data`."""
    buffer = io.BytesIO(data)
    encoding, _ = tokenize.detect_encoding(buffer.readline)
    buffer.seek(0)
    return io.TextIOWrapper(buffer, encoding).read()


class TestRead:
    def test_bytes_are_as_they_are(self, tmp_path: Path) -> None:
        path = tmp_path / "a.py"
        path.write_bytes(b"a\r\n\xff")
        assert read(str(path)) == b"a\r\n\xff"

    def test_a_missing_file(self) -> None:
        with pytest.raises(SourceError, match=r"^no/such\.py: no such file or directory$"):
            read("no/such.py")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"is a directory$"):
            read(str(tmp_path))


def make(root: Path, *files: str) -> None:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def walk(
    *paths: str, exclude: tuple[str, ...] = DEFAULT_EXCLUDE, respect_gitignore: bool = True
) -> list[str]:
    """The files found, with slashes; any error fails the test."""

    def fail(error: SourceError) -> None:
        raise error

    files = Walk(Excluder(exclude), respect_gitignore, fail).files(paths)
    return [file.replace(os.sep, "/") for file in files]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestWalk:
    def test_python_files_in_the_order_of_their_paths(self, tree: Path) -> None:
        make(tree, "b.py", "a/z.py", "a-b.py", "a/b/c.py", "a.py", "a.txt", "a.pyi", "setup.cfg")
        found = walk(".")
        assert found == ["./a-b.py", "./a.py", "./a/b/c.py", "./a/z.py", "./b.py"]
        assert found == sorted(found)

    def test_named_files_are_taken_as_they_are(self, tree: Path) -> None:
        make(tree, "venv/a.py", "script", ".gitignore")
        (tree / ".gitignore").write_text("script\n")
        assert walk("script", "venv/a.py", "missing.py") == ["script", "venv/a.py", "missing.py"]

    def test_each_file_once(self, tree: Path) -> None:
        make(tree, "a/x.py")
        assert walk("a", "a/x.py", "a") == ["a/x.py"]

    def test_what_nobody_wants_checked_is_left_out(self, tree: Path) -> None:
        make(tree, *(f"{name}/a.py" for name in DEFAULT_EXCLUDE if "*" not in name))
        make(tree, "x.egg/a.py", "kept/a.py", "builder/a.py")
        assert walk(".") == ["./builder/a.py", "./kept/a.py"]

    def test_a_named_directory_is_walked_whatever_its_name(self, tree: Path) -> None:
        make(tree, "build/a.py", "build/dist/b.py")
        assert walk("build") == ["build/a.py"]

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("a.py", ["./b/c.py", "./b/d/e.py"]),
            ("d", ["./a.py", "./b/a.py", "./b/c.py"]),
            ("d/", ["./a.py", "./b/a.py", "./b/c.py"]),
            ("?.py", []),
            ("[ac].py", ["./b/d/e.py"]),
            ("./a.py", ["./b/a.py", "./b/c.py", "./b/d/e.py"]),
            ("b/c.py", ["./a.py", "./b/a.py", "./b/d/e.py"]),
            ("b/*.py", ["./a.py"]),
            ("*/d", ["./a.py", "./b/a.py", "./b/c.py"]),
        ],
    )
    def test_exclude_globs_are_those_of_flake8(
        self, tree: Path, pattern: str, found: list[str]
    ) -> None:
        make(tree, "a.py", "b/a.py", "b/c.py", "b/d/e.py")
        assert walk(".", exclude=(pattern,)) == found

    def test_links_to_files_are_followed_and_links_to_directories_are_not(self, tree: Path) -> None:
        make(tree, "a/x.py")
        (tree / "a" / "loop").symlink_to(tree)
        (tree / "a" / "dir.py").symlink_to(tree / "a")
        (tree / "link.py").symlink_to(tree / "a" / "x.py")
        (tree / "dangling.py").symlink_to(tree / "nowhere")
        assert walk(".") == ["./a/x.py", "./link.py"]

    def test_only_regular_files(self, tree: Path) -> None:
        make(tree, "dir.py/x.py")
        os.mkfifo(tree / "fifo.py")
        assert walk(".") == ["./dir.py/x.py"]

    def test_a_directory_that_cannot_be_listed_is_an_error_and_no_end(self, tree: Path) -> None:
        make(tree, "a/x.py", "b/x.py")
        errors: list[str] = []
        files = Walk(Excluder([]), True, lambda error: errors.append(str(error))).files(["."])
        first = next(files)
        shutil.rmtree(tree / "b")
        assert [first, *files] == ["./a/x.py"]
        assert errors == ["./b: no such file or directory"]


def git(*arguments: str, cwd: Path) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "core.quotePath=off", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


FILES = (
    "a.py",
    "b.py",
    "#c.py",
    "é.py",
    "x y.py",
    "lib/a.py",
    "lib/b.py",
    "lib/deep/a.py",
    "lib/deep/er/b.py",
    "out/a.py",
    "src/out/a.py",
    "src/lib/keep.py",
    "src/lib/lose.py",
)


@needs_git
class TestGitIgnore:
    @pytest.mark.parametrize(
        "ignore_files",
        [
            {".gitignore": "a.py\n"},
            {".gitignore": "/a.py\n"},
            {".gitignore": "out\n"},
            {".gitignore": "out/\n"},
            {".gitignore": "/out/\n"},
            {".gitignore": "lib/**/b.py\n"},
            {".gitignore": "**/deep/\n"},
            {".gitignore": "src/*/\n"},
            {".gitignore": "*.py\n!a.py\n"},
            {".gitignore": "lib/\n!lib/a.py\n"},
            {".gitignore": "lib/*\n!lib/a.py\n"},
            {".gitignore": "[ab].py\n"},
            {".gitignore": "# a.py\n\\#c.py\n"},
            {".gitignore": "x\\ y.py\né.py\n"},
            {".gitignore": "a.py   \nb.py\r\n"},
            {".gitignore": "!\na.py\n"},
            {".gitignore": "\ufeffa.py\n"},
            {".gitignore": "*.py\n", "lib/.gitignore": "!a.py\n"},
            {".gitignore": "lib/deep/*\n", "lib/deep/.gitignore": "!a.py\n"},
            {".gitignore": "deep\n", "lib/deep/.gitignore": "!a.py\n"},
            {"lib/.gitignore": "/a.py\ner/\n", "src/.gitignore": "*\n"},
            {"src/.gitignore": "lib/*\n", "src/lib/.gitignore": "!keep.py\n"},
            {".git/info/exclude": "b.py\n"},
            {".git/info/exclude": "b.py\n", "lib/.gitignore": "!b.py\n"},
            {".git/info/exclude": "!b.py\n", ".gitignore": "b.py\n"},
        ],
        ids=lambda files: " ".join(f"{k}={v!r}" for k, v in files.items()),
    )
    @pytest.mark.parametrize("top", [".", "lib", "src/lib"])
    def test_as_git_does(self, tree: Path, ignore_files: dict[str, str], top: str) -> None:
        git("init", "-q", cwd=tree)
        make(tree, *FILES)
        for name, content in ignore_files.items():
            (tree / name).write_bytes(content.encode())
        ignored = git("ls-files", "-oi", "--exclude-standard", "--directory", top, cwd=tree)
        if ignored == f"{top}/\n":  # who names an ignored directory wants it checked
            assert walk(top) != []
            return
        assert walk(top) == sorted(
            os.path.join(top, name)
            for name in git("ls-files", "-o", "--exclude-standard", cwd=tree / top).splitlines()
            if name.endswith(".py")
        )

    def test_a_named_directory_is_walked_even_when_ignored(self, tree: Path) -> None:
        git("init", "-q", cwd=tree)
        make(tree, "out/a.py", "out/b.py", "out/in/a.py")
        (tree / ".gitignore").write_text("out/\n")
        (tree / "out" / ".gitignore").write_text("b.py\n")
        assert walk(".") == []
        assert walk("out") == ["out/a.py", "out/in/a.py"]
        assert walk("out/in") == ["out/in/a.py"]

    def test_an_additional_work_tree_shares_the_exclude_file(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git("init", "-q", "main", cwd=tree)
        author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        git(*author, "commit", "-q", "--allow-empty", "-m", "start", cwd=tree / "main")
        git("worktree", "add", "-q", "../other", cwd=tree / "main")
        (tree / "main" / ".git" / "info" / "exclude").write_text("a.py\n")
        make(tree / "other", "a.py", "b.py")
        monkeypatch.chdir(tree / "other")
        assert walk(".") == ["./b.py"]


class TestGitIgnoreWithoutGit:
    def test_files_below_count_without_a_repository(self, tree: Path) -> None:
        make(tree, "a.py", "lib/a.py", "lib/b.py")
        (tree / "lib" / ".gitignore").write_text("a.py\n")
        assert walk(".") == ["./a.py", "./lib/b.py"]

    def test_files_above_do_not(self, tree: Path) -> None:
        make(tree, "lib/a.py")
        (tree / ".gitignore").write_text("a.py\n")
        assert walk("lib") == ["lib/a.py"]

    def test_they_can_be_switched_off(self, tree: Path) -> None:
        make(tree, "a.py", "b.py", ".git/info/exclude")
        (tree / ".gitignore").write_text("a.py\n")
        (tree / ".git" / "info" / "exclude").write_text("b.py\n")
        assert walk(".") == []
        assert walk(".", respect_gitignore=False) == ["./a.py", "./b.py"]

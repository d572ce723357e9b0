"""Bytes in, bytes out; and a file is as before or complete, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from command import not_as_root
from hypothesis import given
from hypothesis import strategies as st

from flake8_asyncwait.source import differences as differ
from flake8_asyncwait.source.differences import differences
from flake8_asyncwait.source.text import SourceError, decode
from flake8_asyncwait.source.write import create, encode, write

pytestmark = pytest.mark.portable

BOM = b"\xef\xbb\xbf"


def edited(data: bytes, old: str, new: str) -> bytes:
    """The bytes of a file after its text is edited."""
    source = decode("a.py", data)
    assert old in source.text
    return encode(source, data, source.text.replace(old, new))


LINES = st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=12)


@given(old=LINES, new=LINES, long=st.sampled_from([0, 2_000]))
def test_differences_turn_one_text_into_the_other(
    old: list[str], new: list[str], long: int
) -> None:
    """However long a text may be that is compared line by line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differ, "_LONG", long)
        found = differences(old, new)
    assert [line for code in found for line in old[code[1] : code[2]]] == old
    assert [line for code in found for line in new[code[3] : code[4]]] == new
    for kind, first, last, start, end in found:
        assert (old[first:last] == new[start:end]) == (kind == "equal")


class TestEncode:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"a\nold\nb\n", b"a\nnew\nb\n"),
            (b"a\r\nold\r\nb\r\n", b"a\r\nnew\r\nb\r\n"),
            (b"a\rold\rb", b"a\rnew\rb"),
            (b"old", b"new"),
            (BOM + b"old\n", BOM + b"new\n"),
            (b"# coding: latin-1\n\xe9 = old\n", b"# coding: latin-1\n\xe9 = new\n"),
            (b"a\x0c\x1c\nold\n", b"a\x0c\x1c\nnew\n"),
        ],
        ids=["lf", "crlf", "cr", "no newline", "bom", "latin-1", "form feed"],
    )
    def test_what_is_not_edited_keeps_its_bytes(self, data: bytes, expected: bytes) -> None:
        assert edited(data, "old", "new") == expected

    @pytest.mark.parametrize(
        ("new", "expected"),
        [
            ("x", b"a\r\nx\nc\rd\r\ne"),
            ("x\ny", b"a\r\nx\ny\nc\rd\r\ne"),
            ("b\nx\ny", b"a\r\nb\nx\ny\nc\rd\r\ne"),
        ],
        ids=["replaced", "more", "inserted"],
    )
    def test_each_line_keeps_its_own_end_and_new_ones_take_that_beside_them(
        self, new: str, expected: bytes
    ) -> None:
        assert edited(b"a\r\nb\nc\rd\r\ne", "b", new) == expected

    def test_lines_at_the_top_of_mixed_ones(self) -> None:
        assert edited(b"a\r\nb\n", "a\n", "x\ny\na\n") == b"x\r\ny\r\na\r\nb\n"

    def test_lines_at_the_end_of_mixed_ones(self) -> None:
        assert edited(b"a\r\nb\nc", "c", "c\nx\ny") == b"a\r\nb\nc\nx\ny"

    def test_lines_that_go(self) -> None:
        assert edited(b"a\r\nb\nc\r\nd\n", "b\n", "") == b"a\r\nc\r\nd\n"

    def test_a_character_that_the_encoding_lacks(self) -> None:
        with pytest.raises(SourceError, match=r"a\.py: not iso-8859-1: ordinal not in range"):
            edited(b"# coding: latin-1\nold\n", "old", "\u20ac")

    def test_an_encoding_with_two_ways_to_write_one_thing(self) -> None:
        data = b"# coding: utf-7\nx = '+AGE-'\nold\n"  # an "a", which utf-7 would write as such
        with pytest.raises(SourceError, match="utf-7 cannot be written back unchanged"):
            edited(data, "old", "new")

    def test_a_codec_that_encodes_less_than_it_decodes(self) -> None:
        data = b"# coding: idna\n" + b"x" * 80 + b"\n"
        source = decode("a.py", data)
        with pytest.raises(SourceError, match="not idna: "):
            encode(source, data, source.text)

    @given(
        ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), max_size=8),
        bom=st.sampled_from([b"", BOM]),
        position=st.integers(0, 8),
        new=st.lists(st.just("new"), max_size=3),
    )
    def test_any_mixture(self, ends: list[str], bom: bytes, position: int, new: list[str]) -> None:
        old = [f"line {number}{end}" for number, end in enumerate([*ends, ""])]
        data = bom + "".join(old).encode()
        source = decode("a.py", data)
        lines = source.text.split("\n")
        lines[position:position] = new
        result = encode(source, data, "\n".join(lines))
        assert decode("a.py", result).text == "\n".join(lines)
        assert result.startswith(bom)
        kept = result.decode("utf-8-sig").splitlines(keepends=True)
        assert set(old[:-1]) <= set(kept)


OLD, NEW = b"old\n", b"new and longer\n"

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has it")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes(OLD)
    return path


@pytest.fixture(params=["one name", "two names"])
def any_path(request: pytest.FixtureRequest, path: Path) -> Path:
    """A file that is replaced, and one with a hard link, which is overwritten."""
    if request.param == "two names":
        (path.parent / "b.py").hardlink_to(path)
    return path


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """A list as Linux has it in an extended attribute, of (tag, permissions, number) each."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
# The owner may write, the user 12345 read, its group read, the mask is to read, others nothing.
ACCESS_LIST = access_list(
    *((0x01, 6, NOBODY), (0x02, 4, 12345), (0x04, 4, NOBODY)), (0x10, 4, NOBODY), (0x20, 0, NOBODY)
)


def set_attribute(path: Path, name: str, value: bytes) -> None:
    """Skips the test where there are none."""
    if sys.platform != "linux":
        pytest.skip("Python knows them on Linux only")
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"this file system has none: {error}")


def attributes(path: Path) -> dict[str, bytes]:
    assert sys.platform == "linux"
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def leftovers(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir() if each.name.startswith("."))


class TestWrite:
    def test_the_bytes_are_replaced(self, path: Path) -> None:
        write(str(path), OLD, NEW)
        assert path.read_bytes() == NEW
        assert os.listdir(path.parent) == ["a.py"]

    def test_a_relative_path(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(path.parent)
        write("a.py", OLD, NEW)
        assert path.read_bytes() == NEW

    def test_the_new_bytes_are_on_the_disk_before_they_take_the_place_of_the_old(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[tuple[str, bytes]] = []

        def sync(file: int) -> None:
            fsync(file)
            (new,) = path.parent.glob(".asyncwait-*.tmp")
            done.append(("sync", new.read_bytes()))

        def put(new: str, old: str) -> None:
            done.append(("put", Path(old).read_bytes()))
            replace(new, old)

        fsync, replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "replace", put)
        write(str(path), OLD, NEW)
        assert done == [("sync", NEW), ("put", OLD)]

    @posix
    @pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4755, 0o200])
    def test_the_mode_stays(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if mode == 0o200 and not os.access(path, os.R_OK):
            pytest.skip("it takes root to read what nobody may")
        write(str(path), OLD, NEW)
        assert stat.S_IMODE(path.stat().st_mode) == mode

    @posix
    def test_the_owner_stays(self, path: Path) -> None:
        try:
            os.chown(path, 12345, 54321)
        except PermissionError:
            pytest.skip("it takes root to give a file away")
        write(str(path), OLD, NEW)
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)

    def test_extended_attributes_stay(self, any_path: Path) -> None:
        set_attribute(any_path, "user.asyncwait", b"kept")
        write(str(any_path), OLD, NEW)
        assert attributes(any_path)["user.asyncwait"] == b"kept"

    def test_an_access_control_list_stays(self, any_path: Path) -> None:
        any_path.chmod(0o640)
        set_attribute(any_path, "system.posix_acl_access", ACCESS_LIST)
        before = attributes(any_path), any_path.stat().st_mode
        write(str(any_path), OLD, NEW)
        assert any_path.read_bytes() == NEW
        assert (attributes(any_path), any_path.stat().st_mode) == before
        assert before[0]["system.posix_acl_access"] == ACCESS_LIST

    def test_the_access_control_list_of_new_files_is_not_given_to_an_old_one(
        self, any_path: Path
    ) -> None:
        any_path.chmod(0o640)
        set_attribute(any_path.parent, "system.posix_acl_default", ACCESS_LIST)
        (any_path.parent / "new.py").touch()
        assert "system.posix_acl_access" in attributes(any_path.parent / "new.py")
        before = attributes(any_path), any_path.stat().st_mode
        write(str(any_path), OLD, NEW)
        assert (attributes(any_path), any_path.stat().st_mode) == before
        assert "system.posix_acl_access" not in before[0]

    def test_the_time_does_not_stay(self, path: Path) -> None:
        """Python would go on with the old `.pyc`, where the size is the same."""
        os.utime(path, (1, 1))
        write(str(path), OLD, NEW)
        assert path.stat().st_mtime > 1

    @posix
    def test_a_symbolic_link_stays_and_its_target_is_edited(self, path: Path) -> None:
        (path.parent / "sub").mkdir()
        link = path.parent / "sub" / "link.py"
        link.symlink_to("../a.py")
        write(str(link), OLD, NEW)
        assert link.is_symlink()
        assert path.read_bytes() == NEW
        assert not path.is_symlink()
        assert os.listdir(path.parent / "sub") == ["link.py"]

    def test_a_hard_link_stays(self, path: Path) -> None:
        other = path.parent / "b.py"
        other.hardlink_to(path)
        before = path.stat()
        write(str(path), OLD, NEW)
        assert other.read_bytes() == path.read_bytes() == NEW
        assert path.stat().st_ino == before.st_ino
        write(str(other), NEW, b"short\n")
        assert path.read_bytes() == b"short\n"
        assert sorted(os.listdir(path.parent)) == ["a.py", "b.py"]


WRITE_MUCH = f"""
import sys
from flake8_asyncwait.source.text import SourceError
from flake8_asyncwait.source.write import write
try:
    write(sys.argv[1], {OLD!r}, b"x" * 100000)
except SourceError as error:
    print(error.reason)
"""


class TestRefusal:
    """One clear error, the file as it was, and nothing left beside it."""

    def _refuses(self, path: Path, reason: str, before: bytes = OLD) -> None:
        content = path.read_bytes()
        with pytest.raises(SourceError) as caught:
            write(str(path), before, NEW)
        assert str(caught.value) == f"{path}: {reason}"
        assert path.read_bytes() == content
        assert leftovers(path.parent) == []

    def test_what_another_name_of_the_file_has_written_will_do(self, any_path: Path) -> None:
        link = any_path.with_name("link.py")
        link.symlink_to(any_path.name)
        for path in (any_path, link):
            write(str(path), OLD, NEW)
        assert any_path.read_bytes() == NEW

    def test_a_file_that_was_changed(self, any_path: Path) -> None:
        self._refuses(any_path, "it was changed meanwhile", before=b"older\n")

    @posix
    def test_a_file_whose_mode_was_changed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copystat = shutil.copystat

        def meanwhile(source: str, target: str) -> None:
            copystat(source, target)
            os.chmod(source, 0o640)

        monkeypatch.setattr(shutil, "copystat", meanwhile)
        self._refuses(path, "it was changed meanwhile")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    @posix
    def test_a_read_only_file(self, any_path: Path) -> None:
        any_path.chmod(0o444)
        self._refuses(any_path, "permission denied")

    @posix
    def test_a_read_only_directory(self) -> None:
        with tempfile.TemporaryDirectory() as name:  # where others than its owner may look
            path = Path(name) / "a.py"
            path.write_bytes(OLD)
            path.chmod(0o666)
            path.parent.chmod(0o555)
            with not_as_root():
                self._refuses(path, "permission denied")
            path.parent.chmod(0o755)

    @posix
    def test_what_is_no_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.py")
        with pytest.raises(SourceError, match=r"pipe\.py: not a regular file"):
            write(str(tmp_path / "pipe.py"), OLD, NEW)

    def test_what_is_gone(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"gone\.py: no such file or directory"):
            write(str(tmp_path / "gone.py"), OLD, NEW)

    @posix
    def test_a_file_that_grows_beyond_a_limit(self, any_path: Path) -> None:
        limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
        done = subprocess.run(
            [sys.executable, "-c", f"{limit}\n{WRITE_MUCH}", any_path],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "file too large\n"
        assert any_path.read_bytes() == OLD
        assert leftovers(any_path.parent) == []

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """A small disk that only one process sees."""
        mounted = [
            "unshare",
            "-rm",
            "sh",
            "-c",
            f"mount -t tmpfs -o size=64k tmpfs '{tmp_path}' && $0",
        ]
        try:
            subprocess.run([*mounted, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no disk may be mounted here: {error}")
        script = (
            "import os, sys\n"
            "path = sys.argv[1]\n"
            "def put(name, data):\n"
            "    with open(name, 'wb') as file:\n"
            "        file.write(data)\n"
            f"put(path, {OLD!r})\n"
            f"{WRITE_MUCH}"
            f"assert open(path, 'rb').read() == {OLD!r}\n"
            "assert os.listdir(os.path.dirname(path)) == ['a.py']\n"
        )
        mounted[-1] += ' "$@"'
        done = subprocess.run(
            [*mounted, sys.executable, "-c", script, tmp_path / "a.py"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "no space left on device\n"

    def test_a_disk_that_fills_up_while_a_file_is_overwritten(self, tmp_path: Path) -> None:
        """It gets its old bytes back, for which there was room."""
        target, new = tmp_path / "a.py", tmp_path / "new"
        target.write_bytes(b"old" * 3000)
        new.write_bytes(b"new" * 4000)
        program = (
            "import resource, runpy, sys\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))\n"
            f"sys.argv = ['overwrite', {str(target)!r}, {str(new)!r}]\n"
            "runpy.run_module('flake8_asyncwait.source.overwrite', run_name='__main__')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=b"old" * 3000, capture_output=True
        )
        assert (done.returncode, done.stderr) == (1, b"File too large\n")
        assert target.read_bytes() == b"old" * 3000
        assert os.listdir(tmp_path) == ["a.py"]


class TestCreate:
    def test_a_new_file(self, tmp_path: Path) -> None:
        create(str(tmp_path / "a.py"), NEW)
        assert (tmp_path / "a.py").read_bytes() == NEW
        assert os.listdir(tmp_path) == ["a.py"]

    @posix
    def test_its_mode_is_that_of_any_new_file(self, tmp_path: Path) -> None:
        (tmp_path / "b.py").touch()
        create(str(tmp_path / "a.py"), NEW)
        assert (tmp_path / "a.py").stat().st_mode == (tmp_path / "b.py").stat().st_mode

    def test_another_file_is_not_overwritten(self, path: Path) -> None:
        with pytest.raises(SourceError, match=r"a\.py: file exists"):
            create(str(path), NEW)
        assert path.read_bytes() == OLD
        assert os.listdir(path.parent) == ["a.py"]

    def test_the_same_file_will_do(self, path: Path) -> None:
        create(str(path), OLD)
        assert path.read_bytes() == OLD

    def test_without_hard_links(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_links(*_: str) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
        create(str(tmp_path / "a.py"), NEW)
        assert (tmp_path / "a.py").read_bytes() == NEW
        with pytest.raises(SourceError):
            create(str(tmp_path / "a.py"), OLD)
        assert os.listdir(tmp_path) == ["a.py"]

    def test_a_missing_directory(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no such file or directory"):
            create(str(tmp_path / "missing" / "a.py"), NEW)


WRITE_FOR_EVER = """
import sys
from flake8_asyncwait.source.write import write
old, new, paths = b"o" * int(sys.argv[1]), b"n" * (int(sys.argv[1]) + 1), sys.argv[2:]
print("ready", flush=True)
while True:
    for path in paths:
        write(path, old, new)
    for path in paths:
        write(path, new, old)
"""


@posix
class TestKilled:
    """Each file is as before or complete, whenever the process is killed."""

    def _kill_at_random(self, paths: list[Path], size: int, longest: float) -> None:
        for path in paths:
            path.write_bytes(b"o" * size)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(size), *paths],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0, longest))
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

    def _is_whole(self, path: Path, size: int) -> bool:
        return path.read_bytes() in (b"o" * size, b"n" * (size + 1))

    @pytest.mark.parametrize("kill", range(25))
    def test_while_it_replaces_files(self, tmp_path: Path, kill: int) -> None:
        paths = [tmp_path / f"{number}.py" for number in range(5)]
        self._kill_at_random(paths, size=300_000, longest=0.05)
        assert [path for path in paths if not self._is_whole(path, 300_000)] == []
        assert all(fnmatch(name, ".asyncwait-*.tmp") for name in leftovers(tmp_path))
        assert sorted(tmp_path.glob("*.py")) == paths

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_who_is_asked_to_end_leaves_nothing_behind(self, tmp_path: Path, number: int) -> None:
        path = tmp_path / "a.py"
        path.write_bytes(b"old")
        program = (
            "import os, sys\n"
            "from flake8_asyncwait.source.write import write\n"
            f"end = lambda: os.kill(os.getpid(), {int(number)})\n"
            "write(sys.argv[1], b'old', b'new', end)\n"
            "os._exit(0)"
        )
        done = subprocess.run([sys.executable, "-c", program, path], check=False)
        assert (done.returncode, path.read_bytes()) == (-number, b"new")
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("kill", range(10))
    def test_while_it_overwrites_a_file_with_several_names(self, tmp_path: Path, kill: int) -> None:
        """Who overwrites it lives on, and begins and finishes in its own time: we wait for that."""
        path, size = tmp_path / "a.py", 2_000_000
        path.touch()
        (tmp_path / "b.py").hardlink_to(path)
        self._kill_at_random([path], size, longest=0.2)
        deadline, quiet = time.monotonic() + 60, 0
        while quiet < 20 and time.monotonic() < deadline:
            quiet = quiet + 1 if self._is_whole(path, size) else 0
            time.sleep(0.05)
        assert quiet == 20
        assert path.samefile(tmp_path / "b.py")

    def test_who_overwrites_is_not_killed_with_our_session(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sessions: list[int] = []

        class Popen(subprocess.Popen[bytes]):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                sessions.append(os.getsid(self.pid))

        monkeypatch.setattr(subprocess, "Popen", Popen)
        (path.parent / "b.py").hardlink_to(path)
        write(str(path), OLD, NEW)
        assert len(sessions) == 1
        assert sessions[0] != os.getsid(0)

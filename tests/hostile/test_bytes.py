"""Any bytes: each file gets its findings or one clear line, never a traceback."""

from __future__ import annotations

import re
from encodings.aliases import aliases
from pathlib import Path

import pytest
import samples
from command import Asyncwait
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.hostile import through_flake8
from flake8_asyncwait.check import check_source
from flake8_asyncwait.fix.file import Request, fix_file
from flake8_asyncwait.options import Options
from flake8_asyncwait.source.text import SourceError, decode
from flake8_asyncwait.source.write import encode

pytestmark = pytest.mark.portable

FIXES = (Path(__file__).parents[2] / "fixtures" / "fixes").glob("*.before.py")
FIXTURES = sorted(path for path in FIXES if path.stat().st_size < 1_500)
NOISE = [
    b"\0",
    b"\r",
    b"\r\n",
    b"\n",
    b"\x0c",
    b"\t",
    b"\x1a",
    b"\x1b[2J",
    b"\xef\xbb\xbf",
    b"\xff",
]
NOISE += [b"(", b")", b'"""', b"'", b"\\", b"#", b":", b"    ", b"asyncio.wait(", b"\xe2\x80\xa8"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file of the tests, with bytes flipped, taken away, put in, doubled, or with an end."""
    data = bytearray(draw(st.sampled_from(FIXTURES)).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["flip", "cut", "put", "take", "double", "ends"]))
        if change == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del data[at:]
        elif change == "put":
            data[at:at] = draw(st.sampled_from(NOISE))
        elif change == "take":
            del data[at : at + draw(st.integers(1, 40))]
        elif change == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        elif change == "ends":
            data = bytearray(bytes(data).replace(b"\n", draw(st.sampled_from([b"\r", b"\r\n"]))))
    return bytes(data)


def is_clear(error: SourceError) -> None:
    assert re.fullmatch(r"a\.py(:\d+)?: [^\n]+", str(error))


def survives(data: bytes) -> None:
    """Check and fix a file, in memory. What is fixed is Python that decodes, and back again."""
    options = Options()
    try:
        source = decode("a.py", data)
        findings = check_source(source, options).findings
        if source.encoding == "utf-8":  # others have two ways to write one thing
            assert encode(source, data, source.text) == data
        done = fix_file("a.py", source, data, options, Request(findings=findings))
        if done.is_changed:
            check_source(decode("a.py", done.after), options)
    except SourceError as error:
        is_clear(error)


@settings(max_examples=60)
@given(mutated())
def test_mutated_files(data: bytes) -> None:
    survives(data)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_behind_a_wait(data: bytes) -> None:
    survives(samples.FORGOTTEN.encode() + data)


@settings(max_examples=60)
@given(data=mutated())
def test_mutated_files_through_flake8(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With no plugin but ours: what it cannot read it says itself, and the rest is ours."""
    assume(b"\0" not in data)  # before Python 3.12, flake8 has a traceback of its own for these
    path = tmp_path_factory.getbasetemp() / "a.py"
    path.write_bytes(data)
    told = through_flake8(path)
    if any(code.startswith("E9") for code, _ in told):
        return
    try:
        source = decode("a.py", data)
    except SourceError:  # flake8 takes it for Latin-1
        return
    found = check_source(source, Options()).findings
    assert told == [(one.code, one.line) for one in found]


CODECS = sorted({*aliases.values(), "utf-8-sig", "undefined", "mbcs", "no-such"})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("codec", CODECS)
def test_every_cookie(codec: str) -> None:
    """A codec that spells ASCII as ASCII does gives the text; of each other there is one line."""
    data = f"# -*- coding: {codec} -*-\n{samples.FORGOTTEN}".encode()
    try:
        source = decode("a.py", data)
        assert encode(source, data, source.text) == data
    except SourceError as error:
        is_clear(error)
        read = False
    else:
        assert source.text.endswith(samples.FORGOTTEN) == source.text.isascii()
        read = True
    if codec in ("latin_1", "cp1252", "shift_jis", "koi8_r", "ascii", "utf_8"):
        assert read
    if codec in ("rot_13", "base64_codec", "no-such", "undefined"):
        assert not read


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"# coding: utf-8\nx = '\xff'\n", ":2: not utf-8: invalid start byte"),
        (b"\xef\xbb\xbf# coding: latin-1\n", ":1: encoding problem: utf-8"),
        (b"\xff\xfe\n", ":1: not utf-8: invalid start byte"),
        (b"x = '\0'\n", ":1: source code cannot contain null bytes"),
        (b"\x0c\t\x0c  x\n", ":1: syntax error: unexpected indent"),
    ],
    ids=["not what it says", "a BOM and another cookie", "UTF-16", "null", "form feeds"],
)
def test_one_line_for_what_cannot_be_read(
    asyncwait: Asyncwait, project: Path, data: bytes, error: str
) -> None:
    (project / "a.py").write_bytes(data + b"import asyncio\nasyncio.wait(x)\n")
    run = asyncwait("check", "a.py")
    assert (run.status, run.out) == (2, ["Nothing checked; 1 error"])
    assert [line.startswith(f"a.py{error}") for line in run.err] == [True]


def test_what_is_broken_and_holds_no_wait_is_of_no_interest(
    asyncwait: Asyncwait, project: Path
) -> None:
    (project / "a.py").write_bytes(b"\xff\xfe\0(")
    run = asyncwait("check", "a.py")
    assert (run.status, run.err) == (0, [])
    assert run.out == ["All checks passed (1 file, 0 waits)"]

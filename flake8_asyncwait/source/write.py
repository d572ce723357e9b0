"""From the text of a Python file back to its bytes, and onto the disk.

A file is as before or completely new at every moment, also when the process is killed: the new
bytes go to a temporary file beside it, which then takes its place. That would cut a hard link: a
file with several names is overwritten in place instead, by a process of its own (`overwrite`)
that lives on when this one is killed. What a run that is killed (SIGKILL) may leave behind is a
`.asyncwait-*.tmp`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from flake8_asyncwait.source.differences import differences
from flake8_asyncwait.source.text import BOM, Source, SourceError, os_error, read

_LINE_END = re.compile("\r\n|\r|\n")
_ACCESS_LIST = "system.posix_acl_access"
_CHANGED = "it was changed meanwhile"
# What a run reads besides Python files and what it is told to read, where it finds it: which files
# to leave out, and how a project writes its code. And what git reads.
_SETTINGS = frozenset(
    {".flake8", ".gitignore", ".ruff.toml", "pyproject.toml", "ruff.toml", "setup.cfg", "tox.ini"}
)
_GIT = ".git"


def encode(source: Source, data: bytes, text: str) -> bytes:
    """The bytes of `text`, which is the text of `source` with changes.

    `data` are the bytes that `source` was decoded from. Their encoding and BOM are kept, and so is
    the end of each line that both texts have. A new line ends as the one in whose place it is, or
    as the one before it. Raises `SourceError` when the encoding lacks a character of `text`, or
    would not give back the same bytes for what was not changed.
    """
    body = data.removeprefix(BOM)
    bom = data[: len(data) - len(body)]
    old = str(body, source.encoding)
    try:
        if old.encode(source.encoding) != body:
            raise SourceError(source.name, f"{source.encoding} cannot be written back unchanged")
        new = _with_line_ends(text, source.text, _LINE_END.findall(old))
        return bom + new.encode(source.encoding)
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        raise SourceError(source.name, f"not {source.encoding}: {reason}") from error


def write(
    path: str, before: bytes, after: bytes, prepare: Callable[[], None] | None = None
) -> None:
    """Replace the bytes `before` of the file at `path` by `after`.

    `prepare` is called when nothing but that is left to do, and what it raises is raised. Links
    stay, and so do the mode and, as far as that is permitted, the owner and the extended
    attributes. A file that holds `after` already will do: it was written by another of its names.
    Raises `SourceError`, and leaves the file alone, when it does not hold `before` any more, is
    read-only or no regular file, or when the operating system refuses.
    """
    target = os.path.realpath(path)
    try:
        found = os.stat(target)
        _check_writable(target, found)
        with _temporary(target, after, 0o600) as temporary:
            if not _holds(target, before):
                if _holds(target, after):
                    return
                raise SourceError(path, _CHANGED)
            if prepare is not None:
                prepare()
            if found.st_nlink > 1:
                reason = _overwritten(target, temporary, before)
            else:
                reason = _replaced(target, temporary, before, found)
    except OSError as error:
        raise os_error(path, error) from error
    if reason is not None:
        raise SourceError(path, reason)


def create(path: str, data: bytes) -> bool:
    """Make a file at `path` that holds `data`; never in the place of another.

    Returns whether it was made: a file that holds just that already will do. Raises `SourceError`
    when there is anything else, or when the operating system refuses.
    """
    try:
        with _temporary(path, data, 0o666) as temporary:
            try:
                _link(temporary, path)
            except FileExistsError:
                if not _holds(path, data):
                    raise
                return False
    except OSError as error:
        raise os_error(path, error) from error
    return True


def put(path: str, data: bytes) -> None:
    """Make a file at `path` that holds `data`, in the place of one that is there; to a device or a
    pipe just write. Raises `SourceError` as `write` and `create` do."""
    if os.path.isfile(path):
        write(path, read(path), data)
    elif os.path.exists(path):
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise os_error(path, error) from error
    else:
        create(path, data)


def check_is_no_input(path: str, inputs: Iterable[str]) -> None:
    """Raise `SourceError` where a report at `path` would take the place of one of the files
    `inputs`, by whatever name, of any other Python file, or of one with settings; or where it would
    be one with settings: the next run, or git, would read it."""
    try:
        found = os.stat(path)
    except OSError:  # nothing is there, or nothing that can be written
        if _has_settings(path):
            raise SourceError(path, "not written: what is there is read as settings") from None
        return
    if not stat.S_ISREG(found.st_mode):
        return
    if _is_python(path) or _has_settings(path) or any(_are(found, inputs)):
        raise SourceError(path, "not overwritten: this run reads it, or it is Python source")


def _is_python(path: str) -> bool:
    return any(name.endswith((".py", ".pyi")) for name in (path, os.path.realpath(path)))


def _has_settings(path: str) -> bool:
    parts = os.path.realpath(path).lower().split(os.sep)
    names = {parts[-1], os.path.basename(path).lower()}
    return _GIT in parts or not names.isdisjoint(_SETTINGS)


def _are(found: os.stat_result, paths: Iterable[str]) -> Iterator[bool]:
    """Whether each of `paths` is the file that was `found`."""
    for path in paths:
        with contextlib.suppress(OSError):
            yield os.path.samestat(found, os.stat(path))


def _with_line_ends(text: str, old_text: str, ends: Sequence[str]) -> str:
    """`text` with real line ends, where `ends` are those of `old_text`."""
    if len(set(ends)) <= 1:
        return text.replace("\n", ends[0]) if ends else text
    old, new = old_text.split("\n"), text.split("\n")
    result = []
    for _, first_old, last_old, first, last in differences(old, new):
        for number in range(first, last):
            same = min(first_old + number - first, last_old - 1, len(ends) - 1)
            result += [new[number], ends[max(same, 0)]]
    return "".join(result[:-1])


def _check_writable(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if not found.st_mode & 0o222:  # nobody shall write it: for root, too, that is a reason
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with open(path, "r+b"):
        pass


@contextlib.contextmanager
def _temporary(beside: str, data: bytes, mode: int) -> Iterator[str]:
    """The path of a file with `data`, safely on the disk, that is gone afterwards."""
    name = f".asyncwait-{os.urandom(8).hex()}.tmp"
    path = os.path.join(os.path.dirname(beside), name)
    with _undisturbed():
        try:
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield path
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let what ends a process without a word wait until nothing is left behind."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _replaced(target: str, new: str, before: bytes, found: os.stat_result) -> str | None:
    """Put the file `new` in the place of `target`. Returns None, or why that was not done."""
    _copy_metadata(target, new, found)
    if not _holds(target, before) or _identity(os.stat(target)) != _identity(found):
        return _CHANGED
    os.replace(new, target)
    return None


def _overwritten(target: str, new: str, before: bytes) -> str | None:
    """Give `target` the bytes of the file `new`. Returns None, or why that was not done."""
    program = os.path.join(os.path.dirname(__file__), "overwrite.py")
    with subprocess.Popen(
        [sys.executable, "-I", "-S", program, target, new],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # what ends our session must not end it half way
    ) as process:
        _, reason = process.communicate(before)
    return os.fsdecode(reason).strip() if process.returncode else None


def _copy_metadata(target: str, new: str, found: os.stat_result) -> None:
    if hasattr(os, "chown"):
        for owner in (found.st_uid, -1):  # to keep the group may be permitted all the same
            with contextlib.suppress(PermissionError):
                os.chown(new, owner, found.st_gid)
                break
    shutil.copystat(target, new)
    if sys.platform == "linux":  # elsewhere Python knows no extended attributes
        _drop_inherited(target, new)
    os.utime(new)  # Python takes a .pyc file for valid by the time and the size of the source


def _drop_inherited(target: str, new: str) -> None:
    """Take away the access control list that the directory has given to the new file, where
    `target` has none: it may let others read what they could not."""
    assert sys.platform == "linux"
    if _ACCESS_LIST in _attributes(new) and _ACCESS_LIST not in _attributes(target):
        os.removexattr(new, _ACCESS_LIST)


def _attributes(path: str) -> list[str]:
    """The names of the extended attributes of a file."""
    assert sys.platform == "linux"
    try:
        return os.listxattr(path)
    except OSError:  # the file system has none
        return []


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_nlink)


def _holds(path: str, data: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read() == data


def _link(temporary: str, path: str) -> None:
    """Give a file a second name. Raises `FileExistsError` where there is something of that name."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # the file system knows no hard links
        if os.path.lexists(path):
            raise
        os.rename(temporary, path)

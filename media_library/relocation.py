"""Moves one file inside the library root: never over another one, never through a symbolic link, never half.

Knows no database. Each directory is opened below the one before it without following links, and the rename works
on those open directories, so nobody can swap a directory for a link while we look.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_NAME = 255  # bytes
RENAME_NOREPLACE = 1  # linux/fs.h
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # an old kernel, NFS, some FUSE file systems
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(ValueError):
    """The path is absolute, climbs with `..`, holds NUL, or leads through a symbolic link."""


class NotAFile(OSError):
    """What lies there is no regular file: a link, a directory, a pipe."""


def relocate(root: Path, source: Path, target: Path) -> None:
    """Move `source` to `target`, both relative to `root`, making the target's directories; durable when it returns.

    Raises `FileExistsError` where the target is taken, `FileNotFoundError` where the source is gone, `UnsafePath`,
    `NotAFile`, and `OSError` for what the disk says (read-only, another file system); then nothing has moved.
    """
    with _directory(root, source) as from_directory, _directory(root, target, make=True) as to_directory:
        if not stat.S_ISREG(os.stat(source.name, dir_fd=from_directory, follow_symlinks=False).st_mode):
            raise NotAFile(errno.EINVAL, "This is no regular file", str(source))
        _rename_without_replacing(from_directory, source.name, to_directory, target.name)
        os.fsync(to_directory)
        os.fsync(from_directory)


def make_folders(root: Path, path: Path) -> None:
    """Make the directories that `path`, relative to `root`, lies in; raises `UnsafePath`, and `OSError` for what the disk says."""
    with _directory(root, path, make=True):
        pass


def file_at(root: Path, path: Path) -> os.stat_result | None:
    """The `lstat` of what lies at `path` below `root`, whatever it is; None where nothing does."""
    try:
        with _directory(root, path) as directory:
            return os.stat(path.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def open_file(root: Path, path: Path) -> int:
    """A descriptor, to be closed by the caller, of the regular file at `path` below `root`.

    Raises `FileNotFoundError`, `UnsafePath`, `NotAFile`, and `OSError` for what the disk says.
    """
    with _directory(root, path) as directory:
        try:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
                raise NotAFile(error.errno, "This is no regular file", str(path)) from error
            raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, "This is no regular file", str(path))
    return descriptor


def remove_second_name(root: Path, path: Path) -> None:
    """Remove one of the two names that a relocation left when it was killed between its two steps."""
    with _directory(root, path) as directory:
        os.unlink(path.name, dir_fd=directory)
        os.fsync(directory)


def numbered(path: Path) -> Iterator[Path]:
    """`clip.mp4`, `clip (2).mp4`, `clip (3).mp4` and so on, none longer than a name may be."""
    yield path
    for number in range(2, 1000):
        tail = os.fsencode(f" ({number}){path.suffix}")
        yield path.with_name(os.fsdecode(os.fsencode(path.stem)[: LONGEST_NAME - len(tail)] + tail))


@contextmanager
def _directory(root: Path, path: Path, *, make: bool = False) -> Iterator[int]:
    """The open directory that `path` lies in."""
    if path.is_absolute() or not path.name or ".." in path.parts or "\0" in str(path):
        raise UnsafePath(f"{path} leads out of the library")
    with ExitStack() as stack:
        current = _open(stack, os.fspath(root.resolve()), None)
        for part in path.parent.parts:
            if make:
                _make_directory(part, current)
            try:
                current = _open(stack, part, current)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise UnsafePath(f"{path} leads through something that is no directory") from error
                raise
        yield current


def _open(stack: ExitStack, name: str, parent: int | None) -> int:
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    stack.callback(os.close, descriptor)
    return descriptor


def _make_directory(name: str, parent: int) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return
    os.fsync(parent)


def _rename_without_replacing(from_directory: int, name: str, to_directory: int, new_name: str) -> None:
    rename = _renameat2()
    if rename and rename(from_directory, os.fsencode(name), to_directory, os.fsencode(new_name), RENAME_NOREPLACE) == 0:
        return
    problem = ctypes.get_errno() if rename else errno.ENOSYS
    if problem not in _UNSUPPORTED:
        raise OSError(problem, os.strerror(problem), name, None, new_name)
    # A link refuses a taken name just as well; a crash in between leaves two names of one file, never none.
    os.link(name, new_name, src_dir_fd=from_directory, dst_dir_fd=to_directory, follow_symlinks=False)
    os.unlink(name, dir_fd=from_directory)


@cache
def _renameat2() -> Any:
    """The C library's function, or None where there is none (macOS, musl before 1.2.5)."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function

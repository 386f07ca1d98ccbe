"""Moves one file or folder inside the library root: never over another one, never through a symbolic link, never half.

Knows no database. Each directory is opened below the one before it without following links, and the rename works
on those open directories, so nobody can swap a directory for a link while we look.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

LONGEST_NAME = 255  # bytes
RENAME_NOREPLACE = 1  # linux/fs.h
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # an old kernel, NFS, some FUSE file systems
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)  # FAT, exFAT, some network and FUSE file systems
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(ValueError):
    """The path is absolute, climbs with `..`, holds NUL, or leads through a symbolic link."""


class NotAFile(OSError):
    """What lies there is no regular file: a link, a directory, a pipe."""


class NotAFolder(OSError):
    """What lies there is no directory."""


def relocate(root: Path, source: Path, target: Path) -> None:
    """Move `source` to `target`, both relative to `root`, making the target's directories; durable when it returns.

    Raises `FileExistsError` where the target is taken, `FileNotFoundError` where the source is gone, `UnsafePath`,
    `NotAFile`, and `OSError` for what the disk says (read-only, another file system); then nothing has moved.
    """
    with _both_ends(root, source, target) as (from_directory, to_directory):
        if not stat.S_ISREG(os.stat(source.name, dir_fd=from_directory, follow_symlinks=False).st_mode):
            raise NotAFile(errno.EINVAL, "This is no regular file", str(source))
        if _rename_without_replacing(from_directory, source.name, to_directory, target.name):
            return
        try:
            # A link refuses a taken name just as well; a crash in between leaves two names of one file, never none.
            os.link(source.name, target.name, src_dir_fd=from_directory, dst_dir_fd=to_directory, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _rename_over_placeholder(from_directory, source.name, to_directory, target.name)
        else:
            os.unlink(source.name, dir_fd=from_directory)


def relocate_folder(root: Path, source: Path, target: Path) -> None:
    """Move a folder, with all that lies in it, as `relocate` moves a file; raises `NotAFolder`, and OSError where the target is taken."""
    with _both_ends(root, source, target) as (from_directory, to_directory):
        if not stat.S_ISDIR(os.stat(source.name, dir_fd=from_directory, follow_symlinks=False).st_mode):
            raise NotAFolder(errno.ENOTDIR, "This is no folder", str(source))
        if not _rename_without_replacing(from_directory, source.name, to_directory, target.name):
            os.rename(source.name, target.name, src_dir_fd=from_directory, dst_dir_fd=to_directory)  # replaces an empty one at worst


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


def remove_folder(root: Path, path: Path) -> None:
    """Remove a folder with all that lies in it; links in it are removed, not followed."""
    with _directory(root, path) as directory:
        shutil.rmtree(path.name, dir_fd=directory)
        os.fsync(directory)


def files_below(root: Path, folder: Path) -> Iterator[Path]:
    """Every file below `folder`, relative to `root`; each of its directories is on the disk once it is done with.

    Raises `NotAFile` for what is neither file nor directory, and what `open_file` raises.
    """
    with _directory(root, folder) as directory:
        for place, folders, names, descriptor in os.fwalk(folder.name, dir_fd=directory, onerror=_raise):
            for name in (*folders, *names):
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise NotAFile(errno.EINVAL, "This is no regular file", f"{place}/{name}")
            yield from (folder.parent / place / name for name in names)
            os.fsync(descriptor)


def numbered(path: Path) -> Iterator[Path]:
    """`clip.mp4`, `clip (2).mp4`, `clip (3).mp4` and so on, none longer than a name may be."""
    yield path
    for number in range(2, 1000):
        tail = os.fsencode(f" ({number}){path.suffix}")
        yield path.with_name(os.fsdecode(os.fsencode(path.stem)[: LONGEST_NAME - len(tail)] + tail))


@contextmanager
def _both_ends(root: Path, source: Path, target: Path) -> Iterator[tuple[int, int]]:
    """The directories that something moves from and to, which are on the disk afterwards."""
    with _directory(root, source) as from_directory, _directory(root, target, make=True) as to_directory:
        yield from_directory, to_directory
        os.fsync(to_directory)
        os.fsync(from_directory)


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


def _rename_without_replacing(from_directory: int, name: str, to_directory: int, new_name: str) -> bool:
    """Whether it was renamed: not every system can refuse a taken name."""
    rename = _renameat2()
    if rename and rename(from_directory, os.fsencode(name), to_directory, os.fsencode(new_name), RENAME_NOREPLACE) == 0:
        return True
    problem = ctypes.get_errno() if rename else errno.ENOSYS
    if problem in _UNSUPPORTED:
        return False
    raise OSError(problem, os.strerror(problem), name, None, new_name)


def _rename_over_placeholder(from_directory: int, name: str, to_directory: int, new_name: str) -> None:
    """Take the name with an empty file, which a taken one refuses, then rename over that.

    Where neither rename nor link refuses taken names this is the safest there is: whoever writes to the empty file, or renames over it,
    in the moment between the last look and the rename, loses what they wrote. A crash in between leaves the empty file, and the source.
    """
    os.close(os.open(new_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=to_directory))
    try:
        if not _is_empty(os.stat(new_name, dir_fd=to_directory, follow_symlinks=False)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new_name)
        os.rename(name, new_name, src_dir_fd=from_directory, dst_dir_fd=to_directory)
    except OSError:
        with suppress(FileNotFoundError):
            if _is_empty(os.stat(new_name, dir_fd=to_directory, follow_symlinks=False)):
                os.unlink(new_name, dir_fd=to_directory)
        raise


def _is_empty(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _raise(error: OSError) -> None:
    raise error


@cache
def _renameat2() -> Any:
    """The C library's function, or None where there is none (macOS, musl before 1.2.5)."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function

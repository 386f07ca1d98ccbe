"""Knowing the library's folder again, so that an unmounted disk is never taken for an emptied one."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from django.conf import settings

from media_library.models import LibraryRoot, Video
from media_library.paths import FOLDER_FLAGS
from media_library.scanner.errors import ScanRefused

MARKER = ".library-id"
UUID_LENGTH = 36


def open_root(path: Path) -> int:
    """The library's folder as a descriptor; raises ScanRefused."""
    try:
        return os.open(path, FOLDER_FLAGS & ~os.O_NOFOLLOW)  # the root itself may be a link
    except FileNotFoundError as error:
        raise ScanRefused(f"There is no folder {path}. Is the disk mounted?") from error
    except NotADirectoryError as error:
        raise ScanRefused(f"{path} is no folder") from error
    except OSError as error:
        raise ScanRefused(f"The folder {path} cannot be read: {error.strerror}") from error


def recognise(descriptor: int, path: Path, *, accept_another: bool) -> LibraryRoot:
    """The library's row, unsaved where the library is new; raises ScanRefused when the folder is another one than before.

    `accept_another` takes the folder as it is for the library from now on.
    """
    known = LibraryRoot.objects.order_by("pk").first()
    marker = read_marker(descriptor)
    status = os.fstat(descriptor)
    if known is None:
        return LibraryRoot(path=str(path), identity=marker or uuid.uuid4(), device=status.st_dev, inode=status.st_ino)
    if not (accept_another or _is_the_same(known, marker, status) or _is_replaceable()):
        raise ScanRefused(_why_another(known, path, marker))
    if marker:
        known.identity = marker
    known.has_marker = bool(marker)
    known.path, known.device, known.inode = str(path), status.st_dev, status.st_ino
    return known


def library_is_there() -> bool:
    """Whether the library's disk is mounted: on an empty folder in its place every file would look gone."""
    path = Path(settings.LIBRARY_ROOT)
    try:
        root = open_root(path)
    except ScanRefused:
        return False
    try:
        recognise(root, path, accept_another=False)
    except ScanRefused:
        return False
    finally:
        os.close(root)
    return True


def register(root: LibraryRoot, descriptor: int) -> None:
    """Save the row, and leave the identity in the folder if it can be written: the only thing that a scan writes there."""
    root.has_marker = read_marker(descriptor) == root.identity or _write_marker(descriptor, root.identity)
    root.save()


def require_still_there(root: LibraryRoot, descriptor: int, path: Path) -> None:
    """Look whether the open folder is still what lies at the path, with its identity; raises ScanRefused."""
    now = open_root(path)
    try:
        is_same = os.path.sameopenfile(now, descriptor)
    finally:
        os.close(now)
    if not is_same or (root.has_marker and read_marker(descriptor) != root.identity):
        raise ScanRefused(f"{path} went, or became another folder, while it was looked through; nothing was changed. Is the disk mounted?")


def read_marker(descriptor: int) -> uuid.UUID | None:
    try:
        marker = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except OSError:
        return None
    try:
        return uuid.UUID(os.read(marker, UUID_LENGTH).decode())
    except (ValueError, OSError):
        return None
    finally:
        os.close(marker)


def _write_marker(descriptor: int, identity: uuid.UUID) -> bool:
    try:
        marker = os.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=descriptor)
    except OSError:
        return False  # read-only, or something else bears that name
    try:
        os.write(marker, f"{identity}\n".encode())
        os.fsync(marker)
    except OSError:
        os.unlink(MARKER, dir_fd=descriptor)
        return False
    finally:
        os.close(marker)
    return True


def _is_the_same(known: LibraryRoot, marker: uuid.UUID | None, status: os.stat_result) -> bool:
    if known.has_marker:
        return marker == known.identity
    return (known.device, known.inode) == (status.st_dev, status.st_ino)


def _is_replaceable() -> bool:
    """A library without a video loses nothing by moving to another folder."""
    return not Video.objects.exists()


def _why_another(known: LibraryRoot, path: Path, marker: uuid.UUID | None) -> str:
    if marker:
        why = f"{path} is another library ({marker}) than the one that was scanned before ({known.identity})"
    elif known.has_marker:
        why = f"{path} has no {MARKER}, which the library carries. Is the disk mounted?"
    else:
        why = f"{path} is another folder than the one that was scanned before. Is the disk mounted?"
    return (
        f"{why} To make this folder the library: --allow-missing"
        if why.endswith("?")
        else f"{why}. To make it the library: --allow-missing"
    )

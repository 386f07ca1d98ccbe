"""What has come of uploads: a file for each in a hidden folder of the inbox, so that finishing it is a rename on any disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from media_library.models import DirectoryType
from media_library.paths import open_beneath
from media_library.relocation import UnsafePath, file_at, make_folders, remove_second_name
from media_library.scanner.errors import ScanRefused
from media_library.scanner.roots import library_is_there, open_root
from media_library.space import has_room
from media_library.uploads.errors import NoRoom, StorageAway

INBOX = Path(DirectoryType.INBOX)  # relative to the library root
FOLDER, SUFFIX = INBOX / ".uploads", ".part"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: some file systems hold no file of more than 4 GiB


def library_root() -> Path:
    return Path(settings.LIBRARY_ROOT)


def part_of(upload_id: int) -> Path:
    """Relative to the library root."""
    return FOLDER / f"{upload_id}{SUFFIX}"


def part_size(upload_id: int) -> int:
    """Bytes; 0 where there is none."""
    status = file_at(library_root(), part_of(upload_id))
    return status.st_size if status else 0


@contextmanager
def opened_part(upload_id: int) -> Iterator[int]:
    """A descriptor of the part to write to, made where there is none; raises `NoRoom` or `StorageAway`."""
    path = part_of(upload_id)
    with storage():
        make_folders(library_root(), path)
        with _root() as root:
            descriptor = open_beneath(root, path.parts, os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove_part(upload_id: int) -> None:
    with suppress(FileNotFoundError):
        remove_second_name(library_root(), part_of(upload_id))


def forgotten_parts() -> Iterator[int]:
    """The uploads whose parts nobody has written to for as long as one is kept."""
    for path in (library_root() / FOLDER).glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):
            if path.stem.isdecimal() and time.time() - path.lstat().st_mtime > settings.UPLOADS_KEPT_HOURS * 3600:
                yield int(path.stem)


def require_library() -> None:
    """Raise `StorageAway` where the library's disk is not mounted: on an empty folder in its place every part would look gone."""
    if not library_is_there():
        raise StorageAway("The library's folder is not there, or another one than before; is its disk mounted?")


def require_room(size: int) -> None:
    """Raise `NoRoom` unless so many bytes more leave the library's disk not full."""
    if not has_room(library_root(), size):
        raise NoRoom


@contextmanager
def storage() -> Iterator[None]:
    """Raise what the disk says as `NoRoom` or `StorageAway`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise NoRoom from error
        raise StorageAway(f"The library's disk cannot be written to: {error.strerror}") from error
    except UnsafePath as error:
        raise StorageAway("The library's inbox is no folder of its own") from error


@contextmanager
def _root() -> Iterator[int]:
    try:
        root = open_root(library_root())
    except ScanRefused as refusal:
        raise StorageAway("The library's folder is not there; is its disk mounted?") from refusal
    try:
        yield root
    finally:
        os.close(root)

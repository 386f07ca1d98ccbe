"""What can stop a start, each said to a person in one sentence."""

from __future__ import annotations

import contextlib
import errno
import shutil
from pathlib import Path

ROOM_TO_RUN = 100 * 2**20  # bytes; below this PostgreSQL soon fails in the middle of a write


class CannotStart(Exception):
    """The start has to end here; its text is one clear sentence for the person who started it."""


class DiskFull(CannotStart):
    """The file system that holds the data folder has no room left."""

    def __init__(self, folder: Path, *, needed: int) -> None:
        left = free_bytes(folder)
        super().__init__(f"The disk that holds {folder} is full: {left // 2**20} MB are left, {needed // 2**20} MB are needed.")


def require_room(folder: Path, *, needed: int = ROOM_TO_RUN) -> None:
    """Raise `DiskFull` unless `needed` bytes are free where `folder` lies."""
    if free_bytes(folder) < needed:
        raise DiskFull(folder, needed=needed)


def is_disk_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def free_bytes(folder: Path) -> int:
    """Free space where `folder` lies, or will lie once it is made."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):  # it is not there, or we may not look
            return shutil.disk_usage(place).free
    return 0

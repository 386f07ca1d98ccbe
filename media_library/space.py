"""Whether the disks that jobs write to have room."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

MIB = 2**20  # bytes


def is_full(folder: Path) -> bool:
    """Whether next to nothing is free there; False where the disk cannot be asked."""
    return not has_room(folder, 0)


def has_room(folder: Path, size: int) -> bool:
    """Whether so many bytes more leave the disk not full; True where it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free - size >= settings.FULL_DISK_MB * MIB
    except OSError:
        return True


def any_is_full() -> bool:
    """Whether the library's disk, or that of the data folder, is full for every job."""
    return any(is_full(Path(folder)) for folder in (settings.LIBRARY_ROOT, settings.DATA_DIR))

"""The thumbnail store: posters named by what they show, in two levels of folders."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

WEBP_START, WEBP_KIND = b"RIFF", b"WEBP"


def save_poster(picture: bytes, *, store: Path) -> str:
    """Put a WebP picture into the store; returns its path there, `ab/cd/<hash>.webp`.

    The file appears complete or not at all. Raises OSError, for instance when the disk is full.
    """
    if picture[:4] != WEBP_START or picture[8:12] != WEBP_KIND:
        raise ValueError("Only WebP pictures are kept as posters")
    digest = hashlib.sha256(picture).hexdigest()
    relative = f"{digest[:2]}/{digest[2:4]}/{digest}.webp"
    target = store / relative
    if not _holds(target, len(picture)):
        _write(target, picture)
    return relative


def _holds(target: Path, size: int) -> bool:
    try:
        return target.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(target: Path, picture: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.stem}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with draft.open("xb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)

"""Posters in the thumbnail store, named by what they show, in two levels of folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

from media_library.store import put

WEBP_START, WEBP_KIND = b"RIFF", b"WEBP"


def save_poster(picture: bytes, *, store: Path) -> str:
    """Put a WebP picture into the store; returns its path there, `ab/cd/<hash>.webp`.

    The file appears complete or not at all. Raises OSError, for instance when the disk is full.
    """
    if picture[:4] != WEBP_START or picture[8:12] != WEBP_KIND:
        raise ValueError("Only WebP pictures are kept as posters")
    digest = hashlib.sha256(picture).hexdigest()
    path = f"{digest[:2]}/{digest[2:4]}/{digest}.webp"
    put(picture, path, store=store)
    return path

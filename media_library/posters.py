"""Posters in the thumbnail store, named by what they show, in two levels of folders; each also smaller, once somebody asks for that."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from media_library.ffmpeg.picture import fit
from media_library.ffmpeg.poster import LONGEST_SIDE, WEBP_QUALITY
from media_library.ffmpeg.sheet import webp
from media_library.store import put

WEBP_START, WEBP_KIND = b"RIFF", b"WEBP"
SMALLER_SIDES = (320, 480)  # pixels of the longer side


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


def smaller_poster(path: Path, side: int, *, store: Path) -> Path:
    """A poster's path in the store with its longer side at most `side` pixels; drawn at first.

    Raises OSError where the poster is missing or no picture, or the disk is full.
    """
    smaller = path.with_stem(f"{path.stem}-{side}")
    if not (store / smaller).exists():
        put(_drawn_smaller(store / path, side), str(smaller), store=store)
    return smaller


def poster_size(width: int, height: int, *, side: int = LONGEST_SIDE) -> tuple[int, int]:
    """Of the poster of a video with pictures of this size, in pixels; nothing is enlarged."""
    return fit(width, height, longest=side)


def _drawn_smaller(poster: Path, side: int) -> bytes:
    with Image.open(poster, formats=["WEBP"]) as picture:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        return webp(picture, quality=WEBP_QUALITY)

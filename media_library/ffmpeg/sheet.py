"""Pictures side by side in one, and pictures as WebP."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from media_library.ffmpeg.errors import UnreadableMedia


@dataclass(frozen=True)
class Sheet:
    """Tiles in rows from the top left, each the size of the first."""

    picture: bytes  # WebP
    tile_width: int  # pixels
    tile_height: int


def sheet(tiles: Iterable[tuple[int, Image.Image]], *, columns: int, rows: int, quality: int) -> Sheet:
    """Each tile at its place, which counts from 0; places without one stay black. Raises UnreadableMedia where there is none at all."""
    size, whole = (0, 0), None
    for place, tile in tiles:
        if whole is None:
            size, whole = tile.size, Image.new("RGB", (columns * tile.width, rows * tile.height))
        row, column = divmod(place, columns)
        whole.paste(tile if tile.size == size else tile.resize(size), (column * size[0], row * size[1]))
    if whole is None:
        raise UnreadableMedia("No picture of it can be decoded")
    return Sheet(webp(whole, quality=quality), *size)


def webp(picture: Image.Image, *, quality: int) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=quality, method=2)
    return encoded.getvalue()

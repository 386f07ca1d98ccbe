"""The pictures along a video's bar: 9 × 9 of them in one file, each for an equal part of the time."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.probe import OpenVideo, duration_of
from media_library.ffmpeg.seeking import Reel, Tell

COLUMNS = ROWS = 9
TILES = COLUMNS * ROWS
LONGEST_SIDE = 160  # pixels of a tile
WEBP_QUALITY = 70
COARSE = 2.0  # seconds: the part of a tile from which on a keyframe of the part beside it is as good


@dataclass(frozen=True)
class Sprite:
    """Tiles in rows from the top left, each the size of the first."""

    picture: bytes  # WebP
    tile_width: int  # pixels
    tile_height: int
    duration: float  # seconds that the tiles stand for, all together


def sprite(opened: OpenVideo, *, tell: Tell) -> Sprite:
    """Look into the middle of each part; raises UnreadableMedia where nobody knows how long the video is, or nothing decodes."""
    duration = duration_of(opened)
    if duration is None:
        raise UnreadableMedia("It does not say how long it is")
    part, done = duration / TILES, 0
    tolerance = part if part >= COARSE else part / 2
    reel = Reel(opened, on_packet=lambda: tell(done / TILES), is_made_small=True)
    sheet: Image.Image | None = None
    tile_size = (0, 0)
    for done in range(TILES):
        frame = reel.near((done + 0.5) * part, tolerance=tolerance)
        if frame is None:
            continue  # a damaged place
        tile = upright(frame, pixel_aspect=opened.stream.sample_aspect_ratio, longest=LONGEST_SIDE)
        if sheet is None:
            tile_size = tile.size
            sheet = Image.new("RGB", (COLUMNS * tile.width, ROWS * tile.height))
        row, column = divmod(done, COLUMNS)
        sheet.paste(tile if tile.size == tile_size else tile.resize(tile_size), (column * tile_size[0], row * tile_size[1]))
    if sheet is None:
        raise UnreadableMedia("No picture of it can be decoded")
    encoded = io.BytesIO()
    sheet.save(encoded, "WEBP", quality=WEBP_QUALITY, method=2)
    return Sprite(encoded.getvalue(), *tile_size, duration)

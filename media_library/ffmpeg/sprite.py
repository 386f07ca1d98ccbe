"""The pictures along a video's bar: 9 × 9 of them in one file, each for an equal part of the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.probe import OpenVideo, duration_of
from media_library.ffmpeg.seeking import Reel, Tell
from media_library.ffmpeg.sheet import Sheet, sheet

COLUMNS = ROWS = 9
TILES = COLUMNS * ROWS
LONGEST_SIDE = 160  # pixels of a tile
WEBP_QUALITY = 70
COARSE = 2.0  # seconds: the part of a tile from which on a keyframe of the part beside it is as good


@dataclass(frozen=True)
class Sprite(Sheet):
    duration: float  # seconds that the tiles stand for, all together


def sprite(opened: OpenVideo, *, tell: Tell) -> Sprite:
    """Look into the middle of each part; raises UnreadableMedia where nobody knows how long the video is, or nothing decodes."""
    duration = duration_of(opened)
    if duration is None:
        raise UnreadableMedia("It does not say how long it is")
    made = sheet(_tiles(opened, duration / TILES, tell), columns=COLUMNS, rows=ROWS, quality=WEBP_QUALITY)
    return Sprite(made.picture, made.tile_width, made.tile_height, duration)


def _tiles(opened: OpenVideo, part: float, tell: Tell) -> Iterator[tuple[int, Image.Image]]:
    """A picture of each part, of so many seconds, but of damaged ones."""
    done = 0
    tolerance = part if part >= COARSE else part / 2
    reel = Reel(opened, on_packet=lambda: tell(done / TILES), is_made_small=True)
    for done in range(TILES):
        frame = reel.near((done + 0.5) * part, tolerance=tolerance)
        if frame is not None:
            yield done, upright(frame, pixel_aspect=opened.stream.sample_aspect_ratio, longest=LONGEST_SIDE)

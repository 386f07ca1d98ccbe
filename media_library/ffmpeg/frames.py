"""Pictures from all over a video as a network wants them: squares of one size."""

from __future__ import annotations

from PIL import Image, ImageOps

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.probe import OpenVideo, duration_of
from media_library.ffmpeg.seeking import Reel, Tell

CHANNELS = 3  # red, green, blue: a byte each
LARGER = 4  # times the square: how large a picture is decoded to before it is cut and made small with care


def squares(opened: OpenVideo, *, count: int, edge: int, tell: Tell) -> bytes:
    """The middle squares of `count` pictures at most, from the middles of equal parts: uint8 (n, edge, edge, 3), RGB.

    Of a video that does not say how long it is they are the first ones, a second apart. Raises UnreadableMedia where nothing decodes.
    """
    duration = duration_of(opened)
    part, done = (duration or count) / count, 0
    reel = Reel(opened, on_packet=lambda: tell(done / count))
    seen: list[int | None] = []
    pictures = bytearray()
    for done in range(count):
        frame = reel.near((done + 0.5) * part, tolerance=part / 2)
        if frame is None or frame.pts in seen:
            continue  # a damaged place, or fewer pictures than parts
        seen.append(frame.pts)
        picture = upright(frame, pixel_aspect=opened.stream.sample_aspect_ratio, longest=LARGER * edge)
        pictures += ImageOps.fit(picture, (edge, edge), Image.Resampling.BICUBIC).tobytes()
    if not pictures:
        raise UnreadableMedia("No picture of it can be decoded")
    return bytes(pictures)


def size_of(edge: int) -> int:
    """Bytes of one square."""
    return edge * edge * CHANNELS

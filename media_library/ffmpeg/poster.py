"""The picture that stands for a video: a frame that is neither dark, nor blank, nor blurred."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import av
from av import VideoFrame
from PIL import Image, ImageFilter, ImageStat

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.picture import gray, upright
from media_library.ffmpeg.probe import OpenVideo, first_picture, pictures
from media_library.ffmpeg.seeking import Reel
from media_library.ffmpeg.sheet import webp

LONGEST_SIDE = 640  # pixels
WEBP_QUALITY = 78
MEASURED_SIDE = 256  # pixels: large enough to tell a blurred frame
POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.0)  # of the duration; the nearest keyframe before each
STEPS_FORWARD = 150  # frames decoded one by one where every keyframe is bad: a fade-in of a short clip
EVERY = 10  # of those frames is measured
GOOD = 0.9  # a score to stop at

_EDGES = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def poster(opened: OpenVideo, *, duration: float | None) -> bytes:
    """The poster as WebP, at most 640 pixels on its longer side; raises UnreadableMedia."""
    return _encoded(opened, best_frame(opened, duration=duration))


def poster_at(opened: OpenVideo, seconds: float) -> bytes:
    """The picture at a moment as WebP, the last one after the end; raises UnreadableMedia."""
    frame = Reel(opened).at(seconds)
    if frame is None:
        raise UnreadableMedia("No picture of it can be decoded")
    return _encoded(opened, frame)


def best_frame(opened: OpenVideo, *, duration: float | None) -> VideoFrame:
    """The first good frame, else the least bad one of some."""
    best, best_score = None, -1.0
    for frame in _candidates(opened, duration=duration):
        frame_score = score(gray(frame, longest=MEASURED_SIDE))
        if frame_score > best_score:
            best, best_score = frame, frame_score
        if best_score >= GOOD:
            break
    return best or _rewound_first(opened)


def score(picture: Image.Image) -> float:
    """How good a gray picture is as a poster, 0 to 1: the product of light, contrast and sharpness, each 1 where there is enough.

    Measured on real footage at 256 pixels: edges spread by 10 and more, by 4 and less once it is blurred.
    """
    statistics = ImageStat.Stat(picture)
    mean, contrast = statistics.mean[0], statistics.stddev[0]
    light = min(1.0, mean / 30, (255 - mean) / 25)
    sharpness = ImageStat.Stat(_inside(picture.filter(_EDGES))).stddev[0]
    return light * min(contrast / 20, 1.0) * min(sharpness / 6, 1.0)


def _encoded(opened: OpenVideo, frame: VideoFrame) -> bytes:
    picture = upright(frame, pixel_aspect=opened.stream.sample_aspect_ratio, longest=LONGEST_SIDE)
    return webp(picture, quality=WEBP_QUALITY)


def _inside(filtered: Image.Image) -> Image.Image:
    """Without the outermost pixels, which a filter copies as they are."""
    width, height = filtered.size
    return filtered.crop((1, 1, width - 1, height - 1)) if min(width, height) > 2 else filtered


def _candidates(opened: OpenVideo, *, duration: float | None) -> Iterator[VideoFrame]:
    opened.stream.codec_context.skip_frame = "NONKEY"
    seen: set[int | None] = set()
    for position in POSITIONS if duration else (0.0,):
        frame = _keyframe_before(opened, seconds=position * (duration or 0.0))
        if frame is not None and frame.pts not in seen:
            seen.add(frame.pts)
            yield frame
    yield from _forward(opened)


def _keyframe_before(opened: OpenVideo, *, seconds: float) -> VideoFrame | None:
    container, stream = opened
    start = stream.start_time or 0
    target = start + round(Fraction(seconds) / (stream.time_base or Fraction(1, av.time_base)))
    try:
        container.seek(target, stream=stream, backward=True)
        return next(pictures(opened), None)
    except av.FFmpegError:
        return None  # a container that cannot seek, or a damaged place


def _forward(opened: OpenVideo) -> Iterator[VideoFrame]:
    try:
        opened.container.seek(opened.stream.start_time or 0, stream=opened.stream, backward=True)
        opened.stream.codec_context.skip_frame = "DEFAULT"
        yield from islice(pictures(opened), EVERY, STEPS_FORWARD, EVERY)
    except av.FFmpegError:
        return


def _rewound_first(opened: OpenVideo) -> VideoFrame:
    try:
        opened.container.seek(0)
    except av.FFmpegError as error:
        raise UnreadableMedia("No picture of it can be decoded") from error
    return first_picture(opened)

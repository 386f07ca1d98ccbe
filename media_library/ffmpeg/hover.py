"""The few seconds that a card plays while a pointer rests on it: small, without sound, in a format that every browser plays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction

import av
from av import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from PIL import Image

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.probe import OpenVideo, duration_of
from media_library.ffmpeg.seeking import Reel, Tell

CUTS = 12
CUT_SECONDS = 0.75
LONGEST_SIDE = 480  # pixels
HIGHEST_RATE = Fraction(15)  # pictures a second
USUAL_RATE = Fraction(25)
ENCODER = {"preset": "veryfast", "crf": "26", "profile": "high", "threads": "2"}
CONTAINER = {"movflags": "+faststart"}


def hover(opened: OpenVideo, *, tell: Tell) -> bytes:
    """Twelve cuts of three quarters of a second as H.264 in MP4; of a video that is no longer than that, all of it.

    Raises UnreadableMedia where nothing decodes.
    """
    rate = _rate(opened.stream)
    cuts = cuts_of(duration_of(opened) or 0.0)
    film = _Film(rate)
    expected = sum(_count(cut, rate) for cut in cuts)
    reel = Reel(opened, on_packet=lambda: tell(film.count / expected), is_made_small=True)
    for cut in cuts:
        for frame in _pictures(reel, cut, rate):
            film.add(upright(frame, pixel_aspect=opened.stream.sample_aspect_ratio, longest=LONGEST_SIDE))
    return film.finished()


Cut = tuple[float, float, float]
"""In point and length, in seconds, and by how many seconds the in point may move to where a keyframe is."""


def cuts_of(duration: float) -> list[Cut]:
    """One cut in the middle of each twelfth, none into the next."""
    if duration <= CUTS * CUT_SECONDS:
        return [(0.0, duration, 0.0)]
    part = duration / CUTS
    room = (part - CUT_SECONDS) / 2
    return [(number * part + room, CUT_SECONDS, room) for number in range(CUTS)]


def _pictures(reel: Reel, cut: Cut, rate: Fraction) -> Iterator[VideoFrame]:
    in_point, _, room = cut
    key = reel.key_near(in_point)
    start = max(0.0, key) if abs(key - in_point) <= room else in_point
    return reel.sample(start, (start + number / float(rate) for number in range(_count(cut, rate))))


def _count(cut: Cut, rate: Fraction) -> int:
    return max(1, round(cut[1] * rate))


def _rate(stream: VideoStream) -> Fraction:
    """The video's own, halved where it is high."""
    rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
    while rate > HIGHEST_RATE:
        rate /= 2
    return max(rate, Fraction(1))


class _Film:
    """An MP4 in memory."""

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="mp4", options=CONTAINER, io_open=self._reread)
        self._stream: VideoStream | None = None
        self.count = 0

    def add(self, picture: Image.Image) -> None:
        stream = self._stream = self._stream or self._new_stream(picture)
        size = (stream.width, stream.height)
        rgb: VideoFrame = VideoFrame.from_image(picture if picture.size == size else picture.resize(size))  # type: ignore[no-untyped-call]
        frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, self.count = self.count, self.count + 1
        frame.time_base = 1 / self._rate
        self._container.mux(stream.encode(frame))

    def finished(self) -> bytes:
        """The whole file; raises UnreadableMedia when it has no picture."""
        if self._stream is None:
            raise UnreadableMedia("No picture of it can be decoded")
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()

    def _reread(self, url: str, flags: int, options: dict[str, str]) -> io.BytesIO:
        """What is written so far, for FFmpeg to move it behind the index."""
        return io.BytesIO(self._file.getvalue())

    def _new_stream(self, picture: Image.Image) -> VideoStream:
        """As large as the first picture, in even numbers, as 4:2:0 wants them."""
        stream = self._container.add_stream("libx264", rate=self._rate, options=ENCODER)
        stream.width, stream.height = (max(2, side - side % 2) for side in picture.size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = 1 / self._rate
        stream.codec_context.colorspace = int(Colorspace.ITU709)
        return stream

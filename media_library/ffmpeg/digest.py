"""One look through all of a video: its scenes and, of a digest, its curves and its contact sheet, out of one decode."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import av
from av import AudioFrame, VideoFrame
from av.audio.stream import AudioStream
from av.video.reformatter import VideoReformatter

from media_library.ffmpeg.checking import least_end, require_until
from media_library.ffmpeg.contact_sheet import KeyPictures, contact_sheet
from media_library.ffmpeg.cuts import Cuts
from media_library.ffmpeg.errors import OUT_OF_RESOURCES, UnreadableMedia
from media_library.ffmpeg.findings import Findings
from media_library.ffmpeg.measures import Loudness, Motion, Picture, curves
from media_library.ffmpeg.picture import fit
from media_library.ffmpeg.probe import LONGEST_DURATION, OpenVideo, accepted_sound_of, decoded, duration_of
from media_library.ffmpeg.seeking import UNPOLISHED, Tell

LONGEST_SIDE = 160  # pixels of the pictures that are measured
CLOSEST = 1 / 31  # seconds between two pictures that are looked at: of 50 and 60 a second every other one
USUAL_DURATION = 1 / 25  # seconds of a picture
LEAST_DURATION = 0.001  # seconds
MOST_THREADS = 4
MOST_THREADED = 4096 * 2304  # pixels: each thread holds pictures, and of larger ones too much memory

See = Callable[[float, VideoFrame, Picture], None]
Hear = Callable[[float, AudioFrame], None]


def find_scenes(opened: OpenVideo, *, threshold: float, min_length: float, tell: Tell) -> Findings:
    """Only where scenes begin; raises UnreadableMedia where nothing decodes, or the end is missing."""
    cuts = Cuts(threshold=threshold, min_length=min_length)
    duration = _look_through(opened, lambda seconds, _, picture: cuts.see(seconds, picture), None, tell)
    return Findings(duration, cuts.starts(duration=duration))


def digest(opened: OpenVideo, *, threshold: float, min_length: float, tell: Tell) -> Findings:
    """Where scenes begin, how the video moves and sounds, and what it shows.

    Raises UnreadableMedia where nothing decodes, or the end is missing.
    """
    cuts, motion, loudness = Cuts(threshold=threshold, min_length=min_length), Motion(), Loudness()
    pictures = KeyPictures(pixel_aspect=opened.stream.sample_aspect_ratio)

    def see(seconds: float, frame: VideoFrame, picture: Picture) -> None:
        cuts.see(seconds, picture)
        motion.see(seconds, picture)
        pictures.see(seconds, frame, picture)

    sound = accepted_sound_of(opened)
    duration = _look_through(opened, see, lambda seconds, frame: loudness.hear(seconds, frame.to_ndarray()), tell)
    scenes = Findings(duration, cuts.starts(duration=duration))
    chosen = pictures.best_of(scenes.scenes)
    sheet = contact_sheet(chosen)
    return Findings(
        duration,
        scenes.starts,
        curves=curves(motion, loudness, has_sound=sound is not None),
        keyframes=[kept.keyframe for kept in chosen],
        sheet=sheet.picture,
        tile_width=sheet.tile_width,
        tile_height=sheet.tile_height,
    )


def _look_through(opened: OpenVideo, see: See, hear: Hear | None, tell: Tell) -> float:
    """Show every picture, small, and its frame, and play every piece of the sound; returns how many seconds the pictures stand for.

    Raises UnreadableMedia where there is no picture, or where the rest of what the file claims to hold is missing.
    """
    claimed = duration_of(opened)
    _rewind(opened)
    clock, eye = _Clock(opened), _Eye()
    seen: float | None = None
    for frame in _frames(opened, accepted_sound_of(opened) if hear else None, lambda: tell(clock.end / claimed if claimed else 0.0)):
        if isinstance(frame, AudioFrame):
            if hear and (heard := clock.time_of(frame)) is not None:
                hear(heard, frame)
            continue
        seconds = clock.move_to(frame) if seen is not None else clock.start_with(frame)
        if seen is None or seconds - seen >= CLOSEST:
            see(seconds, frame, eye.small(frame))
            seen = seconds
    if seen is None:
        raise UnreadableMedia("No picture of it can be decoded: it is damaged or encrypted")
    if claimed and clock.end < least_end(claimed):
        require_until(opened, claimed)  # sound may go on after the pictures
    return max(LEAST_DURATION, round(clock.end, 3))


class _Clock:
    """Seconds from the first picture on, which never go back, whatever the file says."""

    def __init__(self, opened: OpenVideo) -> None:
        self._start = float((opened.stream.start_time or 0) * (opened.stream.time_base or 0))
        self.end = 0.0  # of the last picture
        self._last = 0.0

    def start_with(self, frame: VideoFrame) -> float:
        """The first picture is there from the start."""
        self.move_to(frame)
        return 0.0

    def move_to(self, frame: VideoFrame) -> float:
        seconds = self.time_of(frame)
        self._last = max(self._last, self.end if seconds is None else seconds)
        self.end = self._last + (float((frame.duration or 0) * (frame.time_base or 0)) or USUAL_DURATION)
        return self._last

    def time_of(self, frame: VideoFrame | AudioFrame) -> float | None:
        """What the frame says; None where that is nothing, or nonsense."""
        if frame.pts is None or frame.time_base is None:
            return None
        seconds = float(frame.pts * frame.time_base) - self._start
        return seconds if 0 <= seconds <= LONGEST_DURATION else None


class _Eye:
    """Makes small pictures, all of one size, whatever becomes of the frames'."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None

    def small(self, frame: VideoFrame) -> Picture:
        if self._size is None:
            self._size = fit(frame.width, frame.height, longest=LONGEST_SIDE)
        width, height = self._size
        small = self._reformatter.reformat(frame, width=width, height=height, format="bgr24", interpolation="FAST_BILINEAR", threads=1)
        picture: Picture = small.to_ndarray()  # type: ignore[assignment]  # of bgr24 it is uint8
        return picture


def _frames(opened: OpenVideo, sound: AudioStream | None, on_packet: Callable[[], None]) -> Iterator[VideoFrame | AudioFrame]:
    """All of the pictures, and of the sound where it is wanted, but for damaged ones."""
    container, stream = opened
    codec = stream.codec_context
    codec.options = {**codec.options, **UNPOLISHED}
    if stream.width * stream.height <= MOST_THREADED:
        codec.thread_count = min(MOST_THREADS, os.cpu_count() or 1)
        codec.thread_type = "AUTO"
    packets: Iterator[av.Packet[Any]] = container.demux([stream, sound] if sound else [stream])
    while True:
        try:
            packet = next(packets, None)
        except OUT_OF_RESOURCES:
            raise
        except av.FFmpegError:
            return  # a damaged place that nothing can be read after
        if packet is None:
            return
        on_packet()
        try:
            frames = decoded(packet)
        except OUT_OF_RESOURCES:
            raise
        except av.FFmpegError:
            continue  # of damaged sound decoders say more than that its data is invalid
        yield from frames


def _rewind(opened: OpenVideo) -> None:
    """To the start, where its duration had to be read off its packets; elsewhere a search may come out after it."""
    if opened.container.duration is None and opened.stream.duration is None:
        opened.container.seek(0)

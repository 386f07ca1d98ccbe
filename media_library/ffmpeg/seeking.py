"""Pictures of an open video by their time, with as little decoding as the asked precision allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain, islice

import av
from av import Packet, VideoFrame
from av.video.stream import VideoStream

from media_library.ffmpeg.errors import OUT_OF_RESOURCES
from media_library.ffmpeg.probe import MOST_PACKETS_TO_A_PICTURE, OpenVideo, decoded

MOST_MISSES = 3  # then the index, or the want of one, is not to be relied on
HAIR = 1e-4  # seconds: what rounding may do to a time
LEADS = (0.0, 2.0, 10.0, 60.0, 7 * 24 * 3600.0)  # seconds before what is sought
UNPOLISHED = {"skip_loop_filter": "all"}
Tell = Callable[[float], None]
"""Hears how far long work is, 0 to 1: a sign of life, too."""

NOWHERE: tuple[VideoFrame, ...] = ()


class Reel:
    """The pictures of a video; seconds count from its first one.

    A search goes to the keyframe before what it seeks, or on from where the last one ended if no keyframe is in between.
    `on_packet` is called with each packet that is read: a sign of life. Pictures that are made small afterwards decode
    faster, for nobody will see the edges of their blocks.
    """

    def __init__(self, opened: OpenVideo, *, on_packet: Callable[[], None] | None = None, is_made_small: bool = False) -> None:
        self._container, self._stream = opened
        if is_made_small:
            self._stream.codec_context.options = {**self._stream.codec_context.options, **UNPOLISHED}
        self._on_packet = on_packet
        self._time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._start = self._stream.start_time or 0
        self._running: Iterator[VideoFrame] | None = None  # decodes from where we stand
        self._seen: deque[VideoFrame] = deque(maxlen=2)  # the last ones that it gave
        self._key: tuple[int, VideoFrame | None] | None = None  # the last keyframe that was looked up
        self._misses = 0  # keyframes that were not where they were looked for
        self._seek(self._start)  # Matroska reads its index with the first seek
        self._has_index = self._is_indexed()
        entries = self._stream.index_entries
        self._delay = max(0, self._start - entries[0].timestamp) if len(entries) else 0  # an index goes by when pictures are decoded

    def at(self, seconds: float) -> VideoFrame | None:
        """The picture that is shown at `seconds`, the last one after the end; None: no picture can be decoded."""
        return next(self.sample(seconds, [seconds]), None)

    def near(self, seconds: float, *, tolerance: float) -> VideoFrame | None:
        """A keyframe at most `tolerance` seconds away, else the picture that is shown at `seconds`."""
        if self._misses < MOST_MISSES and abs(self.key_near(seconds) - seconds) <= tolerance:
            frame = self._keyframe(self._timestamp(self.key_near(seconds)))
            if frame is not None and abs(self._time_of(frame) - seconds) <= tolerance:
                return frame
            self._misses += 1
        return self.at(seconds)

    def key_near(self, seconds: float) -> float:
        """When the nearest keyframe is; `seconds` themselves where no index tells."""
        if not self._has_index:
            return seconds
        wanted = self._timestamp(seconds)
        keys = [key for key in (self._key_before(wanted), self._key_after(wanted)) if key is not None]
        nearest = min(keys, key=lambda key: abs(key - wanted), default=wanted)
        return float((nearest - self._start) * self._time_base)

    def sample(self, start: float, times: Iterable[float]) -> Iterator[VideoFrame]:
        """The picture that is shown at each of some rising times, the first of which is not before `start`."""
        frames = self._play(start)
        shown, coming = None, next(frames, None)
        for time in times:
            while coming is not None and (shown is None or self._time_of(coming) <= time + HAIR):
                shown, coming = coming, next(frames, None)
            if shown is None:
                return
            yield shown

    def _play(self, seconds: float) -> Iterator[VideoFrame]:
        """Pictures in their order, from one that is shown at `seconds` or earlier."""
        if not self._goes_on_to(seconds):
            self._running = self._decode_from(seconds)
        seen = tuple(self._seen)
        self._seen.clear()
        for frame in chain(seen, self._running or NOWHERE):
            self._seen.append(frame)
            yield frame

    def _decode_from(self, seconds: float) -> Iterator[VideoFrame]:
        """A container without an index comes out after what was sought, or at its end: then a place farther ahead is tried."""
        for lead in LEADS:
            self._seek(self._timestamp(seconds - lead))
            frames = self._decode()
            first = next(frames, None)
            if first is not None and self._time_of(first) <= seconds + HAIR:
                break
            if lead > seconds:
                break  # that was its start
        return chain([] if first is None else [first], frames)

    def _goes_on_to(self, seconds: float) -> bool:
        """Whether decoding on is the shortest way."""
        if self._running is None or not self._seen or self._time_of(self._seen[0]) > seconds + HAIR:
            return False
        if self._misses >= MOST_MISSES:
            return True  # seeking may never get ahead
        key = self._key_before(self._timestamp(seconds)) if self._has_index else None
        return key is not None and key <= self._timestamp(self._time_of(self._seen[-1]))

    def _keyframe(self, timestamp: int) -> VideoFrame | None:
        """The keyframe at a timestamp of the stream, or the next one that decodes."""
        if self._key is None or self._key[0] != timestamp:
            self._seek(timestamp)
            self._key = timestamp, next(self._keyframes(), None)
        return self._key[1]

    def _keyframes(self) -> Iterator[VideoFrame]:
        """Decoded one by one: a decoder that waits for what follows is told that nothing does."""
        codec = self._stream.codec_context
        for packet in islice(self._packets(), MOST_PACKETS_TO_A_PICTURE):
            if packet.is_keyframe:
                try:
                    frames = [*codec.decode(packet), *codec.decode(None)]
                except av.InvalidDataError:
                    frames = []
                yield from frames[:1]
                codec.flush_buffers()

    def _decode(self) -> Iterator[VideoFrame]:
        """All pictures from where the container stands, but for damaged ones."""
        for packet in self._packets():
            try:
                yield from decoded(packet)
            except av.InvalidDataError:
                continue

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        try:
            for packet in self._container.demux(self._stream):
                if self._on_packet:
                    self._on_packet()
                yield packet
        except OUT_OF_RESOURCES:
            raise
        except av.FFmpegError:
            return  # a damaged place that nothing can be read after

    def _seek(self, timestamp: int) -> None:
        """Go to a keyframe, as a rule the one before `timestamp`; to the start where the container cannot seek there."""
        self._running = None
        self._seen.clear()
        try:
            self._container.seek(timestamp, stream=self._stream, backward=True)
        except OUT_OF_RESOURCES:
            raise
        except av.FFmpegError:
            with suppress(av.FFmpegError):  # then it stays where it stands
                self._container.seek(self._start, stream=self._stream, backward=True)

    def _is_indexed(self) -> bool:
        """Whether the whole stream is in the index, and not just what has been read so far."""
        entries, duration = self._stream.index_entries, self._container.duration
        if not len(entries) or duration is None:
            return False
        return float((entries[len(entries) - 1].timestamp - self._start) * self._time_base) >= duration / av.time_base / 2

    def _key_before(self, timestamp: int) -> int | None:
        return self._indexed(timestamp, backward=True)

    def _key_after(self, timestamp: int) -> int | None:
        return self._indexed(timestamp, backward=False)

    def _indexed(self, timestamp: int, *, backward: bool) -> int | None:
        entries = self._stream.index_entries
        place = entries.search_timestamp(timestamp - self._delay, backward=backward)
        return entries[place].timestamp + self._delay if place >= 0 else None

    def _timestamp(self, seconds: float) -> int:
        return self._start + round(Fraction(seconds) / self._time_base)

    def _time_of(self, frame: VideoFrame) -> float:
        """Seconds; 0 where nobody has written it down."""
        return float((frame.pts - self._start) * self._time_base) if frame.pts is not None else 0.0

"""Looking at what a job made, as a player would: with PyAV, apart from our own code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

RED, GREEN, BLUE = 0, 1, 2  # channels


@dataclass(frozen=True)
class Seen:
    """A file as a player finds it. Colours are the picture's middle, red, green and blue, 0 to 255."""

    width: int
    height: int
    codec: str
    pixel_format: str
    profile: str | None
    duration: float  # seconds, of the container
    picture_times: list[float]  # seconds
    colours: list[tuple[int, int, int]]  # of each picture
    audio_codec: str | None
    channels: int | None
    sound_start: float | None  # seconds
    sound_end: float | None  # seconds
    rotation: int  # degrees that a player has still to turn it
    is_faststart: bool


def look(path: Path) -> Seen:
    """Decode all of a file."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        audio = container.streams.audio[0] if container.streams.audio else None
        pictures = list(container.decode(video))
        colours = [_middle(picture) for picture in pictures]
        times = [float(picture.time or 0) for picture in pictures]
        start, end = _span(path) if audio else (None, None)
        return Seen(
            width=video.width,
            height=video.height,
            codec=video.codec_context.codec.canonical_name,
            pixel_format=video.codec_context.pix_fmt or "",
            profile=video.codec_context.profile,
            duration=(container.duration or 0) / av.time_base,
            picture_times=times,
            colours=colours,
            audio_codec=audio.codec_context.codec.canonical_name if isinstance(audio, AudioStream) else None,
            channels=audio.codec_context.channels if isinstance(audio, AudioStream) else None,
            sound_start=start,
            sound_end=end,
            rotation=pictures[0].rotation,
            is_faststart=_is_faststart(path),
        )


def strongest(colour: tuple[int, int, int]) -> int:
    """Which channel of a colour is the largest."""
    return colour.index(max(colour))


def keyframe_times(path: Path) -> list[float]:
    """Where players may jump to, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert isinstance(stream, VideoStream)
        return [float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.is_keyframe and packet.pts is not None]


def peak(path: Path, start: float = 0.0, end: float = math.inf) -> int:
    """The loudest sample of a file from `start` to `end`, in seconds, 0 to 32767."""
    resampler = av.AudioResampler(format="s16", layout="mono")
    with av.open(str(path)) as container:
        heard = (frame for frame in container.decode(audio=0) if start <= float(frame.time or 0) < end)
        sounds = [sound for frame in heard for sound in resampler.resample(frame)]
    return max(max(abs(sample) for sample in memoryview(bytes(sound.planes[0])[: sound.samples * 2]).cast("h")) for sound in sounds)


def _middle(picture: av.VideoFrame) -> tuple[int, int, int]:
    small = picture.reformat(width=16, height=16, format="rgb24")
    plane = small.planes[0]
    at = 8 * plane.line_size + 8 * 3
    red, green, blue = bytes(plane)[at : at + 3]
    return red, green, blue


def _span(path: Path) -> tuple[float, float]:
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.audio[0]))
        last = frames[-1]
        return float(frames[0].time or 0), float(last.time or 0) + last.samples / last.sample_rate


def _is_faststart(path: Path) -> bool:
    data = path.read_bytes()
    return b"moov" in data and data.index(b"moov") < data.index(b"mdat")

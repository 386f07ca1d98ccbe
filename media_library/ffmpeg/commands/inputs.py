"""What a command reads: files that nobody trusts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.probe import Probe
from media_library.ffmpeg.untrusted import AUDIO_CODECS, FORMATS, VIDEO_CODECS, Bounds
from media_library.paths import decode_path, encode_path

SCALER = "lanczos"
FILE = "file:"  # before every path: nothing in it is an option or a protocol

# Streams without an index: a seek leads between two keyframes, and the pictures up to the next one would be missing.
SOUGHT_AMONG_PACKETS = frozenset(("mpegts", "mpeg"))
LONGEST_GROUP = 60.0  # seconds from one keyframe to the next


@dataclass(frozen=True)
class Source:
    """A stretch of a video: where the file lies, what it says of itself, and what it may ask of us."""

    path: Path
    probe: Probe
    bounds: Bounds = field(default_factory=Bounds)
    in_point: float = 0.0  # seconds
    duration: float | None = None  # seconds; None: to its end
    stands: float = 0.0  # seconds that the picture at the in point has stood by then, where it is to be shown; 0: the next one comes soon
    is_copied: bool = False  # packets as they are, from the first keyframe that a seek finds
    begins_early: bool = False  # pictures from the keyframe before the in point on, at times below 0, and on beyond the end

    def pictures(self, opened: Any) -> Any:
        """The stream of an opened source that is its picture."""
        if self.begins_early:
            return self._shifted(opened[str(self.probe.picture_stream)], "setpts")
        if self.stands:  # the one that stands is all that is read before the in point
            return opened[str(self.probe.picture_stream)].filter("setpts", f"max(PTS-{seconds(self._lead)}/TB,0)")
        return self._without_lead(opened[str(self.probe.picture_stream)], "trim", "setpts")

    def sound(self, opened: Any) -> Any | None:
        """The stream of an opened source that is its sound; None: it is silent."""
        if self.probe.sound_stream is None:
            return None
        sound = opened[str(self.probe.sound_stream)]
        if self.begins_early:
            end = {} if self.duration is None else {"end": seconds(self.duration)}
            return self._shifted(sound, "asetpts").filter("atrim", start=0, **end)
        return self._without_lead(sound, "atrim", "asetpts")

    @property
    def stretch(self) -> dict[str, str | None]:
        """What is read of the file, as options of an input: what is wanted, and what leads up to it."""
        options: dict[str, str | None] = {"ss": seconds(self.in_point - self._lead)} if self.in_point > self._lead else {}
        if self.begins_early:
            return {**options, "noaccurate_seek": None}  # what `t` says would count from the keyframe
        return options if self.duration is None else {**options, "t": seconds(self._lead + self.duration)}

    @property
    def _lead(self) -> float:
        """Seconds that are read before the in point, and dropped when they are decoded."""
        if self.is_copied or self.probe.container not in SOUGHT_AMONG_PACKETS:
            return self.stands
        return min(self.in_point, LONGEST_GROUP)

    def _without_lead(self, stream: Any, trim: str, set_times: str) -> Any:
        return self._shifted(stream.filter(trim, start=seconds(self._lead)), set_times) if self._lead else stream

    def _shifted(self, stream: Any, set_times: str) -> Any:
        """With times that count from the in point."""
        return stream.filter(set_times, f"PTS-{seconds(self._lead)}/TB") if self._lead else stream


def open_source(source: Source, **options: Any) -> Any:
    """The stretch as an input: of a format and codecs on our lists, with a bounded picture and few streams.

    `options` are further ones of ffmpeg's for an input. Give two inputs of one command that would be equal each an option
    of its own, or ffmpeg-python takes them for one: `thread_queue_size` does no harm.
    """
    # Opened by its path, after others have looked at it by descriptor: who may write to the library can put a link in its place in
    # between, and have any video that this user can read encoded. /dev/fd/N would close that gap, and seeks on Linux; but on macOS all
    # who open it share one position, concat lists and single pictures are told by their names, and who may write there can
    # change what a descriptor reads as well. What these lists refuse is refused whatever lies there.
    return ffmpeg.input(
        url_of(source.path),
        protocol_whitelist="file",
        format_whitelist=",".join(FORMATS),
        codec_whitelist=",".join(sorted(VIDEO_CODECS | AUDIO_CODECS)),
        max_pixels=source.bounds.pixels,
        max_streams=source.bounds.streams,
        **source.stretch,
        **options,
    )


def url_of(path: Path) -> str:
    """A path as ffmpeg-python takes it, which knows text alone: bytes that are none are escaped until `arguments`."""
    return FILE + encode_path(path)


def seconds(value: float) -> str:
    """A time as ffmpeg reads it: to the microsecond, and never with an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def arguments(output: Any) -> list[str]:
    """The command line of an output, without the program."""
    found: list[str] = output.get_args()
    return [f"{FILE}{decode_path(word.removeprefix(FILE))}" if word.startswith(FILE) else word for word in found]

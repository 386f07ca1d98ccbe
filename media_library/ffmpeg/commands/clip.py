"""Cuts of a video that are not encoded, and where its keyframes let one begin."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import ffmpeg

from media_library.ffmpeg.commands.inputs import Source, arguments, open_source, url_of
from media_library.ffmpeg.commands.streaming import WITHOUT_METADATA
from media_library.ffmpeg.probe import Probe

IN_MP4 = frozenset(("h264", "hevc", "av1", "vp9", "mpeg4", "aac", "mp3", "ac3", "eac3", "opus", "alac", "flac", None))
JUST_AFTER = 0.0005  # seconds; a seek to a keyframe's own time, rounded, would find the one before

# ffmpeg seeks so many seconds earlier in containers that it cannot ask for when a picture is shown, where pictures are stored out of order
# (`ffmpeg_demux.c`): a seek to a keyframe that begins soon before finds the one before it.
SOUGHT_EARLIER = 3 / 23
SOUGHT_AS_SHOWN = "mov"

_TIME_BASE = re.compile(r"^#tb 0: (\d+)/(\d+)$", re.MULTILINE)
_FIRST_PACKET = re.compile(r"^0, +-?\d+, +(-?\d+),", re.MULTILINE)


def suffix_of(probe: Probe) -> str:
    """The container that takes the streams of a video as they are: `.mp4`, else `.mkv`."""
    return ".mp4" if {probe.video_codec, probe.audio_codec} <= IN_MP4 else ".mkv"


def seeks_to(second: float, probe: Probe) -> list[float]:
    """Where to seek for the keyframe that stands at a second, or is the last one before it."""
    just_after = second + JUST_AFTER
    return [just_after] if probe.container.startswith(SOUGHT_AS_SHOWN) else [just_after, just_after + SOUGHT_EARLIER]


def first_packet(source: Source) -> list[str]:
    """Tell which keyframe a seek to the in point leads to, in words that `keyframe_of` reads; decodes nothing."""
    source = replace(source, is_copied=True)
    opened = open_source(source)
    options = {"c": "copy", "frames:v": 1, "format": "framecrc", "start_at_zero": None, "copyts": None}
    return arguments(ffmpeg.output(source.pictures(opened), "pipe:2", **options))


def keyframe_of(said: str) -> float | None:
    """The time of the keyframe that `first_packet` found, in seconds from the video's start; None: there is none."""
    base, packet = _TIME_BASE.search(said), _FIRST_PACKET.search(said)
    if base is None or packet is None:
        return None
    return int(packet[1]) * int(base[1]) / int(base[2])


def copied(source: Source, target: Path) -> list[str]:
    """Cut a stretch that begins with a keyframe out of a video, its streams as they are."""
    source = replace(source, is_copied=True)
    opened = open_source(source)
    sound = source.sound(opened)
    streams = [source.pictures(opened), *([] if sound is None else [sound])]
    container = {"format": "mp4", "movflags": "+faststart"} if target.suffix == ".mp4" else {"format": "matroska"}
    options = {"c": "copy", "avoid_negative_ts": "make_zero", **WITHOUT_METADATA, **container}
    return arguments(ffmpeg.output(*streams, url_of(target), **options))

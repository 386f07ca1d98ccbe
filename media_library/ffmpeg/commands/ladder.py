"""A ladder of HLS: one video at several sizes, whose segments begin with the same pictures, so that players may change at any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.encoding import (
    KEYFRAME_SECONDS,
    SOUND_BIT_RATES,
    Look,
    device_arguments,
    encoded_sound,
    h264_level,
    handed_over,
    picture_options,
    shaped,
    sound_options,
)
from media_library.ffmpeg.commands.inputs import Source, arguments, open_source, url_of
from media_library.ffmpeg.commands.loudness import Loudness
from media_library.ffmpeg.commands.streaming import WITHOUT_METADATA
from media_library.ffmpeg.probe import Probe

RUNGS = (1080, 720, 480, 360)  # lines of the shorter side
MASTER = "master.m3u8"


@dataclass(frozen=True)
class Rung:
    """One size of a ladder."""

    lines: int  # its name
    look: Look

    @property
    def playlist(self) -> str:
        return f"{self.lines}.m3u8"

    @property
    def media(self) -> str:
        return f"{self.lines}.m4s"


def rungs_of(probe: Probe) -> list[int]:
    """The lines of the rungs that are no larger than the video; of a tiny one its own."""
    shorter = min(probe.width, probe.height)
    return [lines for lines in RUNGS if lines <= shorter] or [shorter]


def ladder(source: Source, folder: Path, rungs: Sequence[Rung], *, loudness: Loudness | None = None) -> list[str]:
    """Encode all of a video at every size in one go: of each a playlist, and one file with its segments as byte ranges."""
    opened = open_source(source)
    # The muxer adds up how long pictures usually are, so they have to be that long.
    steady = source.pictures(opened).filter("fps", rungs[0].look.frame_rate, eof_action="pass")
    copies = steady.filter_multi_output("split", len(rungs))
    sound = encoded_sound(source, opened, loudness=loudness)
    sounds = sound[0].filter_multi_output("asplit", len(rungs)) if sound else None
    outputs = []
    for number, rung in enumerate(rungs):
        pictures = handed_over(shaped(copies[number], source, rung.look), rung.look)
        streams = [pictures, *([sounds[number]] if sounds else [])]
        options = picture_options(rung.look) | sound_options(source.probe) | _segments(rung, folder) | WITHOUT_METADATA
        outputs.append(ffmpeg.output(*streams, url_of(folder / rung.playlist), **options))
    return device_arguments(rungs[0].look.encoder) + arguments(ffmpeg.merge_outputs(*outputs))


def master_playlist(rungs: Sequence[Rung], probe: Probe, *, bit_rates: Sequence[int]) -> str:
    """What players read first; `bit_rates`: what the rungs came to, bits a second."""
    sound = SOUND_BIT_RATES[min(probe.audio_channels or 2, 2)] if probe.has_audio else 0
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rung, average in zip(rungs, bit_rates, strict=True):
        look = rung.look
        facts = {
            "BANDWIDTH": max(look.max_bit_rate + sound, average),
            "AVERAGE-BANDWIDTH": average,
            "RESOLUTION": f"{look.width}x{look.height}",
            "FRAME-RATE": f"{float(look.frame_rate):.3f}",
            "CODECS": f'"{_codecs(look, probe)}"',
        }
        lines += ["#EXT-X-STREAM-INF:" + ",".join(f"{name}={value}" for name, value in facts.items()), rung.playlist]
    return "\n".join([*lines, ""])


def _segments(rung: Rung, folder: Path) -> dict[str, Any]:
    return {
        "force_key_frames": f"expr:gte(t,n_forced*{KEYFRAME_SECONDS})",
        **({"sc_threshold": 0} if rung.look.encoder == "libx264" else {}),  # no keyframes but those that all rungs have
        "format": "hls",
        "hls_time": KEYFRAME_SECONDS,
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_flags": "single_file",
        "hls_segment_filename": url_of(folder / rung.media),
    }


def _codecs(look: Look, probe: Probe) -> str:
    level = round(10 * float(h264_level(look.width, look.height, look.frame_rate, look.max_bit_rate)))
    return f"avc1.6400{level:02x}" + (",mp4a.40.2" if probe.has_audio else "")

"""Encodes of a whole video that players take: MP4, and ladders of HLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.encoding import (
    Look,
    device_arguments,
    encoded_sound,
    handed_over,
    picture_options,
    shaped,
    sound_options,
)
from media_library.ffmpeg.commands.inputs import Source, arguments, open_source, url_of
from media_library.ffmpeg.commands.loudness import Loudness

WITHOUT_METADATA = {"map_metadata": -1, "map_chapters": -1}  # a phone's says where it was filmed
MP4 = {"format": "mp4", "movflags": "+faststart", **WITHOUT_METADATA}  # faststart: plays before all of it is there


def mp4(source: Source, target: Path, look: Look, *, loudness: Loudness | None = None) -> list[str]:
    """Encode a stretch of a video, to the frame, as an MP4; `loudness` as `encoded_sound` has it."""
    opened = open_source(source)
    pictures = handed_over(shaped(source.pictures(opened), source, look), look)
    streams = [pictures, *encoded_sound(source, opened, loudness=loudness)]
    options = picture_options(look) | sound_options(source.probe) | MP4
    return device_arguments(look.encoder) + arguments(ffmpeg.output(*streams, url_of(target), **options))


def pictures(source: Source, target: Path, look: Look) -> list[str]:
    """Encode the pictures of a stretch alone, to the frame, as an MP4."""
    shown = handed_over(shaped(source.pictures(open_source(source)), source, look), look)
    return device_arguments(look.encoder) + arguments(ffmpeg.output(shown, url_of(target), **picture_options(look), **MP4))


def remux(source: Source, target: Path, *, copies_sound: bool, loudness: Loudness | None = None) -> list[str]:
    """Put the pictures of a video into an MP4 as they are, with its sound as it is or encoded."""
    opened = open_source(source)
    sound = _as_it_is(source, opened) if copies_sound else encoded_sound(source, opened, loudness=loudness)
    options: dict[str, Any] = {"c:v": "copy", **({"c:a": "copy"} if copies_sound else sound_options(source.probe)), **MP4}
    return arguments(ffmpeg.output(source.pictures(opened), *sound, url_of(target), **options))


def _as_it_is(source: Source, opened: Any) -> list[Any]:
    sound = source.sound(opened)
    return [] if sound is None else [sound]

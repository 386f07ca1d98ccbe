"""Videos one after the other: each piece is encoded alike and to the picture, then they are joined as they are.

So the memory that it takes does not grow with the number of videos, and no piece is encoded twice. The sound of pieces is
not compressed, and encoded once for all of them: every encoder of sound would add a little to each piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.encoding import (
    SOUND_BIT_RATES,
    Look,
    device_arguments,
    encoded_sound,
    handed_over,
    picture_options,
    progressive,
    sized,
    sound_options,
)
from media_library.ffmpeg.commands.inputs import SCALER, Source, arguments, open_source, seconds, url_of
from media_library.ffmpeg.commands.loudness import Loudness
from media_library.ffmpeg.commands.streaming import MP4, WITHOUT_METADATA

SOUND_RATE = 48_000  # samples a second
BLUR = 8  # how many times smaller the filling picture is blurred
JUST_BEFORE = 0.0005  # seconds; a time rounded up would miss its picture
PIECE = {"c:a": "pcm_s16le", "format": "nut", **WITHOUT_METADATA}  # NUT keeps times as they are; Matroska rounds them to milliseconds
JOINED_SOUND = {"c:a": "aac", "b:a": SOUND_BIT_RATES[2]}


@dataclass(frozen=True)
class Take:
    """A stretch of a video with a length in pictures of the joined one, whatever the rate of its own."""

    source: Source  # one that begins early
    frames: int
    gain: float = 0.0  # dB

    @classmethod
    def of(cls, source: Source, frames: int, gain: float = 0.0) -> Take:
        return cls(replace(source, begins_early=True), frames, gain)

    def part(self, start: int, frames: int, rate: Fraction) -> Take:
        """`frames` pictures of it, from the picture `start` on."""
        offset = float(start / rate) - JUST_BEFORE if start else 0.0
        source = replace(self.source, in_point=self.source.in_point + offset, duration=float(frames / rate))
        return replace(self, source=source, frames=frames)


@dataclass(frozen=True)
class Piece:
    """A file that is joined with others."""

    path: Path
    duration: Fraction  # seconds


@dataclass(frozen=True)
class Chapter:
    start: Fraction  # seconds
    end: Fraction  # seconds
    title: str


def body(take: Take, target: Path, look: Look, *, blurs: bool) -> list[str]:
    """A piece that shows one take."""
    opened = open_source(take.source)
    return _piece(pictures_of(take, opened, look, blurs=blurs), sound_of(take, opened, look), target, look)


def crossfade(before: Take, after: Take, target: Path, look: Look, *, blurs: bool) -> list[str]:
    """A piece in which one take becomes another of as many pictures."""
    duration = seconds(float(before.frames / look.frame_rate))
    opened = [open_source(take.source, thread_queue_size=64 + number) for number, take in enumerate((before, after))]
    pictures = [pictures_of(take, file, look, blurs=blurs) for take, file in zip((before, after), opened, strict=True)]
    going, coming = [sound_of(take, file, look) for take, file in zip((before, after), opened, strict=True)]
    sounds = [
        going.filter("afade", type="out", duration=duration, curve="qsin"),
        coming.filter("afade", type="in", duration=duration, curve="qsin"),
    ]
    faded = ffmpeg.filter(pictures, "xfade", transition="fade", duration=duration, offset=0)
    return _piece(faded.filter("trim", end_frame=before.frames), mixed(sounds), target, look)


def card(picture: Path, target: Path, look: Look, frames: int) -> list[str]:
    """A still picture of the look's size as a video without sound."""
    shown = ffmpeg.input(url_of(picture), format="image2", pattern_type="none", loop=1, framerate=look.frame_rate).video
    still = handed_over(shown.filter("trim", end_frame=frames).filter("setsar", 1), look)
    return device_arguments(look.encoder) + arguments(still.output(url_of(target), **picture_options(look), **MP4))


def pictures_of(take: Take, opened: Any, look: Look, *, blurs: bool) -> Any:
    """Exactly the pictures of a take, whole within the look's size.

    What a recorded screen showed at the in point stands there until it changes, and the last picture where the source ends too early.
    """
    probe = take.source.probe
    width, height = size_inside(probe.width, probe.height, look)
    lasting = progressive(take.source.pictures(opened), probe).filter("tpad", stop=-1, stop_mode="clone")
    steady = lasting.filter("fps", fps=look.frame_rate, start_time=0)
    own = steady if take.source.duration is None else steady.filter("trim", duration=seconds(take.source.duration))
    fitting = sized(own, probe, replace(look, width=width, height=height))
    filled = fitting if (width, height) == (look.width, look.height) else _filled(fitting, look, blurs=blurs)
    whole = filled.filter("format", "yuv420p").filter("tpad", stop=take.frames, stop_mode="clone")
    return whole.filter("trim", end_frame=take.frames)


def sound_of(take: Take, opened: Any, look: Look) -> Any:
    """Exactly as much sound in two channels as a take has pictures: silence where the source has none."""
    duration = seconds(float(take.frames / look.frame_rate))
    sounds = encoded_sound(take.source, opened)
    if not sounds:
        return ffmpeg.input(f"anullsrc=r={SOUND_RATE}:cl=stereo", format="lavfi", t=duration).audio
    sound = sounds[0].filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    if take.gain:
        sound = sound.filter("volume", f"{take.gain:.2f}dB")
    return sound.filter("apad").filter("atrim", end=duration)


def mixed(sounds: Sequence[Any]) -> Any:
    """Sounds at once, as loud as each is."""
    return ffmpeg.filter(sounds, "amix", inputs=len(sounds), normalize=0) if len(sounds) > 1 else sounds[0]


def size_inside(width: int, height: int, look: Look) -> tuple[int, int]:
    """The largest even size of this shape within the look's."""
    scale = min(look.width / width, look.height / height)
    return tuple(min(most, max(2, round(side * scale / 2) * 2)) for side, most in ((width, look.width), (height, look.height)))  # type: ignore[return-value]


def listing(pieces: Sequence[Piece]) -> str:
    """The pieces in their order as the concat demuxer reads them; they lie beside the list."""
    lines = [f"file '{piece.path.name}'\nduration {seconds(float(piece.duration))}\n" for piece in pieces]
    return "ffconcat version 1.0\n" + "".join(lines)


def chapter_list(chapters: Sequence[Chapter]) -> str:
    """Chapters as ffmpeg reads them."""
    lines = [";FFMETADATA1"]
    for chapter in chapters:
        start, end = round(chapter.start * 1000), round(chapter.end * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={end}", f"title={_escaped(chapter.title)}"]
    return "\n".join([*lines, ""])


def joined(listing: Path, chapters: Path, target: Path, *, has_sound: bool) -> list[str]:
    """Join the pieces of a list, their pictures as they are, into an MP4 with chapters."""
    # The pieces have no metadata; to map none of any kind would empty the chapters' titles.
    container = {"format": "mp4", "movflags": "+faststart", "map_metadata:g": -1, "map_metadata:s": -1, "map_chapters": 1}
    options = {"c:v": "copy", **(JOINED_SOUND if has_sound else {}), **container}
    streams = ["-map", "0:v", *(["-map", "0:a"] if has_sound else [])]
    flags = [argument for name, value in options.items() for argument in (f"-{'f' if name == 'format' else name}", str(value))]
    inputs = [
        "-protocol_whitelist",
        "file",
        "-f",
        "concat",
        "-safe",
        "0",
        "-i",
        f"file:{listing}",
        "-f",
        "ffmetadata",
        "-i",
        f"file:{chapters}",
    ]
    return [*inputs, *streams, *flags, f"file:{target}"]


def with_sound_of(listing: Path, source: Source, target: Path, *, starts_at: float, loudness: Loudness | None = None) -> list[str]:
    """Join pieces of a video's pictures as they are into an MP4 with its sound; the first begins `starts_at` seconds from its start."""
    pieces = ffmpeg.input(url_of(listing), format="concat", safe=0, protocol_whitelist="file", itsoffset=seconds(starts_at)).video
    sound = encoded_sound(source, open_source(source), loudness=loudness)
    options = {"c:v": "copy", **sound_options(source.probe), **MP4}
    return arguments(ffmpeg.output(pieces, *sound, url_of(target), **options))


def _piece(pictures: Any, sound: Any, target: Path, look: Look) -> list[str]:
    output = ffmpeg.output(handed_over(pictures, look), sound, url_of(target), **picture_options(look), **PIECE)
    return device_arguments(look.encoder) + arguments(output)


def _filled(pictures: Any, look: Look, *, blurs: bool) -> Any:
    """Pictures in the middle of the look's size, on black or on themselves."""
    if not blurs:
        return pictures.filter("pad", look.width, look.height, "(ow-iw)/2", "(oh-ih)/2")
    copies = pictures.filter_multi_output("split", 2)
    small = (max(2, look.width // BLUR), max(2, look.height // BLUR))
    covering = copies[0].filter("scale", *small, force_original_aspect_ratio="increase").filter("crop", *small)
    ground = covering.filter("gblur", sigma=4).filter("scale", look.width, look.height, flags=SCALER).filter("setsar", 1)
    return ground.overlay(copies[1], x="(W-w)/2", y="(H-h)/2", shortest=1)


def _escaped(text: str) -> str:
    line = " ".join(text.split())
    return "".join(f"\\{character}" if character in "=;#\\" else character for character in line)

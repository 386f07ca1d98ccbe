"""Animated pictures: GIF in two passes, and WebP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.inputs import SCALER, Source, arguments, open_source, url_of

WEBP_QUALITY = 75


@dataclass(frozen=True)
class Animation:
    """How an animated picture looks."""

    width: int  # pixels; the height follows
    fps: int


def palette(source: Source, target: Path, animation: Animation) -> list[str]:
    """The first pass of a GIF: the 256 colours that its pictures need, as a PNG."""
    colours = _pictures(source, animation).filter("palettegen", stats_mode="diff")
    return arguments(colours.output(url_of(target), format="image2", update=1, **{"frames:v": 1}))


def gif(source: Source, palette: Path, target: Path, animation: Animation) -> list[str]:
    """The second pass: the stretch in the palette's colours, for ever again."""
    colours = ffmpeg.input(url_of(palette), format="image2", pattern_type="none")
    coloured = ffmpeg.filter([_pictures(source, animation), colours], "paletteuse", dither="sierra2_4a", diff_mode="rectangle")
    return arguments(coloured.output(url_of(target), format="gif", loop=0))


def webp(source: Source, target: Path, animation: Animation) -> list[str]:
    """The stretch as an animated WebP, for ever again."""
    options: dict[str, Any] = {"c:v": "libwebp_anim", "q:v": WEBP_QUALITY, "lossless": 0, "pix_fmt": "yuv420p"}
    return arguments(_pictures(source, animation).output(url_of(target), format="webp", loop=0, **options))


def _pictures(source: Source, animation: Animation) -> Any:
    pictures = source.pictures(open_source(source))
    return (
        pictures.filter("fps", animation.fps).filter("scale", animation.width, _height(source, animation), flags=SCALER).filter("setsar", 1)
    )


def _height(source: Source, animation: Animation) -> int:
    """As the video is shown: its pixels may not be square."""
    return max(1, round(animation.width * source.probe.height / source.probe.width))

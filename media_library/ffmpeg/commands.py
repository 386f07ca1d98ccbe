"""ffmpeg's arguments, as data: pure functions, whose paths are absolute and named as files, whatever characters they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.untrusted import AUDIO_CODECS, FORMATS, VIDEO_CODECS, Bounds

SCALER = "lanczos"
TEST_SECONDS = 0.1


@dataclass(frozen=True)
class GifPart:
    """Which part of a video a GIF shows, and how."""

    in_point: float  # seconds
    duration: float  # seconds
    width: int  # pixels; the height follows
    fps: int


def source(path: Path, *, bounds: Bounds | None = None, **options: Any) -> Any:
    """An input that nobody trusts: a file, of a format and codecs on our lists, with a bounded picture and few streams.

    `options` are ffmpeg's for an input: `ss` and `t`, in seconds.
    """
    bounds = bounds or Bounds()
    return ffmpeg.input(
        f"file:{path}",
        protocol_whitelist="file",
        format_whitelist=",".join(FORMATS),
        codec_whitelist=",".join(sorted(VIDEO_CODECS | AUDIO_CODECS)),
        max_pixels=bounds.pixels,
        max_streams=bounds.streams,
        **options,
    )


def gif_palette(video: Path, target: Path, part: GifPart, *, bounds: Bounds | None = None) -> list[str]:
    """The first pass of a GIF: the 256 colours that its pictures need, as a PNG."""
    palette = _pictures(video, part, bounds).filter("palettegen", stats_mode="diff")
    return _arguments(palette.output(f"file:{target}", format="image2", update=1, **{"frames:v": 1}))


def gif(video: Path, palette: Path, target: Path, part: GifPart, *, bounds: Bounds | None = None) -> list[str]:
    """The second pass: the part in the palette's colours, for ever again."""
    colours = ffmpeg.input(f"file:{palette}", format="image2", pattern_type="none")
    coloured = ffmpeg.filter([_pictures(video, part, bounds), colours], "paletteuse", dither="sierra2_4a", diff_mode="rectangle")
    return _arguments(coloured.output(f"file:{target}", format="gif", loop=0))


def encoder_test(encoder: str) -> list[str]:
    """A tenth of a second of black into nothing: it succeeds where the encoder works."""
    pictures = ffmpeg.input(f"color=black:size=256x256:rate=30:duration={TEST_SECONDS}", format="lavfi").video
    before: list[str] = []
    if encoder.endswith("_vaapi"):
        before = ["-vaapi_device", "/dev/dri/renderD128"]
        pictures = pictures.filter("format", "nv12").filter("hwupload")
    return before + _arguments(pictures.output("-", vcodec=encoder, format="null"))


def _pictures(video: Path, part: GifPart, bounds: Bounds | None) -> Any:
    clip = source(video, bounds=bounds, ss=part.in_point, t=part.duration)
    return clip.video.filter("fps", part.fps).filter("scale", part.width, -1, flags=SCALER)


def _arguments(output: Any) -> list[str]:
    arguments: list[str] = output.get_args()
    return arguments

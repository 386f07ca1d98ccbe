"""ffmpeg's arguments, as data: pure functions, whose paths are absolute and named as files, whatever characters they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg

from media_library.ffmpeg.untrusted import AUDIO_CODECS, FORMATS, VIDEO_CODECS, Bounds

SCALER = "lanczos"
TEST_SECONDS = 0.1


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


def gif_palette(
    video: Path, target: Path, *, in_point: float, duration: float, width: int, fps: int, bounds: Bounds | None = None
) -> list[str]:
    """The first pass of a GIF: the 256 colours that its pictures need, as a PNG."""
    pictures = _pictures(video, in_point=in_point, duration=duration, width=width, fps=fps, bounds=bounds)
    palette = pictures.filter("palettegen", stats_mode="diff")
    return _arguments(palette.output(f"file:{target}", format="image2", update=1, **{"frames:v": 1}))


def gif(
    video: Path, palette: Path, target: Path, *, in_point: float, duration: float, width: int, fps: int, bounds: Bounds | None = None
) -> list[str]:
    """The second pass: [in_point, in_point + duration), in seconds, `width` pixels wide, in the palette's colours, for ever again."""
    pictures = _pictures(video, in_point=in_point, duration=duration, width=width, fps=fps, bounds=bounds)
    colours = ffmpeg.input(f"file:{palette}", format="image2", pattern_type="none")
    coloured = ffmpeg.filter([pictures, colours], "paletteuse", dither="sierra2_4a", diff_mode="rectangle")
    return _arguments(coloured.output(f"file:{target}", format="gif", loop=0))


def encoder_test(encoder: str) -> list[str]:
    """A tenth of a second of black into nothing: it succeeds where the encoder works."""
    pictures = ffmpeg.input(f"color=black:size=256x256:rate=30:duration={TEST_SECONDS}", format="lavfi").video
    before: list[str] = []
    if encoder.endswith("_vaapi"):
        before = ["-vaapi_device", "/dev/dri/renderD128"]
        pictures = pictures.filter("format", "nv12").filter("hwupload")
    return before + _arguments(pictures.output("-", vcodec=encoder, format="null"))


def _pictures(video: Path, *, in_point: float, duration: float, width: int, fps: int, bounds: Bounds | None) -> Any:
    clip = source(video, bounds=bounds, ss=in_point, t=duration)
    return clip.video.filter("fps", fps).filter("scale", width, -1, flags=SCALER)


def _arguments(output: Any) -> list[str]:
    arguments: list[str] = output.get_args()
    return arguments

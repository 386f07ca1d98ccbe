"""Which of ffmpeg's encoders work on this machine, and which one a job takes."""

from __future__ import annotations

import subprocess
from functools import cache

from media_library.ffmpeg.commands import encoding
from media_library.ffmpeg.errors import FfmpegFailed
from media_library.ffmpeg.run import Limits, run

# By codec: NVIDIA, Intel, Intel and AMD, the processor.
ENCODERS = {
    "h264": ("h264_nvenc", "h264_qsv", "h264_vaapi", "libx264"),
    "hevc": ("hevc_nvenc", "hevc_qsv", "hevc_vaapi", "libx265"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_vaapi", "libsvtav1"),
}
VERSION_TIMEOUT = 20.0  # seconds
TEST_LIMITS = Limits(silence=10.0, wall=20.0, memory=None)


def working_encoders(program: str, codec: str = "h264") -> list[str]:
    """Those that have encoded something here, the preferred first; that an encoder is built in says little."""
    return [encoder for encoder in ENCODERS[codec] if _works(encoder, program)]


def best_encoder(codec: str, *, program: str, uses_gpu: bool) -> str:
    """The first encoder that works, of those on a GPU only where the caller may use it; raises FfmpegFailed where there is none."""
    *on_gpu, on_processor = ENCODERS[codec]
    for encoder in [*(on_gpu if uses_gpu else []), on_processor]:
        if _works(encoder, program):
            return encoder
    raise FfmpegFailed(f"This ffmpeg has no working encoder of {codec}")


@cache
def has_filter(name: str, program: str) -> bool:
    """Whether this ffmpeg has a filter that works without options."""
    return _succeeds(encoding.filter_test(name), program)


@cache
def release(program: str) -> str:
    """The first words that this ffmpeg says of itself: its name and version; raises CalledProcessError or OSError."""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT, check=True).stdout
    return " ".join(said.split()[:3])


@cache
def _works(encoder: str, program: str) -> bool:
    return _succeeds(encoding.encoder_test(encoder), program)


def _succeeds(arguments: list[str], program: str) -> bool:
    try:
        run(arguments, program=program, limits=TEST_LIMITS)
    except FfmpegFailed:
        return False
    return True

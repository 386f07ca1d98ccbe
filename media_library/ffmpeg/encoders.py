"""Which of ffmpeg's H.264 encoders work on this machine."""

from __future__ import annotations

from media_library.ffmpeg import commands
from media_library.ffmpeg.errors import FfmpegFailed
from media_library.ffmpeg.run import Limits, run

PREFERRED = ("h264_nvenc", "h264_qsv", "h264_vaapi", "libx264")  # NVIDIA, Intel, Intel and AMD, the processor
TEST_LIMITS = Limits(silence=10.0, wall=20.0, memory=None)


def working_encoders(program: str) -> list[str]:
    """Those that have just encoded something, the preferred first; that an encoder is built in says little."""
    return [encoder for encoder in PREFERRED if _works(encoder, program)]


def _works(encoder: str, program: str) -> bool:
    try:
        run(commands.encoder_test(encoder), program=program, limits=TEST_LIMITS)
    except FfmpegFailed:
        return False
    return True

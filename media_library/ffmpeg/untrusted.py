"""How a file that nobody trusts is opened: by descriptor, with lists of the formats and codecs that we accept.

Playlists and manifests are demuxers that open other files; the format list refuses them whatever they are called,
and the one allowed protocol, `fd`, can name no other file. A decoder that is not listed is never opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
from av.container import InputContainer

FORMATS = ("mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "gif", "flv", "asf", "ogg")
_VIDEO = (
    "h264 hevc av1 libdav1d vp8 vp9 mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4 mpeg1video mpeg2video h263 h263p flv vp6 vp6f vp6a theora "
    "mjpeg prores dnxhd dvvideo wmv1 wmv2 wmv3 vc1 gif cinepak svq1 svq3 qtrle rawvideo ffv1"
)
_AUDIO = (
    "aac aac_latm mp1 mp1float mp2 mp2float mp3 mp3float opus vorbis flac ac3 eac3 dca alac amrnb amrwb wmav1 wmav2 wmapro "
    "libopus libvorbis nellymoser speex adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf pcm_alaw pcm_mulaw pcm_u8 pcm_s8 "
    "pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_bluray pcm_dvd"
)
VIDEO_CODECS, AUDIO_CODECS = frozenset(_VIDEO.split()), frozenset(_AUDIO.split())  # names of decoders
QUICK_PROBE_BYTES = 128 * 1024  # enough for nearly every file, and ten times as fast as FFmpeg's 5 MB


@dataclass(frozen=True)
class Bounds:
    """What a file may ask of us at most."""

    pixels: int = 35_389_440  # 8192 x 4320
    streams: int = 32


def open_untrusted(descriptor: int, *, bounds: Bounds, probe_bytes: int | None = QUICK_PROBE_BYTES) -> InputContainer:
    """Open a regular file by its descriptor, which stays the caller's; raises av.FFmpegError.

    `probe_bytes` None leaves FFmpeg its own 5 MB: for streams whose parameters come late.
    """
    options = {
        "fd": str(descriptor),
        "protocol_whitelist": "fd",
        "format_whitelist": ",".join(FORMATS),
        "codec_whitelist": ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS)),
        "max_pixels": str(bounds.pixels),
        "max_streams": str(bounds.streams),
        "threads": "1",
    }
    if probe_bytes:
        options["probesize"] = str(probe_bytes)
    os.lseek(descriptor, 0, os.SEEK_SET)  # `fd` reads from where the descriptor stands, and an earlier reader moved it
    return av.open("fd:", mode="r", options=options, metadata_errors="replace")

"""How pictures and sound are encoded, whatever is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from media_library.ffmpeg.commands.inputs import SCALER, Source, arguments, seconds
from media_library.ffmpeg.commands.loudness import Loudness, brought_to_common
from media_library.ffmpeg.probe import Probe

TEST_SECONDS = 0.1
VAAPI_DEVICE = "/dev/dri/renderD128"
SMOOTHEST = 60  # frames a second; more is thinned out
SOON = 0.1  # seconds
STEADY = 0.01  # how near a whole number of averages a base rate lies where pictures come at equal distances
CLOCK = "1/90000"  # seconds; in ticks of a mean frame, pictures of a variable rate would move or fall together
KEYFRAME_SECONDS = 4  # between two keyframes at most: where players may jump to, and cuts without encoding begin
SOUND_BIT_RATES = {1: 96_000, 2: 160_000}  # bits a second, by channels
BIT_RATE_CAPS = ((360, 1_200_000), (480, 2_500_000), (720, 5_000_000), (1080, 8_000_000), (1440, 16_000_000))  # by the shorter side
BIT_RATE_CAP_ABOVE = 35_000_000
CRF_OFFSETS = {"libx265": 3, "libsvtav1": 11}  # what their scales add for what looks like libx264's
# H.264's levels: macroblocks of a picture and of a second that a decoder must master, and bits a second of the High profile.
H264_LEVELS = (
    ("3.0", 1_620, 40_500, 12_500_000),
    ("3.1", 3_600, 108_000, 17_500_000),
    ("3.2", 5_120, 216_000, 25_000_000),
    ("4.0", 8_192, 245_760, 25_000_000),
    ("4.2", 8_704, 522_240, 62_500_000),
    ("5.0", 22_080, 589_824, 168_750_000),
    ("5.1", 36_864, 983_040, 300_000_000),
    ("5.2", 36_864, 2_073_600, 300_000_000),
)


@dataclass(frozen=True)
class Look:
    """What pictures become: their size, and how they are encoded."""

    width: int  # pixels, even
    height: int  # pixels, even
    frame_rate: Fraction
    encoder: str  # as ffmpeg calls it
    quality: int  # libx264's CRF, or what looks like it
    max_bit_rate: int  # bits a second
    preset: str = "fast"  # libx264's and libx265's
    maps_tones: bool = True  # of high dynamic range; needs the filter zscale


def size_within(probe: Probe, lines: int | None) -> tuple[int, int]:
    """Width and height, even, of the video as shown, its shorter side at most `lines`; never enlarged."""
    shorter = min(probe.width, probe.height)
    scale = min(1.0, lines / shorter) if lines else 1.0
    return _even(probe.width * scale), _even(probe.height * scale)


def smooth_rate(probe: Probe) -> Fraction:
    """The frame rate of an encode, frames a second."""
    return min(probe.frame_rate or Fraction(30), Fraction(SMOOTHEST))


def steady_rate(probe: Probe) -> Fraction:
    """The frame rate of an encode whose pictures come at equal distances, and of which none is lost where they came unequally."""
    average, base = smooth_rate(probe), probe.base_rate
    if base is None or base > SMOOTHEST or abs(base / average - round(base / average)) < STEADY:
        return average  # the base of interlaced and some other steady video is twice its rate
    return base


def bit_rate_cap(width: int, height: int, frame_rate: Fraction) -> int:
    """Bits a second that a picture of this size is worth at most; more for more than 30 frames a second."""
    cap = next((rate for lines, rate in BIT_RATE_CAPS if min(width, height) <= lines), BIT_RATE_CAP_ABOVE)
    return cap * 3 // 2 if frame_rate > 31 else cap


def h264_level(width: int, height: int, frame_rate: Fraction, bit_rate: int) -> str:
    """The lowest level of H.264 that allows this; the highest where none does."""
    blocks = -(-width // 16) * -(-height // 16)
    fitting = (
        level
        for level, in_picture, in_second, rate in H264_LEVELS
        if blocks <= in_picture and blocks * frame_rate <= in_second and bit_rate <= rate
    )
    return next(fitting, H264_LEVELS[-1][0])


def shaped(pictures: Any, source: Source, look: Look) -> Any:
    """Pictures as an encoder wants them: upright (ffmpeg turns them itself), progressive, of its size, 8 bits, standard range."""
    pictures = sized(progressive(pictures, source.probe), source.probe, look)
    if source.stands:
        pictures = pictures.filter("fps", steady_rate(source.probe), start_time=0)
        return pictures.filter("tpad", stop=-1, stop_mode="clone").filter("trim", duration=seconds(source.duration or 0.0))
    if source.in_point:
        return pictures.filter("setpts", f"PTS-if(lt(STARTT,{SOON}),STARTPTS,0)")  # one that comes a little late is the first
    return pictures


def progressive(pictures: Any, probe: Probe) -> Any:
    """Pictures of whole frames, where they were of half ones."""
    return pictures.filter("bwdif", mode="send_frame", deint="interlaced") if probe.is_interlaced else pictures


def sized(pictures: Any, probe: Probe, look: Look) -> Any:
    """Pictures of the look's size, in 8 bits and standard range, with square pixels, and no more of them than anybody sees."""
    if probe.frame_rate and probe.frame_rate > SMOOTHEST:
        pictures = pictures.filter("fps", SMOOTHEST)
    if probe.hdr_transfer and look.maps_tones:
        pictures = _tones_mapped(pictures.filter("scale", look.width, look.height, flags=SCALER), probe.hdr_transfer)
    else:
        pictures = pictures.filter("scale", look.width, look.height, flags=SCALER, out_range="tv")
    return pictures.filter("setsar", 1)


def handed_over(pictures: Any, look: Look) -> Any:
    """Shaped pictures in the memory and pixel format of the encoder."""
    if look.encoder.endswith("_vaapi"):
        return pictures.filter("format", "nv12").filter("hwupload")
    return pictures.filter("format", "nv12" if look.encoder.endswith("_qsv") else "yuv420p")


def picture_options(look: Look) -> dict[str, Any]:
    """Options of an output with encoded pictures: constant quality under a cap."""
    options: dict[str, Any] = {
        "c:v": look.encoder,
        "fps_mode": "vfr",
        "enc_time_base": CLOCK,
        "g": round(KEYFRAME_SECONDS * look.frame_rate),
        **_quality(look),
    }
    if look.encoder == "libx264" or look.encoder.startswith("h264_"):
        options["profile:v"] = "high"
        options["level:v"] = h264_level(look.width, look.height, look.frame_rate, look.max_bit_rate)
    if look.encoder == "libx265":
        options |= {"tag:v": "hvc1", "x265-params": "log-level=error"}  # hvc1: what Apple's players ask for
    return options


def encoded_sound(source: Source, opened: Any, *, loudness: Loudness | None = None) -> list[Any]:
    """The sound as an encoder wants it, from the first picture on, its gaps filled; none where the source is silent.

    `loudness`: what was measured of sound that is to become as loud as others; None: it stays as loud as it is.
    """
    sound = source.sound(opened)
    if sound is None:
        return []
    if loudness:
        sound = brought_to_common(sound, loudness)
    return [sound.filter("aresample", 48000, **{"async": 1, "first_pts": 0})]


def sound_options(probe: Probe) -> dict[str, Any]:
    """Options of an output with encoded sound: AAC, mixed down to two channels."""
    channels = min(probe.audio_channels or 2, 2)
    return {"c:a": "aac", "b:a": SOUND_BIT_RATES[channels], "ac": channels} if probe.has_audio else {}


def device_arguments(encoder: str) -> list[str]:
    """What stands before the inputs of a command with this encoder."""
    return ["-vaapi_device", VAAPI_DEVICE] if encoder.endswith("_vaapi") else []


def encoder_test(encoder: str) -> list[str]:
    """A tenth of a second of black into nothing: it succeeds where the encoder works."""
    look = Look(256, 256, Fraction(30), encoder, quality=30, max_bit_rate=1_000_000)
    black = ffmpeg.input(f"color=black:size=256x256:rate=30:duration={TEST_SECONDS}", format="lavfi").video
    return device_arguments(encoder) + arguments(handed_over(black, look).output("-", vcodec=encoder, format="null"))


def filter_test(name: str) -> list[str]:
    """One black picture through a filter into nothing: it succeeds where ffmpeg has the filter."""
    black = ffmpeg.input("color=black:size=64x64:rate=1:duration=1", format="lavfi").video
    return arguments(black.filter(name).output("-", format="null"))


def _quality(look: Look) -> dict[str, Any]:
    capped = {"maxrate": look.max_bit_rate, "bufsize": 2 * look.max_bit_rate}
    kind = look.encoder.rpartition("_")[2]
    if kind == "nvenc":
        return {"preset": "p5", "rc": "vbr", "cq": look.quality, "b:v": 0, "forced-idr": 1, **capped}
    if kind == "qsv":
        return {"preset": "medium", "global_quality": look.quality, **capped}
    if kind == "vaapi":
        return {"rc_mode": "CQP", "qp": look.quality}
    crf = look.quality + CRF_OFFSETS.get(look.encoder, 0)
    if look.encoder == "libsvtav1":
        return {"preset": 8, "crf": crf}
    return {"preset": look.preset, "crf": crf, **capped}


def _tones_mapped(pictures: Any, transfer: str) -> Any:
    """High dynamic range as screens of standard range show it: by light, not by numbers, in which it would look grey."""
    linear = pictures.filter("zscale", tin=transfer, pin="bt2020", min="bt2020nc", t="linear", npl=100).filter("format", "gbrpf32le")
    mapped = linear.filter("zscale", p="bt709").filter("tonemap", "hable", desat=0)
    return mapped.filter("zscale", t="bt709", m="bt709", r="tv")


def _even(pixels: float) -> int:
    return max(2, int(pixels + 0.01) // 2 * 2)  # 0.01: what multiplying lost

"""What is read from real files of every kind."""

from __future__ import annotations

import io
import os
import struct
import time
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.poster import poster
from media_library.ffmpeg.probe import LONGEST_DURATION, Probe, clean_text, mp4_boxes, open_video, probe
from media_library.ffmpeg.untrusted import Bounds
from tests.conftest import X264, Clips

MPEG4 = ("-c:v", "mpeg4")
KINDS = {
    "a.mp4": (X264, "h264"),
    "a.m4v": (X264, "h264"),
    "a.mov": (("-c:v", "prores", "-pix_fmt", "yuv422p10le"), "prores"),
    "a.mkv": ((*X264[:-1], "yuv444p"), "h264"),
    "a.avi": (MPEG4, "mpeg4"),
    "a.webm": (("-c:v", "libvpx-vp9", "-deadline", "realtime"), "vp9"),
    "a.flv": (("-c:v", "flv"), "flv1"),
    "a.ts": (("-c:v", "mpeg2video"), "mpeg2video"),
    "a.ogv": (("-c:v", "libtheora"), "theora"),
    "a.gif": (("-c:v", "gif"), "gif"),
}
TURN_LEFT = (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)  # a display matrix: 90 degrees counterclockwise
IDENTITY = (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
MIRROR = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


def look(path: Path, *, bounds: Bounds | None = None) -> Probe:
    return look_with_poster(path, bounds=bounds)[0]


def look_with_poster(path: Path, *, bounds: Bounds | None = None) -> tuple[Probe, Image.Image]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        opened = open_video(descriptor, bounds=bounds or Bounds())
        with opened.container:
            described = probe(opened, descriptor)
            return described, Image.open(io.BytesIO(poster(opened, duration=described.duration)))
    finally:
        os.close(descriptor)


def with_matrix(clip: Path, target: Path, matrix: tuple[int, ...]) -> Path:
    """A copy of an MP4 whose track header says how to turn the picture."""
    data = bytearray(clip.read_bytes())
    header = data.index(b"tkhd") + 4 + 40  # version 0: flags, times, ids, layer, volume
    assert data[header : header + 36] == struct.pack(">9i", *IDENTITY)
    data[header : header + 36] = struct.pack(">9i", *matrix)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("name", KINDS)
def test_every_container_that_we_accept_is_described_and_pictured(name: str, clips: Clips) -> None:
    codec, canonical = KINDS[name]
    clip = clips.make(name=name, codec=codec, duration=2.0)

    described, picture = look_with_poster(clip)

    assert (described.width, described.height, described.video_codec) == (320, 180, canonical)
    assert described.duration == pytest.approx(2.0, abs=0.15)
    assert described.frame_rate == 25
    assert not described.has_audio
    assert picture.size == (320, 180)


def test_sound_is_noticed(clips: Clips) -> None:
    described = look(clips.with_sound)

    assert (described.has_audio, described.audio_codec, described.audio_channels) == (True, "aac", 1)
    assert (described.picture_stream, described.sound_stream) == (0, 1)


def test_a_turned_picture_is_described_and_pictured_upright(clips: Clips, tmp_path: Path) -> None:
    clip = clips.run(
        "half.mp4", "-f", "lavfi", "-i", "color=red:size=320x180:rate=25:duration=1,drawbox=x=0:y=0:w=160:h=180:color=blue:t=fill", *X264
    )

    described, picture = look_with_poster(with_matrix(clip, tmp_path / "turned.mp4", TURN_LEFT))

    assert (described.width, described.height, picture.size) == (180, 320, (180, 320))
    assert _colour(picture, 0.5, 0.9) == "blue"  # what was left is below
    assert _colour(picture, 0.5, 0.1) == "red"


def test_a_mirrored_picture_is_mirrored_back(clips: Clips, tmp_path: Path) -> None:
    clip = clips.run(
        "half.mp4", "-f", "lavfi", "-i", "color=red:size=320x180:rate=25:duration=1,drawbox=x=0:y=0:w=160:h=180:color=blue:t=fill", *X264
    )

    _, picture = look_with_poster(with_matrix(clip, tmp_path / "mirrored.mp4", MIRROR))

    assert (_colour(picture, 0.1, 0.5), _colour(picture, 0.9, 0.5)) == ("red", "blue")


def test_pixels_that_are_not_square_are_squared(clips: Clips) -> None:
    clip = clips.make(size="720x576", extra=("-vf", "setsar=64/45"))

    described, picture = look_with_poster(clip)

    assert (described.width, described.height) == (1024, 576)
    assert picture.size == (640, 360)


@pytest.mark.parametrize(
    ("size", "pixel_format"), [("321x181", "yuv444p"), ("2x2", "yuv420p"), ("16x1024", "yuv420p"), ("1280x720", "yuv420p10le")]
)
def test_odd_shapes_and_deep_colours_get_a_poster(size: str, pixel_format: str, clips: Clips) -> None:
    clip = clips.make(name="odd.mkv", picture="testsrc", size=size, codec=(*X264[:-1], pixel_format))

    described, picture = look_with_poster(clip)

    assert f"{described.width}x{described.height}" == size
    assert max(picture.size) <= 640


def test_a_picture_of_high_dynamic_range_is_mapped_to_what_a_page_shows(clips: Clips) -> None:
    tags = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc")
    clip = clips.make(
        name="hdr.mkv",
        codec=("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *tags, "-x265-params", "log-level=none"),
    )

    described, picture = look_with_poster(clip)

    assert (described.hdr_transfer, described.pixel_format) == ("smpte2084", "yuv420p10le")
    assert picture.mode == "RGB"


def test_a_recording_that_nobody_wrote_the_length_of_is_measured(clips: Clips, tmp_path: Path) -> None:
    whole = clips.make(name="a.webm", codec=("-c:v", "libvpx", "-deadline", "realtime"), duration=2.0)
    live = clips.run("live.webm", "-i", str(whole), "-c", "copy", "-f", "webm", "-live", "1")

    assert look(live).duration == pytest.approx(2.0, abs=0.1)


def test_faststart_is_told_by_the_order_of_the_boxes(clips: Clips) -> None:
    assert look(clips.plain).is_faststart is False
    assert look(clips.make(extra=("-movflags", "+faststart"))).is_faststart is True
    assert look(clips.make(name="a.mkv")).is_faststart is None


def test_a_broken_frame_rate_is_kept_as_a_fraction(clips: Clips) -> None:
    assert look(clips.make(rate="30000/1001")).frame_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("claimed", [4.6 * 86_400, 8 * 86_400, 1e300, -5.0, float("nan"), float("inf")])
def test_a_claimed_duration_is_bounded_and_costs_no_time(claimed: float, clips: Clips, tmp_path: Path) -> None:
    data = bytearray(clips.make(name="a.mkv").read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Matroska's Duration, eight bytes long
    data[at : at + 8] = struct.pack(">d", claimed * 1000)  # in ticks of a millisecond
    liar = tmp_path / "long.mkv"
    liar.write_bytes(data)
    started = time.monotonic()

    described, picture = look_with_poster(liar)

    assert described.duration is None or 0 < described.duration <= LONGEST_DURATION
    assert picture.size == (320, 180)
    assert time.monotonic() - started < 10


def test_an_absurd_frame_rate_is_unknown(clips: Clips) -> None:
    assert look(clips.make(name="fast.mkv", rate="1000000", duration=0.0001, codec=MPEG4)).frame_rate is None


def test_tags_are_attackers_text(clips: Clips) -> None:
    evil = "../../etc/\x1b[31m<script>\u202e" + "x" * 100_000
    clip = clips.make(name="tagged.mkv", extra=("-metadata", f"title={evil}", "-metadata", "ARTIST= Ann \n Lee "))

    tags = look(clip).tags

    assert tags["artist"] == "Ann Lee"
    assert len(tags["title"]) == 300
    assert tags["title"].startswith("../../etc/[31m<script>xxx")


@pytest.mark.parametrize(
    ("text", "clean"),
    [("a\0b", "ab"), (" a \t\r\n b ", "a b"), ("\u200b\u2066x\u2069", "x"), ("e\u0301", "é"), ("👩\u200d🚀", "👩\u200d🚀"), ("\ud800", "")],
)
def test_clean_text_is_one_visible_line(text: str, clean: str) -> None:
    assert clean_text(text) == clean


def test_sound_alone_is_no_video(clips: Clips) -> None:
    clip = clips.run("sound.mp4", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")

    with pytest.raises(UnreadableMedia, match="only sound"):
        look(clip)


def test_a_cover_is_no_moving_picture(clips: Clips) -> None:
    cover = clips.run("cover.jpg", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1")
    inputs = ("-f", "lavfi", "-i", "sine=duration=1", "-i", str(cover), "-map", "0", "-map", "1")
    clip = clips.run("song.mp4", *inputs, "-c:a", "aac", "-c:v", "copy", "-disposition:v:0", "attached_pic")

    with pytest.raises(UnreadableMedia, match="only sound"):
        look(clip)


def test_a_picture_is_no_video(clips: Clips, tmp_path: Path) -> None:
    picture = clips.run("still.png", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1")
    disguised = tmp_path / "still.mp4"
    disguised.write_bytes(picture.read_bytes())

    with pytest.raises(UnreadableMedia, match="no video"):
        look(disguised)


def test_a_decoder_that_is_not_on_the_list_is_not_opened(clips: Clips) -> None:
    clip = clips.make(name="magic.mkv", codec=("-c:v", "magicyuv"))

    with pytest.raises(UnreadableMedia, match="magicyuv"):
        look(clip)


def test_a_picture_above_the_bound_is_refused(clips: Clips) -> None:
    clip = clips.make(size="640x360")

    with pytest.raises(UnreadableMedia, match="too large"):
        look(clip, bounds=Bounds(pixels=320 * 180))


def test_a_picture_that_lies_about_its_size_is_not_decoded(clips: Clips, tmp_path: Path) -> None:
    data = bytearray(clips.make(size="640x360").read_bytes())
    for box, offset in ((b"avc1", 28), (b"tkhd", 80)):  # the container says 16 × 16
        at = data.index(box) + offset
        data[at : at + (4 if box == b"avc1" else 8)] = (
            struct.pack(">HH", 16, 16) if box == b"avc1" else struct.pack(">II", 16 << 16, 16 << 16)
        )
    liar = tmp_path / "liar.mp4"
    liar.write_bytes(data)

    with pytest.raises(UnreadableMedia):
        look(liar, bounds=Bounds(pixels=320 * 180))


def test_no_more_streams_than_the_bound_are_opened(clips: Clips) -> None:
    maps = ("-map", "0") * 40
    clip = clips.run("many.mkv", "-f", "lavfi", "-i", "testsrc2=size=32x32:duration=0.2", *maps, "-c:v", "mpeg4")
    descriptor = os.open(clip, os.O_RDONLY)

    opened = open_video(descriptor, bounds=Bounds(streams=8))

    assert len(opened.container.streams) == 8
    opened.container.close()
    os.close(descriptor)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")])
def test_a_truncated_mp4_is_unreadable(part: float, flags: tuple[str, ...], clips: Clips, tmp_path: Path) -> None:
    whole = clips.make(size="640x360", duration=2.0, extra=flags).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(UnreadableMedia):
        look(cut)


def test_boxes_of_nonsense_end(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 64, b"\xff" * 64, struct.pack(">I4sQ", 1, b"mdat", 2**63), b"\0\0\0\x08free" * 10_000):
        file = tmp_path / "boxes"
        file.write_bytes(content)
        descriptor = os.open(file, os.O_RDONLY)
        assert not mp4_boxes(descriptor, size=len(content)).is_faststart
        os.close(descriptor)


def _colour(picture: Image.Image, x: float, y: float) -> str:
    red, _, blue = picture.convert("RGB").getpixel((int(x * (picture.width - 1)), int(y * (picture.height - 1))))  # type: ignore[misc]
    return "red" if red > blue else "blue"

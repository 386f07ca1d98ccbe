"""Each tile of a sprite shows its part of the video."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.inspection import Answer
from media_library.ffmpeg.sprite import COLUMNS, TILES
from tests.conftest import X264, Clips
from tests.media_library.ffmpeg.conftest import Ask

MPEG4 = ("-c:v", "mpeg4", "-q:v", "3")


def tiles(answer: Answer) -> list[Image.Image]:
    sheet = Image.open(io.BytesIO(answer.made)).convert("RGB")
    width, height = answer.found["tile_width"], answer.found["tile_height"]
    assert sheet.size == (width * COLUMNS, height * COLUMNS)
    corners = [(number % COLUMNS * width, number // COLUMNS * height) for number in range(TILES)]
    return [sheet.crop((left, top, left + width, top + height)) for left, top in corners]


def times(answer: Answer, duration: float) -> list[float]:
    """When each tile's picture is, by its brightness."""
    return [ImageStat.Stat(tile.convert("L")).mean[0] / 255 * duration for tile in tiles(answer)]


@pytest.mark.parametrize(
    ("name", "codec", "gop"),
    [
        ("dawn.mp4", X264, 10),
        ("one-keyframe.mp4", X264, 1000),
        ("dawn.mkv", X264, 25),
        ("dawn.ts", X264, 20),
        ("dawn.flv", X264, 20),
        ("dawn.avi", MPEG4, 12),
        ("dawn.webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"), 30),
    ],
)
def test_each_tile_shows_its_part(dawn: Callable[..., Path], ask: Ask, name: str, codec: tuple[str, ...], gop: int) -> None:
    answer = ask(dawn(name, codec=codec, gop=gop), "sprite")

    part = answer.found["duration"] / TILES
    assert answer.found["duration"] == pytest.approx(18, abs=0.3)
    seen = times(answer, 18)
    assert [
        round(time - (number + 0.5) * part, 2) for number, time in enumerate(seen) if abs(time - (number + 0.5) * part) > part / 2 + 0.35
    ] == []
    assert all(later >= earlier - 0.1 for earlier, later in pairwise(seen))


def test_in_long_videos_the_nearest_keyframe_stands_for_a_part(dawn: Callable[..., Path], ask: Ask) -> None:
    """Half an hour at one picture in two seconds, with a keyframe each 20 s: tiles are 22 s."""
    answer = ask(dawn("long.mp4", duration=1800, rate="1/2", gop=10, size="64x36"), "sprite")

    part = 1800 / TILES
    assert max(abs(time - (number + 0.5) * part) for number, time in enumerate(times(answer, 1800))) < part + 10


def test_a_phone_video_stands_upright(turned: Path, ask: Ask) -> None:
    found = ask(turned, "sprite").found

    assert (found["tile_width"], found["tile_height"]) == (90, 160)


@pytest.mark.parametrize(
    ("size", "codec", "tile"),
    [
        ("321x179", ("-c:v", "libx264", "-pix_fmt", "yuv444p"), (160, 89)),
        ("160x90", ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"), (160, 90)),
        ("16x400", X264, (6, 160)),
    ],
)
def test_odd_sizes_and_ten_bits(clips: Clips, ask: Ask, size: str, codec: tuple[str, ...], tile: tuple[int, int]) -> None:
    answer = ask(clips.make(size=size, codec=codec), "sprite")

    assert (answer.found["tile_width"], answer.found["tile_height"]) == tile
    assert len(tiles(answer)) == TILES


def test_a_video_of_one_picture_is_that_picture_everywhere(clips: Clips, ask: Ask) -> None:
    answer = ask(clips.make(duration=0.04, rate="25"), "sprite")

    assert len({tile.tobytes() for tile in tiles(answer)}) < TILES / 2
    assert min(ImageStat.Stat(tile).mean[0] for tile in tiles(answer)) > 20  # none is empty


def test_sound_alone_has_no_sprite(clips: Clips, ask: Ask) -> None:
    sound = clips.run("sound.mp4", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")

    with pytest.raises(UnreadableMedia, match="no moving picture"):
        ask(sound, "sprite")


def test_a_damaged_stretch_leaves_the_other_tiles(dawn: Callable[..., Path], ask: Ask, tmp_path: Path) -> None:
    content = bytearray(dawn().read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 20] = bytes(len(content) // 20)
    (tmp_path / "damaged.mp4").write_bytes(content)

    answer = ask(tmp_path / "damaged.mp4", "sprite")

    right = [abs(time - (number + 0.5) * 18 / TILES) < 0.5 for number, time in enumerate(times(answer, 18))]
    assert right.count(True) > TILES * 0.8

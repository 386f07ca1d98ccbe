"""Squares for networks show what the video shows, all over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.frames import size_of
from tests.conftest import X264, Clips
from tests.media_library.ffmpeg.conftest import Ask

EDGE = 32


def squares(ask: Ask, path: Path, count: int) -> list[Image.Image]:
    made, size = ask(path, "squares", count=count, edge=EDGE).made, size_of(EDGE)
    assert len(made) % size == 0
    return [Image.frombytes("RGB", (EDGE, EDGE), made[start : start + size]) for start in range(0, len(made), size)]


def test_each_square_shows_its_part_of_the_video(ask: Ask, dawn: Callable[..., Path]) -> None:
    light = [ImageStat.Stat(square.convert("L")).mean[0] / 255 * 18 for square in squares(ask, dawn(), 6)]

    assert light == pytest.approx([1.5, 4.5, 7.5, 10.5, 13.5, 16.5], abs=0.8)


def test_a_square_is_the_middle_of_the_picture_as_people_see_it(ask: Ask, clips: Clips) -> None:
    """Pixels twice as wide as high: 64 x 64 of them are shown as 128 x 64, with a red middle of 64 x 64 between black."""
    drawn = ("-f", "lavfi", "-i", "color=black:size=64x64:rate=5:duration=1", "-vf", "drawbox=16:0:32:64:red:fill,setsar=2")
    (square,) = squares(ask, clips.run("wide.mp4", *drawn, *X264), 1)

    red, green, blue = ImageStat.Stat(square).mean
    assert red > 230 and max(green, blue) < 25


def test_of_fewer_pictures_than_asked_for_each_is_given_once(ask: Ask, clips: Clips) -> None:
    assert len(squares(ask, clips.make(name="two.mp4", size="64x36", rate="2"), 12)) == 2


def test_what_cannot_be_decoded_gives_none(ask: Ask, clips: Clips, tmp_path: Path) -> None:
    whole = clips.plain.read_bytes()
    (broken := tmp_path / "broken.mp4").write_bytes(whole[: whole.index(b"mdat")] + b"mdat" + b"\0" * 4000)

    with pytest.raises(UnreadableMedia):
        ask(broken, "squares", count=4, edge=EDGE)

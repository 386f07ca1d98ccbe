"""Posters show something."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageStat

from media_library.ffmpeg.poster import GOOD, poster, score
from media_library.ffmpeg.probe import open_video, probe
from media_library.ffmpeg.untrusted import Bounds
from tests.conftest import X264, Clips


def picture_of(path: Path) -> Image.Image:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        opened = open_video(descriptor, bounds=Bounds())
        with opened.container:
            return Image.open(io.BytesIO(poster(opened, duration=probe(opened, descriptor).duration)))
    finally:
        os.close(descriptor)


def brightness(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def source(*filters: str) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", ",".join(("testsrc2=size=640x360:rate=25:duration=4", *filters)))


@pytest.mark.parametrize("keyframes", [("-g", "10"), ("-g", "1000", "-sc_threshold", "0")])
def test_a_dark_beginning_is_passed_over(keyframes: tuple[str, ...], clips: Clips) -> None:
    clip = clips.run("dark.mp4", *source("fade=in:st=1:d=1"), *X264, *keyframes)

    assert brightness(picture_of(clip)) > 60


def test_a_blurred_beginning_is_passed_over(clips: Clips) -> None:
    clip = clips.run("blurred.mp4", *source("gblur=sigma=40:enable='lt(t,1.8)'"), *X264, "-g", "10")

    assert score(picture_of(clip).convert("L")) >= GOOD


def test_a_clip_of_nothing_but_black_has_a_poster_all_the_same(clips: Clips) -> None:
    assert picture_of(clips.make(picture="color", duration=1.0)).size == (320, 180)


def test_a_clip_of_one_frame_has_a_poster(clips: Clips) -> None:
    assert picture_of(clips.make(duration=0.04)).size == (320, 180)


def test_a_large_picture_is_made_small_and_a_small_one_is_not_enlarged(clips: Clips) -> None:
    assert picture_of(clips.make(size="1920x1080", duration=0.2)).size == (640, 360)
    assert picture_of(clips.make(size="1080x1920", duration=0.2)).size == (360, 640)
    assert picture_of(clips.make(size="160x90")).size == (160, 90)


def test_colours_are_those_of_the_clip(clips: Clips) -> None:
    clip = clips.run(
        "red.mp4", "-f", "lavfi", "-i", "color=0xC83214:size=1280x720:duration=0.2", *X264, "-vf", "scale=out_color_matrix=bt709"
    )

    red, green, blue = ImageStat.Stat(picture_of(clip)).mean

    assert (red, green, blue) == pytest.approx((0xC8, 0x32, 0x14), abs=8)


def test_the_score_prefers_light_contrast_and_sharpness(clips: Clips) -> None:
    sharp = picture_of(clips.make(size="640x360")).convert("L")
    dark, blurred = sharp.point(lambda value: value // 16), sharp.filter(ImageFilter.GaussianBlur(12))

    assert score(sharp) >= GOOD > max(score(dark), score(blurred))
    assert score(Image.new("L", (256, 144))) == 0

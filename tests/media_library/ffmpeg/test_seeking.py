"""Pictures are found by their time, in containers of all kinds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from PIL import ImageStat

from media_library.ffmpeg.picture import upright
from media_library.ffmpeg.probe import open_video
from media_library.ffmpeg.seeking import Reel
from media_library.ffmpeg.untrusted import Bounds
from tests.conftest import X264
from tests.media_library.ffmpeg.conftest import Ask

LENGTH = 4.0  # seconds, at ten pictures a second
MOMENTS = (0.0, 0.05, 1.0, 1.04, 2.31, 3.95, 1.7, 1.7, 99.0)


@contextmanager
def reel(path: Path) -> Iterator[Reel]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        opened = open_video(descriptor, bounds=Bounds())
        with opened.container:
            yield Reel(opened)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["dawn.mp4", "dawn.mkv", "dawn.ts", "dawn.flv", "dawn.mov"])
@pytest.mark.parametrize("gop", [10, 1000])
def test_the_picture_at_a_moment_is_the_one_that_is_shown_then(dawn: Callable[..., Path], name: str, gop: int) -> None:
    with reel(dawn(name, duration=LENGTH, gop=gop, codec=X264)) as film:
        seen = []
        for moment in MOMENTS:
            frame = film.at(moment)
            assert frame is not None
            seen.append(ImageStat.Stat(upright(frame, pixel_aspect=None, longest=64).convert("L")).mean[0] / 255 * LENGTH)

    shown = [min(int(moment * 10) / 10, LENGTH - 0.1) for moment in MOMENTS]
    assert seen == pytest.approx(shown, abs=0.06)


def test_many_moments_of_a_film_with_one_keyframe_cost_one_pass(dawn: Callable[..., Path]) -> None:
    packets = 0

    def count() -> None:
        nonlocal packets
        packets += 1

    descriptor = os.open(dawn("lone.mp4", gop=1000, codec=X264), os.O_RDONLY)
    try:
        opened = open_video(descriptor, bounds=Bounds())
        with opened.container:
            film = Reel(opened, on_packet=count)
            for number in range(90):
                film.near(number / 5, tolerance=0.1)
    finally:
        os.close(descriptor)

    assert packets < 2 * 180


@pytest.mark.parametrize(
    ("task", "options"), [("inspect", {"with_poster": True}), ("sprite", {}), ("hover", {}), ("check", {"thorough": True})]
)
def test_pictures_that_stay_are_no_damage(still: Path, ask: Ask, task: str, options: dict[str, bool]) -> None:
    with av.open(str(still)) as film:
        assert any(packet.size == 0 and packet.buffer_ptr for packet in film.demux(video=0)), (
            "no picture stays: nothing is shown by this test"
        )

    assert ask(still, task, **options).reason == ""

"""A hover preview is short, small and plays everywhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import ImageStat

from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.hover import CUTS, cuts_of
from media_library.ffmpeg.probe import mp4_boxes
from tests.conftest import X264, Clips
from tests.media_library.ffmpeg.conftest import Ask


def pictures(made: bytes) -> list[float]:
    """The brightness of each."""
    with av.open(io.BytesIO(made), "r") as film:
        return [ImageStat.Stat(frame.to_image().convert("L")).mean[0] for frame in film.decode(video=0)]  # type: ignore[no-untyped-call]


def test_it_is_twelve_cuts_in_their_order_in_a_format_that_every_browser_plays(dawn: Callable[..., Path], ask: Ask, tmp_path: Path) -> None:
    made = ask(dawn(), "hover").made

    with av.open(io.BytesIO(made), "r") as film:
        (stream,) = film.streams
        assert (stream.codec_context.name, film.streams.video[0].pix_fmt, stream.profile) == ("h264", "yuv420p", "High")
        assert film.duration is not None and film.duration / av.time_base == pytest.approx(9.0, abs=1.0)
    (tmp_path / "made.mp4").write_bytes(made)
    with (tmp_path / "made.mp4").open("rb") as file:
        assert mp4_boxes(file.fileno(), size=len(made)).is_faststart
    seen = pictures(made)
    assert max(seen) - min(seen) > 255 * 0.8
    assert all(later >= earlier - 6 for earlier, later in pairwise(seen))


def test_a_cut_never_runs_into_the_next() -> None:
    cuts = cuts_of(600)

    ends = [in_point + room + length for in_point, length, room in cuts]
    assert len(cuts) == CUTS
    assert all(end <= in_point - room + 1e-9 for end, (in_point, _, room) in zip(ends, cuts[1:], strict=False))


@pytest.mark.parametrize("duration", [0.2, 3.0, 8.9])
def test_a_short_video_is_shown_whole(dawn: Callable[..., Path], ask: Ask, duration: float) -> None:
    made = ask(dawn(duration=duration), "hover").made

    with av.open(io.BytesIO(made), "r") as film:
        assert film.duration is not None and film.duration / av.time_base == pytest.approx(duration, abs=0.2)


def test_one_picture_is_enough(clips: Clips, ask: Ask) -> None:
    assert len(pictures(ask(clips.make(duration=0.04, rate="25"), "hover").made)) == 1


def test_it_is_small_upright_and_even(clips: Clips, turned: Path, ask: Ask) -> None:
    sizes = []
    for clip in (turned, clips.make(size="1279x719", codec=("-c:v", "libx264", "-pix_fmt", "yuv444p10le", "-preset", "ultrafast"))):
        with av.open(io.BytesIO(ask(clip, "hover").made), "r") as film:
            sizes.append((film.streams.video[0].width, film.streams.video[0].height))

    assert sizes == [(90, 160), (480, 270)]


def test_a_video_with_one_keyframe_and_one_without_an_index_show_their_time_too(dawn: Callable[..., Path], ask: Ask) -> None:
    for name in ("lone.mp4", "lone.ts"):
        seen = pictures(ask(dawn(name, gop=1000, codec=X264), "hover").made)

        assert max(seen) - min(seen) > 255 * 0.8, name


def test_what_is_no_video_has_none(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"no video at all" * 100)

    with pytest.raises(UnreadableMedia):
        ask(tmp_path / "noise.mp4", "hover")

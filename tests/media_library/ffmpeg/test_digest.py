"""One look through a video: its scenes, its curves, its contact sheet, whatever the file is like."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame
from PIL import Image

from media_library.ffmpeg.contact_sheet import FIRST_STEP, MOST_KEPT, KeyPictures
from media_library.ffmpeg.cuts import Cuts
from media_library.ffmpeg.errors import InspectionCrashed, UnreadableMedia
from media_library.ffmpeg.findings import MOST_POINTS, MOST_SCENES, MOST_TILES, SILENCE, Findings
from media_library.ffmpeg.inspection import Answer
from media_library.ffmpeg.inspectors import DIGESTER, Inspectors, Limits
from media_library.ffmpeg.measures import Picture
from tests.conftest import AAC, X264, Clips
from tests.scenes import CUT, END, FADE, three_scenes

Look = Callable[..., Findings]


@pytest.fixture(scope="module")
def look() -> Iterator[Look]:
    """Look through a file."""
    with Inspectors(1, limits=Limits(memory=3 * 2**29), program=DIGESTER) as digesters:

        def look_through(path: Path, task: str = "digest", *, threshold: float = 3.0, min_length: float = 0.6) -> Findings:
            with path.open("rb") as file:
                return Findings.of_answer(digesters.ask(task, file.fileno(), threshold=threshold, min_length=min_length))

        yield look_through


WEBM = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-c:a", "libopus")


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", (*X264, *AAC)),
        ("a.ts", (*X264, *AAC)),
        ("a.mpg", ("-c:v", "mpeg1video", "-c:a", "mp2")),
        ("live.webm", (*WEBM, "-live", "1")),
    ],
)
def test_cuts_and_fades_are_found_in_any_container(clips: Clips, look: Look, name: str, codec: tuple[str, ...]) -> None:
    found = look(three_scenes(clips, name, codec=codec), "scenes")

    assert found.starts == pytest.approx([0.0, FADE, CUT], abs=0.1)
    assert found.duration == pytest.approx(END, abs=0.1)
    assert (found.curves, found.keyframes, found.sheet) == (None, [], b"")


def test_a_digest_finds_the_same_scenes_and_the_rest(clips: Clips, look: Look) -> None:
    clip = three_scenes(clips)

    found = look(clip)

    assert found.starts == look(clip, "scenes").starts
    assert [start <= frame.time < end for frame, (start, end) in zip(found.keyframes, found.scenes, strict=True)] == [True] * 3
    sheet = Image.open(io.BytesIO(found.sheet))
    assert (sheet.size, found.tile_width, found.tile_height) == ((480, 90), 160, 90)


def test_curves_tell_where_it_moves_and_where_it_is_loud(clips: Clips, look: Look) -> None:
    curves = look(three_scenes(clips)).curves

    assert curves is not None and curves.hop == 0.25
    before, after = curves.loudness[:11], curves.loudness[13:]
    assert max(before) < -35 and min(after) > -12
    assert len(curves.motion) == len(curves.loudness) == END / curves.hop
    assert all(0 <= value <= 1 for value in curves.motion)


def test_pictures_of_a_scene_are_neither_dark_nor_blank(clips: Clips, look: Look) -> None:
    found = look(three_scenes(clips))

    assert all(frame.light > 0.1 and frame.contrast > 0.1 for frame in found.keyframes)
    assert len({frame.fingerprint for frame in found.keyframes}) == 3


def test_a_higher_threshold_or_longer_scenes_find_fewer(clips: Clips, look: Look) -> None:
    clip = three_scenes(clips)

    assert look(clip, "scenes", min_length=2.0).starts == pytest.approx([0.0], abs=0.1)
    assert len(look(clip, "scenes", threshold=20.0).starts) <= 3


def test_a_video_that_fades_in_has_no_scene_of_darkness(clips: Clips, look: Look) -> None:
    clip = clips.make(name="in.mp4", size="160x90", duration=3.0, codec=("-vf", "fade=in:st=1:d=0.5", *X264))

    assert look(clip, "scenes").starts == [0.0]


def test_what_stays_dark_for_long_is_a_scene(clips: Clips, look: Look) -> None:
    codec = ("-vf", "drawbox=color=black:t=fill:enable='between(t,1,5)'", *X264)

    assert look(clips.make(name="dark.mp4", size="160x90", duration=6.0, rate="10", codec=codec), "scenes").starts == pytest.approx(
        [0.0, 1.0, 5.0], abs=0.2
    )


def test_a_silent_film_has_no_loudness(clips: Clips, look: Look) -> None:
    curves = look(three_scenes(clips, "silent.mp4", codec=X264, sound=False)).curves

    assert curves is not None and curves.loudness == [] and curves.motion


def test_silence_is_as_soft_as_can_be_told(clips: Clips, look: Look) -> None:
    silence = ("-f", "lavfi", "-i", "anullsrc", *AAC, "-t", "1")

    curves = look(clips.run("hush.mp4", "-f", "lavfi", "-i", "testsrc2=size=64x36:duration=1", *silence, *X264)).curves

    assert curves is not None and set(curves.loudness) == {SILENCE}


def test_one_picture_is_one_scene(clips: Clips, look: Look) -> None:
    found = look(clips.make(name="one.mp4", size="64x36", duration=0.04))

    assert (found.starts, len(found.keyframes)) == ([0.0], 1)
    assert found.duration == pytest.approx(0.04)


def test_a_picture_of_no_time_to_speak_of_is_a_scene_too(clips: Clips, look: Look) -> None:
    found = look(clips.make(name="blink.mp4", size="64x36", rate="10000", duration=0.0001))

    assert (found.scenes, len(found.keyframes)) == ([(0.0, 0.001)], 1)


def test_only_sound_is_refused(clips: Clips, look: Look) -> None:
    with pytest.raises(UnreadableMedia, match="only sound"):
        look(clips.run("sound.m4a", "-f", "lavfi", "-i", "sine=duration=1", *AAC))


def test_damage_in_the_middle_ends_nothing(clips: Clips, look: Look, tmp_path: Path) -> None:
    content = bytearray(three_scenes(clips, "whole.mp4").read_bytes())
    damaged = slice(len(content) * 45 // 100, len(content) * 55 // 100)
    content[damaged] = random.Random(1).randbytes(damaged.stop - damaged.start)
    (tmp_path / "damaged.mp4").write_bytes(content)

    found = look(tmp_path / "damaged.mp4")

    assert found.duration == pytest.approx(END, abs=0.1)
    assert found.starts[:2] == pytest.approx([0.0, FADE], abs=0.1)


def test_a_video_cut_short_is_looked_through_as_far_as_it_goes(clips: Clips, look: Look, tmp_path: Path) -> None:
    content = three_scenes(clips, "a.ts").read_bytes()
    (tmp_path / "short.ts").write_bytes(content[: len(content) // 2])

    found = look(tmp_path / "short.ts")

    assert 0.5 < found.duration < END and found.starts[0] == 0.0


def test_hours_have_no_more_points_pictures_and_scenes_than_may_be_kept(clips: Clips, look: Look) -> None:
    """An hour, of which each picture stays for two seconds and is another one than the last."""
    flicker = ("-f", "lavfi", "-i", "color=black:size=32x18:rate=0.5:duration=3600", "-vf", "geq=lum='mod(N,2)*200':cb=128:cr=128")

    found = look(clips.run("hours.mkv", *flicker, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50"))

    assert found.curves is not None and len(found.curves.motion) <= MOST_POINTS and found.curves.hop == 1.0
    assert 100 < len(found.starts) <= MOST_SCENES
    assert len(found.keyframes) <= MOST_TILES
    assert found.duration == pytest.approx(3600, abs=5)


def flickering(count: int, *, step: float) -> Iterator[tuple[float, Picture]]:
    """Pictures `step` seconds apart, of which every third is another one than the last."""
    for number in range(count):
        yield number * step, np.full((18, 32, 3), 60 + 120 * (number // 3 % 2), np.uint8)


def test_of_too_many_scenes_the_shortest_are_joined() -> None:
    cuts = Cuts(threshold=3.0, min_length=0.6)
    for seconds, picture in flickering(8000, step=0.25):
        cuts.see(seconds, picture)

    starts = cuts.starts(duration=2000.0)

    assert 500 < len(starts) <= MOST_SCENES
    assert min(later - earlier for earlier, later in pairwise(starts)) >= 0.6


def test_of_too_many_pictures_every_other_one_is_let_go() -> None:
    pictures = KeyPictures(pixel_aspect=None)
    for seconds, picture in flickering(MOST_KEPT + 2, step=FIRST_STEP):
        pictures.see(seconds, VideoFrame.from_ndarray(picture, format="bgr24"), picture)

    of_each_second = pictures.best_of([(float(second), second + 1.0) for second in range(100)])

    assert len(pictures._kept) == MOST_KEPT // 2 + 1
    assert [kept.keyframe.time for kept in of_each_second] == list(range(100))
    assert len(pictures.best_of([(0.1, 0.2)])) == 1  # of a scene without a picture any other


TOLD = {"duration": 2.0, "starts": [0.0, 1.0], "curves": None, "keyframes": [], "tile_width": 0, "tile_height": 0}


@pytest.mark.parametrize(
    "lie",
    [
        {"duration": float("nan")},
        {"duration": 0.5},
        {"starts": []},
        {"starts": [1.0]},
        {"starts": [0.0, -1.0]},
        {"starts": [0.0, "x"]},
        {"curves": {"hop": 1.0, "motion": [2.0], "loudness": []}},
        {"curves": {"hop": 0.0, "motion": [], "loudness": []}},
        {"keyframes": [{"time": 0, "light": 0, "contrast": 0, "saturation": 0, "sharpness": 0, "colour": "red", "fingerprint": "0" * 16}]},
        {"tile_width": 10**9},
    ],
)
def test_what_a_taken_over_process_says_is_not_believed(lie: dict[str, object]) -> None:
    assert list(pairwise(Findings.of_answer(Answer(found=TOLD)).scenes)) == [((0.0, 1.0), (1.0, 2.0))]

    with pytest.raises(InspectionCrashed):
        Findings.of_answer(Answer(found={**TOLD, **lie}))

"""Videos that do not play are found out, and those that do are left in peace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from media_library.ffmpeg.errors import UnreadableMedia
from tests.conftest import X264, Clips
from tests.media_library.ffmpeg.conftest import Ask

KINDS = {"a.mp4": X264, "a.mkv": X264, "a.ts": X264, "a.flv": X264, "a.avi": ("-c:v", "mpeg4"), "a.gif": ("-c:v", "gif")}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("thorough", [False, True])
def test_a_sound_video_passes(clips: Clips, ask: Ask, name: str, thorough: bool) -> None:
    clip = clips.make(name=name, size="160x90", duration=12, rate="10", codec=(*KINDS[name], "-g", "20"))

    found = ask(clip, "check", thorough=thorough).found

    assert found["damaged_at"] == []
    assert found["pictures"] == 120 if thorough else found["pictures"] > 5


@pytest.mark.parametrize("thorough", [False, True])
def test_an_flv_whose_pictures_begin_after_its_sound_passes(clips: Clips, ask: Ask, thorough: bool) -> None:
    """It cannot be sought before its first picture."""
    pictures, sound = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=4"), ("-f", "lavfi", "-i", "sine=duration=4")
    clip = clips.run("a.flv", *pictures, *sound, "-c:v", "flv", "-g", "20", "-ar", "44100", "-c:a", "mp3")

    assert ask(clip, "check", thorough=thorough).found["pictures"] >= 100


def damaged(clip: Path, target: Path, start: float, end: float) -> Path:
    """A copy whose bytes from one share of it to another are noughts."""
    content = bytearray(clip.read_bytes())
    first, last = int(len(content) * start), int(len(content) * end)
    content[first:last] = bytes(last - first)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("thorough", [False, True])
def test_a_stretch_of_noughts_is_found(dawn: Callable[..., Path], ask: Ask, tmp_path: Path, thorough: bool) -> None:
    bad = damaged(dawn(gop=10), tmp_path / "bad.mp4", 0.4, 0.6)

    with pytest.raises(UnreadableMedia, match="are damaged, the first at"):
        ask(bad, "check", thorough=thorough)


def test_a_spot_is_told_and_forgiven(clips: Clips, ask: Ask, tmp_path: Path) -> None:
    clip = clips.make(size="320x180", duration=20, rate="25", codec=(*X264, "-g", "25"))
    spotted = damaged(clip, tmp_path / "spot.mp4", 0.6, 0.6 + 2000 / clip.stat().st_size)

    found = ask(spotted, "check", thorough=True).found

    assert len(found["damaged_at"]) in (1, 2, 3)
    assert 10 < found["damaged_at"][0] < 14


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_a_file_that_ends_too_early_is_found(clips: Clips, ask: Ask, tmp_path: Path, name: str, thorough: bool) -> None:
    content = clips.make(name=name, size="160x90", duration=12, rate="10", codec=(*X264, "-g", "20")).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(UnreadableMedia, match=r"It ends after .* of 12.* seconds"):
        ask(tmp_path / name, "check", thorough=thorough)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_that_is_damaged_is_found_though_the_pictures_are_not(
    clips: Clips, ask: Ask, tmp_path: Path, name: str, thorough: bool
) -> None:
    clip = clips.make(name=name, size="64x36", duration=12, rate="10", codec=(*X264, "-g", "10"), sound=True)
    with av.open(str(clip)) as container:
        heard = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.pos is not None and packet.size]
    content = bytearray(clip.read_bytes())
    for position, size in heard[len(heard) // 4 :]:
        content[position + size // 4 : position + size] = b"\xfe" * (size - size // 4)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableMedia, match="packets of sound are damaged, the first at"):
        ask(tmp_path / name, "check", thorough=thorough)


def test_sound_of_a_codec_that_nobody_here_knows_is_no_damage(clips: Clips, ask: Ask) -> None:
    inputs = ("-f", "lavfi", "-i", "color=size=64x36:rate=10:duration=2", "-f", "lavfi", "-i", "sine=duration=2")
    clip = clips.run("truehd.mkv", *inputs, *X264, "-ac", "2", "-c:a", "truehd", "-strict", "-2")

    assert ask(clip, "check", thorough=True).found["damaged_at"] == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_part_that_is_there_is_seen_to_be_there(clips: Clips, ask: Ask, tmp_path: Path, name: str) -> None:
    clip = clips.make(name=name, size="64x36", duration=12, rate="10", codec=("-c:v", "mpeg4", "-g", "20"))
    half = tmp_path / name
    half.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])

    ask(clip, "check_end", second=12.0)
    if name != "a.mp4":  # whose index is gone
        ask(half, "check_end", second=3.0)
        with pytest.raises(UnreadableMedia, match=r"It ends after .* of 12.0 seconds"):
            ask(half, "check_end", second=12.0)


def test_the_end_counts_from_where_the_file_begins(clips: Clips, ask: Ask) -> None:
    """Its pictures come two seconds after its sound, and go on for two seconds more."""
    both = ("-f", "lavfi", "-i", "color=size=64x36:rate=10:duration=12", "-f", "lavfi", "-i", "sine=duration=12")
    clip = clips.run("late.mkv", *both, "-vf", "setpts=PTS+2/TB", *X264, "-c:a", "aac")

    ask(clip, "check_end", second=14.0)
    with pytest.raises(UnreadableMedia, match=r"It ends after 14.0 of 20.0 seconds"):
        ask(clip, "check_end", second=20.0)


def test_sound_that_goes_on_after_the_picture_is_no_damage(clips: Clips, ask: Ask) -> None:
    tail = ("-f", "lavfi", "-i", "color=size=64x36:rate=10:duration=4", "-f", "lavfi", "-i", "sine=duration=12")
    clip = clips.run("tail.mkv", *tail, *X264, "-c:a", "aac")

    assert ask(clip, "check", thorough=False).found["pictures"] > 0


class Enough(Exception):
    """Nobody wants to know any more."""


def test_long_work_tells_how_far_it_is_and_stops_when_nobody_wants_it(clips: Clips, ask: Ask) -> None:
    heard: list[float] = []

    def follow(progress: float | None) -> None:
        if progress is not None:
            heard.append(progress)
            raise Enough

    with pytest.raises(Enough):
        ask(clips.plain, "check", thorough=True, follow=follow)

    assert len(heard) == 1 and 0 <= heard[0] <= 1
    assert ask(clips.plain, "check", thorough=True).found["pictures"] == 25

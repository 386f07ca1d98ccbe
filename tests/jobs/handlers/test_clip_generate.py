from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Derivation, Video
from tests.conftest import Clips
from tests.jobs.handlers.conftest import still_screen, three_colours
from tests.jobs.handlers.looking import BLUE, GREEN, RED, look, strongest
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def cut(video: Video, **params: object) -> Job:
    return run_to_the_end(services.submit("clip_generate", {"videoId": video.pk, **params}))


def made(job: Job) -> Video:
    assert job.result is not None, (job.error, job.log)
    return Video.objects.get(pk=job.result["videoId"])


def test_an_exact_clip_begins_and_ends_with_the_very_pictures_asked_for(traffic: Video) -> None:
    job = cut(traffic, inPoint=0.96, outPoint=2.04)

    seen = look(made(job).absolute_path)
    assert [strongest(colour) for colour in seen.colours] == [RED, *[GREEN] * 25, BLUE]
    assert seen.duration == pytest.approx(1.08, abs=0.05)
    assert (seen.width, seen.height, seen.codec, seen.pixel_format, seen.audio_codec) == (160, 90, "h264", "yuv420p", "aac")
    assert seen.is_faststart


def test_a_stream_without_an_index_loses_no_picture_before_the_next_keyframe(clips: Clips, film: Callable[[Path], Video]) -> None:
    one_keyframe = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "250", "-sc_threshold", "0")

    job = cut(film(three_colours(clips, name="far.ts", video=one_keyframe)), inPoint=0.96, outPoint=2.04)

    seen = look(made(job).absolute_path)
    assert [strongest(colour) for colour in seen.colours] == [RED, *[GREEN] * 25, BLUE]
    assert seen.sound_start == pytest.approx(0, abs=0.03)
    assert seen.sound_end == pytest.approx(1.08, abs=0.05)


@pytest.mark.parametrize("sound", [(), ("-f", "lavfi", "-i", "sine=duration=6", "-map", "1:a", "-c:a", "aac")])
@pytest.mark.parametrize(("out_point", "shown"), [(5.0, {0.5: RED, 1.9: RED, 2.1: BLUE}), (3.0, {0.1: RED, 0.9: RED})])
def test_what_stands_still_at_the_in_point_is_shown_until_it_changes(
    clips: Clips, film: Callable[[Path], Video], sound: tuple[str, ...], out_point: float, shown: dict[float, int]
) -> None:
    screen = still_screen(clips, *sound)

    job = cut(film(screen), inPoint=2.0, outPoint=out_point)

    seen = look(made(job).absolute_path)
    assert seen.duration == pytest.approx(out_point - 2.0, abs=0.1)
    for second, colour in shown.items():
        at = max(number for number, time in enumerate(seen.picture_times) if time <= second)
        assert strongest(seen.colours[at]) == colour, second


def test_its_sound_begins_and_ends_with_its_pictures(traffic: Video) -> None:
    job = cut(traffic, inPoint=0.5, outPoint=2.5)

    seen = look(made(job).absolute_path)
    assert seen.picture_times[0] == pytest.approx(0, abs=0.001)
    assert seen.sound_start == pytest.approx(0, abs=0.03)
    assert seen.sound_end == pytest.approx(2.0, abs=0.04)


def test_a_copied_clip_begins_with_the_keyframe_before_and_is_not_encoded(traffic: Video) -> None:
    job = cut(traffic, inPoint=1.5, outPoint=2.5, mode="copy")

    assert job.result is not None, (job.error, job.log)
    seen = look(made(job).absolute_path)
    assert (job.result["inPoint"], job.result["outPoint"]) == (1.0, 2.5)
    assert "libx264" not in (job.log or "")
    assert [strongest(colour) for colour in seen.colours][:25] == [GREEN] * 25
    assert seen.duration == pytest.approx(1.5, abs=0.25)  # its last pictures stand out of order
    assert seen.sound_start == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("suffix", ["mkv", "flv", "mp4"])
def test_a_copied_clip_begins_in_the_middle_of_any_container(clips: Clips, film: Callable[[Path], Video], suffix: str) -> None:
    """Of pictures that are stored out of order: there ffmpeg seeks earlier than it is told."""
    reordered = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0", "-bf", "2")

    job = cut(film(three_colours(clips, name=f"a.{suffix}", video=reordered)), inPoint=1.2, outPoint=2, mode="copy")

    assert job.result is not None, (job.error, job.log)
    assert job.result["inPoint"] == pytest.approx(1.0, abs=0.1)
    seen = look(made(job).absolute_path)
    assert [strongest(colour) for colour in seen.colours][:20] == [GREEN] * 20
    assert seen.duration == pytest.approx(1.0, abs=0.25)


def test_streams_that_no_mp4_takes_are_copied_into_matroska(clips: Clips, film: Callable[[Path], Video]) -> None:
    source = clips.make(name="a.webm", size="160x90", codec=("-c:v", "libvpx", "-deadline", "realtime"), duration=2.0)

    job = cut(film(source), inPoint=0, outPoint=1, mode="copy")

    assert made(job).path.endswith(".mkv")
    assert look(made(job).absolute_path).codec == "vp8"


def test_it_knows_what_it_was_cut_from(traffic: Video) -> None:
    job = cut(traffic, inPoint=1, outPoint=2, title="Green light")

    made_from = Derivation.objects.get(derived=made(job))
    assert (made_from.source_id, made_from.in_point, made_from.out_point) == (traffic.pk, 1.0, 2.0)
    assert (made(job).title, made(job).directory_type) == ("Green light", "highlights")


def test_it_is_no_higher_than_asked_for(traffic: Video) -> None:
    job = cut(traffic, inPoint=0, outPoint=0.5, height=144)
    assert (made(job).width, made(job).height) == (160, 90)  # nothing is enlarged


def test_a_clip_ends_where_the_video_ends(traffic: Video) -> None:
    job = cut(traffic, inPoint=2, outPoint=60)

    assert job.result is not None, (job.error, job.log)
    assert job.result["outPoint"] == pytest.approx(3, abs=0.05)
    assert look(made(job).absolute_path).duration == pytest.approx(1, abs=0.05)


def test_a_part_after_the_end_is_refused_with_what_to_do(traffic: Video) -> None:
    job = cut(traffic, inPoint=9, outPoint=12)

    assert (job.status, job.error_class, job.suggestion) == (Job.Status.FAILED, "nothing_to_cut", "Choose an earlier inPoint.")


def test_a_part_that_is_too_short_is_refused_with_what_to_do(traffic: Video) -> None:
    job = cut(traffic, inPoint=1, outPoint=1.02)

    assert (job.status, job.error_class, job.suggestion) == (Job.Status.FAILED, "nothing_to_cut", "Choose a later outPoint.")


def test_a_part_far_beyond_all_videos_is_refused_like_any_other(traffic: Video) -> None:
    """PostgreSQL gives such numbers back as whole ones."""
    job = cut(traffic, inPoint=1e300, outPoint=1e301)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "nothing_to_cut")


def test_an_end_before_the_start_is_refused_when_it_is_submitted(traffic: Video) -> None:
    with pytest.raises(services.Refused, match="outPoint must come after inPoint"):
        services.submit("clip_generate", {"videoId": traffic.pk, "inPoint": 2, "outPoint": 1})


def test_a_damaged_file_fails_for_good_and_leaves_nothing(traffic: Video, library: Path) -> None:
    traffic.absolute_path.write_bytes(b"no video at all")

    job = cut(traffic, inPoint=0, outPoint=1)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")
    assert not (library / "highlights").exists() or list((library / "highlights").iterdir()) == []

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Derivation, Video
from tests.jobs.handlers.looking import BLUE, GREEN, RED, look, strongest
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def extract(video: Video, *clips: tuple[float, float], **params: object) -> Job:
    ranges = [{"inPoint": in_point, "outPoint": out_point} for in_point, out_point in clips]
    return run_to_the_end(services.submit("clip_extract_only", {"videoId": video.pk, "clips": ranges, **params}))


def test_each_clip_becomes_a_video_in_the_order_asked_for(traffic: Video) -> None:
    job = extract(traffic, (2, 3), (1, 2))

    assert job.result is not None, (job.error, job.log)
    blue, green = (Video.objects.get(pk=video_id) for video_id in job.result["videoIds"])
    assert [clip["path"] for clip in job.result["clips"]] == [blue.path, green.path]
    assert {strongest(colour) for colour in look(blue.absolute_path).colours} == {BLUE}
    assert {strongest(colour) for colour in look(green.absolute_path).colours[:25]} == {GREEN}
    assert (blue.title, green.title) == ("Traffic, clip 1", "Traffic, clip 2")
    assert [(cut.in_point, cut.out_point) for cut in Derivation.objects.filter(source=traffic).order_by("derived_id")] == [(2, 3), (1, 2)]


def test_a_clip_near_a_keyframe_is_not_encoded(traffic: Video) -> None:
    job = extract(traffic, (1.2, 2.5), (0.9, 1.5), tolerance=0.3)

    assert job.result is not None, (job.error, job.log)
    assert [(clip["isEncoded"], clip["inPoint"], clip["outPoint"]) for clip in job.result["clips"]] == [(False, 1, 2.5), (False, 1, 1.5)]
    assert "libx264" not in (job.log or "")
    assert look(Video.objects.get(pk=job.result["videoIds"][0]).absolute_path).duration == pytest.approx(1.5, abs=0.25)


def test_a_clip_far_from_a_keyframe_begins_with_the_very_picture(traffic: Video) -> None:
    job = extract(traffic, (0.96, 2.04), (0.48, 1.52), tolerance=0)

    assert job.result is not None, (job.error, job.log)
    assert [clip["isEncoded"] for clip in job.result["clips"]] == [True, True]
    seen = look(Video.objects.get(pk=job.result["videoIds"][0]).absolute_path)
    assert [strongest(colour) for colour in seen.colours] == [RED, *[GREEN] * 25, BLUE]


def test_one_part_after_the_end_leaves_nothing_at_all(traffic: Video, library: Path) -> None:
    job = extract(traffic, (0, 1), (5, 6))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "nothing_to_cut")
    assert not (library / "highlights").exists()
    assert Video.objects.count() == 1


def test_no_clips_are_refused_when_it_is_submitted(traffic: Video) -> None:
    with pytest.raises(services.Refused, match="clips"):
        extract(traffic)

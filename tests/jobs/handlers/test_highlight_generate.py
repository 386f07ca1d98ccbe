"""Highlights go by viewers where there are enough, else by the digest, and say why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from gallery.models import RetentionBucket
from gallery.services import publish
from jobs import services
from jobs.models import Job
from media_library.models import Compilation, Derivation, Video
from media_library.scenes import digest_of
from reactions.models import VideoReaction
from tests.conftest import Clips
from tests.jobs.handlers.looking import look
from tests.jobs.running import result_of, run_to_the_end
from tests.scenes import CUT, END, three_scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(clips: Clips, film: Callable[[Path], Video]) -> Video:
    """A scanned video of three scenes, of which the last is the loudest and moves."""
    return film(three_scenes(clips))


def react(video: Video, second: int, count: int) -> None:
    users = [get_user_model().objects.create_user(f"viewer{number}@example.org") for number in range(count)]
    VideoReaction.objects.bulk_create(VideoReaction(user=user, media=video, reaction_type="like", video_timestamp=second) for user in users)


def test_without_viewers_the_loudest_scene_is_joined_to_the_given_length(story: Video) -> None:
    result = result_of("highlight_generate", story, length=3, clipLength=1.5)

    assert result["chosenBy"] == "digest"
    assert result["clips"][-1]["inPoint"] == pytest.approx(CUT, abs=0.1)
    assert "louder than" in result["clips"][-1]["reason"]
    made = Video.objects.get(pk=result["videoId"])
    assert (made.directory_type, made.title) == ("highlights", f"Highlights of {story}")
    assert look(made.absolute_path).duration == pytest.approx(3.0, abs=0.2)
    assert {cut.source_id for cut in Derivation.objects.filter(derived=made)} == {story.pk}


def test_its_row_keeps_what_makes_it_again(story: Video) -> None:
    result_of("highlight_generate", story, length=2, clipLength=1)

    settings = Compilation.objects.get().settings
    assert settings["chosenBy"]["params"]["length"] == 2
    assert services.submit(settings["type"], settings["params"]).type == "compilation"


def test_where_enough_have_reacted_they_decide(story: Video) -> None:
    react(story, 1, count=10)

    result = result_of("highlight_generate", story, length=2, clipLength=2, dryRun=True)

    assert result["chosenBy"] == "viewers"
    assert [clip["reason"] for clip in result["clips"]] == ["10 reactions (👍 10)"]
    assert result["clips"][0]["outPoint"] <= CUT


def test_where_a_part_is_played_again_and_again_it_is_taken(story: Video) -> None:
    publish([story.pk], category="clips", by=None)
    RetentionBucket.objects.bulk_create(
        RetentionBucket(video=story, bucket=bucket, count=200 if bucket == 1 else 20) for bucket in range(round(END) + 1)
    )

    result = result_of("highlight_generate", story, length=2, clipLength=2, dryRun=True)

    (clip,) = result["clips"]
    assert "times as often as what is around it" in clip["reason"]
    assert clip["inPoint"] <= 1.0 < clip["outPoint"]


def test_too_few_viewers_cannot_decide(story: Video) -> None:
    react(story, 1, count=2)

    job = run_to_the_end(services.submit("highlight_generate", {"videoId": story.pk, "by": "viewers"}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "too_few_viewers")
    assert "digest" in job.suggestion


def test_a_dry_run_shows_the_moments_and_makes_nothing(story: Video, library: Path) -> None:
    result_of("digest", story)

    result = result_of("highlight_generate", story, length=3, clipLength=1.5, dryRun=True)

    assert result["duration"] == pytest.approx(3.0, abs=0.2)
    assert all(clip["thumbnails"] and clip["reason"] and 0 <= clip["score"] <= 1 for clip in result["clips"])
    assert [path.name for path in library.rglob("*.mp4")] == [story.filename]


def test_what_crossfades_take_away_is_made_up_for_but_for_the_last(story: Video) -> None:
    fades = {"transition": "crossfade", "transitionLength": 0.75}

    result = result_of("highlight_generate", story, length=2.5, clipLength=1.5, dryRun=True, **fades)

    assert len(result["clips"]) == 2
    assert result["duration"] == pytest.approx(2.5, abs=0.3)


def test_the_digest_that_it_makes_is_kept(story: Video) -> None:
    result_of("highlight_generate", story, length=2, dryRun=True)

    assert digest_of(story.pk)

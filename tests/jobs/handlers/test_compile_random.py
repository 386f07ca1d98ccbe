from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from jobs import services
from jobs.models import Job
from media_library.models import Compilation, Derivation, Video
from reactions.models import VideoReaction
from tests.conftest import Clips
from tests.jobs.handlers.conftest import one_colour
from tests.jobs.handlers.looking import look
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db

Clip = dict[str, Any]


@pytest.fixture
def films(clips: Clips, film: Callable[[Path], Video]) -> list[Video]:
    """Four videos of three seconds."""
    return [film(one_colour(clips, colour, duration=3.0)) for colour in ("red", "lime", "blue", "white")]


def chosen(**params: object) -> list[Clip]:
    """What would be joined."""
    job = run_to_the_end(services.submit("compile_random", {"clipLength": 0.5, "dryRun": True, **params}))
    assert job.result is not None, (job.error, job.log)
    clips: list[Clip] = job.result["clips"]
    return clips


def places(clips: list[Clip]) -> list[tuple[int, float]]:
    return [(clip["videoId"], clip["inPoint"]) for clip in clips]


def ids(clips: list[Clip]) -> set[int]:
    return {clip["videoId"] for clip in clips}


def test_the_same_seed_chooses_the_same_clips(films: list[Video]) -> None:
    first, again, other = (places(chosen(count=3, seed=seed)) for seed in (7, 7, 8))

    assert first == again != other


def test_clips_come_of_different_videos_as_far_as_they_go(films: list[Video]) -> None:
    assert ids(chosen(count=4)) == {video.pk for video in films}
    assert len(chosen(count=6)) == 6


def test_only_videos_that_fit_take_part(films: list[Video]) -> None:
    red, lime, *_ = films
    Video.objects.filter(pk=red.pk).update(producer="Acme", tags=["sea"])
    Video.objects.filter(pk=lime.pk).update(orientation="portrait", is_valid=True)

    assert ids(chosen(count=3, producer="Acme")) == ids(chosen(count=3, tag="sea")) == {red.pk}
    assert ids(chosen(count=3, orientation="portrait")) == {lime.pk}


def test_what_is_private_invalid_or_gone_takes_no_part(films: list[Video]) -> None:
    red, lime, blue, white = films
    Video.objects.filter(pk=red.pk).update(directory_type="private")
    Video.objects.filter(pk=lime.pk).update(is_valid=False)
    Video.objects.filter(pk=blue.pk).update(directory_type="compilations")

    assert ids(chosen(count=3)) == {white.pk}


def test_the_most_reacted_are_taken_instead_of_any(films: list[Video]) -> None:
    user = get_user_model().objects.create_user("viewer@example.org")
    for video, count in zip(films, (0, 3, 1, 2), strict=True):
        VideoReaction.objects.bulk_create(
            VideoReaction(user=user, media=video, reaction_type="like", video_timestamp=second) for second in range(count)
        )

    assert ids(chosen(count=2, mostReacted=True)) == {films[1].pk, films[3].pk}


def test_where_no_video_fits_it_says_what_to_do(films: list[Video]) -> None:
    job = run_to_the_end(services.submit("compile_random", {"clipLength": 60}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "no_videos")
    assert "shorter clips" in job.suggestion


def test_it_joins_them_and_keeps_what_makes_them_again(films: list[Video]) -> None:
    job = run_to_the_end(services.submit("compile_random", {"count": 3, "clipLength": 0.6, "transition": "crossfade"}))

    assert job.result is not None, (job.error, job.log)
    video, compilation = Video.objects.get(pk=job.result["videoId"]), Compilation.objects.get()
    assert look(video.absolute_path).duration == pytest.approx(3 * 0.6 - 2 * 0.28, abs=0.05)
    assert Derivation.objects.filter(derived=video).count() == 3
    assert compilation.settings["chosenBy"]["params"]["seed"] == job.result["seed"]
    assert services.submit(compilation.settings["type"], compilation.settings["params"]).type == "compilation"

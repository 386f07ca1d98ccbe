"""Scenes are kept, shown as chapters, and cut out as clips where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from gallery.services import publish
from media_library.models import Derivation, Scene, Video
from media_library.scenes import digest_of
from tests.conftest import Clips
from tests.jobs.handlers.looking import look
from tests.jobs.running import result_of
from tests.scenes import CUT, END, FADE, three_scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(clips: Clips, film: Callable[[Path], Video]) -> Video:
    """A scanned video of three scenes."""
    return film(three_scenes(clips))


def test_scenes_become_chapters_for_visitors(story: Video, client: Client) -> None:
    publish([story.pk], category="clips", by=None)

    assert result_of("scene_extract", story)["scenes"] == 3

    chapters = client.get(f"/api/media/public/{story.pk}/chapters.vtt").content.decode()
    assert chapters.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.") and chapters.count(" --> ") == 3


def test_extracting_again_forgets_the_scenes_of_before(story: Video) -> None:
    result_of("scene_extract", story)

    assert result_of("scene_extract", story, minLength=3)["scenes"] == 1
    assert Scene.objects.count() == 1


def test_extracting_leaves_what_a_digest_of_the_same_file_has_found(story: Video) -> None:
    result_of("digest", story)

    result_of("scene_extract", story, minLength=3)

    digest = digest_of(story.pk)
    assert digest is not None and digest.curves and len(digest.keyframes) == 3 and digest.sheet_path


def test_each_scene_becomes_a_video_that_knows_where_it_is_from(story: Video) -> None:
    result = result_of("scene_extract", story, clips=True, tolerance=0)

    clips = [Video.objects.get(pk=pk) for pk in result["videoIds"]]
    assert [clip.title for clip in clips] == [f"{story}, scene {number}" for number in (1, 2, 3)]
    assert [clip.directory_type for clip in clips] == ["highlights"] * 3
    assert [look(clip.absolute_path).duration for clip in clips] == pytest.approx([FADE, CUT - FADE, END - CUT], abs=0.15)
    cuts = Derivation.objects.order_by("derived_id")
    assert {cut.source_id for cut in cuts} == {story.pk}
    assert [cut.in_point for cut in cuts] == pytest.approx([0.0, FADE, CUT], abs=0.1)

from __future__ import annotations

import pytest
from django.test import Client

from media_library import lineage
from media_library.lineage import Cut
from media_library.models import Derivation, Video
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db


@pytest.fixture
def reel() -> tuple[Video, Video, Video]:
    """A video made from two others: 12 to 47 seconds of the harbour, then all of the beach."""
    harbour, beach, made = video(title="Harbour"), video(title="Beach"), video(title="Reel")
    lineage.record(made.pk, [Cut(harbour.pk, 12.0, 47.25), Cut(beach.pk)], job_id=7, job_type="compilation")
    return harbour, beach, made


def test_the_api_says_what_a_video_was_made_from_in_order(admin_client: Client, reel: tuple[Video, Video, Video]) -> None:
    harbour, beach, made = reel

    said = admin_client.get(f"/api/videos/{made.pk}/lineage").json()

    assert said == {
        "madeFrom": [
            {"videoId": harbour.pk, "title": "Harbour", "inPoint": 12.0, "outPoint": 47.25, "jobId": 7, "jobType": "compilation"},
            {"videoId": beach.pk, "title": "Beach", "inPoint": None, "outPoint": None, "jobId": 7, "jobType": "compilation"},
        ],
        "usedIn": [],
    }


def test_the_api_says_what_a_video_is_used_in(admin_client: Client, reel: tuple[Video, Video, Video]) -> None:
    harbour, _, made = reel

    said = admin_client.get(f"/api/videos/{harbour.pk}/lineage").json()

    assert (said["madeFrom"], [use["videoId"] for use in said["usedIn"]]) == ([], [made.pk])


def test_the_lineage_of_no_video_is_not_found(admin_client: Client) -> None:
    response = admin_client.get("/api/videos/999999/lineage")

    assert (response.status_code, response.json()) == (404, {"error": "Video not found"})


def test_the_admin_leads_from_a_video_to_its_sources_and_back(admin_client: Client, reel: tuple[Video, Video, Video]) -> None:
    harbour, _, made = reel

    of_reel = admin_client.get(f"/admin/media_library/video/{made.pk}/change/").content.decode()
    of_harbour = admin_client.get(f"/admin/media_library/video/{harbour.pk}/change/").content.decode()

    assert "Made from" in of_reel
    assert f'href="/admin/media_library/video/{harbour.pk}/change/"><bdi>Harbour' in of_reel
    assert "0:12–0:47" in of_reel
    assert "all of it" in of_reel
    assert "Used in" not in of_reel
    assert f'href="/admin/media_library/video/{made.pk}/change/"><bdi>Reel' in of_harbour


def test_what_is_made_again_forgets_what_it_was_made_from_before(reel: tuple[Video, Video, Video]) -> None:
    _, beach, made = reel

    lineage.record(made.pk, [Cut(beach.pk, 0.0, 1.0)])

    assert [stretch.source_id for stretch in Derivation.objects.filter(derived=made)] == [beach.pk]

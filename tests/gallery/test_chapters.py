"""Chapters over HTTP: to everybody while a medium is open, to admins always."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gallery.services import lock, publish, unpublish
from media_library.models import Digest, Scene, Video
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db

CHAPTERS = """WEBVTT

00:00:00.000 --> 00:01:01.500
Scene 1

00:01:01.500 --> 01:00:00.000
Scene 2
"""


@pytest.fixture
def medium() -> Video:
    clip = video(title="Harbour", file_size=12, file_mtime_ns=2)
    publish([clip.pk], category="sea", by=None)
    Digest.objects.create(video=clip, duration=3600.0, source_size=12, source_mtime_ns=2)
    Scene.objects.create(video=clip, order=1, start=61.5, end=3600.0)
    Scene.objects.create(video=clip, order=0, start=0.0, end=61.5)
    return clip


def get(client: Client, medium: Video, **headers: str) -> Any:
    return client.get(f"/api/media/public/{medium.pk}/chapters.vtt", headers=headers)


def test_everybody_gets_the_scenes_of_an_open_medium_as_chapters(client: Client, medium: Video) -> None:
    response = get(client, medium)

    assert (response.content.decode(), response["Content-Type"]) == (CHAPTERS, "text/vtt; charset=utf-8")


def test_a_browser_keeps_them_until_the_scenes_are_others(client: Client, medium: Video) -> None:
    first = get(client, medium)

    assert get(client, medium, if_none_match=first["ETag"]).status_code == 304
    Scene.objects.filter(video=medium, order=0).delete()
    assert get(client, medium, if_none_match=first["ETag"]).status_code == 200
    assert {"private", "no-cache"} <= set(first["Cache-Control"].split(", "))


def test_a_locked_medium_shows_none_though_a_browser_has_them(client: Client, medium: Video) -> None:
    etag = get(client, medium)["ETag"]
    lock([medium.pk], reason="", by=None)

    response = get(client, medium, if_none_match=etag)

    assert (response.status_code, response.json()) == (403, {"error": "Media is locked"})


def test_a_medium_that_left_the_gallery_shows_none_but_to_admins(client: Client, medium: Video) -> None:
    unpublish([medium.pk], by=None)
    address = f"/api/videos/{medium.pk}/chapters.vtt"

    assert get(client, medium).status_code == 404
    assert client.get(address).status_code == 401
    client.force_login(User.objects.create_superuser("admin"))
    assert client.get(address).content.decode() == CHAPTERS


def test_a_video_that_nobody_has_looked_through_says_so(client: Client, medium: Video) -> None:
    Scene.objects.all().delete()

    response = get(client, medium)

    assert (response.status_code, response.json()) == (404, {"error": "Nobody has looked for scenes in this video"})


def test_scenes_of_a_file_that_was_replaced_are_shown_no_more(client: Client, medium: Video) -> None:
    Video.objects.filter(pk=medium.pk).update(file_mtime_ns=1)

    assert get(client, medium).status_code == 404

"""Previews over HTTP: to everybody while a medium is open, to admins always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from gallery.services import lock, publish, unpublish
from media_library.ffmpeg.sprite import Sprite
from media_library.models import Video
from media_library.previews import Made, Previews, name_files, put_files
from tests.gallery.rows import video, with_file
from tests.replies import body

SPRITE, HOVER = b"RIFF....WEBP the tiles", b"....ftyp the seconds"
PARTS = ("preview", "sprite", "storyboard.vtt")


@pytest.fixture
def medium(db: None, library: Path, settings: Any) -> Video:
    clip = with_file(video(path="videos/harbour.mp4", filename="harbour.mp4", file_size=12, file_mtime_ns=2), b"the original")
    publish([clip.pk], category="sea", by=None)
    clip.refresh_from_db()
    made = Made(previews=Previews(Sprite(SPRITE, 160, 90, 90.0), HOVER))
    name_files(clip, put_files(clip.pk, made, store=settings.THUMBNAIL_ROOT), store=settings.THUMBNAIL_ROOT)
    return clip


def get(client: Client, medium: Video, part: str, **headers: str) -> Any:
    return client.get(f"/api/media/public/{medium.pk}/{part}", headers=headers)


def test_everybody_gets_the_previews_of_an_open_medium(client: Client, medium: Video) -> None:
    hover, sprite, board = (get(client, medium, part) for part in PARTS)

    assert (body(hover), hover["Content-Type"]) == (HOVER, "video/mp4")
    assert (body(sprite), sprite["Content-Type"]) == (SPRITE, "image/webp")
    assert board["Content-Type"] == "text/vtt; charset=utf-8"
    assert f"/api/media/public/{medium.pk}/sprite#xywh=160,0,160,90" in body(board).decode()


@pytest.mark.parametrize("part", PARTS)
def test_a_browser_keeps_them_and_asks_whether_they_still_hold(client: Client, medium: Video, part: str) -> None:
    first = get(client, medium, part)

    again = get(client, medium, part, if_none_match=first["ETag"])

    assert (again.status_code, body(again)) == (304, b"")
    assert "no-cache" in first["Cache-Control"] and "private" in first["Cache-Control"]


@pytest.mark.parametrize("part", PARTS)
def test_a_locked_medium_shows_none_though_a_browser_has_them(client: Client, medium: Video, part: str) -> None:
    etag = get(client, medium, part)["ETag"]
    lock([medium.pk], reason="", by=None)

    response = get(client, medium, part, if_none_match=etag)

    assert (response.status_code, response.json()) == (403, {"error": "Media is locked"})


@pytest.mark.parametrize("part", PARTS)
def test_a_medium_that_left_the_gallery_shows_none_but_to_admins(client: Client, medium: Video, part: str) -> None:
    unpublish([medium.pk], by=None)
    address = f"/api/videos/{medium.pk}/{part}"

    assert get(client, medium, part).status_code == 404
    assert client.get(address).status_code == 401
    client.force_login(User.objects.create_superuser("admin"))
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("part", PARTS)
def test_a_video_without_previews_says_so(client: Client, medium: Video, part: str) -> None:
    bare = with_file(video(path="videos/bare.mp4", filename="bare.mp4"), b"another")
    publish([bare.pk], category="sea", by=None)

    response = get(client, bare, part)

    assert (response.status_code, response.json()) == (404, {"error": "This video has no previews"})


@pytest.mark.parametrize("part", PARTS)
def test_previews_of_a_file_that_was_replaced_are_shown_no_more(client: Client, medium: Video, part: str) -> None:
    Video.objects.filter(pk=medium.pk).update(file_mtime_ns=1)

    assert get(client, medium, part).status_code == 404


def test_the_player_is_given_the_storyboard_where_there_is_one(client: Client, medium: Video) -> None:
    track = f'src="/api/media/public/{medium.pk}/storyboard.vtt"'
    assert track in client.get(reverse("watch", args=[medium.pk]), follow=True).content.decode()

    Video.objects.filter(pk=medium.pk).update(file_mtime_ns=1)

    assert "<track" not in client.get(reverse("watch", args=[medium.pk]), follow=True).content.decode()

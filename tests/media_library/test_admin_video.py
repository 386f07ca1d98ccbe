"""The page of one video: what may be changed, what is told, and which buttons there are."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from gallery import services
from gallery.models import MediaStats, PublicMedia
from media_library.models import Video
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db


def address(row: Video) -> str:
    return f"/admin/media_library/video/{row.pk}/change/"


def buttons(page: str) -> list[str]:
    return re.findall(r'<button type="submit"\s+name="action"\s+value="(\w+)"', page)


def fields(row: Video, **changes: str) -> dict[str, str]:
    return {"title": row.title or "", "producer": row.producer or "", "creator": row.creator or "", "tags": ", ".join(row.tags), **changes}


def test_the_four_words_of_a_person_are_saved_and_noted(admin_client: Client, admin_user: User) -> None:
    row = video(tags=["old"])

    admin_client.post(address(row), fields(row, title="A walk", producer="Aurora", creator="Ada", tags="sea, sun,sea"))

    row.refresh_from_db()
    assert (row.title, row.producer, row.creator, row.tags) == ("A walk", "Aurora", "Ada", ["sea", "sun"])
    page = admin_client.get(address(row)).content.decode()
    assert "Changed title, producer, creator, tags." in page and str(admin_user) in page


def test_a_new_title_is_seen_in_the_gallery(admin_client: Client) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)

    admin_client.post(address(row), fields(row, title="A new title"))

    assert PublicMedia.objects.get(pk=row.pk).title == "A new title"


def test_an_emptied_field_is_empty_in_the_database(admin_client: Client) -> None:
    row = video(producer="Aurora", tags=["sea"])

    admin_client.post(address(row), fields(row, producer="", tags=""))

    row.refresh_from_db()
    assert (row.producer, row.tags) == (None, [])


def test_nothing_else_can_be_changed(admin_client: Client) -> None:
    row = video()

    admin_client.post(address(row), fields(row, path="/etc/passwd", is_valid="", directory_type="private", file_size="1"))

    after = Video.objects.get(pk=row.pk)
    assert (after.path, after.is_valid, after.directory_type, after.file_size) == (row.path, True, "videos", row.file_size)


def test_saving_without_a_change_writes_nothing(admin_client: Client) -> None:
    row = video(tags=["sea"])

    admin_client.post(address(row), fields(row))

    assert "Nobody has changed anything yet" in admin_client.get(address(row)).content.decode()


@pytest.mark.parametrize("tags", [",".join(f"tag{n}" for n in range(101)), "a\0b"])
def test_tags_that_are_too_many_or_no_text_are_refused(admin_client: Client, tags: str) -> None:
    row = video()

    reply = admin_client.post(address(row), fields(row, tags=tags))

    assert reply.status_code == 200 and "errorlist" in reply.content.decode()


def test_a_published_video_tells_its_engagement_and_offers_what_can_be_done(admin_client: Client) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)
    MediaStats.objects.filter(pk=row.pk).update(view_count=12345, total_watch_time=7500)

    page = admin_client.get(address(row)).content.decode()

    assert "12,345" in page and "2 h 5 min" in page and f"/v/{row.pk}/" in page
    assert buttons(page) == ["publish", "unpublish", "lock", "compile", "gif", "mark_invalid", "trash"]
    assert "Move to category" in page


@pytest.mark.parametrize(
    ("columns", "offered"),
    [
        ({}, ["publish", "compile", "gif", "mark_invalid", "trash"]),
        ({"directory_type": "private"}, ["compile", "gif", "mark_invalid", "trash"]),
        ({"is_valid": False}, ["restore"]),
        ({"is_valid": False, "width": None}, ["trash"]),
        ({"trashed_at": timezone.now(), "is_valid": False}, ["restore"]),
    ],
)
def test_the_buttons_are_those_that_would_change_something(admin_client: Client, columns: dict[str, object], offered: list[str]) -> None:
    assert buttons(admin_client.get(address(video(**columns))).content.decode()) == offered


def test_a_locked_video_says_why_and_since_when(admin_client: Client) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)
    services.lock([row.pk], reason="<b>rights</b>", by=None)

    page = admin_client.get(address(row)).content.decode()

    assert "&lt;b&gt;rights&lt;/b&gt;" in page and "<b>rights" not in page
    assert "unlock" in buttons(page) and f"/v/{row.pk}/" not in page


def test_the_engagement_of_an_unpublished_video_is_what_it_was(admin_client: Client) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)
    MediaStats.objects.filter(pk=row.pk).update(view_count=77)
    services.unpublish([row.pk], by=None)

    page = admin_client.get(address(row)).content.decode()

    assert "when it was last published" in page and "<dd>77</dd>" in page


def test_a_present_video_plays_and_a_missing_one_says_so(admin_client: Client) -> None:
    present, missing = video(), video(missing_since=timezone.now())

    assert f'src="/api/videos/{present.pk}/stream"' in admin_client.get(address(present)).content.decode()
    page = admin_client.get(address(missing)).content.decode()
    assert "The file is missing" in page and "<video" not in page


def test_neighbours_follow_the_order_of_the_library(admin_client: Client) -> None:
    now = timezone.now()
    oldest, older, middle, newer = (video(created_at=now - timedelta(days=days)) for days in (3, 2, 2, 1))

    page = admin_client.get(address(middle)).content.decode()

    assert f'<a href="{address(newer)}" rel="prev">' in page and f'<a href="{address(older)}" rel="next">' in page
    assert 'rel="prev"' not in admin_client.get(address(newer)).content.decode()
    assert 'rel="next"' not in admin_client.get(address(oldest)).content.decode()


def test_every_known_and_unknown_figure_of_a_file_can_be_told(admin_client: Client) -> None:
    known = video(
        video_codec="h264", audio_codec="aac", frame_rate="30000/1001", bit_rate=2_500_000, file_mtime_ns=1_700_000_000_123_456_789,
        oshash="00ff", last_validated=timezone.now(), original_path="inbox/\u202efrom.mp4",
    )  # fmt: skip
    unknown = video(
        title=None, duration_seconds=None, quality=None, orientation=None, width=None, height=None, file_size=None, has_audio=False,
        thumbnail_path=None, directory_type=None,
    )  # fmt: skip

    page = admin_client.get(address(known)).content.decode()
    assert "1920 × 1080, 1080p, landscape, h264, 29.97 frames/s, 2.5 Mbit/s" in page and "2023-11-14 22:13 UTC" in page
    assert "inbox/\ufffdfrom.mp4" in page
    assert admin_client.get(address(unknown)).status_code == 200


def test_who_may_only_look_changes_nothing(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_video"))
    client.force_login(clerk)
    row = video(title="before")

    page = client.get(address(row)).content.decode()
    reply = client.post(address(row), fields(row, title="after"))

    assert not buttons(page) and 'name="title"' not in page
    assert reply.status_code == 403 and Video.objects.get(pk=row.pk).title == "before"


@pytest.mark.parametrize("key", ["0", "999999", "9" * 40, "abc", "%00"])
def test_a_video_that_is_not_there_leads_to_the_front_page(admin_client: Client, key: str) -> None:
    assert admin_client.get(f"/admin/media_library/video/{key}/change/").status_code in (302, 404)

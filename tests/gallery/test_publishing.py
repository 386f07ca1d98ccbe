"""Publishing, unpublishing, and the gallery's copies."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from gallery.listing import detail
from gallery.models import MediaStats, PublicMedia
from gallery.services import InvalidCategory, lock, publish, refresh, unpublish
from media_library.models import Video
from tests.gallery.rows import kept_totals, true_totals, video, video_list

pytestmark = pytest.mark.django_db


def test_a_published_video_shows_its_own_columns_and_a_poster_address_with_its_id() -> None:
    harbour = video(filename="harbour.mp4", title="Harbour", thumbnail_path="ab/cd/abcdef012345ffff.webp", file_size=5)

    outcome = publish([harbour.pk], category="sea", by=None)

    shown = detail(harbour.pk)
    assert outcome.done == (harbour.pk,)
    assert (shown["path"], shown["title"], shown["file_size"]) == ("/public/sea/harbour.mp4", "Harbour", 5)
    assert shown["thumbnail_path"] == f"/thumbnails/{harbour.pk}-abcdef012345.webp"
    assert shown["view_count"] == 0


def test_visitors_see_a_replacement_where_a_name_holds_bytes_that_are_no_text() -> None:
    cafe = video(path="videos/caf\uf7e9.mp4", filename="caf\uf7e9.mp4")

    publish([cafe.pk], category="sea", by=None)

    medium = PublicMedia.objects.get()
    assert (medium.filename, medium.path) == ("caf\ufffd.mp4", "/public/sea/caf\ufffd.mp4")
    assert refresh([cafe.pk]) == 0
    assert Video.objects.get().filename == "caf\uf7e9.mp4"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"directory_type": "private"}, "Private videos cannot be published"),
        ({"is_valid": False}, "The video is invalid"),
        ({"trashed_at": timezone.now()}, "The video is in the trash"),
        ({"missing_since": timezone.now()}, "The video's file is missing"),
    ],
)
def test_what_must_not_be_shown_is_skipped_with_its_reason(columns: dict[str, object], reason: str) -> None:
    good, bad = video(), video(**columns)

    outcome = publish([bad.pk, good.pk], category="sea", by=None)

    assert (outcome.done, outcome.skipped) == ((good.pk,), {bad.pk: reason})
    assert list(PublicMedia.objects.values_list("pk", flat=True)) == [good.pk]


@pytest.mark.parametrize("unknown", [0, -1, 2**31, 2**63, 2**70])
def test_ids_that_no_video_has_are_skipped(unknown: int) -> None:
    assert publish([unknown], category="sea", by=None).skipped == {unknown: "Video not found"}


@pytest.mark.parametrize("category", ["", "Sea", "a b", "é", "a" * 65, "a\nb", "a/b"])
def test_a_category_is_a_slug(category: str) -> None:
    with pytest.raises(InvalidCategory):
        publish([video().pk], category=category, by=None)


def test_publishing_a_public_video_moves_it_and_keeps_its_date_and_counters() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    PublicMedia.objects.update(created_at="2024-01-01T00:00:00Z")
    MediaStats.objects.update(upvote_count=7)

    publish([clip.pk], category="land", by=None)

    moved = detail(clip.pk)
    assert (moved["category"], moved["upvote_count"], moved["created_at"].year) == ("land", 7, 2024)
    stats = MediaStats.objects.get(pk=clip.pk)
    assert (stats.category, stats.created_at.year) == ("land", 2024)


def test_engagement_waits_with_the_video_and_comes_back() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    PublicMedia.objects.update(comment_count=2)
    MediaStats.objects.update(view_count=40, upvote_count=3, finish_count=5, total_watch_time=600)

    unpublish([clip.pk], by=None)

    clip.refresh_from_db()
    kept = (clip.public_upvote_count, clip.public_comment_count, clip.public_view_count, clip.public_completion_count)
    assert (*kept, clip.public_total_watch_time) == (3, 2, 40, 5, 600)
    assert clip.moved_from_public_at is not None
    assert not MediaStats.objects.get(pk=clip.pk).is_public
    publish([clip.pk], category="land", by=None)
    again = detail(clip.pk)
    assert (again["upvote_count"], again["comment_count"], again["view_count"], again["finish_count"]) == (3, 2, 40, 5)


def test_a_lock_survives_unpublishing() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    lock([clip.pk], reason="rights", by=None)
    unpublish([clip.pk], by=None)

    publish([clip.pk], category="sea", by=None)

    again = detail(clip.pk)
    assert (again["is_locked"], again["locked_reason"]) == (True, "rights")
    assert MediaStats.objects.get(pk=clip.pk).is_locked


def test_unpublishing_what_is_not_public_is_skipped() -> None:
    clip = video()

    assert unpublish([clip.pk, 999], by=None).skipped == {clip.pk: "Media not found", 999: "Media not found"}


def test_the_admin_log_says_who_did_what(editor: User) -> None:
    clip = video(title="Harbour")

    publish([clip.pk], category="sea", by=editor)
    unpublish([clip.pk], by=editor, reason="too long")

    entries = LogEntry.objects.order_by("pk").values_list("user__username", "object_id", "object_repr", "change_message")
    assert list(entries) == [
        ("editor", str(clip.pk), "Harbour", "Published in sea."),
        ("editor", str(clip.pk), "Harbour", "Unpublished: too long"),
    ]


def test_a_thousand_videos_are_published_in_a_handful_of_statements(
    editor: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ids = [row.pk for row in video_list(1000)]

    with django_assert_max_num_queries(12):
        outcome = publish(ids, category="sea", by=editor)

    assert len(outcome.done) == 1000
    assert kept_totals() == true_totals() == {("sea", "landscape"): 1000}


def test_refreshing_brings_copies_in_step_and_keeps_the_category() -> None:
    clip, other = video(), video()
    publish([clip.pk, other.pk], category="sea", by=None)
    Video.objects.filter(pk=clip.pk).update(title="New", filename="new.mp4", orientation="portrait", thumbnail_path=None)

    changed = refresh([clip.pk, other.pk])

    shown = detail(clip.pk)
    assert changed == 1
    assert (shown["title"], shown["path"], shown["thumbnail_path"]) == ("New", "/public/sea/new.mp4", None)
    assert kept_totals() == true_totals() == {("sea", "landscape"): 1, ("sea", "portrait"): 1}


@pytest.mark.parametrize("columns", [{"is_valid": False}, {"directory_type": "private"}])
def test_refreshing_takes_out_what_has_become_unfit(columns: dict[str, object]) -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    Video.objects.filter(pk=clip.pk).update(**columns)

    assert refresh([clip.pk]) == 1

    assert not PublicMedia.objects.exists()
    assert kept_totals() == {}


def test_a_medium_whose_file_is_missing_stays_for_the_disk_may_come_back() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    Video.objects.filter(pk=clip.pk).update(missing_since=timezone.now())

    refresh([clip.pk])

    assert PublicMedia.objects.filter(pk=clip.pk).exists()

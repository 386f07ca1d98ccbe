"""What the days tell: sums that add up, lists of what is liked, curves, and the story of a medium."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import services
from gallery.models import GalleryDay, MediaDay, RetentionBucket
from gallery.statistics import Counts, Span, gallery_days, medium_days, most_liked, retention_curve, turns
from media_library.models import Video
from tests.gallery.shared_media import share

pytestmark = pytest.mark.django_db


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def ago(days: int) -> dt.date:
    return today() - dt.timedelta(days=days)


def day(media_id: int, when: dt.date, **columns: Any) -> None:
    MediaDay.objects.create(video_id=media_id, day=when, **columns)


def test_a_span_ends_today_and_is_compared_with_as_many_days_before() -> None:
    span = Span.until_today(7)

    assert (len(span.days), span.days[0], span.days[-1]) == (7, ago(6), today())
    assert (span.before.first, span.before.last) == (ago(13), ago(7))


def test_the_gallerys_days_have_no_gap_and_cost_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    GalleryDay.objects.create(day=ago(2), view_count=5, unique_view_count=4, upvote_count=-1, finish_count=2, total_watch_time=90)
    GalleryDay.objects.create(day=ago(7), view_count=1000)

    with django_assert_num_queries(1):
        days = gallery_days(Span.until_today(7))

    assert list(days) == Span.until_today(7).days
    assert days[ago(2)] == Counts(5, 4, -1, 2, 90)
    assert Counts.sum(days.values()) == Counts(5, 4, -1, 2, 90)


def test_a_mediums_days_stay_while_it_is_unpublished_and_are_one_history() -> None:
    media_id = share()
    day(media_id, ago(3), view_count=3)
    services.unpublish([media_id], by=None)
    assert Counts.sum(medium_days(media_id, Span.until_today(7)).values()).views == 3

    services.publish([media_id], category="again", by=None)
    day(media_id, ago(1), view_count=4)

    assert [counts.views for counts in medium_days(media_id, Span.until_today(5)).values()] == [0, 3, 0, 4, 0]


def test_the_most_liked_are_those_of_the_span() -> None:
    old, seen, voted, short = share(), share(), share(), share(duration_seconds=10)
    day(old, ago(30), view_count=900, upvote_count=90)
    for when in (ago(0), ago(6)):
        day(seen, when, view_count=50, upvote_count=1, finish_count=2, total_watch_time=650)
        day(voted, when, view_count=10, upvote_count=5, finish_count=1)
        day(short, when, view_count=3, total_watch_time=27, upvote_count=-2)

    lists = {name: [(ranked.video.pk, ranked.figure) for ranked in ranking] for name, ranking in most_liked(Span.until_today(7)).items()}

    assert lists == {
        "views": [(seen, 100), (voted, 20), (short, 6)],
        "upvotes": [(voted, 10), (seen, 2)],
        "finishes": [(seen, 4), (voted, 2)],
        "share": [(short, 90), (seen, 20)],
    }


def test_a_few_views_are_no_measure_of_how_long_people_watch() -> None:
    media_id = share()
    day(media_id, today(), view_count=4, total_watch_time=240)

    assert most_liked(Span.until_today(7))["share"] == []


def test_the_most_liked_cost_the_same_for_one_as_for_ten(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for views in range(1, 14):
        day(share(), today(), view_count=views)

    with django_assert_num_queries(2):
        ranking = most_liked(Span.until_today(30))["views"]
        published = [hasattr(ranked.video, "public") for ranked in ranking]

    assert [ranked.figure for ranked in ranking] == list(range(13, 3, -1))
    assert all(published)


@pytest.mark.parametrize(("duration", "parts"), [(3, 3), (200, 200), (7200, 200)])
def test_a_curve_has_all_parts_of_its_video(duration: int, parts: int) -> None:
    video = Video.objects.get(pk=share(duration_seconds=duration))
    RetentionBucket.objects.create(video=video, bucket=1, count=7)

    curve = retention_curve(video)

    assert (len(curve), curve[:3]) == (parts, [0, 7, 0])
    assert retention_curve(Video.objects.get(pk=share())) == []


def test_the_story_of_a_medium_tells_when_visitors_could_see_it(editor: User) -> None:
    media_id = share()
    services.unpublish([media_id], by=editor, reason="rights unclear")
    services.publish([media_id], category="sea", by=editor)
    services.move_to_category([media_id], category="land", by=editor)
    services.lock([media_id], reason="", by=editor)
    services.unlock([media_id], by=editor)
    services.publish([share()], category="sea", by=editor)

    told = [(turn.kind, turn.message, turn.by) for turn in turns(media_id, Span.until_today(7))]

    assert told == [
        ("unpublished", "Unpublished: rights unclear", "editor"),
        ("published", "Published in sea.", "editor"),
        ("locked", "Locked.", "editor"),
        ("unlocked", "Unlocked.", "editor"),
    ]
    LogEntry.objects.update(action_time=dt.datetime.now(dt.UTC) - dt.timedelta(days=8))
    assert turns(media_id, Span.until_today(7)) == []

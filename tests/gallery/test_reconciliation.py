"""Counters are recounted from rows and days: what has drifted is corrected, and nothing that happens meanwhile is lost."""

from __future__ import annotations

import datetime as dt
import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.db.models import F, Sum

from gallery import reconciliation
from gallery.comments import Commenter
from gallery.counters import count_view, flush
from gallery.models import DriftReport, GalleryDay, MediaDay, MediaStats, MediaTotal, OpeningBalance, PublicMedia, Upvote, WatchSession
from gallery.reconciliation import reconcile
from gallery.services import post_comment, publish, unpublish
from gallery.services.engagement import add_watch_time, finish, give_upvote, take_upvote_back
from media_library.models import Video, VideoTotal
from tests.gallery.rows import video, video_list

pytestmark = pytest.mark.django_db
SEED = 20260211
YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@pytest.fixture
def media_id() -> int:
    """A public medium with two votes, a comment, a finish, three views and some watch time."""
    return engaged()


def engaged() -> int:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    for name in ("anna", "bert", "carl"):
        count_view(clip.pk, visitor=name)
        give_upvote(clip.pk, session=name)
    take_upvote_back(clip.pk, session="carl")
    post_comment(clip.pk, Commenter(session="anna"), content="Lovely")
    finish(clip.pk, session="anna")
    add_watch_time(clip.pk, session="anna", seconds=40, position=40)
    flush()
    return clip.pk


def counts(media_id: int) -> tuple[int, ...]:
    """Votes, comments, views, unique views, finishes and watch time, as the gallery shows them."""
    comments = PublicMedia.objects.get(pk=media_id).comment_count
    stats = MediaStats.objects.get(pk=media_id)
    return stats.upvote_count, comments, stats.view_count, stats.unique_view_count, stats.finish_count, stats.total_watch_time


def found(report: DriftReport) -> dict[str, int]:
    return {drift["counter"]: drift["count"] for drift in report.drifts}


def test_engagement_through_the_services_never_drifts(media_id: int) -> None:
    gone = engaged()
    unpublish([gone], by=None)

    report = reconcile()

    assert (found(report), report.media_count, report.opened_count) == ({}, 2, 0)
    assert counts(media_id) == (2, 1, 3, 3, 1, 40)


@pytest.mark.parametrize("wrong", [0, 1, 50, 2**40])
def test_every_counter_is_corrected_up_and_down(media_id: int, wrong: int) -> None:
    before = counts(media_id)
    PublicMedia.objects.update(comment_count=wrong)
    MediaStats.objects.update(view_count=wrong, unique_view_count=wrong, upvote_count=wrong, finish_count=wrong, total_watch_time=wrong)

    report = reconcile()

    assert counts(media_id) == before
    assert len(found(report)) == 6 - before.count(wrong)
    assert {"counter": "watch time, seconds", "count": 1, "examples": [{"of": media_id, "kept": wrong, "true": 40}]} in report.drifts
    assert found(reconcile()) == {}


def test_a_dry_run_says_the_same_and_writes_nothing(media_id: int) -> None:
    MediaStats.objects.update(view_count=9, upvote_count=9)
    MediaTotal.objects.update(count=9)
    GalleryDay.objects.update(view_count=9)
    before = counts(media_id)

    told = reconcile(dry_run=True)

    assert counts(media_id) == before
    assert not DriftReport.objects.exists()
    assert GalleryDay.objects.get().view_count == MediaTotal.objects.get().count == 9
    assert told.drifts == reconcile().drifts
    assert DriftReport.objects.get().drift_count == 4


def test_what_a_video_keeps_after_unpublishing_is_corrected_and_comes_back(media_id: int) -> None:
    before = counts(media_id)
    unpublish([media_id], by=None)
    Video.objects.update(public_upvote_count=70, public_comment_count=0, public_view_count=None, public_completion_count=5)

    report = reconcile()
    publish([media_id], category="sea", by=None)

    assert set(found(report)) == {f"{what} of unpublished videos" for what in ("upvotes", "comments", "views", "finishes")}
    assert counts(media_id) == before


def test_views_that_were_flushed_after_unpublishing_are_no_drift(media_id: int) -> None:
    count_view(media_id, visitor="late")
    unpublish([media_id], by=None)
    flush()

    assert found(reconcile()) == {}
    assert Video.objects.get().public_view_count == 4


def test_engagement_that_came_from_elsewhere_is_never_taken_for_drift() -> None:
    clip = video(
        public_view_count=1000, public_upvote_count=50, public_comment_count=7, public_completion_count=300, public_total_watch_time=9000
    )
    publish([clip.pk], category="sea", by=None)
    give_upvote(clip.pk, session="anna")
    count_view(clip.pk, visitor="anna")
    flush()

    assert found(reconcile()) == {}
    assert counts(clip.pk) == (51, 7, 1001, 1, 300, 9000)

    MediaStats.objects.update(view_count=0, upvote_count=3)
    reconcile()
    assert counts(clip.pk) == (51, 7, 1001, 1, 300, 9000)


def test_rows_that_came_by_sql_are_taken_as_they_stand_the_first_time(media_id: int) -> None:
    OpeningBalance.objects.all().delete()
    MediaStats.objects.update(view_count=5000)
    dry = reconcile(dry_run=True)

    first = reconcile()
    MediaStats.objects.update(view_count=1)
    second = reconcile()

    assert (dry.opened_count, found(dry)) == (first.opened_count, found(first)) == (1, {})
    assert (OpeningBalance.objects.get().view_count, OpeningBalance.objects.get().upvote_count) == (4997, 0)
    assert (second.opened_count, found(second)) == (0, {"views": 1})
    assert MediaStats.objects.get().view_count == 5000


def test_votes_and_finishes_that_their_days_have_lost_are_found_in_the_rows(media_id: int) -> None:
    day = YESTERDAY.date()
    Upvote.objects.update(created_at=YESTERDAY)
    WatchSession.objects.update(finished_at=YESTERDAY)
    MediaDay.objects.update(day=day, upvote_count=0, finish_count=0)
    GalleryDay.objects.update(day=day, upvote_count=0, finish_count=0)

    report = reconcile()

    assert found(report) == {"upvotes by day": 1, "finishes by day": 1}
    for kept in (MediaDay.objects.get(), GalleryDay.objects.get()):
        assert (kept.day, kept.upvote_count, kept.finish_count, kept.view_count) == (day, 2, 1, 3)
    assert found(reconcile()) == {}


def test_a_vote_that_is_still_on_its_way_to_its_day_is_left_alone(media_id: int) -> None:
    give_upvote(media_id, session="dora")

    assert found(reconcile()) == {}
    flush()
    assert MediaDay.objects.get().upvote_count == 3


def test_votes_taken_back_on_a_later_day_are_no_drift(media_id: int) -> None:
    Upvote.objects.update(created_at=YESTERDAY)
    today = MediaDay.objects.get()
    MediaDay.objects.create(video_id=media_id, day=YESTERDAY.date(), upvote_count=3)
    GalleryDay.objects.create(day=YESTERDAY.date(), upvote_count=3)
    MediaDay.objects.filter(pk=today.pk).update(upvote_count=-1)
    GalleryDay.objects.filter(day=today.day).update(upvote_count=-1)

    assert found(reconcile()) == {}


def test_the_days_of_the_gallery_are_the_sum_of_its_medias(media_id: int) -> None:
    engaged()
    GalleryDay.objects.all().delete()
    GalleryDay.objects.create(day="2020-01-01", view_count=5)

    reconcile()

    sums = MediaDay.objects.aggregate(views=Sum("view_count"), votes=Sum("upvote_count"), watched=Sum("total_watch_time"))
    assert GalleryDay.objects.get(day="2020-01-01").view_count == 0
    kept = GalleryDay.objects.exclude(day="2020-01-01").get()
    assert (kept.view_count, kept.upvote_count, kept.total_watch_time) == (sums["views"], sums["votes"], sums["watched"]) == (6, 4, 80)


def test_totals_that_triggers_keep_are_corrected(media_id: int) -> None:
    video_list(3, orientation="portrait")
    MediaTotal.objects.update(count=40)
    MediaTotal.objects.create(category="ghost", orientation="", count=2)
    VideoTotal.objects.filter(orientation="portrait").delete()

    report = reconcile()

    assert found(report) == {"media of a category": 2, "videos of a kind": 1}
    assert dict(MediaTotal.objects.values_list("category", "count")) == {"sea": 1, "ghost": 0}
    assert VideoTotal.objects.get(orientation="portrait").count == 3


def test_many_media_are_looked_at_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "BATCH", 3)
    ids = [row.pk for row in video_list(8)]
    publish(ids, category="sea", by=None)
    MediaStats.objects.update(upvote_count=4)
    seen: list[tuple[int, int]] = []

    report = reconcile(on_progress=lambda done, total: seen.append((done, total)))

    assert seen == [(3, 8), (6, 8), (8, 8)]
    assert (found(report), len(report.drifts[0]["examples"])) == ({"upvotes": 8}, 5)
    assert set(MediaStats.objects.values_list("upvote_count", flat=True)) == {0}


def test_the_command_prints_what_was_wrong(media_id: int) -> None:
    MediaStats.objects.update(upvote_count=1200)

    def say(*arguments: str) -> str:
        out = StringIO()
        call_command("reconcile_counters", *arguments, stdout=out)
        return out.getvalue()

    assert "Dry run, nothing written. Looked at the counters of 1 media" in say("--dry-run")
    assert f"{media_id}: 1,200 → 2" in say()
    assert "Every counter was right." in say()


def spoil(table: type[PublicMedia] | type[MediaStats], ids: list[int], **excess: int) -> None:
    """Add to counters as a bug would; it takes the rows in everybody's order, for it is to spoil counts and not to deadlock."""
    rows = table._default_manager.filter(pk__in=ids)
    with transaction.atomic():
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        rows.update(**{column: F(column) + count for column, count in excess.items()})


class Crowd:
    """Visitors who vote, take votes back, finish, watch and comment until they are told to stop."""

    def __init__(self, ids: list[int], size: int) -> None:
        self._ids, self._size, self._stop = ids, size, threading.Event()
        self._first_acts = threading.Barrier(size + 1)

    def __enter__(self) -> Crowd:
        self._pool = ThreadPoolExecutor(self._size)
        self._jobs = [self._pool.submit(self._act, number) for number in range(self._size)]
        self._first_acts.wait(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for job in self._jobs:
            job.result()
        self._pool.shutdown()

    def _act(self, number: int) -> None:
        dice = random.Random(SEED + number)
        try:
            self._once(dice)
            self._first_acts.wait(timeout=30)
            while not self._stop.is_set():
                self._once(dice)
        finally:
            connections.close_all()

    def _once(self, dice: random.Random) -> None:
        media_id, session = dice.choice(self._ids), f"session-{dice.randrange(40)}"
        acts: list[Callable[[], Any]] = [
            lambda: give_upvote(media_id, session=session),
            lambda: give_upvote(media_id, session=session),
            lambda: take_upvote_back(media_id, session=session),
            lambda: finish(media_id, session=session),
            lambda: post_comment(media_id, Commenter(session=uuid.uuid4().hex), content=uuid.uuid4().hex),
            lambda: count_view(media_id, visitor=session),
            flush,
        ]
        dice.choice(acts)()


@pytest.mark.django_db(transaction=True)
def test_a_hundred_drifted_counters_are_corrected_under_load_and_no_vote_is_lost() -> None:
    ids = [row.pk for row in video_list(100)]
    publish(ids, category="sea", by=None)
    dice = random.Random(SEED)

    with Crowd(ids, size=4):
        for _ in range(3):
            spoil(PublicMedia, ids, comment_count=dice.randint(1, 1000))
            spoil(MediaStats, ids, upvote_count=dice.randint(1, 1000), finish_count=1, view_count=7)
            report = reconcile()
            assert {what: found(report)[what] for what in ("upvotes", "comments", "finishes", "views")} == dict.fromkeys(
                ("upvotes", "comments", "finishes", "views"), 100
            )
    flush()

    for medium in PublicMedia.objects.select_related("video__stats"):
        stats, days = medium.video.stats, MediaDay.objects.filter(video=medium.pk)
        assert stats.upvote_count == Upvote.objects.filter(media=medium.pk).count()
        assert medium.comment_count == medium.video.comments.filter(status="visible").count()
        assert stats.finish_count == WatchSession.objects.filter(media=medium.pk, finished_at__isnull=False).count()
        assert stats.view_count == (days.aggregate(sum=Sum("view_count"))["sum"] or 0)
    assert GalleryDay.objects.aggregate(sum=Sum("view_count"))["sum"] == MediaStats.objects.aggregate(sum=Sum("view_count"))["sum"]
    still = {what: count for what, count in found(reconcile(dry_run=True)).items() if not what.endswith("by day")}
    assert still == {}


@pytest.mark.django_db(transaction=True)
def test_media_that_come_and_go_meanwhile_keep_their_counts() -> None:
    ids = [row.pk for row in video_list(20)]
    publish(ids, category="sea", by=None)
    for media_id in ids:
        give_upvote(media_id, session="anna")

    def come_and_go() -> None:
        try:
            for _ in range(10):
                unpublish(ids, by=None)
                publish(ids, category="sea", by=None)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(come_and_go)
        while not coming.done():
            spoil(MediaStats, ids[:5], upvote_count=99)
            reconcile()
        coming.result()
    reconcile()

    assert set(MediaStats.objects.values_list("upvote_count", flat=True)) == {1}
    assert found(reconcile(dry_run=True)) == {}

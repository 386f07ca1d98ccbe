"""Views and the counts of days: each counted once, written within a second or two, none lost when a part is down."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import Error, connections
from django.test import Client
from pytest_django.fixtures import Settings

from config import redis
from gallery import counters
from gallery.counters import count_finish, count_upvote, count_view, count_watch_time, flush
from gallery.flusher import Flusher
from gallery.listing import detail
from gallery.models import FlushedBatch, GalleryDay, MediaDay, MediaStats, RetentionBucket
from gallery.services import publish, unpublish
from media_library.models import Video
from tests.gallery.rows import video

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
WAKE = Flusher.wake  # as it is outside the tests
PATIENCE = 30.0  # seconds


@pytest.fixture
def media_id(db: None) -> int:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    return clip.pk


@pytest.fixture
def _redis_is_down(settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis.client.cache_clear()
    yield
    redis.client.cache_clear()


@pytest.fixture
def flusher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flusher]:
    """Flushes as in a web process; has ended when the test has."""
    monkeypatch.setattr(Flusher, "wake", WAKE)
    yield counters._flusher
    wait_until(lambda: counters._flusher._thread is None)


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def views(media_id: int) -> tuple[int, int]:
    stats = MediaStats.objects.get(pk=media_id)
    return stats.view_count, stats.unique_view_count


def day_counts(day: MediaDay | GalleryDay) -> dict[str, int]:
    return {column: getattr(day, column) for column in counters.DAY_COLUMNS if getattr(day, column)}


def test_a_view_waits_in_memory_and_is_written_by_a_flush(media_id: int) -> None:
    for name in ("anna", "anna", "bert"):
        count_view(media_id, visitor=name)

    assert views(media_id) == (0, 0)
    assert flush()
    assert views(media_id) == (3, 2)
    assert not flush()


def test_a_day_knows_all_that_it_brought_and_the_gallery_adds_up_its_media(media_id: int) -> None:
    other = video().pk
    publish([other], category="sea", by=None)

    for counted in (media_id, other):
        count_view(counted, visitor="anna")
        count_upvote(counted, +1)
    count_upvote(media_id, -1)
    count_finish(media_id)
    count_watch_time(media_id, 30, parts=range(3))
    flush()

    today = dt.datetime.now(dt.UTC).date()
    assert day_counts(MediaDay.objects.get(video=media_id, day=today)) == {
        "view_count": 1,
        "unique_view_count": 1,
        "finish_count": 1,
        "total_watch_time": 30,
    }
    assert day_counts(GalleryDay.objects.get(day=today)) == {
        "view_count": 2,
        "unique_view_count": 2,
        "upvote_count": 1,
        "finish_count": 1,
        "total_watch_time": 30,
    }
    assert list(RetentionBucket.objects.values_list("video", "bucket", "count")) == [(media_id, part, 1) for part in range(3)]


def test_a_day_may_have_fewer_votes_than_none(media_id: int) -> None:
    count_upvote(media_id, -1)
    flush()
    count_upvote(media_id, -1)
    flush()

    assert MediaDay.objects.get().upvote_count == GalleryDay.objects.get().upvote_count == -2


def test_a_visitor_is_unique_again_after_half_an_hour(media_id: int) -> None:
    for _ in range(2):
        count_view(media_id, visitor="anna")
        flush()
    (seen,) = redis.client().keys(counters._seen(media_id, "*"))
    assert 1700 < redis.client().ttl(seen) <= 1800

    redis.client().delete(seen)
    count_view(media_id, visitor="anna")
    flush()

    assert views(media_id) == (3, 2)


def test_a_batch_that_could_not_be_written_waits_for_the_next_flush(media_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count_view(media_id, visitor="anna")
    with monkeypatch.context() as failing:
        failing.setattr(counters, "ADD_TO_MEDIA_DAYS", f"SELECT 1 / 0 FROM {counters.COUNTED}")
        with pytest.raises(Error, match="division"):
            flush()

    count_view(media_id, visitor="bert")

    assert views(media_id) == (0, 0)
    assert [flush(), flush(), flush()] == [True, True, False]
    assert views(media_id) == (2, 2)


def test_a_batch_whose_commit_nobody_heard_of_counts_once(media_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count_view(media_id, visitor="anna")
    with monkeypatch.context() as dying:
        dying.setattr(counters._buffer, "forget_sealed", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flush()
    assert views(media_id) == (1, 1)

    flush()

    assert views(media_id) == (1, 1)
    assert FlushedBatch.objects.count() == 1
    assert not flush()


@pytest.mark.usefixtures("_redis_is_down")
def test_without_redis_views_are_counted_and_none_is_unique(media_id: int) -> None:
    for _ in range(3):
        count_view(media_id, visitor="anna")
    flush()

    assert views(media_id) == (3, 0)
    assert MediaDay.objects.get().view_count == 3


def test_what_has_left_the_gallery_keeps_the_views_of_its_last_second(media_id: int) -> None:
    remaining = video().pk
    publish([remaining], category="sea", by=None)
    for counted in (media_id, remaining):
        count_view(counted, visitor="anna")
    unpublish([media_id], by=None)

    flush()

    left = Video.objects.get(pk=media_id)
    assert views(media_id) == views(remaining) == (1, 1)
    assert (left.public_view_count, Video.objects.get(pk=remaining).public_view_count) == (1, None)
    publish([media_id], category="sea", by=None)
    assert detail(media_id)["view_count"] == 1


def test_a_video_that_never_was_public_holds_nothing_up(media_id: int) -> None:
    count_view(video().pk, visitor="anna")
    count_watch_time(999_999_999, 10, parts=range(2))
    count_view(media_id, visitor="anna")

    flush()

    assert views(media_id) == (1, 1)
    assert (MediaDay.objects.count(), GalleryDay.objects.get().view_count, RetentionBucket.objects.count()) == (1, 1, 0)


def test_what_is_kept_of_a_visitor_is_a_keyed_hash() -> None:
    assert counters.visitor("sess_abc123def456") != counters.visitor("sess_abc123def457")
    assert "abc123" not in counters.visitor("sess_abc123def456")
    assert len(counters.visitor("x")) == 32


def test_old_batches_are_forgotten(media_id: int) -> None:
    FlushedBatch.objects.create(id="11111111-1111-4111-8111-111111111111", flushed_at="2020-01-01T00:00:00Z")
    count_view(media_id, visitor="anna")

    flush()

    assert FlushedBatch.objects.filter(flushed_at__year=2020).count() == 0


def get(client: Client, media_id: int, **headers: str) -> Any:
    return client.get(f"/api/media/public/{media_id}", headers=BROWSER | headers)


def test_a_reply_says_what_the_database_has_and_its_own_view(client: Client, media_id: int) -> None:
    assert [get(client, media_id).json()["viewCount"] for _ in range(3)] == [1, 1, 1]
    flush()
    assert get(client, media_id).json()["viewCount"] == 4


def test_what_a_reply_says_never_falls_while_views_are_written(client: Client, media_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []

    def look() -> None:
        shown.append(get(client, media_id).json()["viewCount"])

    def look_and_forget() -> None:  # the batch has just been committed
        look()
        forget()

    forget = counters._buffer.forget_sealed
    monkeypatch.setattr(counters._buffer, "forget_sealed", look_and_forget)
    for _ in range(3):
        look()
        look()
        flush()
        look()

    assert shown == sorted(shown)
    assert shown[-1] <= views(media_id)[0] + 1


def test_a_head_request_is_no_view(client: Client, media_id: int) -> None:
    assert client.head(f"/api/media/public/{media_id}", headers=BROWSER).status_code == 200

    assert not flush()


@pytest.mark.parametrize(
    "name",
    [
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "facebookexternalhit/1.1",
        "Python-urllib/3.11",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
        "Mozilla/5.0 (compatible; YandexBot/3.0)",
    ],
)
def test_a_known_bot_is_no_viewer(client: Client, media_id: int, name: str) -> None:
    assert get(client, media_id, **{"User-Agent": name}).json()["viewCount"] == 0

    assert not flush()


@pytest.mark.parametrize(
    "name", ["curl/8.5.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "Cubot/Note 20 Mobile"]
)
def test_people_are_viewers(client: Client, media_id: int, name: str) -> None:
    assert get(client, media_id, **{"User-Agent": name}).json()["viewCount"] == 1


def test_an_unchanged_reply_is_a_view_too(client: Client, media_id: int) -> None:
    etag = get(client, media_id)["ETag"]

    unchanged = get(client, media_id, **{"If-None-Match": etag})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    flush()
    assert views(media_id) == (2, 1)


def test_sessions_are_told_apart_and_so_are_browsers_without_one(client: Client, media_id: int) -> None:
    for session in ("session-1", "session-1", "session-2"):
        client.get(f"/api/media/public/{media_id}?sessionId={session}", headers=BROWSER)
    for browser in ("Firefox", "Firefox", "Safari"):
        get(client, media_id, **{"User-Agent": browser})
    flush()

    assert views(media_id) == (6, 4)


@pytest.mark.parametrize("session", ["short", "a" * 129, "a b c d e f", "séssion-1", "1234567%00"])
def test_a_malformed_session_is_a_clear_400_and_no_view(client: Client, media_id: int, session: str) -> None:
    response = client.get(f"/api/media/public/{media_id}?sessionId={session}", headers=BROWSER)

    assert response.status_code == 400
    assert "sessionId" in response.json()["error"]
    assert not flush()


@pytest.mark.django_db(transaction=True)
def test_views_reach_the_database_without_anybody_flushing(client: Client, flusher: Flusher) -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)

    for _ in range(5):
        get(client, clip.pk)

    wait_until(lambda: views(clip.pk) == (5, 1))


@pytest.mark.django_db(transaction=True)
def test_a_flusher_tries_until_the_database_is_back(flusher: Flusher, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    with monkeypatch.context() as away:
        away.setattr(counters, "HOLD_STATS", "SELECT 1 / 0 WHERE %s IS NOT NULL")
        count_view(clip.pk, visitor="anna")
        wait_until(lambda: counters._buffer._sealed is not None)
    count_view(clip.pk, visitor="bert")

    wait_until(lambda: views(clip.pk) == (2, 2))


@pytest.mark.django_db(transaction=True)
def test_views_from_many_threads_between_flushes_are_exact() -> None:
    ids = [video().pk for _ in range(5)]
    publish(ids, category="sea", by=None)

    def watch(number: int) -> None:
        try:
            for step in range(50):
                count_view(ids[(number + step) % 5], visitor=f"{number}-{step}")
                if step % 10 == 0:
                    flush()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(watch, range(8)))
    while flush():
        pass

    assert [views(media_id) for media_id in ids] == [(80, 80)] * 5
    assert sum(MediaDay.objects.values_list("view_count", flat=True)) == 400

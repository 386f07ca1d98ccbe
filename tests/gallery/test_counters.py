"""Views: counted once, written within a second or two, none lost when a part is down. Real Redis, real database."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings
from redis import RedisError

from config import redis
from gallery import counters, flusher
from gallery.counters import Flush, count_view, flush
from gallery.models import FlushedBatch, MediaDay, MediaStats
from gallery.services import publish, unpublish
from tests.gallery.rows import video

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def media_id(db: None) -> int:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    return clip.pk


@pytest.fixture
def redis_is_down(settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis.client.cache_clear()
    yield
    redis.client.cache_clear()
    counters._redis_rests_until = 0.0


def views(media_id: int) -> tuple[int, int]:
    stats = MediaStats.objects.get(pk=media_id)
    return stats.view_count, stats.unique_view_count


def buffered() -> dict[Any, Any]:
    return dict(redis.client().hgetall(counters._key("buffer")))


def test_a_view_waits_in_redis_and_is_written_by_a_flush(media_id: int) -> None:
    waiting = [count_view(media_id, visitor=name) for name in ("anna", "anna", "bert")]

    assert waiting == [1, 2, 3]
    assert views(media_id) == (0, 0)
    assert flush() is Flush.WRITTEN
    assert views(media_id) == (3, 2)
    day = MediaDay.objects.get()
    assert (day.video_id, day.day, day.view_count, day.unique_view_count) == (media_id, dt.datetime.now(dt.UTC).date(), 3, 2)
    assert flush() is Flush.EMPTY


def test_a_visitor_is_unique_again_after_half_an_hour(media_id: int) -> None:
    count_view(media_id, visitor="anna")
    (seen,) = redis.client().keys(counters._key("seen:*"))
    assert 1790 < redis.client().ttl(seen) <= 1800

    redis.client().delete(seen)
    count_view(media_id, visitor="anna")
    flush()

    assert views(media_id) == (2, 2)


def test_a_flush_that_died_before_the_database_had_it_is_taken_up_again(media_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count_view(media_id, visitor="anna")
    with monkeypatch.context() as dying:
        dying.setattr(counters, "ADD_TO_STATS", "SELECT 1 / 0 FROM unnest(%s, %s, %s)")
        with pytest.raises(Exception, match="division"):
            flush()
    count_view(media_id, visitor="bert")

    assert views(media_id) == (0, 0)
    assert [flush(), flush(), flush()] == [Flush.WRITTEN, Flush.WRITTEN, Flush.EMPTY]
    assert views(media_id) == (2, 2)


def test_a_flush_that_died_after_the_database_had_it_counts_once(media_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count_view(media_id, visitor="anna")
    with monkeypatch.context() as dying:
        dying.setattr(counters, "FORGET_BATCH", "return redis.error_reply('killed')")
        with pytest.raises(RedisError):
            flush()
    assert views(media_id) == (1, 1)

    flush()

    assert views(media_id) == (1, 1)
    assert FlushedBatch.objects.count() == 1
    assert flush() is Flush.EMPTY


def test_a_late_flusher_does_not_forget_the_next_batch(media_id: int) -> None:
    count_view(media_id, visitor="anna")
    client = redis.client()
    client.rename(counters._key("buffer"), counters._key("flushing"))
    client.hset(counters._key("flushing"), "batch", "11111111-1111-4111-8111-111111111111")

    counters._script(counters.FORGET_BATCH)(keys=[counters._key("flushing")], args=["22222222-2222-4222-8222-222222222222"])
    flush()

    assert views(media_id) == (1, 1)


def test_without_redis_views_go_straight_to_the_database(media_id: int, redis_is_down: None) -> None:
    start = time.monotonic()

    counted = [count_view(media_id, visitor="anna") for _ in range(3)]

    assert counted == [1, 1, 1]
    assert views(media_id)[0] == 3
    assert MediaDay.objects.get().view_count == 3
    assert time.monotonic() - start < 1


def test_views_of_what_has_left_the_gallery_meanwhile_are_kept(media_id: int) -> None:
    count_view(media_id, visitor="anna")
    unpublish([media_id], by=None)

    flush()

    assert views(media_id) == (1, 1)


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


def test_the_reply_counts_its_own_view(client: Client, media_id: int) -> None:
    assert [get(client, media_id).json()["viewCount"] for _ in range(3)] == [1, 2, 3]
    flush()
    assert get(client, media_id).json()["viewCount"] == 4


def test_a_head_request_is_no_view(client: Client, media_id: int) -> None:
    assert client.head(f"/api/media/public/{media_id}", headers=BROWSER).status_code == 200

    assert buffered() == {}


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

    assert buffered() == {}


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
    assert buffered() == {}


@pytest.mark.django_db(transaction=True)
def test_views_reach_the_database_within_two_seconds_without_anybody_flushing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher, "wake", flusher.Flusher().wake)
    clip = video()
    publish([clip.pk], category="sea", by=None)

    for _ in range(5):
        get(client, clip.pk)

    deadline = time.monotonic() + 2
    while views(clip.pk)[0] < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert views(clip.pk) == (5, 1)


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
    while flush() is not Flush.EMPTY:
        pass

    assert [views(media_id) for media_id in ids] == [(80, 80)] * 5
    assert sum(MediaDay.objects.values_list("view_count", flat=True)) == 400

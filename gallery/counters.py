"""Views, too hot for a row update each: buffered in Redis and written to the database once a second.

A batch counts exactly once. It is renamed away from the buffer together with an id; the transaction that adds it
to the counters also writes that id to `flushed_batches`. A flusher that dies in between leaves the batch in
Redis, and the next one takes it up again and sees whether the database knows it.

While Redis is away, views go straight to the database.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from redis import RedisError

from config import redis
from gallery.models import FlushedBatch

UNIQUE_FOR = 30 * 60  # seconds in which a visitor's views of one medium are one unique view
REDIS_PAUSE = 2.0  # seconds that a Redis which has failed is left alone
BATCHES_REMEMBERED = dt.timedelta(days=7)  # a batch that waits longer in a Redis that was away counts again
FLUSH_LOCK = 0x7669657773  # "views": the name of the advisory lock

COUNT = """
    local views = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
    if redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[3]) then redis.call('HINCRBY', KEYS[1], ARGV[2], 1) end
    return views
"""
TAKE_BATCH = """
    if redis.call('EXISTS', KEYS[2]) == 0 then
        if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
        redis.call('RENAME', KEYS[1], KEYS[2])
        redis.call('HSET', KEYS[2], 'batch', ARGV[1])
    end
    return redis.call('HGETALL', KEYS[2])
"""
FORGET_BATCH = """
    if redis.call('HGET', KEYS[1], 'batch') == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

HOLD_STATS = "SELECT FROM media_stats WHERE video_id = ANY(%s) ORDER BY video_id FOR NO KEY UPDATE"
ADD_TO_STATS = """
    UPDATE media_stats AS stats
    SET view_count = stats.view_count + seen.views, unique_view_count = stats.unique_view_count + seen.unique_views
    FROM (SELECT video_id, sum(views) AS views, sum(unique_views) AS unique_views
          FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS each (video_id, views, unique_views) GROUP BY video_id) AS seen
    WHERE stats.video_id = seen.video_id
"""
ADD_TO_DAYS = """
    INSERT INTO media_days (video_id, day, view_count, unique_view_count)
    SELECT seen.* FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::bigint[]) AS seen (video_id, day, views, unique_views)
    JOIN media_stats AS stats USING (video_id) ORDER BY video_id, day
    ON CONFLICT (video_id, day) DO UPDATE
    SET view_count = media_days.view_count + excluded.view_count,
        unique_view_count = media_days.unique_view_count + excluded.unique_view_count
"""

logger = logging.getLogger(__name__)
_redis_rests_until = 0.0  # by the monotonic clock


@dataclass
class Tally:
    """The views of one medium on one day (UTC)."""

    media_id: int
    day: dt.date
    views: int = 0
    unique_views: int = 0


class Flush(Enum):
    WRITTEN = "written"
    EMPTY = "empty"
    BUSY = "another process is flushing"


def visitor(identity: str) -> str:
    """What is kept of a visitor's session, or of their address and browser: a keyed hash."""
    return salted_hmac("gallery.visitor", identity, algorithm="sha256").hexdigest()[:32]


def count_view(media_id: int, *, visitor: str) -> int:
    """Count a view of a medium that is in the gallery; returns how many views the database does not have yet, with this one."""
    global _redis_rests_until
    today = dt.datetime.now(dt.UTC).date()
    if time.monotonic() >= _redis_rests_until:
        try:
            return _buffer(media_id, today, visitor)
        except RedisError as error:
            _redis_rests_until = time.monotonic() + REDIS_PAUSE
            logger.warning("Redis is away, so views go straight to the database: %s", error)
    with transaction.atomic():
        _write([Tally(media_id, today, views=1)])
    return 1


def flush() -> Flush:
    """Add the buffered views to the counters; raises `redis.RedisError` while Redis is away."""
    with transaction.atomic():
        if not _hold_flush_lock():
            return Flush.BUSY
        raw = _script(TAKE_BATCH)(keys=[_key("buffer"), _key("flushing")], args=[str(uuid.uuid4())])
        batch = {key.decode(): value.decode() for key, value in zip(raw[::2], raw[1::2], strict=True)}
        if not batch:
            return Flush.EMPTY
        batch_id = batch.pop("batch")
        if _is_new(batch_id):
            _write(_tallies(batch))
    _script(FORGET_BATCH)(keys=[_key("flushing")], args=[batch_id])
    return Flush.WRITTEN


def _buffer(media_id: int, day: dt.date, visitor: str) -> int:
    field = f"{media_id}/{day}"
    keys = [_key("buffer"), _key(f"seen:{media_id}:{visitor}")]
    return int(_script(COUNT)(keys=keys, args=[field, f"{field}/unique", UNIQUE_FOR]))


def _key(name: str) -> str:
    """A key in Redis of its own for each database, so that installations, and tests, can share a Redis."""
    return f"{{views of {connection.settings_dict['NAME']}}}:{name}"


def _script(source: str) -> Any:
    return redis.client().register_script(source)


def _tallies(batch: dict[str, str]) -> list[Tally]:
    """The batch's fields, `<id>/<day>` and `<id>/<day>/unique`, by medium and day."""
    tallies: dict[tuple[str, str], Tally] = {}
    for field, count in batch.items():
        media_id, day, *unique = field.split("/")
        tally = tallies.setdefault((media_id, day), Tally(int(media_id), dt.date.fromisoformat(day)))
        if unique:
            tally.unique_views = int(count)
        else:
            tally.views = int(count)
    return list(tallies.values())


def _write(tallies: Iterable[Tally]) -> None:
    """Add views to the counters and to the days that these are reconciled from; a video that was never public has neither."""
    columns = list(zip(*((tally.media_id, tally.day, tally.views, tally.unique_views) for tally in tallies), strict=True))
    ids, days, views, unique_views = map(list, columns)
    with connection.cursor() as cursor:
        cursor.execute(HOLD_STATS, [ids])  # in id order, as every writer of several rows: no deadlock
        cursor.execute(ADD_TO_STATS, [ids, views, unique_views])
        cursor.execute(ADD_TO_DAYS, [ids, days, views, unique_views])


def _hold_flush_lock() -> bool:
    """Whether this transaction is the one that flushes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FLUSH_LOCK])
        return bool(cursor.fetchone()[0])


def _is_new(batch_id: str) -> bool:
    """Remember a batch inside the caller's transaction; False when the database has counted it already."""
    FlushedBatch.objects.filter(flushed_at__lt=dt.datetime.now(dt.UTC) - BATCHES_REMEMBERED).delete()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO flushed_batches (id) VALUES (%s) ON CONFLICT DO NOTHING", [batch_id])
        return bool(cursor.rowcount)

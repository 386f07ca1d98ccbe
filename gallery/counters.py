"""What is too hot for a row update each, or too small: views, and what every day brings.

Each process counts in memory and about once a second adds what it has to the database, in one transaction that also
remembers the batch's id: a batch whose commit nobody heard of is tried again, and counts once. So nothing that runs
beside us is needed to count exactly; with Redis away only visitors are not told apart, and no view is a unique one. A
process that is killed loses its last second, one that ends in order loses nothing.

Votes, finishes and watch time move their own counter with their row, in `services.engagement`; here they only join
their day. Readers see what is in the database alone, so what a visitor is shown never falls.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import os
from collections.abc import Iterable
from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from redis import RedisError

from config import redis
from gallery.buffer import Batch, Buffer
from gallery.flusher import Flusher
from gallery.models import FlushedBatch

UNIQUE_FOR = 30 * 60  # seconds in which a visitor's views of one medium are one unique view
MOST_MARKED = 500  # visitors in one script: Redis does nothing else meanwhile
MARK_SEEN = """
    local are_first = {}
    for number, key in ipairs(KEYS) do
        are_first[number] = redis.call('SET', key, 1, 'NX', 'EX', ARGV[1]) and 1 or 0
    end
    return are_first
"""
BATCHES_REMEMBERED = dt.timedelta(days=1)  # longer than any process goes on trying

DAY_COLUMNS = ("view_count", "unique_view_count", "upvote_count", "finish_count", "total_watch_time")
HOT_COLUMNS = ("view_count", "unique_view_count")  # those of `media_stats` that only a flush moves


def _sums(columns: Iterable[str]) -> str:
    return ", ".join(f"sum({column})::bigint AS {column}" for column in columns)


def _moved(columns: Iterable[str], *, of: str, by: str) -> str:
    return ", ".join(f"{column} = {of}.{column} + {by}.{column}" for column in columns)


DAYS = ", ".join(DAY_COLUMNS)
# What a batch has counted by medium and day. A video that was never public has no counters to add it to.
COUNTED = f"""
    (SELECT * FROM unnest(%s::bigint[], %s::date[]{", %s::bigint[]" * len(DAY_COLUMNS)}) AS each (video_id, day, {DAYS})
     WHERE EXISTS (SELECT FROM media_stats WHERE media_stats.video_id = each.video_id)) AS counted
"""
HOLD_STATS = "SELECT video_id, is_public FROM media_stats WHERE video_id = ANY(%s) ORDER BY video_id FOR NO KEY UPDATE"
ADD_TO_STATS = f"""
    UPDATE media_stats AS stats SET {_moved(HOT_COLUMNS, of="stats", by="seen")}
    FROM (SELECT video_id, {_sums(HOT_COLUMNS)} FROM {COUNTED} GROUP BY video_id) AS seen
    WHERE stats.video_id = seen.video_id AND seen.view_count > 0
"""
HOLD_VIDEOS = "SELECT FROM videos WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
COPY_TO_UNPUBLISHED_VIDEOS = """
    UPDATE videos AS video SET public_view_count = stats.view_count
    FROM media_stats AS stats WHERE stats.video_id = video.id AND video.id = ANY(%s)
"""
ADD_TO_MEDIA_DAYS = f"""
    INSERT INTO media_days (video_id, day, {DAYS}) SELECT * FROM {COUNTED} ORDER BY video_id, day
    ON CONFLICT (video_id, day) DO UPDATE SET {_moved(DAY_COLUMNS, of="media_days", by="excluded")}
"""
ADD_TO_GALLERY_DAYS = f"""
    INSERT INTO gallery_days (day, {DAYS}) SELECT day, {_sums(DAY_COLUMNS)} FROM {COUNTED} GROUP BY day ORDER BY day
    ON CONFLICT (day) DO UPDATE SET {_moved(DAY_COLUMNS, of="gallery_days", by="excluded")}
"""
ADD_TO_RETENTION = """
    INSERT INTO retention_buckets (video_id, bucket, count)
    SELECT * FROM unnest(%s::bigint[], %s::smallint[], %s::bigint[]) AS covered (video_id, bucket, count)
    WHERE EXISTS (SELECT FROM media_stats WHERE media_stats.video_id = covered.video_id) ORDER BY video_id, bucket
    ON CONFLICT (video_id, bucket) DO UPDATE SET count = retention_buckets.count + excluded.count
"""

logger = logging.getLogger(__name__)
_buffer: Buffer
_flusher: Flusher
_one_flush_at_a_time: Lock


def visitor(identity: str) -> str:
    """What is kept of a visitor's session, or of their address and browser: a keyed hash."""
    return hmac.digest(_visitor_key(settings.SECRET_KEY), identity.encode(), "sha256").hex()[:32]


@cache
def _visitor_key(secret: str) -> bytes:
    """The key that Django's `salted_hmac` derives each time anew."""
    return hashlib.sha256(b"gallery.visitor" + secret.encode()).digest()


def count_view(media_id: int, *, visitor: str) -> None:
    """Count a view of a medium that is in the gallery."""
    _count(media_id, "view_count", visitor=visitor)


def count_upvote(media_id: int, change: int) -> None:
    """Let today have a vote more, or with -1 one fewer."""
    _count(media_id, "upvote_count", change)


def count_finish(media_id: int) -> None:
    """Let today have a finish more."""
    _count(media_id, "finish_count")


def count_watch_time(media_id: int, seconds: int, *, parts: Iterable[int]) -> None:
    """Let today have seconds that somebody has watched, and the retention curve the parts of the video that they covered."""
    if seconds:
        _count(media_id, "total_watch_time", seconds, parts=parts)


def flush() -> bool:
    """Add what waits in this process to the database; False when nothing does.

    Raises `django.db.Error`; what could not be written waits for the next flush.
    """
    with _one_flush_at_a_time:
        batch = _buffer.seal()
        if batch is None:
            return False
        _count_unique_views(batch)
        with transaction.atomic():
            if _is_new(batch):
                _write(batch)
        _buffer.forget_sealed()
        return True


def _count(media_id: int, column: str, amount: int = 1, **options: Any) -> None:
    _buffer.add(media_id, column, amount, **options)
    _flusher.wake()


def _count_unique_views(batch: Batch) -> None:
    """Ask Redis which of the batch's visitors are the first in half an hour; once, however often the batch is tried."""
    visitors = sorted(batch.visitors)
    batch.visitors.clear()
    keys = [_seen(media_id, visitor) for media_id, _, visitor in visitors]
    mark_seen = redis.client().register_script(MARK_SEEN)
    try:
        are_first = [
            is_first
            for start in range(0, len(keys), MOST_MARKED)
            for is_first in mark_seen(keys[start : start + MOST_MARKED], [UNIQUE_FOR])
        ]
    except RedisError as error:
        logger.warning("Redis is away, so no view counts as a unique one: %s", error)
        return
    for (media_id, day, _), is_first in zip(visitors, are_first, strict=True):
        batch.counts[media_id, day, "unique_view_count"] += bool(is_first)


def _seen(media_id: int, visitor: str) -> str:
    """A key in Redis of its own for each database, so that installations, and tests, can share a Redis."""
    return f"{{views of {connection.settings_dict['NAME']}}}:seen:{media_id}:{visitor}"


def _is_new(batch: Batch) -> bool:
    """Remember a batch inside the caller's transaction; False when the database has counted it already."""
    FlushedBatch.objects.filter(flushed_at__lt=dt.datetime.now(dt.UTC) - BATCHES_REMEMBERED).delete()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO flushed_batches (id) VALUES (%s) ON CONFLICT DO NOTHING", [batch.id])
        return bool(cursor.rowcount)


def _write(batch: Batch) -> None:
    """Add a batch to the counters, to the days that these are reconciled from, and to the retention curves."""
    counted = _columns(batch)
    with connection.cursor() as cursor:
        cursor.execute(HOLD_STATS, [_hot(batch)])  # in id order, as every writer of several rows: no deadlock
        unpublished = [video_id for video_id, is_public in cursor.fetchall() if not is_public]
        cursor.execute(ADD_TO_STATS, counted)
        if unpublished:  # within the last second or so
            cursor.execute(HOLD_VIDEOS, [unpublished])
            cursor.execute(COPY_TO_UNPUBLISHED_VIDEOS, [unpublished])
        cursor.execute(ADD_TO_MEDIA_DAYS, counted)
        cursor.execute(ADD_TO_GALLERY_DAYS, counted)
        if batch.parts:
            media_ids, parts = zip(*batch.parts, strict=True)
            cursor.execute(ADD_TO_RETENTION, [list(media_ids), list(parts), list(batch.parts.values())])


def _columns(batch: Batch) -> list[list[Any]]:
    """The batch as `COUNTED` takes it: a list of media, one of days, and one of each count."""
    keys = sorted({(media_id, day) for media_id, day, _ in batch.counts})
    columns: list[list[Any]] = [[media_id for media_id, _ in keys], [day for _, day in keys]]
    return columns + [[batch.counts[media_id, day, column] for media_id, day in keys] for column in DAY_COLUMNS]


def _hot(batch: Batch) -> list[int]:
    """The media whose row in `media_stats` the batch moves."""
    return sorted({media_id for media_id, _, column in batch.counts if column in HOT_COLUMNS})


def _start_afresh() -> None:
    """What the parent process has counted is the parent's, its threads do not survive a fork, and its locks may be held for ever."""
    global _buffer, _flusher, _one_flush_at_a_time
    buffer = _buffer = Buffer()
    _flusher = Flusher(flush, has_work=lambda: not buffer.is_empty)
    _one_flush_at_a_time = Lock()


_start_afresh()
os.register_at_fork(after_in_child=_start_afresh)

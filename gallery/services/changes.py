"""What every change of the gallery shares: one at a time, hot counters in step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, transaction

from config.database import LARGEST_ID
from gallery.counters import HOLD_STATS, HOLD_VIDEOS
from gallery.listing import MediaLocked, MediaNotFound
from gallery.models import PublicMedia
from media_library.outcomes import Outcome

MEDIA_NOT_FOUND = "Media not found"
CHANGES_LOCK = 0x67616C6C657279  # "gallery": the name of the advisory lock

COPY_TO_STATS = """
    INSERT INTO media_stats (video_id, category, orientation, is_public, is_locked, created_at,
                             view_count, unique_view_count, upvote_count, finish_count, total_watch_time)
    SELECT media.id, media.category, media.orientation, TRUE, media.is_locked, media.created_at,
           coalesce(video.public_view_count, 0), 0,
           coalesce(video.public_upvote_count, 0), coalesce(video.public_completion_count, 0),
           coalesce(video.public_total_watch_time, 0)
    FROM public_media AS media JOIN videos AS video ON video.id = media.id
    WHERE media.id = ANY(%s) ORDER BY media.id
    ON CONFLICT (video_id) DO UPDATE
    SET category = excluded.category, orientation = excluded.orientation, is_public = TRUE, is_locked = excluded.is_locked,
        created_at = excluded.created_at
"""


@contextmanager
def one_change_at_a_time() -> Iterator[None]:
    """A transaction that no other change of the gallery overlaps.

    Bulk changes touch many media and, by trigger, many totals; in turns they cannot deadlock, and a
    video that is hidden in one cannot be published in between. Readers and visitors' writes do not wait.
    """
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(%s)", CHANGES_LOCK)
        yield


def execute(statement: str, *parameters: int | str | list[int]) -> int:
    """Run one statement; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def distinct(ids: Iterable[int]) -> list[int]:
    """Each id that a row could have, once and in order."""
    return sorted({id for id in ids if 0 < id <= LARGEST_ID})


def hold_public(ids: Iterable[int]) -> list[int]:
    """Those of the ids that are public, their rows locked in id order until the transaction ends."""
    held = PublicMedia.objects.filter(pk__in=distinct(ids)).order_by("pk").select_for_update()
    return list(held.values_list("pk", flat=True))


def hold_open(media_id: int) -> PublicMedia:
    """A medium that visitors may write to, its row held until the transaction ends; raises `MediaNotFound` or `MediaLocked`."""
    held = PublicMedia.objects.select_for_update(no_key=True).only("is_locked", "duration_seconds")
    medium = held.filter(pk=media_id).first()
    if medium is None:
        raise MediaNotFound
    if medium.is_locked:
        raise MediaLocked
    return medium


def hold_stats(ids: list[int]) -> None:
    """Lock the rows of hot counters in id order until the transaction ends, as a flush of views does."""
    execute(HOLD_STATS, ids)


def hold_videos(ids: list[int]) -> None:
    """Lock videos in id order until the transaction ends."""
    execute(HOLD_VIDEOS, ids)


def copy_to_stats(ids: list[int]) -> None:
    """Bring category, orientation, lock and date of the hot counters in step with the public media; makes missing rows."""
    execute(COPY_TO_STATS, ids)


def outcome(ids: Iterable[int], done: list[int], *, otherwise: str, reasons: Mapping[int, str] | None = None) -> Outcome:
    """What was done, and for every other id its reason, or `otherwise`."""
    changed, reasons = set(done), reasons or {}
    return Outcome(tuple(done), {id: reasons.get(id, otherwise) for id in ids if id not in changed})

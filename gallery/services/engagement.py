"""The only writers of votes, finishes and watch time. A row and its counter change in one transaction.

A visitor's write first holds the medium's row, as whoever locks or unpublishes it does. So nothing is written once a
lock has been committed, votes of one medium take turns, and everybody takes rows in one order: the medium's, the
session's, the hot counters'.
"""

from __future__ import annotations

from django.db import connection, transaction

from config.database import read
from gallery import counters
from gallery.listing import MediaLocked, MediaNotFound
from gallery.models import MediaStats
from gallery.retention import parts_watched
from gallery.services.changes import hold_open

LONGEST_FIRST_REPORT = 60  # seconds of watching that a session's first report may claim
MOST_OFTEN = 2  # times that a session can have watched a video

# Each tries one change and answers with one row: whether the medium is locked, whether anything changed, the count now.
GIVE_UPVOTE = """
    WITH medium AS (SELECT id, is_locked, upvote_count FROM public_media WHERE id = %(media_id)s FOR NO KEY UPDATE),
    vote AS (
        INSERT INTO upvotes (media_id, session_id) SELECT id, %(session)s FROM medium WHERE NOT is_locked
        ON CONFLICT DO NOTHING RETURNING media_id
    ),
    moved AS (
        UPDATE public_media AS media SET upvote_count = media.upvote_count + 1 FROM vote
        WHERE media.id = vote.media_id RETURNING media.upvote_count
    )
    SELECT medium.is_locked, moved IS NOT NULL, coalesce(moved.upvote_count, medium.upvote_count) FROM medium LEFT JOIN moved ON TRUE
"""
TAKE_UPVOTE_BACK = """
    WITH medium AS (SELECT id, is_locked, upvote_count FROM public_media WHERE id = %(media_id)s FOR NO KEY UPDATE),
    vote AS (
        DELETE FROM upvotes USING medium WHERE media_id = medium.id AND session_id = %(session)s AND NOT medium.is_locked
        RETURNING media_id
    ),
    moved AS (
        UPDATE public_media AS media SET upvote_count = media.upvote_count - 1 FROM vote
        WHERE media.id = vote.media_id RETURNING media.upvote_count
    )
    SELECT medium.is_locked, moved IS NOT NULL, coalesce(moved.upvote_count, medium.upvote_count) FROM medium LEFT JOIN moved ON TRUE
"""
FINISH = """
    WITH medium AS (SELECT id, is_locked FROM public_media WHERE id = %(media_id)s FOR NO KEY UPDATE),
    finished AS (
        INSERT INTO watch_sessions AS seen (media_id, session_id, finished_at)
        SELECT id, %(session)s, statement_timestamp() FROM medium WHERE NOT is_locked
        ON CONFLICT (media_id, session_id) DO UPDATE SET finished_at = excluded.finished_at WHERE seen.finished_at IS NULL
        RETURNING media_id
    ),
    moved AS (
        UPDATE media_stats AS stats SET finish_count = stats.finish_count + 1 FROM finished
        WHERE stats.video_id = finished.media_id RETURNING stats.finish_count
    )
    SELECT medium.is_locked, moved IS NOT NULL, coalesce(moved.finish_count, stats.finish_count, 0)
    FROM medium LEFT JOIN media_stats AS stats ON stats.video_id = medium.id LEFT JOIN moved ON TRUE
"""

# The clock is rounded to whole seconds, and what that gave or took is settled with the next report.
CLOCK = "greatest(0, round(extract(epoch FROM statement_timestamp() - seen.reported_at)))::bigint"
WATCH = f"""
    INSERT INTO watch_sessions AS seen (media_id, session_id, watched, reported_at)
    VALUES (%(media_id)s, %(session)s, least(%(seconds)s, {LONGEST_FIRST_REPORT}, %(most)s), statement_timestamp())
    ON CONFLICT (media_id, session_id) DO UPDATE
    SET watched = greatest(seen.watched, least(%(most)s, seen.watched + least(%(seconds)s,
            CASE WHEN seen.reported_at IS NULL THEN {LONGEST_FIRST_REPORT} ELSE {CLOCK} END))),
        reported_at = CASE WHEN seen.reported_at IS NOT NULL AND %(seconds)s >= {CLOCK}
            THEN seen.reported_at + {CLOCK} * interval '1 second' ELSE statement_timestamp() END
    RETURNING watched - coalesce((
        SELECT before.watched FROM watch_sessions AS before WHERE (media_id, session_id) = (%(media_id)s, %(session)s)
    ), 0)
"""
UNBOUNDED = 2**62  # seconds


def give_upvote(media_id: int, *, session: str) -> int:
    """Vote for a medium, once a session; returns its votes. Raises `MediaNotFound` or `MediaLocked`."""
    is_new, count = _change(GIVE_UPVOTE, media_id, session)
    if is_new:
        counters.count_upvote(media_id, +1)
    return count


def take_upvote_back(media_id: int, *, session: str) -> int:
    """Take a session's vote back, if there is one; returns the votes left. Raises `MediaNotFound` or `MediaLocked`."""
    was_there, count = _change(TAKE_UPVOTE_BACK, media_id, session)
    if was_there:
        counters.count_upvote(media_id, -1)
    return count


def finish(media_id: int, *, session: str) -> int:
    """Count that a session has seen a medium to its end, once; returns how many have. Raises `MediaNotFound` or `MediaLocked`."""
    is_first, count = _change(FINISH, media_id, session)
    if is_first:
        counters.count_finish(media_id)
    return count


def add_watch_time(media_id: int, *, session: str, seconds: int, position: int | None = None) -> int:
    """Count `seconds` that a session has watched, up to second `position` of the video; returns the medium's total in seconds.

    What counts is bounded: 60 s the first time, later the time since the last report, altogether the video twice.
    Raises `MediaNotFound` or `MediaLocked`.
    """
    with transaction.atomic():
        medium = hold_open(media_id)
        most = UNBOUNDED if medium.duration_seconds is None else MOST_OFTEN * medium.duration_seconds
        with connection.cursor() as cursor:
            cursor.execute(WATCH, {"media_id": media_id, "session": session, "seconds": seconds, "most": most})
            (counted,) = cursor.fetchone()
        written = MediaStats.objects.values_list("total_watch_time", flat=True).get(pk=media_id)
    covered = parts_watched(until=position, seconds=counted, duration=medium.duration_seconds or 0) if position is not None else range(0)
    return written + counters.count_watch_time(media_id, counted, parts=covered)


def _change(statement: str, media_id: int, session: str) -> tuple[bool, int]:
    """Whether the statement has changed anything, and the count after it; raises `MediaNotFound` or `MediaLocked`."""
    rows = read(statement, {"media_id": media_id, "session": session})
    if not rows:
        raise MediaNotFound
    is_locked, has_changed, count = rows[0]
    if is_locked:
        raise MediaLocked
    return has_changed, count

"""The only writers of votes, finishes and watch time. A row and its counter change in one transaction.

A visitor's write first holds the medium's row of hot counters, which says whether it is open, and which whoever locks or
unpublishes it moves too. So nothing is written once a lock has been committed, votes of one medium take turns, and
nobody waits for another row while holding that of a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from config.database import read
from gallery import counters
from gallery.listing import MediaLocked, MediaNotFound
from gallery.retention import parts_watched

LONGEST_FIRST_REPORT = 60  # seconds of watching that a session's first report may claim
MOST_OFTEN = 2  # times that a session can have watched a video

# Tries one change and answers with one row: whether the medium is locked, whether anything changed, the count now.
CHANGE = """
    WITH medium AS (SELECT video_id, is_locked, {counter} FROM media_stats WHERE video_id = %(media_id)s AND is_public FOR NO KEY UPDATE),
    changed AS ({change} RETURNING media_id),
    moved AS (
        UPDATE media_stats AS stats SET {counter} = stats.{counter} {step} FROM changed
        WHERE stats.video_id = changed.media_id RETURNING stats.{counter}
    )
    SELECT medium.is_locked, moved IS NOT NULL, coalesce(moved.{counter}, medium.{counter}) FROM medium LEFT JOIN moved ON TRUE
"""
GIVE_UPVOTE = CHANGE.format(
    counter="upvote_count",
    step="+ 1",
    change="""
        INSERT INTO upvotes (media_id, session_id) SELECT video_id, %(session)s FROM medium WHERE NOT is_locked
        ON CONFLICT DO NOTHING
    """,
)
# Votes of many at once, for media that are open and that nobody holds; the rest is left out. Media are held in the order of their ids,
# as every writer of several holds them.
GIVE_UPVOTES = """
    WITH medium AS (
        SELECT video_id, upvote_count FROM media_stats WHERE video_id = ANY(%(media)s::bigint[]) AND is_public AND NOT is_locked
        ORDER BY video_id FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        INSERT INTO upvotes (media_id, session_id)
        SELECT asked.* FROM unnest(%(media)s::bigint[], %(sessions)s::text[]) AS asked (media_id, session_id)
        JOIN medium ON medium.video_id = asked.media_id
        ON CONFLICT DO NOTHING RETURNING media_id
    ), given AS (SELECT media_id, count(*) AS votes FROM changed GROUP BY media_id),
    moved AS (
        UPDATE media_stats AS stats SET upvote_count = stats.upvote_count + given.votes FROM given
        WHERE stats.video_id = given.media_id RETURNING stats.video_id, stats.upvote_count, given.votes
    )
    SELECT medium.video_id, coalesce(moved.votes, 0), coalesce(moved.upvote_count, medium.upvote_count)
    FROM medium LEFT JOIN moved ON moved.video_id = medium.video_id
"""
TAKE_UPVOTE_BACK = CHANGE.format(
    counter="upvote_count",
    step="- 1",
    change="""
        DELETE FROM upvotes USING medium WHERE media_id = medium.video_id AND session_id = %(session)s AND NOT medium.is_locked
    """,
)
FINISH = CHANGE.format(
    counter="finish_count",
    step="+ 1",
    change="""
        INSERT INTO watch_sessions AS seen (media_id, session_id, finished_at)
        SELECT video_id, %(session)s, statement_timestamp() FROM medium WHERE NOT is_locked
        ON CONFLICT (media_id, session_id) DO UPDATE SET finished_at = excluded.finished_at WHERE seen.finished_at IS NULL
    """,
)

HOLD_OPEN = """
    SELECT stats.is_locked, media.duration_seconds FROM media_stats AS stats JOIN public_media AS media ON media.id = stats.video_id
    WHERE stats.video_id = %(media_id)s AND stats.is_public FOR NO KEY UPDATE OF stats
"""
# The clock is rounded to whole seconds, and what that gave or took is settled with the next report.
CLOCK = "greatest(0, round(extract(epoch FROM statement_timestamp() - seen.reported_at)))::bigint"
WATCH = f"""
    WITH counted AS (
        INSERT INTO watch_sessions AS seen (media_id, session_id, watched, reported_at)
        VALUES (%(media_id)s, %(session)s, least(%(seconds)s, {LONGEST_FIRST_REPORT}, %(most)s), statement_timestamp())
        ON CONFLICT (media_id, session_id) DO UPDATE
        SET watched = greatest(seen.watched, least(%(most)s, seen.watched + least(%(seconds)s,
                CASE WHEN seen.reported_at IS NULL THEN {LONGEST_FIRST_REPORT} ELSE {CLOCK} END))),
            reported_at = CASE WHEN seen.reported_at IS NOT NULL AND %(seconds)s >= {CLOCK}
                THEN seen.reported_at + {CLOCK} * interval '1 second' ELSE statement_timestamp() END
        RETURNING media_id, watched - coalesce((
            SELECT before.watched FROM watch_sessions AS before WHERE (media_id, session_id) = (%(media_id)s, %(session)s)
        ), 0) AS seconds
    )
    UPDATE media_stats AS stats SET total_watch_time = stats.total_watch_time + counted.seconds FROM counted
    WHERE stats.video_id = counted.media_id RETURNING counted.seconds, stats.total_watch_time
"""
UNBOUNDED = 2**62  # seconds


def give_upvote(media_id: int, *, session: str) -> int:
    """Vote for a medium, once a session; returns its votes. Raises `MediaNotFound` or `MediaLocked`."""
    is_new, count = _change(GIVE_UPVOTE, media_id, session)
    if is_new:
        counters.count_upvote(media_id, +1)
    return count


def give_upvotes(votes: Sequence[tuple[int, str]]) -> list[int | None]:
    """Vote for several media, each vote by medium and session, waiting for nobody.

    Returns the votes of each medium then, None where the vote has not been given: it is not open, or somebody holds its row.
    """
    if not votes:
        return []
    media, sessions = zip(*votes, strict=True)
    counts: dict[int, int] = {}
    for media_id, given, counts[media_id] in read(GIVE_UPVOTES, {"media": list(media), "sessions": list(sessions)}):
        if given:
            counters.count_upvote(media_id, given)
    return [counts.get(media_id) for media_id in media]


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
    with transaction.atomic():  # of two statements, for what the second sees must have been committed before it began
        (duration,) = _of_open(read(HOLD_OPEN, {"media_id": media_id}))
        most = UNBOUNDED if duration is None else MOST_OFTEN * duration
        ((counted, total),) = read(WATCH, {"media_id": media_id, "session": session, "seconds": seconds, "most": most})
    covered = parts_watched(until=position, seconds=counted, duration=duration or 0) if position is not None else range(0)
    counters.count_watch_time(media_id, counted, parts=covered)
    return int(total)


def _change(statement: str, media_id: int, session: str) -> tuple[bool, int]:
    """Whether the statement has changed anything, and the count after it; raises `MediaNotFound` or `MediaLocked`."""
    has_changed, count = _of_open(read(statement, {"media_id": media_id, "session": session}))
    return has_changed, count


def _of_open(rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
    """The only row but for its first value: whether the medium is locked. Raises `MediaNotFound` or `MediaLocked`."""
    if not rows:
        raise MediaNotFound
    is_locked, *values = rows[0]
    if is_locked:
        raise MediaLocked
    return values

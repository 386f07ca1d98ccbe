"""What the counters of a video must say: its opening balance, and what its rows and days add up to.

Whoever writes a row or a day moves its counter in the same transaction. So in one snapshot of the database, that is
in one statement, a counter differs from its balance only if it has drifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

COUNTERS = ("view_count", "unique_view_count", "upvote_count", "comment_count", "finish_count", "total_watch_time")

# Of each video that is or was public. PostgreSQL leaves out the joins whose columns nobody asks for; it does not see by
# itself that a range of ids holds for every table that is joined, so each says it.
ENTRIES = """
    SELECT stats.video_id,
           coalesce(days.views, 0)::bigint AS view_count,
           coalesce(days.unique_views, 0)::bigint AS unique_view_count,
           coalesce(votes.given, 0) AS upvote_count,
           coalesce(comments.visible, 0) AS comment_count,
           coalesce(sessions.finished, 0) AS finish_count,
           coalesce(sessions.watched, 0)::bigint AS total_watch_time
    FROM media_stats AS stats
    LEFT JOIN (
        SELECT media_id, count(*) AS given FROM upvotes WHERE media_id {within} GROUP BY media_id
    ) AS votes ON votes.media_id = stats.video_id
    LEFT JOIN (
        SELECT media_id, count(*) AS visible FROM comments WHERE status = 'visible' AND media_id {within} GROUP BY media_id
    ) AS comments ON comments.media_id = stats.video_id
    LEFT JOIN (
        SELECT media_id, count(finished_at) AS finished, sum(watched) AS watched
        FROM watch_sessions WHERE media_id {within} GROUP BY media_id
    ) AS sessions ON sessions.media_id = stats.video_id
    LEFT JOIN (
        SELECT video_id, sum(view_count) AS views, sum(unique_view_count) AS unique_views
        FROM media_days WHERE video_id {within} GROUP BY video_id
    ) AS days ON days.video_id = stats.video_id
    WHERE stats.video_id {within}
"""
BALANCE = f"""
    SELECT entries.video_id, {", ".join(f"opening.{name} + entries.{name} AS {name}" for name in COUNTERS)}
    FROM ({ENTRIES}) AS entries JOIN opening_balances AS opening ON opening.video_id = entries.video_id
    WHERE opening.video_id {{within}}
"""
UNOPENED = """
    stats.video_id {within} AND NOT EXISTS (
        SELECT FROM opening_balances AS opening WHERE opening.video_id {within} AND opening.video_id = stats.video_id
    )
"""
OPEN_BALANCES = f"""
    INSERT INTO opening_balances (video_id, {", ".join(COUNTERS)})
    SELECT kept.video_id, {", ".join(f"greatest(kept.{name} - entries.{name}, 0)" for name in COUNTERS)}
    FROM (
        SELECT stats.video_id, stats.view_count, stats.unique_view_count, stats.upvote_count, stats.finish_count, stats.total_watch_time,
               coalesce(media.comment_count, video.public_comment_count, 0) AS comment_count
        FROM media_stats AS stats
        JOIN videos AS video ON video.id = stats.video_id
        LEFT JOIN public_media AS media ON media.id = stats.video_id
        WHERE video.id {{within}} AND {UNOPENED}
    ) AS kept JOIN ({ENTRIES}) AS entries ON entries.video_id = kept.video_id
    ON CONFLICT DO NOTHING
"""
COUNT_UNOPENED = f"SELECT count(*) FROM media_stats AS stats WHERE {UNOPENED}"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Scope:
    """Some videos: a condition on their id, and the values of its placeholders."""

    within: str
    values: dict[str, Any]


def between(first: int, last: int) -> Scope:
    """The videos whose ids lie in [first, last]."""
    return Scope("BETWEEN %(first)s AND %(last)s", {"first": first, "last": last})


def among(ids: list[int]) -> Scope:
    return Scope("= ANY(%(ids)s)", {"ids": ids})


def open_balances(scope: Scope) -> int:
    """Write the opening balance of those videos that have none: what of their counters no row and no day explains.

    Returns how many were written.
    """
    return change(OPEN_BALANCES, scope)


def analyze() -> None:
    """Have PostgreSQL look anew at how the opening balances are spread."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE opening_balances")


def unopened(scope: Scope) -> int:
    """How many of the videos have no opening balance yet."""
    return int(select(COUNT_UNOPENED, scope)[0][0])


def select(statement: str, scope: Scope) -> list[Row]:
    """The rows of a query about some videos, which it names as `{within}`."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(within=scope.within), scope.values)
        return list(cursor.fetchall())


def change(statement: str, scope: Scope) -> int:
    """Run a statement that changes some videos, which it names as `{within}`; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(within=scope.within), scope.values)
        return int(cursor.rowcount)

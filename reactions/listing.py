"""Reactions as everybody may see them: the newest first, and over the length of one video.

A reaction is seen while its medium is: locked and unpublished media are left out by the same query that finds the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.database import by_id, read
from gallery.cursors import read_cursor, write_cursor
from gallery.listing import open_medium
from reactions.models import ReactionType

MOST_BUCKETS = 200

PAGE = """
    SELECT reaction.id, reaction.media_id, reaction.user_id, reaction.reaction_type, reaction.video_timestamp, reaction.created_at
    FROM video_reactions AS reaction JOIN public_media AS media ON media.id = reaction.media_id
    WHERE NOT media.is_locked {conditions}
    ORDER BY reaction.created_at DESC, reaction.id DESC LIMIT {rows} OFFSET %s
"""
NEWEST_OF_MEDIA = """
    SELECT media.id, reaction.id, media.id, reaction.user_id, reaction.reaction_type, reaction.video_timestamp, reaction.created_at
    FROM public_media AS media CROSS JOIN LATERAL (
        SELECT * FROM video_reactions WHERE media_id = media.id ORDER BY created_at DESC, id DESC LIMIT {rows}
    ) AS reaction
    WHERE media.id = ANY(%s) AND NOT media.is_locked ORDER BY reaction.created_at DESC, reaction.id DESC
"""
TIMELINE = """
    SELECT least(video_timestamp, %s) / %s AS bucket, reaction_type, count(*)
    FROM video_reactions WHERE media_id = %s GROUP BY bucket, reaction_type
"""
TOTALS = "SELECT reaction_type, count(*) FROM video_reactions WHERE media_id = %s GROUP BY reaction_type"
LAST_MOMENT = "SELECT max(video_timestamp) FROM video_reactions WHERE media_id = %s"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class ReactionQuery:
    """Which reactions are asked for; a cursor takes the place of the offset."""

    media_id: int | None = None
    user_id: int | None = None
    limit: int = 50
    offset: int = 0
    cursor: str | None = None

    @property
    def newest_of(self) -> int | None:
        """The medium, where just its newest reactions are asked for."""
        return self.media_id if self.user_id is None and self.cursor is None and not self.offset else None

    @property
    def scope(self) -> str:
        """The list that a cursor belongs to."""
        return f"reactions of {self.media_id} by {self.user_id}"


@dataclass(frozen=True)
class ReactionPage:
    """Rows of id, medium, user, type, second and time."""

    rows: list[Row]
    next_cursor: str | None


@dataclass(frozen=True)
class Timeline:
    """How many reactions of each type every `bucket_seconds` of a video brought, from its start to its end."""

    bucket_seconds: int
    buckets: list[dict[ReactionType, int]]


def reactions_page(query: ReactionQuery) -> ReactionPage:
    """One page of the reactions to media that are open to the public; raises `gallery.cursors.InvalidCursor`."""
    rows = _rows(query) if query.newest_of is None else _newest_of_media(query.limit + 1)(query.newest_of)
    has_more, rows = len(rows) > query.limit, rows[: query.limit]
    id, *_, created_at = rows[-1] if has_more else (None, None)
    return ReactionPage(rows, write_cursor([created_at, id], scope=query.scope) if has_more else None)


@cache
def _newest_of_media(rows: int) -> Callable[[int], list[Row]]:
    """What reads so many of the newest reactions to a medium."""
    return by_id(NEWEST_OF_MEDIA.format(rows=rows))


def _rows(query: ReactionQuery) -> list[Row]:
    conditions, values = _conditions(query)
    return read(PAGE.format(conditions=conditions, rows=query.limit + 1), [*values, 0 if query.cursor is not None else query.offset])


def timeline(media_id: int) -> Timeline:
    """The reactions to a medium over its length; raises `MediaNotFound` or `MediaLocked`."""
    last = _last_second(media_id)
    bucket_seconds = -(-(last + 1) // MOST_BUCKETS)
    buckets = [dict.fromkeys(ReactionType, 0) for _ in range(last // bucket_seconds + 1)]
    for bucket, reaction_type, count in read(TIMELINE, [last, bucket_seconds, media_id]):
        buckets[bucket][ReactionType(reaction_type)] = count
    return Timeline(bucket_seconds, buckets)


def reaction_totals(media_id: int) -> dict[ReactionType, int]:
    """How many reactions of each type a medium has, whether it is open or not."""
    return dict.fromkeys(ReactionType, 0) | {ReactionType(kind): count for kind, count in read(TOTALS, [media_id])}


def _conditions(query: ReactionQuery) -> tuple[str, list[Any]]:
    """What narrows the list, as SQL with the values of its placeholders."""
    given = {"reaction.media_id = %s": query.media_id, "reaction.user_id = %s": query.user_id}
    conditions = {condition: [value] for condition, value in given.items() if value is not None}
    if query.cursor is not None:
        conditions["(reaction.created_at, reaction.id) < (%s, %s)"] = read_cursor(query.cursor, scope=query.scope)
    return "".join(f" AND {condition}" for condition in conditions), [value for values in conditions.values() for value in values]


def _last_second(media_id: int) -> int:
    """The last second of an open medium; where nobody knows its length, the last that somebody reacted to."""
    (duration,) = open_medium(media_id, "duration_seconds")
    return duration if duration is not None else read(LAST_MOMENT, [media_id])[0][0] or 0

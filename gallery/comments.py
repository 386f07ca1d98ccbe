"""Comments below a medium: who takes part, what a comment may say, and the pages that visitors read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from config.database import read
from gallery.counters import visitor
from gallery.cursors import read_cursor, write_cursor
from gallery.listing import open_medium
from gallery.models import Comment

LONGEST_COMMENT = 2_000  # characters
LONGEST_NAME = 80  # characters
LATEST_MOMENT = 2**31 - 1  # seconds; what the column holds, for a video of unknown duration
PLACES = 300  # along a medium; what is said at moments of it is told for each
EXCERPT = 140  # characters
LONG = 24 * 3600  # seconds, where nobody knows the duration
REMARKS = f"""
    SELECT said.video_timestamp, left(said.content, {EXCERPT}), places.count
    FROM (
        SELECT max(id) AS newest, count(*) FROM comments
        WHERE media_id = %(media)s AND status = 'visible' AND video_timestamp IS NOT NULL GROUP BY video_timestamp / %(seconds)s::int
    ) AS places JOIN comments AS said ON said.id = places.newest
    ORDER BY said.video_timestamp LIMIT {PLACES}
"""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAKS = re.compile(r"[\n\r\u2028\u2029]")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f")  # letters and marks by category that draw nothing


class CommentNotFound(LookupError):
    """There is no such comment, or not for the one who asks."""


@dataclass(frozen=True)
class Commenter:
    """Who writes or reads comments: a signed-in user or a visitor's session (as its keyed hash).

    A reader may be both: what somebody wrote before signing in stays their session's.
    """

    user_id: int | None = None
    session: str | None = None
    is_moderator: bool = False

    @property
    def own(self) -> Q:
        """The comments of either."""
        by_user = Q(user_id=self.user_id) if self.user_id else Q(pk__in=())
        return by_user | Q(session_id=self.session) if self.session else by_user

    @property
    def key(self) -> str:
        """What a comment keeps of its author: the session, or a keyed hash of the user, which outlives the account."""
        return self.session or visitor(f"user {self.user_id}")

    def wrote(self, comment: Comment) -> bool:
        if self.user_id and comment.user_id == self.user_id:
            return True
        return self.session is not None and comment.session_id == self.session


@dataclass(frozen=True)
class CommentPage:
    """A page of a medium's comments, the newest first; `total` counts all that its reader may see."""

    comments: list[Comment]
    total: int
    has_more: bool
    next_cursor: str | None


def has_controls(text: str) -> bool:
    """Whether the text holds what no keyboard types: control characters but tab and line breaks, or half a surrogate pair."""
    return _CONTROLS.search(text) is not None


def is_one_line(text: str) -> bool:
    return _LINE_BREAKS.search(text) is None


def is_blank(text: str) -> bool:
    """Whether nobody would see anything: spaces, zero-width and other invisible characters alone."""
    return all(unicodedata.category(character)[0] in "ZC" or character in _BLANK_LETTERS for character in text)


def comment_page(media_id: int, *, reader: Commenter, limit: int, offset: int = 0, cursor: str | None = None) -> CommentPage:
    """What `reader` may see: visible comments, and of the held ones their own, a moderator all.

    Raises `MediaNotFound`, `MediaLocked` or `InvalidCursor`.
    """
    (visible_count,) = open_medium(media_id, "comment_count")
    of_medium = Comment.objects.filter(media=media_id)
    waiting = of_medium.held() if reader.is_moderator else of_medium.held().filter(reader.own)
    waiting_count = waiting.count()  # costs nothing for a reader who has written nothing: without an identity no row can be theirs
    total, scope = visible_count + waiting_count, f"comments of {media_id}"
    lists = [of_medium.visible(), waiting] if waiting_count else [of_medium.visible()]
    if cursor is not None:
        beyond = _before(read_cursor(cursor, scope=scope))
        ids = _newest([each.filter(beyond) for each in lists], limit=limit + 1)
    else:
        ids = _newest(lists, limit=limit + 1, offset=offset) if offset <= total else []
    found = Comment.objects.in_bulk(ids[:limit])
    comments = [found[pk] for pk in ids[:limit] if pk in found]
    has_more = len(ids) > limit
    next_cursor = write_cursor([comments[-1].created_at, comments[-1].pk], scope=scope) if has_more and comments else None
    return CommentPage(comments, total, has_more, next_cursor)


def remarks(media_id: int) -> list[dict[str, Any]]:
    """What was said at moments of a medium, place by place along it: the newest of each, and how many are there.

    Places are equally long, whole seconds, and at most `PLACES`. Raises `MediaNotFound` or `MediaLocked`.
    """
    (duration,) = open_medium(media_id, "duration_seconds")
    rows = read(REMARKS, {"media": media_id, "seconds": (duration or LONG) // PLACES + 1})
    return [dict(zip(("video_timestamp", "excerpt", "count"), row, strict=True)) for row in rows]


def _before(key: list[object]) -> Q:
    """What comes after the comment of this time and id in a list with the newest first."""
    created_at, pk = key
    return Q(created_at__lte=created_at) & (Q(created_at__lt=created_at) | Q(pk__lt=pk))


def _newest(lists: Sequence[QuerySet[Comment]], *, limit: int, offset: int = 0) -> list[int]:
    """The ids in the lists together; each is read in the order of its own index, no further than needed."""
    order = ("-created_at", "-pk")
    first, *others = [each.order_by(*order).values_list("created_at", "pk")[: offset + limit] for each in lists]
    merged = first.union(*others, all=True).order_by("-created_at", "-id") if others else first
    return [pk for _, pk in merged[offset : offset + limit]]

"""What the public sees: pages of the gallery in three orders, one medium, its relatives, and the categories.

At a million rows every page walks an index that is in the page's own order. A page's ids are found first, in
the index alone, and only its own rows are read from the table; so an offset costs one index entry for each row
passed over, and a cursor costs nothing, however deep. Totals are read from `media_totals`, never counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.db import connection
from django.db.models import Sum

from gallery.cursors import InvalidCursor, read_cursor, write_cursor
from gallery.models import MediaTotal, PublicMedia
from media_library.models import Orientation
from media_library.search import has_trigram

__all__ = [
    "MOST_HITS",
    "ORIENTATIONS",
    "SORTS",
    "InvalidCursor",
    "MediaLocked",
    "MediaNotFound",
    "PublicPage",
    "PublicQuery",
    "categories",
    "detail",
    "public_detail",
    "public_page",
    "related",
]

MOST_HITS = 1000  # a search with more is not counted to the end
ORIENTATIONS = tuple(Orientation.values)
Sort = Literal["recent", "popular", "most_viewed"]


class MediaNotFound(LookupError):
    """No such medium is in the gallery."""


class MediaLocked(Exception):
    """The medium is in the gallery but closed to the public."""


@dataclass(frozen=True)
class PublicQuery:
    """What a visitor asks of the gallery; a cursor takes the place of the offset."""

    category: str | None = None
    search: str | None = None
    sort: Sort = "recent"
    orientation: str | None = None
    limit: int = 24
    offset: int = 0
    cursor: str | None = None

    @property
    def scope(self) -> str:
        """The list that a cursor belongs to."""
        return repr((self.category, self.search, self.sort, self.orientation))


@dataclass(frozen=True)
class PublicPage:
    """A page of the gallery; `total` counts all rows of the list, a search's up to `MOST_HITS`."""

    rows: list[dict[str, Any]]
    total: int
    total_is_capped: bool
    has_more: bool
    next_cursor: str | None
    limit: int
    offset: int


@dataclass(frozen=True)
class Order:
    """An order of the gallery: newest first, above all by a rank where there is one. Its index holds just these rows."""

    table: str
    is_open: str
    key: tuple[str, ...]  # what rows are sorted by, all descending; the id last
    names: tuple[str, ...]  # the same as columns of a row

    @property
    def id(self) -> str:
        return f"{self.table}.{self.key[-1]}"

    @property
    def columns(self) -> list[str]:
        return [f"{self.table}.{column}" for column in self.key]

    @property
    def clause(self) -> str:
        return "ORDER BY " + ", ".join(f"{column} DESC" for column in self.columns)


MEDIA_ARE_OPEN = "NOT media.is_locked"
STATS_ARE_OPEN = "stats.is_public AND NOT stats.is_locked"
ORDERS: dict[Sort, Order] = {
    "recent": Order("media", MEDIA_ARE_OPEN, ("created_at", "id"), ("created_at", "id")),
    "popular": Order("media", MEDIA_ARE_OPEN, ("upvote_count", "created_at", "id"), ("upvote_count", "created_at", "id")),
    "most_viewed": Order("stats", STATS_ARE_OPEN, ("view_count", "created_at", "video_id"), ("view_count", "created_at", "id")),
}
SORTS: tuple[Sort, ...] = get_args(Sort)
TABLES = {"media": "public_media AS media", "stats": "media_stats AS stats"}
BOTH_TABLES = "public_media AS media LEFT JOIN media_stats AS stats ON stats.video_id = media.id"

CARD = """
    media.id, media.filename, media.title, media.category, media.duration_seconds, media.quality, media.orientation, media.width,
    media.height, media.thumbnail_path, coalesce(stats.view_count, 0) AS view_count, media.upvote_count, media.comment_count,
    media.is_locked, media.created_at
"""
DETAIL = f"""
    {CARD}, media.path, media.file_size, coalesce(stats.unique_view_count, 0) AS unique_view_count,
    coalesce(stats.finish_count, 0) AS finish_count,
    coalesce(stats.total_watch_time, 0) AS total_watch_time, media.updated_at, media.locked_at, media.locked_reason
"""

Condition = tuple[str, Sequence[Any]]  # with the values of its placeholders
Conditions = list[Condition]


def public_page(query: PublicQuery) -> PublicPage:
    """One page of the gallery; raises `InvalidCursor`."""
    order = ORDERS[query.sort]
    conditions, total, is_capped = _searched(query, query.search, order) if query.search else _counted(query, order)
    if query.cursor is not None:
        conditions.append(_after(query.cursor, query, order))
    elif query.offset >= total and not is_capped:
        return PublicPage([], total, is_capped, has_more=False, next_cursor=None, limit=query.limit, offset=query.offset)
    offset = 0 if query.cursor is not None else query.offset
    rows = _cards(order, conditions, limit=query.limit + 1, offset=offset)
    has_more, rows = len(rows) > query.limit, rows[: query.limit]
    next_cursor = write_cursor([rows[-1][name] for name in order.names], scope=query.scope) if has_more else None
    return PublicPage(rows, total, is_capped, has_more, next_cursor, limit=query.limit, offset=query.offset)


def public_detail(media_id: int) -> dict[str, Any]:
    """All that visitors may know of one medium; raises `MediaNotFound` or `MediaLocked`."""
    medium = detail(media_id)
    if medium["is_locked"]:
        raise MediaLocked
    del medium["locked_at"], medium["locked_reason"]
    return medium


def detail(media_id: int) -> dict[str, Any]:
    """A public medium as admins see it, locked or not; raises `MediaNotFound`."""
    rows = _select(f"SELECT {DETAIL} FROM {BOTH_TABLES} WHERE media.id = %s", [media_id])
    if not rows:
        raise MediaNotFound
    return rows[0]


def related(media_id: int, limit: int) -> list[dict[str, Any]]:
    """What to watch next: what comes after it in its category, then the category's newest, then the gallery's.

    Raises `MediaNotFound` or `MediaLocked`.
    """
    medium = public_detail(media_id)
    recent = ORDERS["recent"]
    same_category: Condition = ("media.category = %s", [medium["category"]])
    found: dict[int, dict[str, Any]] = {}
    older: Condition = (_before(recent), [medium["created_at"], medium["id"]])
    for conditions in ([same_category, older], [same_category], []):
        if len(found) < limit:
            others = _cards(recent, [*conditions, ("media.id <> ALL(%s)", [[media_id, *found]])], limit=limit - len(found))
            found |= {row["id"]: row for row in others}
    return list(found.values())


def categories() -> list[dict[str, Any]]:
    """Every category with how many media visitors find in it, in alphabetical order."""
    totals = MediaTotal.objects.values("category").annotate(total=Sum("count")).filter(total__gt=0).order_by("category")
    return [{"category": row["category"], "count": row["total"]} for row in totals]


def _counted(query: PublicQuery, order: Order) -> tuple[Conditions, int, bool]:
    where, values = _where("TRUE", _filters(query, "totals"))
    rows = _select(f"SELECT coalesce(sum(count), 0)::bigint AS total FROM media_totals AS totals {where}", values)
    return _filters(query, order.table), rows[0]["total"], False


def _searched(query: PublicQuery, search: str, order: Order) -> tuple[Conditions, int, bool]:
    """A search with few hits is counted, and sorted among just those; of more, the order's index meets enough soon."""
    hits = _hits(query, search)
    if len(hits) <= MOST_HITS:
        return [(f"{order.id} = ANY(%s)", [hits])], len(hits), False
    contains, values = _contains(search)
    if order.table == "stats":
        contains = f"EXISTS (SELECT FROM public_media AS media WHERE media.id = stats.video_id AND {contains})"
    return [*_filters(query, order.table), (contains, values)], MOST_HITS, True


def _hits(query: PublicQuery, search: str) -> list[int]:
    """The ids of media that the search finds, in no order, one more than `MOST_HITS` at most."""
    media = PublicMedia.objects.open_to_the_public()
    if query.category is not None:
        media = media.filter(category=query.category)
    if query.orientation is not None:
        media = media.filter(orientation=query.orientation)
    return media.hits(search, most=MOST_HITS)


def _contains(search: str) -> Condition:
    """The search finds this medium. Without a trigram it is said so that the planner does not try that index, all of it."""
    if has_trigram(search):
        return "media.search_text LIKE upper(%s)", ["%" + re.sub(r"([%_\\])", r"\\\1", search) + "%"]
    return "strpos(media.search_text, upper(%s)) > 0", [search]


def _filters(query: PublicQuery, table: str) -> Conditions:
    given = {"category": query.category, "orientation": query.orientation}
    return [(f"{table}.{column} = %s", [value]) for column, value in given.items() if value is not None]


def _after(cursor: str, query: PublicQuery, order: Order) -> Condition:
    return _before(order), read_cursor(cursor, scope=query.scope)


def _before(order: Order) -> str:
    return f"({', '.join(order.columns)}) < ({', '.join(['%s'] * len(order.key))})"


def _cards(order: Order, conditions: Conditions, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    where, values = _where(order.is_open, conditions)
    return _select(
        f"""
        SELECT {CARD} FROM {BOTH_TABLES} JOIN (
            SELECT {order.id} AS id FROM {TABLES[order.table]} {where} {order.clause} LIMIT %s OFFSET %s
        ) AS page ON page.id = media.id {order.clause}
        """,
        [*values, limit, offset],
    )


def _where(is_open: str, conditions: Conditions) -> tuple[str, list[Any]]:
    return "WHERE " + " AND ".join([is_open, *(condition for condition, _ in conditions)]), [
        value for _, values in conditions for value in values
    ]


def _select(statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

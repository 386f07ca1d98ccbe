"""What the public sees: pages of the gallery in three orders, one medium, its relatives, and the categories.

At a million rows every page walks an index that is in the page's own order, from the key that the page starts with: a
cursor says that key, and an offset is turned into it, in the index alone. Totals are read from `media_totals`, never
counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

from django.db.models import Sum

from config.database import by_id, read, read_planned
from gallery.cursors import InvalidCursor, read_cursor, write_cursor
from gallery.milestones import STRIDE, Key, Milestones
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
    "open_medium",
    "public_detail",
    "public_page",
    "related",
]

MOST_HITS = 1000  # a search with more is not counted to the end, and read on by cursor alone: an offset passes rows, seconds of them
DEEP = 10 * STRIDE  # rows; from this offset on a page starts from a milestone
ORIENTATIONS = tuple(Orientation.values)
Sort = Literal["recent", "popular", "most_viewed"]

milestones = Milestones()


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
    "popular": Order("stats", STATS_ARE_OPEN, ("upvote_count", "created_at", "video_id"), ("upvote_count", "created_at", "id")),
    "most_viewed": Order("stats", STATS_ARE_OPEN, ("view_count", "created_at", "video_id"), ("view_count", "created_at", "id")),
}
SORTS: tuple[Sort, ...] = get_args(Sort)
TABLES = {"media": "public_media AS media", "stats": "media_stats AS stats"}
BOTH_TABLES = "public_media AS media LEFT JOIN media_stats AS stats ON stats.video_id = media.id"

CARD = {
    "id": "media.id",
    "filename": "media.filename",
    "title": "media.title",
    "category": "media.category",
    "duration_seconds": "media.duration_seconds",
    "quality": "media.quality",
    "orientation": "media.orientation",
    "width": "media.width",
    "height": "media.height",
    "thumbnail_path": "media.thumbnail_path",
    "view_count": "coalesce(stats.view_count, 0)",
    "upvote_count": "coalesce(stats.upvote_count, 0)",
    "comment_count": "media.comment_count",
    "is_locked": "media.is_locked",
    "created_at": "media.created_at",
}
DETAIL = CARD | {
    "path": "media.path",
    "file_size": "media.file_size",
    "unique_view_count": "coalesce(stats.unique_view_count, 0)",
    "finish_count": "coalesce(stats.finish_count, 0)",
    "total_watch_time": "coalesce(stats.total_watch_time, 0)",
    "updated_at": "media.updated_at",
    "locked_at": "media.locked_at",
    "locked_reason": "media.locked_reason",
}
details_of = by_id(f"SELECT media.id, {', '.join(DETAIL.values())} FROM {BOTH_TABLES} WHERE media.id = ANY(%s)")

Condition = tuple[str, Sequence[Any]]  # with the values of its placeholders
Conditions = Sequence[Condition]
NOTHING: Condition = ("FALSE", ())


@dataclass(frozen=True)
class Selection:
    """The media of a list in their order, with an expression for how many they are.

    A sparse one leaves out most of the rows that it passes in its index.
    """

    order: Order
    conditions: Conditions
    total: Condition = ("NULL", ())
    is_capped: bool = False
    is_sparse: bool = False
    is_planned_once: bool = True  # a plan for any values is good enough for these

    def only(self, *conditions: Condition) -> Selection:
        return replace(self, conditions=[*self.conditions, *conditions])

    @property
    def where(self) -> Condition:
        return _where([(self.order.is_open, ()), *self.conditions])


def public_page(query: PublicQuery) -> PublicPage:
    """One page of the gallery; raises `InvalidCursor`."""
    chosen = selection(query)
    start, offset = _start(query, chosen)
    total, rows = _cards(chosen.only(*start), limit=query.limit + 1, offset=offset)
    has_more, rows = len(rows) > query.limit, rows[: query.limit]
    next_cursor = write_cursor([rows[-1][name] for name in chosen.order.names], scope=query.scope) if has_more else None
    return PublicPage(
        rows,
        total=_total(chosen) if total is None else total,
        total_is_capped=chosen.is_capped,
        has_more=has_more,
        next_cursor=next_cursor,
        limit=query.limit,
        offset=query.offset,
    )


def public_detail(media_id: int) -> dict[str, Any]:
    """All that visitors may know of one medium; raises `MediaNotFound` or `MediaLocked`."""
    medium = detail(media_id)
    if medium["is_locked"]:
        raise MediaLocked
    del medium["locked_at"], medium["locked_reason"]
    return medium


def open_medium(media_id: int, *columns: str) -> tuple[Any, ...]:
    """Columns of a medium that visitors may see; raises `MediaNotFound` or `MediaLocked`."""
    row = PublicMedia.objects.filter(pk=media_id).values_list("is_locked", *columns).first()
    if row is None:
        raise MediaNotFound
    is_locked, *values = row
    if is_locked:
        raise MediaLocked
    return tuple(values)


def detail(media_id: int) -> dict[str, Any]:
    """A public medium as admins see it, locked or not; raises `MediaNotFound`."""
    rows = details_of(media_id)
    if not rows:
        raise MediaNotFound
    return dict(zip(DETAIL, rows[0], strict=True))


def related(medium: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """What to watch after this one: what comes after it in its category, then the category's newest, then the gallery's."""
    recent = Selection(ORDERS["recent"], [])
    same_category = recent.only(("media.category = %s", [medium["category"]]))
    older = same_category.only(_after(recent.order, (medium["created_at"], medium["id"])))
    found: dict[int, dict[str, Any]] = {}
    for others in (older, same_category, recent):
        if len(found) < limit:
            _, rows = _cards(others.only(("media.id <> ALL(%s)", [[medium["id"], *found]])), limit=limit - len(found))
            found |= {row["id"]: row for row in rows}
    return list(found.values())


def categories() -> list[dict[str, Any]]:
    """Every category with how many media visitors find in it, in alphabetical order."""
    totals = MediaTotal.objects.values("category").annotate(total=Sum("count")).filter(total__gt=0).order_by("category")
    return [{"category": row["category"], "count": row["total"]} for row in totals]


def selection(query: PublicQuery) -> Selection:
    """The list that a page is part of."""
    return _searched(query, query.search) if query.search else _filtered(query)


def _filtered(query: PublicQuery) -> Selection:
    order = ORDERS[query.sort]
    where, values = _where(_filters(query, "totals"))
    total = f"(SELECT coalesce(sum(totals.count), 0)::bigint FROM media_totals AS totals {where})", values
    return Selection(order, _filters(query, order.table), total, is_sparse=query.orientation is not None)


def _searched(query: PublicQuery, search: str) -> Selection:
    """A search with few hits is counted, and sorted among just those; of more, the order's index meets enough soon."""
    order, hits = ORDERS[query.sort], _hits(query, search)
    how_many: Condition = ("%s::bigint", [min(len(hits), MOST_HITS)])
    found = Selection(order, [(f"{order.id} = ANY(%s)", [hits])], how_many, is_sparse=True, is_planned_once=False)
    if len(hits) <= MOST_HITS:
        return found
    contains, values = _contains(search)
    if order.table == "stats":
        contains = f"EXISTS (SELECT FROM public_media AS media WHERE media.id = stats.video_id AND {contains})"
    return replace(found, conditions=[*_filters(query, order.table), (contains, values)], is_capped=True)


def _hits(query: PublicQuery, search: str) -> list[int]:
    """The ids of media that the search finds, in no order, one more than `MOST_HITS` at most."""
    conditions = [(MEDIA_ARE_OPEN, ()), *_filters(query, "media"), _contains(search)]
    if not has_trigram(search):
        conditions.append(("gallery_short_grams(media.search_text) @> gallery_pairs(upper(%s))", [search]))
    where, values = _where(conditions)
    return [row[0] for row in read_planned(f"SELECT media.id FROM {TABLES['media']} {where} LIMIT {MOST_HITS + 1}", values)]


def _contains(search: str) -> Condition:
    """The search finds this medium. Without a trigram it is said so that the planner does not try that index, all of it."""
    if has_trigram(search):
        return "media.search_text LIKE upper(%s)", ["%" + re.sub(r"([%_\\])", r"\\\1", search) + "%"]
    return "strpos(media.search_text, upper(%s)) > 0", [search]


def _filters(query: PublicQuery, table: str) -> Conditions:
    given = {"category": query.category, "orientation": query.orientation}
    return [(f"{table}.{column} = %s", [value]) for column, value in given.items() if value is not None]


def _start(query: PublicQuery, chosen: Selection) -> tuple[Conditions, int]:
    """What is true of the rows to count from, and how many of these come before the page."""
    if query.cursor is not None:
        return [_after(chosen.order, read_cursor(query.cursor, scope=query.scope))], 0
    if chosen.is_capped and query.offset >= MOST_HITS:
        return [NOTHING], 0
    if query.offset < DEEP:
        return [], query.offset
    milestone, left = milestones.before(query.offset, scope=query.scope, walk=partial(_walk, chosen))
    return _from(chosen.order, milestone), left


def _walk(chosen: Selection, start: Key | None, most: int) -> Sequence[Key]:
    """The keys of every `STRIDE`-th row after the start, at most so many: a `Walk` of `Milestones`."""
    order, columns = chosen.order, ", ".join(chosen.order.columns)
    where, values = chosen.where
    first, first_values = chosen.only(*_from(order, start)).where
    hop = f"{order.clause} OFFSET {STRIDE} LIMIT 1"
    return read_planned(
        f"""
        WITH RECURSIVE hops (number, {", ".join(order.key)}) AS (
            (SELECT 1, {columns} FROM {TABLES[order.table]} {first} {hop})
            UNION ALL
            SELECT number + 1, next.* FROM hops CROSS JOIN LATERAL (
                SELECT {columns} FROM {TABLES[order.table]} {where}
                AND ({columns}) <= ({", ".join(f"hops.{column}" for column in order.key)}) {hop}
            ) AS next WHERE number < %s
        ) SELECT {", ".join(order.key)} FROM hops ORDER BY number
        """,
        [*first_values, *values, most],
    )


def _from(order: Order, key: Key | None) -> Conditions:
    return [(f"({', '.join(order.columns)}) <= ({_placeholders(key)})", key)] if key else []


def _after(order: Order, key: Key) -> Condition:
    return f"({', '.join(order.columns)}) < ({_placeholders(key)})", key


def _placeholders(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _cards(chosen: Selection, *, limit: int, offset: int = 0) -> tuple[int | None, list[dict[str, Any]]]:
    """So many rows behind the offset, and the total where there is a row."""
    statement, values = page_statement(chosen, limit=limit, offset=offset)
    rows = (read if chosen.is_planned_once else read_planned)(statement, values)
    return (rows[0][0] if rows else None), [dict(zip(CARD, row[1:], strict=True)) for row in rows]


def page_statement(chosen: Selection, *, limit: int, offset: int = 0) -> Condition:
    """What reads the total and some rows of a list; where it passes over others, it does so in the index alone."""
    order, (total, total_values), (where, values) = chosen.order, chosen.total, chosen.where
    what = f"SELECT {total}, {', '.join(CARD.values())} FROM {BOTH_TABLES}"
    end = f"{order.clause} LIMIT {limit}"  # in the text, for the plan depends on it
    if not chosen.is_sparse and not offset:
        return f"{what} {where} {end}", [*total_values, *values]
    page = f"SELECT {order.id} AS id FROM {TABLES[order.table]} {where} {end} OFFSET %s"
    return f"{what} JOIN ({page}) AS page ON page.id = media.id {order.clause}", [*total_values, *values, offset]


def _total(chosen: Selection) -> int:
    total, values = chosen.total
    return int(read(f"SELECT {total}", values)[0][0])


def _where(conditions: Conditions) -> Condition:
    if not conditions:
        return "", []
    return "WHERE " + " AND ".join(condition for condition, _ in conditions), [value for _, values in conditions for value in values]

"""Pages of the library, in four orders, fast at any depth.

A page's ids are found first, where they can be in an index alone; then only its own rows are read. A cursor names
the last row of a page, and the next one starts after that row's place in the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, Sum
from django.db.models.expressions import Combinable
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from config.api.paging import Paging
from gallery.cursors import read_cursor, write_cursor
from media_library.models import Video, VideoTotal
from media_library.querysets import SORT_DURATION, SORT_SIZE, SORT_TITLE, VideoQuerySet

MOST_HITS = 1000  # a search with more is not counted to the end
TOTALLED = {"directoryType": "directory_type", "orientation": "orientation", "quality": "quality", "isValid": "is_valid"}


@dataclass(frozen=True)
class Order:
    """What videos are sorted by, the id in the same direction after it."""

    key: Combinable
    is_descending: bool


ORDERS = {
    "recent": Order(F("created_at"), is_descending=True),
    "title": Order(SORT_TITLE, is_descending=False),
    "duration": Order(SORT_DURATION, is_descending=True),
    "size": Order(SORT_SIZE, is_descending=True),
}


@dataclass(frozen=True)
class Page:
    """The ids of a page in their order, and how many videos the whole list has."""

    ids: list[int]
    total: int
    total_is_capped: bool
    next_cursor: str | None


def page_of(filters: dict[str, Any], paging: Paging, *, sort: str) -> Page:
    """One page of the videos that match; raises `gallery.cursors.InvalidCursor`."""
    videos, scope = _filtered(filters), repr((sort, sorted(filters.items())))
    if search := filters.get("search"):
        videos, total, is_capped = _searched(videos, search)
    else:
        total, is_capped = _total(videos, filters), False
    if paging.cursor is None and paging.offset >= total and not is_capped:
        return Page([], total, is_capped, next_cursor=None)
    ids = _ids(videos, ORDERS[sort], paging, scope=scope)
    has_more, ids = len(ids) > paging.limit, ids[: paging.limit]
    return Page(ids, total, is_capped, write_cursor([ids[-1]], scope=scope) if has_more else None)


def _filtered(filters: dict[str, Any]) -> VideoQuerySet:
    videos = Video.objects.filter(**{column: filters[name] for name, column in TOTALLED.items() if name in filters})
    if "producer" in filters:
        videos = videos.filter(producer=filters["producer"])
    if "tag" in filters:
        videos = videos.tagged(filters["tag"])
    if "published" in filters:
        videos = videos.filter(public__isnull=not filters["published"])
    return videos


def _searched(videos: VideoQuerySet, text: str) -> tuple[VideoQuerySet, int, bool]:
    """The hits, how many, and whether that is capped."""
    hits = videos.hits(text, most=MOST_HITS)
    if len(hits) <= MOST_HITS:
        return videos.filter(pk__in=hits), len(hits), False
    return videos.matching(text), MOST_HITS, True


def _total(videos: VideoQuerySet, filters: dict[str, Any]) -> int:
    if set(filters) - set(TOTALLED):
        return videos.count()
    kept = VideoTotal.objects.filter(**{TOTALLED[name]: value for name, value in filters.items()})
    return kept.aggregate(sum=Sum("count"))["sum"] or 0


def _ids(videos: VideoQuerySet, order: Order, paging: Paging, *, scope: str) -> list[int]:
    """The ids of the page and of one row more, if there is one."""
    ranked = videos.alias(rank=order.key)
    start = paging.offset
    if paging.cursor is not None:
        (last,) = read_cursor(paging.cursor, scope=scope)
        after = TupleLessThan if order.is_descending else TupleGreaterThan
        place = Video.objects.filter(pk=last).values_list(order.key, "pk").get()
        ranked, start = ranked.filter(after(Tuple(F("rank"), F("pk")), place)), 0
    ordering = ("-rank", "-pk") if order.is_descending else ("rank", "pk")
    return list(ranked.order_by(*ordering).values_list("pk", flat=True)[start : start + paging.limit + 1])

"""Pages of jobs and pipelines, the newest first: fast at any depth and at any length of the history.

A page's ids are found in an index, then only its own rows are read, and only for these are places and reasons
worked out. Nobody keeps totals: a claim would have to wait for the row that holds them. They are counted in an
index, to `COUNT_LIMIT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from config.api.paging import Paging
from gallery.cursors import read_cursor, write_cursor
from jobs import queue
from jobs.models import Job, Pipeline

COUNT_LIMIT = 100_000  # rows; a longer list says that its total is capped
NEWEST = (F("created_at").desc(), F("id").desc())
COLUMNS = {"type": "type", "resourceCategory": "resource_category", "videoId": "video", "pipelineId": "pipeline"}


@dataclass(frozen=True)
class Page:
    """The ids of a page in their order, and the figures that go with it."""

    ids: list[int]
    pagination: dict[str, Any]


def page_of_jobs(filters: dict[str, Any], paging: Paging) -> Page:
    """The jobs that match; raises `gallery.cursors.InvalidCursor`."""
    jobs: QuerySet[Job] = Job.objects.filter(**{column: filters[name] for name, column in COLUMNS.items() if name in filters})
    if "status" in filters:
        jobs = queue.shown_as(jobs, filters["status"])
    return _page(jobs, paging, scope=repr(("jobs", sorted(filters.items()))))


def page_of_pipelines(filters: dict[str, Any], paging: Paging) -> Page:
    """The pipelines that match; raises `gallery.cursors.InvalidCursor`."""
    return _page(Pipeline.objects.filter(**filters), paging, scope=repr(("pipelines", sorted(filters.items()))))


def _page(rows: QuerySet[Any], paging: Paging, *, scope: str) -> Page:
    total = rows.order_by().values("pk")[: COUNT_LIMIT + 1].count()
    places, start = rows.order_by(*NEWEST).values_list("created_at", "pk"), paging.offset
    if paging.cursor is not None:
        places, start = places.filter(TupleLessThan(Tuple(F("created_at"), F("pk")), read_cursor(paging.cursor, scope=scope))), 0
    found = list(places[start : start + paging.limit + 1]) if start < total or total > COUNT_LIMIT else []
    has_more, found = len(found) > paging.limit, found[: paging.limit]
    pagination = {
        "total": min(total, COUNT_LIMIT),
        "totalIsCapped": total > COUNT_LIMIT,
        "limit": paging.limit,
        "offset": paging.offset,
        "hasMore": has_more,
        "nextCursor": write_cursor(found[-1], scope=scope) if has_more else None,
    }
    return Page([id for _, id in found], pagination)

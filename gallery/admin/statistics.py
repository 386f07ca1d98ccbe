"""What is liked: the gallery day by day, its best media, and one medium with its story and how far people watch it."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from gallery import statistics
from gallery.admin import charts
from gallery.models import MediaStats
from gallery.statistics import Counts, Ranked, Span
from media_library import labels
from media_library.admin.paging import LargeModelAdmin

LENGTHS = (7, 30, 90, 365)  # days
USUAL_LENGTH = 30
REMEMBERED = 100  # times as long as it took
MANY_TIMES = 10  # from which on a growth is told as a factor
LISTS = {
    "views": ("Most viewed", "views"),
    "upvotes": ("Most upvoted", "upvotes"),
    "finishes": ("Most watched to the end", "finishes"),
    "share": ("Watched longest", "% of the video, an average view"),
}


def gallery_page(model_admin: LargeModelAdmin, request: HttpRequest) -> HttpResponse:
    """The whole gallery in the chosen days."""
    span = _chosen_span(model_admin, request)
    days = statistics.gallery_days(span)
    columns = charts.columns_of(days)
    context = {
        **_frame(model_admin, request, span),
        "title": "Statistics",
        "figures": figures(days.values(), before=statistics.gallery_days(span.before).values()),
        "views_chart": charts.views_chart(columns),
        "small_charts": charts.small_charts(columns),
        "columns": columns[::-1],
        "lists": _lists(_most_liked(span)),
    }
    return TemplateResponse(request, "admin/gallery/publicmedia/statistics.html", context)


def medium_page(model_admin: LargeModelAdmin, request: HttpRequest, video_id: int) -> HttpResponse:
    """One medium in the chosen days, those of earlier stays in the gallery too."""
    span = _chosen_span(model_admin, request)
    stats = MediaStats.objects.select_related("video__public").filter(pk=video_id).first()
    if stats is None:
        raise Http404("This video never was public")
    video = stats.video
    days = statistics.medium_days(video.pk, span)
    columns, turns = charts.columns_of(days), statistics.turns(video.pk, span)
    parts = statistics.retention_curve(video)
    context = {
        **_frame(model_admin, request, span),
        "title": labels.plain(str(video)),
        "video": video,
        "poster": labels.poster(video),
        "state": labels.badges(labels.state_of(video)),
        "figures": figures(days.values(), before=statistics.medium_days(video.pk, span.before).values()),
        "views_chart": charts.views_chart(columns, turns),
        "small_charts": charts.small_charts(columns),
        "columns": columns[::-1],
        "turns": turns[::-1],
        "retention": charts.retention_chart(parts, video.duration_seconds or 0) if any(parts) else None,
    }
    return TemplateResponse(request, "admin/gallery/publicmedia/medium_statistics.html", context)


def figures(days: Any, *, before: Any) -> list[tuple[str, str, str]]:
    """What the days sum up to: a name, the figure, and how it compares with the days before."""
    now, then = Counts.sum(days), Counts.sum(before)
    pairs = (
        ("Views", now.views, then.views),
        ("Unique views", now.unique_views, then.unique_views),
        ("Upvotes", now.upvotes, then.upvotes),
        ("Watched to the end", now.finishes, then.finishes),
    )
    watched = ("Watch time", labels.long_time(now.watched), change(now.watched, then.watched))
    return [*((name, f"{figure:,}", change(figure, earlier)) for name, figure, earlier in pairs), watched]


def change(now: int, then: int) -> str:
    """How a figure compares with the one of as many days before, in words; empty where there was none to compare with."""
    if then <= 0:
        return ""
    if now >= MANY_TIMES * then:
        return f"× {now // then:,}"
    percent = round(100 * (now - then) / then)
    return "as before" if percent == 0 else f"{'+' if percent > 0 else '−'}{abs(percent)} %"


def _chosen_span(model_admin: LargeModelAdmin, request: HttpRequest) -> Span:
    """The days that the address names by their number, else the usual; raises `PermissionDenied`."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    return Span.until_today({str(length): length for length in LENGTHS}.get(request.GET.get("days", ""), USUAL_LENGTH))


def _frame(model_admin: LargeModelAdmin, request: HttpRequest, span: Span) -> dict[str, Any]:
    return {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "lengths": LENGTHS,
        "length": len(span.days),
    }


def _most_liked(span: Span) -> dict[str, list[Ranked]]:
    """What is most liked, remembered a hundred times as long as it took to find: minutes in a very large gallery, else not at all."""
    name = f"most-liked:{span.first}:{span.last}"
    found: dict[str, list[Ranked]] | None = cache.get(name)
    if found is None:
        began = time.monotonic()
        found = statistics.most_liked(span)
        cache.set(name, found, timeout=int(REMEMBERED * (time.monotonic() - began)))
    return found


def _lists(most_liked: dict[str, list[Ranked]]) -> list[dict[str, Any]]:
    """Each list with its title, what its figures mean, and its media with how long a bar says them, in per cent."""
    return [
        {
            "title": LISTS[name][0],
            "unit": LISTS[name][1],
            "rows": [
                (ranked.video, labels.plain(str(ranked.video)), f"{ranked.figure:,}", round(100 * ranked.figure / some[0].figure))
                for ranked in some
            ],
        }
        for name, some in most_liked.items()
    ]

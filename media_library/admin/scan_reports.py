"""Scans, told like a report: what happened in words, then what was found, by kind."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from media_library import labels
from media_library.models import ScanReport

NEED_A_LOOK = ("failed", "missing")  # kinds of findings


@admin.register(ScanReport)
class ScanReportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes no parameter at run time
    list_display = ("started", "status_badge", "what_happened", "duration")
    list_display_links = ("started",)
    list_per_page = 50
    list_select_related = ("root",)
    show_full_result_count = False
    sortable_by = ()
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScanReport]:
        return super().get_queryset(request).defer("findings")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Scan reports", **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        report: ScanReport = kwargs["obj"]
        told = {"report": report, "story": labels.story(report), "duration": self.duration(report), "findings": by_kind(report)}
        return super().render_change_form(request, {**context, **told, "title": str(report), "subtitle": None}, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ScanReport | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ScanReport | None = None) -> bool:
        return False

    @admin.display(description="Started", ordering="started_at")
    def started(self, report: ScanReport) -> str:
        return f"{report.started_at:%Y-%m-%d %H:%M}"

    @admin.display(description="Status")
    def status_badge(self, report: ScanReport) -> SafeString:
        return labels.badges([(report.status, report.get_status_display())])

    @admin.display(description="What happened")
    def what_happened(self, report: ScanReport) -> SafeString:
        return (
            format_html('{} <bdi class="filename">{}</bdi>', labels.story(report), report.reason)
            if report.reason
            else format_html("{}", labels.story(report))
        )

    @admin.display(description="Duration")
    def duration(self, report: ScanReport) -> str:
        return labels.long_time(round((report.finished_at or timezone.now()).timestamp() - report.started_at.timestamp()))


def by_kind(report: ScanReport) -> list[dict[str, Any]]:
    """The findings of each kind with their paths and details; what somebody must look at comes first, and open."""
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for finding in report.findings:
        kinds[finding["kind"]].append((labels.plain(finding["path"]), labels.plain(finding["detail"])))
    in_order = sorted(kinds.items(), key=lambda item: (item[0] not in NEED_A_LOOK, item[0]))
    return [{"kind": kind.capitalize(), "found": found, "is_open": kind in NEED_A_LOOK} for kind, found in in_order]

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

from media_library.admin import labels
from media_library.models import ScanReport

COUNTS = (  # column, what one and many are called
    ("new_count", "new file", "new files"),
    ("moved_count", "file moved", "files moved"),
    ("changed_count", "file changed", "files changed"),
    ("returned_count", "file came back", "files came back"),
    ("missing_count", "file missing", "files missing"),
    ("duplicate_count", "duplicate", "duplicates"),
    ("unsettled_count", "file still being written", "files still being written"),
    ("skipped_count", "entry skipped", "entries skipped"),
    ("failed_count", "file failed", "files failed"),
)
OPENINGS = {
    ScanReport.Status.RUNNING: "is looking through",
    ScanReport.Status.COMPLETED: "looked through",
    ScanReport.Status.REFUSED: "was stopped by a guard after looking through",
    ScanReport.Status.FAILED: "failed after looking through",
    ScanReport.Status.INTERRUPTED: "was interrupted while it looked through",
}


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

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        report = self.get_object(request, object_id) if object_id else None
        told = {"report": report, "story": story(report), "duration": self.duration(report), "findings": by_kind(report)} if report else {}
        return super().changeform_view(request, object_id, form_url, {**told, **(extra_context or {})})

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
            format_html('{} <bdi class="filename">{}</bdi>', story(report), report.reason)
            if report.reason
            else format_html("{}", story(report))
        )

    @admin.display(description="Duration")
    def duration(self, report: ScanReport) -> str:
        return labels.long_time(round((report.finished_at or timezone.now()).timestamp() - report.started_at.timestamp()))


def story(report: ScanReport) -> str:
    """What a scan did, in two sentences."""
    counted = [(getattr(report, column), one, many) for column, one, many in COUNTS]
    found = ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count)
    pace = f" at {report.files_per_second:,.0f} files a second" if report.files_per_second else ""
    files = "1 file" if report.seen_count == 1 else f"{report.seen_count:,} files"
    return f"The scan {OPENINGS[ScanReport.Status(report.status)]} {files}{pace}. {found or 'Nothing had changed'}."


def by_kind(report: ScanReport) -> dict[str, list[dict[str, str]]]:
    """The findings of each kind, in the order in which the kinds first appear."""
    kinds: dict[str, list[dict[str, str]]] = defaultdict(list)
    for finding in report.findings:
        kinds[finding["kind"]].append(finding)
    return dict(kinds)

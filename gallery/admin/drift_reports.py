"""Reports of what reconciliations have found, and the button that starts one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from gallery.models import DriftReport, MediaStats
from gallery.reconciliation import reconcile
from jobs import services as jobs
from media_library import labels
from media_library.admin.set_actions import admin_of

MOST_AT_ONCE = 50_000  # media that are recounted while the browser waits; of more a worker recounts them


@admin.register(DriftReport)
class DriftReportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes no parameter at run time
    list_display = ("started", "what_was_found", "looked_at", "took", "asked_by")
    list_display_links = ("started",)
    list_per_page = 50
    list_select_related = ("by",)
    show_full_result_count = False
    sortable_by = ()
    actions = None

    def get_urls(self) -> list[URLPattern]:
        return [path("reconcile/", self.admin_site.admin_view(self.reconcile_view), name="gallery_reconcile"), *super().get_urls()]

    def reconcile_view(self, request: HttpRequest) -> HttpResponse:
        """Recount now, or have a worker do it where there is much to count."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("gallery.add_driftreport"):
            raise PermissionDenied
        if MediaStats.objects.count() > MOST_AT_ONCE:
            job = jobs.submit("reconcile_counters", by=admin_of(request))
            messages.success(request, f"Job {job.pk} recounts; its report will be here.")
            return HttpResponseRedirect(reverse("admin:gallery_driftreport_changelist"))
        report = reconcile(by=admin_of(request))
        return HttpResponseRedirect(reverse("admin:gallery_driftreport_change", args=[report.pk]))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"title": "Drift reports", "may_reconcile": request.user.has_perm("gallery.add_driftreport")}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        report: DriftReport = kwargs["obj"]
        told = {
            "report": report,
            "drifts": [
                {**drift, "count": f"{drift['count']:,}", "examples": [linked(example) for example in drift["examples"]]}
                for drift in report.drifts
            ],
            "story": self.what_was_found(report),
            "took": self.took(report),
            "looked_at": self.looked_at(report),
            "title": str(report),
            "subtitle": None,
        }
        return super().render_change_form(request, {**context, **told}, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DriftReport | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DriftReport | None = None) -> bool:
        return False

    @admin.display(description="Started")
    def started(self, report: DriftReport) -> str:
        return labels.moment(report.started_at)

    @admin.display(description="What was found")
    def what_was_found(self, report: DriftReport) -> str:
        found = report.drift_count
        told = (
            f"{found:,} counter{'s were' if found > 1 else ' was'} wrong and {'have' if found > 1 else 'has'} been corrected."
            if found
            else "Every counter was right."
        )
        opened = f" {report.opened_count:,} media were looked at for the first time: their counters were taken as they stood."
        return told + (opened if report.opened_count else "")

    @admin.display(description="Looked at")
    def looked_at(self, report: DriftReport) -> str:
        return f"{report.media_count:,} media"

    @admin.display(description="Took")
    def took(self, report: DriftReport) -> str:
        return f"{(report.finished_at - report.started_at).total_seconds():.1f} s"

    @admin.display(description="By")
    def asked_by(self, report: DriftReport) -> str:
        return str(report.by) if report.by else "the command or a job"


def linked(example: dict[str, Any]) -> dict[str, Any]:
    """An example as it is shown, with the page of its video where it is one's counter."""
    of = example["of"]
    page = reverse("admin:media_library_video_change", args=[of]) if isinstance(of, int) else None
    return {"of": of, "page": page, "kept": f"{example['kept']:,}", "true": f"{example['true']:,}"}

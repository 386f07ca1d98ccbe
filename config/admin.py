"""The admin site: its name, its front page, and the door that a one-time link opens."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import lookup_field
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from gallery.models import MediaTotal
from media_library.models import ScanReport, Video, VideoTotal
from media_library.views import sign_in

NEWEST_COUNT = 12  # posters on the front page


class LibraryAdminSite(admin.AdminSite):
    site_header = "Media library"
    site_title = "Media library"
    index_title = "Overview"
    index_template = "admin/overview.html"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [path("sign-in/<int:user_id>/<str:token>", sign_in, name="sign_in"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        overview = self._overview() if request.user.has_perm("media_library.view_video") else {}
        return super().index(request, {**overview, **(extra_context or {})})

    def _overview(self) -> dict[str, Any]:
        last_scan = ScanReport.objects.defer("findings").first()
        story = lookup_field("what_happened", last_scan, self.get_model_admin(ScanReport))[2] if last_scan else ""
        return {**library_in_figures(), "newest": newest_videos(), "last_scan": last_scan, "story": story}


def library_in_figures() -> dict[str, int]:
    """How many videos there are of each kind, read from kept totals."""
    here = Q(is_trashed=False)
    return {
        **VideoTotal.objects.aggregate(
            video_count=Sum("count", filter=here, default=0),
            missing_count=Sum("count", filter=here & Q(is_missing=True), default=0),
            invalid_count=Sum("count", filter=here & Q(is_valid=False), default=0),
            trashed_count=Sum("count", filter=Q(is_trashed=True), default=0),
        ),
        **MediaTotal.objects.aggregate(published_count=Sum("count", default=0)),
    }


def newest_videos() -> QuerySet[Video]:
    return Video.objects.filter(trashed_at=None).select_related("public").order_by("-created_at", "-pk")[:NEWEST_COUNT]

"""The admin site: its name, its front page, and the door that a one-time link opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse

from gallery.models import Comment, MediaTotal
from gallery.statistics import Counts, Span, gallery_days
from jobs import steps
from jobs.models import Job
from media_library import labels
from media_library.models import ScanReport, Video, VideoTotal
from media_library.tagging import suggestions
from media_library.views import sign_in

APPLICATIONS = ("media_library", "gallery", "reactions", "jobs", "auth")
NEWEST_COUNT = 12  # posters on the front page
MOST_COUNTED = 1_000  # of what waits; nobody plans their day by more


class LibraryAdminSite(admin.AdminSite):
    site_header = "Media library"
    site_title = "Media library"
    index_title = "Overview"
    index_template = "admin/overview.html"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [path("sign-in/<int:user_id>/<str:token>", sign_in, name="sign_in"), *super().get_urls()]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Our applications in the order in which one works, then users; not the tables that keep tokens."""
        listed = {app["app_label"]: app for app in super().get_app_list(request, app_label)}
        return [listed[label] for label in APPLICATIONS if label in listed]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        overview = library_overview() if request.user.has_perm("media_library.view_video") else {}
        jobs_now = {"jobs_now": jobs_in_figures()} if request.user.has_perm("jobs.view_job") else {}
        waiting = [shown for pile in PILES if request.user.has_perm(pile.permission) and (shown := pile.as_shown())]
        return super().index(request, {**overview, **jobs_now, "waiting": waiting, **(extra_context or {})})


def library_overview() -> dict[str, Any]:
    """What the front page shows of the library, at the same cost for ten videos and for a million."""
    last_scan = ScanReport.objects.defer("findings").first()
    story = labels.story(last_scan) if last_scan else ""
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
        "week_views": Counts.sum(gallery_days(Span.until_today(7)).values()).views,
    }


@dataclass(frozen=True)
class Pile:
    """Things that wait for somebody who may decide about them."""

    rows: Callable[[], QuerySet[Any]]
    one: str  # how the sentence about one of them begins
    many: str  # the same of several, after their number
    for_whom: str
    page: str
    permission: str
    query: str = ""

    def as_shown(self) -> dict[str, str] | None:
        """A sentence in two parts and where to decide; None: nothing waits."""
        count = self.rows().order_by()[: MOST_COUNTED + 1].count()
        if not count:
            return None
        number = f"More than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"
        how_many = f"{number} {self.many}" if count > 1 else self.one
        return {"how_many": how_many, "for_whom": self.for_whom, "address": reverse(self.page) + self.query}


PILES = (
    Pile(
        rows=Comment.objects.held,
        one="1 comment is waiting",
        many="comments are waiting",
        for_whom="for a moderator",
        page="admin:gallery_comment_changelist",
        permission="gallery.view_comment",
    ),
    Pile(
        rows=steps.awaiting_approval,
        one="1 step is waiting",
        many="steps are waiting",
        for_whom="for somebody’s approval",
        page="admin:jobs_job_changelist",
        query="#live-waiting",
        permission="jobs.change_job",
    ),
    Pile(
        rows=suggestions.undecided_videos,
        one="1 video has",
        many="videos have",
        for_whom="suggested tags to be decided",
        page="admin:media_library_video_changelist",
        query="?suggested_tags=yes",
        permission="media_library.change_video",
    ),
)


def jobs_in_figures() -> dict[str, int]:
    """How many jobs want attention: running, waiting, failed and not dismissed; the history is not read."""
    statuses = {Job.Status.RUNNING: "running", Job.Status.QUEUED: "waiting", Job.Status.PENDING: "waiting", Job.Status.FAILED: "failed"}
    wanting = Job.objects.filter(status__in=statuses, dismissed_at=None)
    counted = wanting.values_list("status").annotate(count=Count("pk")).order_by()
    figures = dict.fromkeys(statuses.values(), 0)
    for status, count in counted:
        figures[statuses[Job.Status(status)]] += count
    return figures


def newest_videos() -> list[dict[str, Any]]:
    videos = Video.objects.filter(trashed_at=None).select_related("public").order_by("-created_at", "-pk")[:NEWEST_COUNT]
    return [{"video": video, "poster": labels.poster(video), "state": labels.badges(labels.state_of(video))} for video in videos]

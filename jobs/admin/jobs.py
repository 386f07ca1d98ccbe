"""Jobs: the queue in front, all of them behind it, and the page of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import labels, queue
from jobs.admin import add_job, job_page, queue_page, studio
from jobs.admin.filters import ErrorClassFilter, LaneFilter, StatusFilter, TypeFilter, VideoFilter
from jobs.models import Job
from media_library.admin.paging import LargeModelAdmin
from media_library.labels import badges, plain


@admin.register(Job)
class JobAdmin(LargeModelAdmin):
    """`jobs_job_changelist`, where the sidebar leads, is the queue; `jobs_job_list` is the list of all jobs."""

    list_title = "All jobs"
    list_display = ("job", "on", "state", "lane", "priority", "created", "ran_for")
    list_display_links = ("job",)
    list_select_related = ("video",)
    list_filter = (StatusFilter, LaneFilter, TypeFilter, ErrorClassFilter, VideoFilter)
    list_per_page = 50
    orders = {"newest": (F("created_at").desc(), F("id").desc())}
    actions = None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.queue_view), name="jobs_job_changelist"),
            path("state/", wrap(self.queue_state_view), name="jobs_queue_state"),
            path("all/", wrap(self.changelist_view), name="jobs_job_list"),
            path("<int:job_id>/state/", wrap(self.job_state_view), name="jobs_job_state"),
            path("<int:job_id>/run/", wrap(self.run_view), name="jobs_job_run"),
            path("studio/", wrap(self.studio_view), name="jobs_studio"),
            path("studio/clip/", wrap(self.studio_clip_view), name="jobs_studio_clip"),
            path("studio/found/", wrap(self.studio_found_view), name="jobs_studio_found"),
            path("studio/<int:job_id>/state/", wrap(self.studio_state_view), name="jobs_studio_state"),
            *super().get_urls(),
        ]

    def queue_view(self, request: HttpRequest) -> HttpResponse:
        self._insist_on_view(request)
        return queue_page.page(request, site_context=self._site_context(request))

    def queue_state_view(self, request: HttpRequest) -> HttpResponse:
        self._insist_on_view(request)
        return queue_page.state(request)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        self._insist_on_view(request)
        return job_page.page(request, object_id, site_context=self._site_context(request))

    def job_state_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        self._insist_on_view(request)
        return job_page.state(request, job_id)

    def run_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        self._insist_on_add(request)
        return job_page.run(request, job_id) if request.method == "POST" else HttpResponseNotAllowed(["POST"])

    def studio_view(self, request: HttpRequest) -> HttpResponse:
        self._insist_on_studio(request)
        return studio.page(request, site_context=self._site_context(request))

    def studio_clip_view(self, request: HttpRequest) -> HttpResponse:
        self._insist_on_studio(request)
        return studio.clip(request)

    def studio_found_view(self, request: HttpRequest) -> HttpResponse:
        self._insist_on_studio(request)
        return studio.found(request)

    def studio_state_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        self._insist_on_studio(request)
        return studio.state(request, job_id)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self._insist_on_add(request)
        return add_job.page(request, site_context=self._site_context(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("jobs.add_job")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return queue.as_shown(Job.objects.defer("log", "result", "outputs", "drafts")).annotate(read_at=Now())

    def known_total(self, request: HttpRequest) -> int | None:
        return None

    @admin.display(description="Job")
    def job(self, job: Job) -> str:
        return str(job)

    @admin.display(description="About")
    def on(self, job: Job) -> SafeString:
        return format_html("<bdi>{}</bdi>", labels.about(job))

    @admin.display(description="State")
    def state(self, job: Job) -> SafeString:
        """The status as it is shown; of a failed job the error too, of a running one how far it is."""
        status = Job.Status(job.shown_status)  # type: ignore[attr-defined]  # annotated by as_shown
        badge = badges([(status, status.label.lower())])
        if status == Job.Status.RUNNING:
            return format_html("{} {} %", badge, job.progress)
        if status == Job.Status.FAILED:
            return format_html('{} <bdi class="filename">{}</bdi>', badge, plain(job.error))
        return badge

    @admin.display(description="Lane")
    def lane(self, job: Job) -> str:
        return labels.lane_name(job.resource_category)

    @admin.display(description="Added")
    def created(self, job: Job) -> str:
        return f"{job.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="Ran for")
    def ran_for(self, job: Job) -> str:
        return labels.took(job) or (labels.time_left(job, now=job.read_at) if job.status == Job.Status.RUNNING else "")  # type: ignore[attr-defined]  # annotated by get_queryset

    def _site_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def _insist_on_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _insist_on_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _insist_on_studio(self, request: HttpRequest) -> None:
        """The studio looks through the library and adds jobs."""
        if not request.user.has_perms(("jobs.add_job", "media_library.view_video")):
            raise PermissionDenied

"""Pipelines: all of them, one with its steps, and starting one from a recipe."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from jobs.admin import pipeline_page, start_pipeline
from jobs.models import Pipeline
from media_library.admin.filters import ChoiceFilter
from media_library.admin.paging import LargeModelAdmin
from media_library.labels import badges


class PipelineStatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    options = Pipeline.Status.choices


@admin.register(Pipeline)
class PipelineAdmin(LargeModelAdmin):
    list_title = "Pipelines"
    list_display = ("named", "state", "step_states", "by", "created")
    list_display_links = ("named",)
    list_select_related = ("submitted_by",)
    list_filter = (PipelineStatusFilter,)
    list_per_page = 50
    orders = {"newest": (F("created_at").desc(), F("id").desc())}
    actions = None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("<int:pipeline_id>/state/", wrap(self.state_view), name="jobs_pipeline_state"), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        self._insist_on_view(request)
        return pipeline_page.page(request, object_id, site_context=self._site_context(request))

    def state_view(self, request: HttpRequest, pipeline_id: int) -> HttpResponse:
        self._insist_on_view(request)
        return pipeline_page.state(request, pipeline_id)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return start_pipeline.page(request, site_context=self._site_context(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("jobs.add_job")  # a pipeline is jobs

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        return Pipeline.objects.prefetch_related("jobs__pipeline_step")

    def known_total(self, request: HttpRequest) -> int | None:
        return None

    @admin.display(description="Pipeline")
    def named(self, pipeline: Pipeline) -> str:
        return str(pipeline)

    @admin.display(description="State")
    def state(self, pipeline: Pipeline) -> SafeString:
        return badges([(pipeline.status, pipeline.get_status_display().lower())])

    @admin.display(description="Steps")
    def step_states(self, pipeline: Pipeline) -> SafeString:
        steps = sorted((job.pipeline_step.position, job.status, job.pipeline_step.key) for job in pipeline.jobs.all() if job.pipeline_step)
        return badges([(status, key) for _, status, key in steps])

    @admin.display(description="By")
    def by(self, pipeline: Pipeline) -> str:
        return pipeline.submitted_by.get_username() if pipeline.submitted_by else ""

    @admin.display(description="Started")
    def created(self, pipeline: Pipeline) -> str:
        return f"{pipeline.created_at:%Y-%m-%d %H:%M}"

    def _site_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def _insist_on_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

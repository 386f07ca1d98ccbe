"""One pipeline: its steps in order, what each waits for and found, and cancelling or resuming it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from config import database
from config.api.fields import parse_decimal
from jobs import board, labels, queue
from jobs.admin import live
from jobs.admin.acts import ACTS
from jobs.models import Pipeline

SECTIONS = (("pipeline", "admin/jobs/pipeline/pipeline.html"),)


def page(request: HttpRequest, object_id: str, *, site_context: dict[str, Any]) -> HttpResponse:
    """Show the pipeline, or do what one of its buttons asks for."""
    pipeline_id = parse_decimal(object_id) or 0
    return live.page(request, lambda: _drawing(pipeline_id), ACTS, site_context=site_context)


def state(request: HttpRequest, pipeline_id: int) -> HttpResponse:
    """The pipeline's section, for the script that keeps the page up to date."""
    return live.redraw(request, _drawing(pipeline_id))


def _drawing(pipeline_id: int) -> live.Drawing:
    pipeline = Pipeline.objects.filter(pk=pipeline_id).select_related("submitted_by").prefetch_related("steps").first()
    if pipeline is None:
        raise Http404("There is no such pipeline")
    return live.Drawing(
        template="admin/jobs/pipeline/page.html",
        sections=SECTIONS,
        title=str(pipeline),
        state_url=reverse("admin:jobs_pipeline_state", args=[pipeline.pk]),
        words=f"{pipeline}: {pipeline.status}",
        context=_context(pipeline),
        read_at=database.now(),
    )


def _context(pipeline: Pipeline) -> dict[str, Any]:
    steps = board.shown_steps(pipeline, board.jobs_of_steps([pipeline]))
    reasons = queue.waiting_reasons([step["job"] for step in steps if step["job"]])
    for step in steps:
        step["reason"] = reasons.get(step["job"].pk) if step["job"] else None
    return {
        "pipeline": pipeline,
        "steps": steps,
        "done_count": sum(step["status"] == "completed" for step in steps),
        "params": labels.given(pipeline.params),
        "may_be_resumed": pipeline.status in (Pipeline.Status.FAILED, Pipeline.Status.CANCELLED),
    }

"""One job: how it stands, what it was asked, what came of it, its log, and what can be done with it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from config import database
from config.api.fields import parse_decimal
from jobs import labels, queue, registry
from jobs.admin import live
from jobs.admin.acts import ACTS
from jobs.models import Job
from media_library.labels import moment

SECTIONS = (("job", "admin/jobs/job/job.html"),)
WAITING = (Job.Status.PENDING, Job.Status.QUEUED)
LARGEST_RESULT = 20_000  # characters


def page(request: HttpRequest, object_id: str, *, site_context: dict[str, Any]) -> HttpResponse:
    """Show the job, or do what one of its buttons asks for."""
    job_id = parse_decimal(object_id) or 0
    return live.page(request, lambda: _drawing(job_id), ACTS, site_context=site_context)


def state(request: HttpRequest, job_id: int) -> HttpResponse:
    """The job's section, for the script that keeps the page up to date."""
    return live.redraw(request, _drawing(job_id))


def _drawing(job_id: int) -> live.Drawing:
    jobs = queue.as_shown(Job.objects.filter(pk=job_id).select_related("video", "node", "submitted_by", "pipeline", "pipeline_step"))
    job = jobs.first()
    if job is None:
        raise Http404("There is no such job")
    now = database.now()
    return live.Drawing(
        template="admin/jobs/job/page.html",
        sections=SECTIONS,
        title=str(job),
        state_url=reverse("admin:jobs_job_state", args=[job.pk]),
        words=f"{job}: {job.shown_status}",
        context=_context(job, now),
        read_at=now,
    )


def _context(job: Job, now: datetime) -> dict[str, Any]:
    status = Job.Status(job.shown_status)  # type: ignore[attr-defined]  # annotated by as_shown
    places = queue.positions([job])
    return {
        "job": job,
        "status": status,
        "about": labels.about(job),
        "is_waiting": job.status in WAITING,
        "is_running": job.status == Job.Status.RUNNING,
        "may_be_retried": job.status in (Job.Status.FAILED, Job.Status.CANCELLED),
        "may_be_dismissed": job.status == Job.Status.FAILED and job.dismissed_at is None,
        "position": places.get(job.pk),
        "reason": queue.waiting_reasons([job], places=places).get(job.pk),
        "time_left": labels.time_left(job, now=now),
        "speed": labels.speed(job),
        "facts": _facts(job),
        "description": _description(job.type),
        "params": _json(job.params),
        "result": _json(job.result)[:LARGEST_RESULT] if job.result is not None else "",
        "priorities": range(10, -1, -1),
        "error_name": labels.error_class(job.error_class),
        "log": labels.plain_lines(job.log or ""),
    }


def _facts(job: Job) -> list[tuple[str, str]]:
    """What is known of the job beside its state, as far as it is."""
    facts = (
        ("Lane", labels.lane_name(job.resource_category)),
        ("Priority", str(job.priority)),
        ("Added", moment(job.created_at)),
        ("By", job.submitted_by.get_username() if job.submitted_by else ""),
        ("Started", moment(job.started_at) if job.started_at else ""),
        ("Ended", moment(job.completed_at) if job.completed_at else ""),
        ("Took", labels.took(job)),
        ("Dismissed", moment(job.dismissed_at) if job.dismissed_at else ""),
        ("Attempt", str(job.attempt) if job.attempt else ""),
        ("Worker", job.worker),
        ("GPU memory", _memory(job)),
        ("Next attempt", moment(job.run_after) if job.run_after and job.status == Job.Status.PENDING else ""),
    )
    return [(name, value) for name, value in facts if value]


def _memory(job: Job) -> str:
    if job.vram_reserved:
        return f"{labels.gigabytes(job.vram_reserved)} reserved"
    return f"needs {labels.gigabytes(job.vram_required)} where it uses a GPU" if job.vram_required else ""


def _description(type_name: str) -> str:
    try:
        return registry.get(type_name).description
    except registry.UnknownJobType:
        return "This type of job is no longer installed."


def _json(value: Any) -> str:
    return labels.plain_lines(json.dumps(value, indent=2, ensure_ascii=False))

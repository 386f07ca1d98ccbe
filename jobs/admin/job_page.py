"""One job: how it stands, what it was asked, what came of it, its log, and what can be done with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst

from config import database
from config.api.fields import parse_decimal
from jobs import labels, queue, registry, services, steps
from jobs.admin import live, storyboard, studio_draft
from jobs.admin.acts import ACTS
from jobs.models import Job
from media_library import labels as video_labels
from media_library.labels import moment
from media_library.models import Video

SECTIONS = (("job", "admin/jobs/job/job.html"),)
WAITING = (Job.Status.PENDING, Job.Status.QUEUED)
LARGEST_RESULT = 20_000  # characters
MOST_CARDS = 12


def page(request: HttpRequest, object_id: str, *, site_context: dict[str, Any]) -> HttpResponse:
    """Show the job, or do what one of its buttons asks for."""
    job_id = parse_decimal(object_id) or 0
    return live.page(request, lambda: drawing(job_id), ACTS, site_context=site_context)


def state(request: HttpRequest, job_id: int) -> HttpResponse:
    """The job's section, for the script that keeps the page up to date."""
    return live.redraw(request, drawing(job_id))


def run(request: HttpRequest, job_id: int) -> HttpResponse:
    """Run for real what a dry run has shown, and go on to that job's page."""
    try:
        job = services.run_for_real(job_id, by=live.admin_of(request))
    except live.REFUSALS as error:
        messages.error(request, capfirst(str(error)))
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job_id]))
    messages.success(request, f"{job} was added.")
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))


def drawing(job_id: int) -> live.Drawing:
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
        "is_dry_run": bool(job.params.get("dryRun")),
        "verbs": list(_verbs(job)),
        "position": places.get(job.pk),
        "reason": queue.waiting_reasons([job], places=places).get(job.pk),
        "time_left": labels.time_left(job, now=now),
        "speed": labels.speed(job),
        "facts": _facts(job),
        "description": _description(job.type),
        "params": _json(job.params),
        "storyboard": storyboard.of(job),
        "made": made_by(job),
        "change_url": change_url(job),
        "result": _json(storyboard.without_pictures(job.result))[:LARGEST_RESULT] if job.result is not None else "",
        "priorities": range(10, -1, -1),
        "error_name": labels.error_class(job.error_class),
        "log": labels.plain_lines(job.log or ""),
    }


def made_by(job: Job) -> list[dict[str, Any]]:
    """The first videos that a job has made, as cards."""
    ids = job.result.get("videoIds") if job.status == Job.Status.COMPLETED and job.result else None
    videos = Video.objects.filter(pk__in=ids[:MOST_CARDS] if isinstance(ids, list) else ()).order_by("pk")
    return [{"video": video, "poster": video_labels.poster(video)} for video in videos]


def change_url(job: Job) -> str:
    """Where the job's params can be changed and tried again; empty where its type is gone."""
    if studio_draft.is_made_here(job.type):
        return f"{reverse('admin:jobs_studio')}?job={job.pk}"
    known = {kind.name for kind in registry.all_types()}
    return f"{reverse('admin:jobs_job_add')}?type={job.type}&like={job.pk}" if job.type in known else ""


def _verbs(job: Job) -> Iterator[tuple[str, str, str]]:
    """What can be done with the job: the act, what its button says, and the button's kind."""
    if steps.waits_for_approval(job):
        yield "approve", "Approve", "first"
        yield "decline", "Decline", "grave"
    elif job.status in WAITING or (job.status == Job.Status.RUNNING and not job.cancel_requested_at):
        yield "cancel", "Cancel", "grave"
    if job.status in (Job.Status.FAILED, Job.Status.CANCELLED):
        yield "retry", "Retry", "first"
    if job.status == Job.Status.FAILED and job.dismissed_at is None:
        yield "dismiss", "Dismiss", ""


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

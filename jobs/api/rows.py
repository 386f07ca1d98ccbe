"""Jobs and pipelines as replies show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework.exceptions import NotFound

from jobs import queue, services
from jobs.models import Job, Pipeline, PipelineStep


def job_rows(ids: Iterable[int]) -> list[dict[str, Any]]:
    """The jobs with these ids, in this order, without their logs."""
    ids = list(ids)
    found = queue.as_shown(Job.objects.filter(pk__in=ids).select_related("submitted_by").defer("log"))
    rows = {row["id"]: row for row in _rows(list(found))}
    return [rows[id] for id in ids if id in rows]


def job_detail(job_id: int) -> dict[str, Any]:
    """One job with every column; raises `NotFound`."""
    jobs = list(queue.as_shown(Job.objects.filter(pk=job_id).select_related("submitted_by")))
    if not jobs:
        raise NotFound(str(services.JobNotFound(job_id)))
    return {**_rows(jobs)[0], "log": jobs[0].log}


def pipeline_rows(ids: Iterable[int]) -> list[dict[str, Any]]:
    """The pipelines with these ids, in this order, with their steps."""
    ids = list(ids)
    pipelines = {row.pk: row for row in Pipeline.objects.filter(pk__in=ids).select_related("submitted_by")}
    steps: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
    jobs = _jobs_of_steps(ids)
    for step in PipelineStep.objects.filter(pipeline__in=ids).order_by("pipeline", "position"):
        steps[step.pipeline_id].append(_step(step, jobs.get(step.pk)))
    return [_pipeline(pipelines[id], steps[id]) for id in ids if id in pipelines]


def pipeline_detail(pipeline_id: int) -> dict[str, Any]:
    """One pipeline with its steps; raises `NotFound`."""
    for row in pipeline_rows([pipeline_id]):
        return row
    raise NotFound(str(services.PipelineNotFound(pipeline_id)))


def _rows(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    places = queue.positions(jobs)
    reasons = queue.waiting_reasons(jobs, places=places)
    return [_job(job, place=places.get(job.pk), reason=reasons.get(job.pk)) for job in jobs]


def _job(job: Job, *, place: int | None, reason: str | None) -> dict[str, Any]:
    return {
        "id": job.pk,
        "type": job.type,
        "status": job.shown_status,  # type: ignore[attr-defined]  # annotated by as_shown
        "progress": job.progress,
        "params": job.params,
        "resourceCategory": job.resource_category,
        "vramRequired": job.vram_required,
        "queuePosition": place,
        "waitingReason": reason,
        "priority": job.priority,
        "pipelineId": job.pipeline_id,
        "pipelineStepId": job.pipeline_step_id,
        "videoId": job.video_id,
        "submittedBy": job.submitted_by.get_username() if job.submitted_by else None,
        "attempt": job.attempt,
        "worker": job.worker or None,
        "speed": job.speed,
        "result": job.result,
        "error": job.error or None,
        "errorClass": job.error_class or None,
        "suggestion": job.suggestion or None,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
    }


def _jobs_of_steps(pipeline_ids: list[int]) -> dict[int, Job]:
    """The job of each step, by the step's id."""
    jobs = queue.as_shown(Job.objects.filter(pipeline__in=pipeline_ids, pipeline_step__isnull=False)).defer("log").order_by("pk")
    return {job.pipeline_step_id: job for job in jobs if job.pipeline_step_id}


def _step(step: PipelineStep, job: Job | None) -> dict[str, Any]:
    return {
        "id": step.pk,
        "key": step.key,
        "type": step.type,
        "params": step.params,
        "needs": step.needs,
        "needsApproval": step.needs_approval,
        "approvedAt": step.approved_at,
        "jobId": job.pk if job else None,
        "status": job.shown_status if job else Job.Status.PENDING,  # type: ignore[attr-defined]  # annotated by as_shown
        "progress": job.progress if job else 0,
        "error": (job.error if job else "") or None,
        "result": job.result if job else None,
    }


def _pipeline(pipeline: Pipeline, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": pipeline.pk,
        "name": pipeline.name,
        "recipe": pipeline.recipe or None,
        "status": pipeline.status,
        "params": pipeline.params,
        "submittedBy": pipeline.submitted_by.get_username() if pipeline.submitted_by else None,
        "createdAt": pipeline.created_at,
        "completedAt": pipeline.completed_at,
        "steps": steps,
    }

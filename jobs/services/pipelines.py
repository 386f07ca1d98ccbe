"""Pipelines: submitted, cancelled, resumed, and their steps approved or declined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from jobs import pipelines, recipes, steps
from jobs.models import Job, Pipeline, PipelineStep
from jobs.pipelines import Step
from jobs.services.holding import WrongState, check_priority, hold, hold_pipeline
from media_library.audit import note_rows


@transaction.atomic
def submit_pipeline(
    recipe: str | Sequence[Step],
    params: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    priority: int = 5,
    by: User | None = None,
) -> Pipeline:
    """Start a recipe, or steps of one's own; every step is checked before the first starts. Raises `Refused`."""
    check_priority(priority)
    if isinstance(recipe, str):
        known = recipes.get(recipe)
        plan, title, recipe_name = known.plan(params or {}), known.title, known.name
    else:
        plan, title, recipe_name = list(recipe), " → ".join(step.type for step in recipe), ""
    pipelines.check(plan)
    pipeline = pipelines.create(plan, name=name or title, recipe=recipe_name, params=params or {}, priority=priority, by=by)
    note_rows([pipeline], "Submitted.", by=by)
    return pipeline


@transaction.atomic
def cancel_pipeline(pipeline_id: int, *, by: User | None) -> Pipeline:
    """Cancel what waits and ask what runs to stop. Raises `PipelineNotFound`, or `WrongState` when it has ended."""
    pipeline = hold_pipeline(pipeline_id)
    if pipeline.status != Pipeline.Status.RUNNING:
        raise WrongState(f"The pipeline is {pipeline.status} and cannot be cancelled")
    pipelines.cancel(pipeline)
    note_rows([pipeline], "Cancelled.", by=by)
    return hold_pipeline(pipeline_id)


@transaction.atomic
def resume_pipeline(pipeline_id: int, *, by: User | None) -> Pipeline:
    """Go on from the first step that failed or was cancelled. Raises `PipelineNotFound`, or `WrongState` when none has."""
    pipeline = hold_pipeline(pipeline_id)
    if pipeline.status not in (Pipeline.Status.FAILED, Pipeline.Status.CANCELLED):
        raise WrongState(f"The pipeline is {pipeline.status} and has nothing to resume")
    pipelines.resume(pipeline)
    note_rows([pipeline], "Resumed.", by=by)
    return hold_pipeline(pipeline_id)


@transaction.atomic
def approve(job_id: int, *, by: User | None) -> Job:
    """Let a step start that waits for a person. Raises `JobNotFound`, or `WrongState` when it does not wait for one."""
    job, step = _hold_unapproved(job_id)
    PipelineStep.objects.filter(pk=step.pk).update(approved_at=Now(), approved_by=by)
    steps.advance(step.pipeline_id)
    note_rows([job], "Approved.", by=by)
    return Job.objects.get(pk=job_id)


@transaction.atomic
def decline(job_id: int, *, by: User | None) -> Job:
    """Cancel a step that waits for a person, and what needs it; resuming its pipeline asks anew.

    Raises `JobNotFound`, or `WrongState` when it does not wait for one.
    """
    job, step = _hold_unapproved(job_id)
    sentence = f"Declined by {by.get_username()}" if by else "Declined"
    Job.objects.filter(pk=job_id).update(status=Job.Status.CANCELLED, completed_at=Now(), error=sentence)
    steps.advance(step.pipeline_id)
    note_rows([job], "Declined.", by=by)
    return Job.objects.get(pk=job_id)


def _hold_unapproved(job_id: int) -> tuple[Job, PipelineStep]:
    """A job that a person is to decide about, locked, and the step that it is of; raises `JobNotFound` or `WrongState`."""
    job = hold(job_id)
    if job.pipeline_step is None or not steps.waits_for_approval(job):
        raise WrongState(f"The job is {job.status} and does not wait for approval")
    return job, job.pipeline_step

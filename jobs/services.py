"""What people and programs do with jobs, pipelines and lanes; each change is in the admin log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from jobs import lanes, pipelines, recipes, registry, steps
from jobs.lanes import Opening
from jobs.models import Job, Lane, LaneState, Pipeline, PipelineStep, WorkerNode
from jobs.picking import rank_now
from jobs.pipelines import AFRESH, Step
from jobs.recipes import RecipeUnavailable, UnknownRecipe
from jobs.registry import InvalidParams, JobType, Params, Refused, UnknownJobType
from media_library.audit import note_rows

__all__ = [
    "InvalidParams",
    "JobNotFound",
    "PipelineNotFound",
    "RecipeUnavailable",
    "Refused",
    "TooMuchMemory",
    "UnknownJobType",
    "UnknownLane",
    "UnknownRecipe",
    "WrongState",
    "approve",
    "cancel",
    "cancel_pipeline",
    "check",
    "decline",
    "dismiss",
    "dismiss_failed",
    "pause",
    "resume",
    "resume_pipeline",
    "retry",
    "retry_failed",
    "run_for_real",
    "set_hours",
    "set_pauses_for_viewers",
    "set_priority",
    "submit",
    "submit_pipeline",
]

PRIORITIES = range(11)  # higher first
MOST_VRAM = 2**31 - 1  # MiB that the column holds
WAITING = (Job.Status.PENDING, Job.Status.QUEUED)


class TooMuchMemory(Refused):
    """More GPU memory was asked for than any node has, for a type that cannot do without."""

    def __init__(self, asked: int, largest: int) -> None:
        sentence = f"{asked} MiB of GPU memory are more than any node has ({largest} MiB), and this type needs a GPU"
        super().__init__(sentence, {"vramRequired": [sentence]})


class JobNotFound(LookupError):
    """There is no such job."""

    def __init__(self, job_id: int) -> None:
        super().__init__("Job not found")


class PipelineNotFound(LookupError):
    """There is no such pipeline."""

    def __init__(self, pipeline_id: int) -> None:
        super().__init__("Pipeline not found")


class UnknownLane(LookupError):
    """There is no such lane."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no lane {name[:100]!r}; there are {', '.join(Lane.values)}")


class WrongState(Exception):
    """The job or pipeline is in a state that forbids it; `str()` says which."""


# --- Jobs ---------------------------------------------------------------------------------------------------------


def check(
    type: str, params: Mapping[str, Any] | None = None, *, priority: int = 5, vram_required: int | None = None
) -> tuple[JobType, Params]:
    """What `submit` would run; raises `UnknownJobType`, `InvalidParams` or `TooMuchMemory`."""
    kind = registry.get(type)
    parsed = kind.parse(params or {})
    _check_priority(priority)
    kind.video_of(parsed)
    if vram_required is not None:
        _check_memory(kind, vram_required)
    return kind, parsed


@transaction.atomic
def submit(
    type: str,
    params: Mapping[str, Any] | None = None,
    *,
    priority: int = 5,
    vram_required: int | None = None,
    by: User | None = None,
) -> Job:
    """Queue a job in the caller's transaction and wake its lane after the commit.

    `vram_required`: MiB of GPU memory, None: what its type says, and none for a dry run. Raises `UnknownJobType`,
    `InvalidParams` or `TooMuchMemory`.
    """
    kind, parsed = check(type, params, priority=priority, vram_required=vram_required)
    lane = kind.lane_of(parsed)
    if vram_required is None:
        vram_required = 0 if registry.is_dry_run(parsed) else kind.vram
    job = Job.objects.create(
        type=kind.name,
        status=Job.Status.QUEUED,
        params=parsed.model_dump(mode="json", by_alias=True),
        resource_category=lane,
        vram_required=vram_required,
        has_cpu_path=kind.has_cpu_path,
        priority=priority,
        ranked_at=Now() - timedelta(minutes=priority),
        exclusive_key=kind.exclusive(parsed) if kind.exclusive else None,
        video_id=kind.video_of(parsed),
        submitted_by=by,
    )
    lanes.wake(lane)
    job.refresh_from_db()
    note_rows([job], "Submitted.", by=by)
    return job


@transaction.atomic
def run_for_real(job_id: int, *, by: User | None) -> Job:
    """Queue what a dry run has shown, with the very params that it had; what chance chose in it is chosen again.

    Raises `JobNotFound`, `Refused`, or `WrongState` when the job was no dry run or has not completed.
    """
    shown = Job.objects.filter(pk=job_id).defer("log").first()
    if shown is None:
        raise JobNotFound(job_id)
    if not shown.params.get("dryRun"):
        raise WrongState("The job was no dry run")
    if shown.status != Job.Status.COMPLETED:
        raise WrongState(f"The dry run is {shown.status}; only completed ones are run for real")
    chance = {"seed": shown.result["seed"]} if "seed" in shown.params and shown.result else {}
    return submit(shown.type, {**shown.params, **chance, "dryRun": False}, priority=shown.priority, by=by)


@transaction.atomic
def cancel(job_id: int, *, by: User | None) -> Job:
    """Cancel a waiting job, or ask a running one to stop; the steps that need it are cancelled with it.

    Raises `JobNotFound`, or `WrongState` when it has ended.
    """
    job = _hold(job_id)
    this = Job.objects.filter(pk=job_id)
    if job.status == Job.Status.RUNNING:
        this.update(cancel_requested_at=Now())
    elif job.status in WAITING:
        this.update(status=Job.Status.CANCELLED, completed_at=Now(), run_after=None)
        if job.pipeline_id is not None:
            steps.advance(job.pipeline_id)
    else:
        raise WrongState(f"The job is {job.status} and cannot be cancelled")
    note_rows([job], "Cancelled.", by=by)
    return this.get()


@transaction.atomic
def retry(job_id: int, *, by: User | None) -> Job:
    """Queue a job that failed or was cancelled anew; one of a pipeline takes the pipeline's other broken steps with it.

    Raises `JobNotFound`, or `WrongState` when it has not ended so.
    """
    job = _hold(job_id)
    if job.status not in steps.BROKEN:
        raise WrongState(f"The job is {job.status}; only failed and cancelled ones are retried")
    if job.pipeline is not None:
        pipelines.resume(job.pipeline)
    else:
        Job.objects.filter(pk=job_id).update(**AFRESH, status=Job.Status.QUEUED, ranked_at=rank_now())
    lanes.wake(job.resource_category)
    note_rows([job], "Retried.", by=by)
    return Job.objects.get(pk=job_id)


@transaction.atomic
def retry_failed(error_class: str, *, by: User | None) -> int:
    """Queue every failed job of an error class anew that nobody has dismissed; returns how many."""
    failed = Job.objects.left_failed().filter(error_class=error_class)
    count = 0
    for pipeline_id in failed.exclude(pipeline=None).order_by("pipeline").values_list("pipeline", flat=True).distinct():
        pipeline = _hold_pipeline(pipeline_id)
        count += failed.filter(pipeline=pipeline).count()
        pipelines.resume(pipeline)
        note_rows([pipeline], "Resumed.", by=by)
    alone = list(failed.filter(pipeline=None).order_by("pk").select_for_update(no_key=True).only("pk", "type", "resource_category"))
    Job.objects.filter(pk__in=[job.pk for job in alone]).update(**AFRESH, status=Job.Status.QUEUED, ranked_at=rank_now())
    for lane in {job.resource_category for job in alone}:
        lanes.wake(lane)
    note_rows(alone, "Retried.", by=by)
    return count + len(alone)


@transaction.atomic
def dismiss(job_id: int, *, by: User | None) -> Job:
    """Have a failure looked after: it stays in the history, and nobody is told of it any more.

    Raises `JobNotFound`, or `WrongState` when the job has not failed.
    """
    job = _hold(job_id)
    if job.status != Job.Status.FAILED:
        raise WrongState(f"The job is {job.status}; only failed ones are dismissed")
    _dismiss([job], by=by)
    return Job.objects.get(pk=job_id)


@transaction.atomic
def dismiss_failed(error_class: str, *, by: User | None) -> int:
    """Dismiss every failure of an error class; returns how many."""
    failed = Job.objects.left_failed().filter(error_class=error_class).order_by("pk")
    return _dismiss(list(failed.select_for_update(no_key=True).only("pk", "type")), by=by)


@transaction.atomic
def set_priority(job_id: int, priority: int, *, by: User | None) -> Job:
    """Move a waiting job up or down; what it has waited already counts on.

    Raises `JobNotFound`, `InvalidParams`, or `WrongState` when it no longer waits.
    """
    _check_priority(priority)
    job = _hold(job_id)
    if job.status not in WAITING:
        raise WrongState(f"The job is {job.status} and has no place in the queue")
    moved = F("ranked_at") + (F("priority") - priority) * timedelta(minutes=1)
    Job.objects.filter(pk=job_id).update(priority=priority, ranked_at=moved)
    note_rows([job], f"Priority {priority}.", by=by)
    return Job.objects.get(pk=job_id)


# --- Lanes --------------------------------------------------------------------------------------------------------


def pause(lane: str, *, by: User | None, reason: str = "") -> Opening:
    """Start no more jobs of a lane; those that run go on. Raises `UnknownLane`."""
    changes = {"paused_at": Now(), "paused_by": by, "paused_reason": reason, "resumes_at": None}
    return _change_lane(lane, changes, f"Paused: {reason}" if reason else "Paused.", by=by)


def resume(lane: str, *, by: User | None) -> Opening:
    """Let a paused lane start jobs again. Raises `UnknownLane`."""
    changes = {"paused_at": None, "paused_by": None, "paused_reason": "", "resumes_at": None}
    return _change_lane(lane, changes, "Resumed.", by=by)


def set_hours(lane: str, opens_at: time | None, closes_at: time | None, *, by: User | None) -> Opening:
    """Start jobs of a lane only within these hours, in TIME_ZONE; both None: always. Raises `UnknownLane` or `InvalidParams`."""
    if (opens_at is None) != (closes_at is None):
        raise InvalidParams({"closesAt" if closes_at is None else "opensAt": ["Hours have a start and an end."]})
    if opens_at is not None and opens_at == closes_at:
        raise InvalidParams({"closesAt": ["Hours end at another time than they begin."]})
    hours = f"Open from {opens_at:%H:%M} to {closes_at:%H:%M}." if opens_at and closes_at else "Open at all hours."
    return _change_lane(lane, {"opens_at": opens_at, "closes_at": closes_at}, hours, by=by)


def set_pauses_for_viewers(lane: str, pauses: bool, *, by: User | None) -> Opening:
    """Whether a lane starts nothing while somebody watches. Raises `UnknownLane`."""
    message = "Pauses while somebody watches." if pauses else "Goes on while somebody watches."
    return _change_lane(lane, {"pauses_for_viewers": pauses}, message, by=by)


# --- Pipelines ----------------------------------------------------------------------------------------------------


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
    _check_priority(priority)
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
    pipeline = _hold_pipeline(pipeline_id)
    if pipeline.status != Pipeline.Status.RUNNING:
        raise WrongState(f"The pipeline is {pipeline.status} and cannot be cancelled")
    pipelines.cancel(pipeline)
    note_rows([pipeline], "Cancelled.", by=by)
    return _hold_pipeline(pipeline_id)


@transaction.atomic
def resume_pipeline(pipeline_id: int, *, by: User | None) -> Pipeline:
    """Go on from the first step that failed or was cancelled. Raises `PipelineNotFound`, or `WrongState` when none has."""
    pipeline = _hold_pipeline(pipeline_id)
    if pipeline.status not in (Pipeline.Status.FAILED, Pipeline.Status.CANCELLED):
        raise WrongState(f"The pipeline is {pipeline.status} and has nothing to resume")
    pipelines.resume(pipeline)
    note_rows([pipeline], "Resumed.", by=by)
    return _hold_pipeline(pipeline_id)


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


def _check_priority(priority: int) -> None:
    if priority not in PRIORITIES:
        raise InvalidParams({"priority": [f"{PRIORITIES[0]} to {PRIORITIES[-1]}, higher first."]})


def _check_memory(kind: JobType, vram: int) -> None:
    if not 0 <= vram <= MOST_VRAM:
        raise InvalidParams({"vramRequired": ["MiB of GPU memory, 0 or more."]})
    largest: int | None = WorkerNode.objects.aggregate(largest=Max("vram_total"))["largest"]
    if largest is not None and vram > largest and not kind.has_cpu_path:
        raise TooMuchMemory(vram, largest)


def _hold(job_id: int) -> Job:
    """The job as it is until the transaction ends, its pipeline locked before it; a job that has one keeps it."""
    this = Job.objects.filter(pk=job_id)
    steps.hold(this.values_list("pipeline", flat=True).first())
    job = this.select_for_update(no_key=True).defer("log").first()
    if job is None:
        raise JobNotFound(job_id)
    return job


def _hold_unapproved(job_id: int) -> tuple[Job, PipelineStep]:
    """A job that a person is to decide about, locked, and the step that it is of; raises `JobNotFound` or `WrongState`."""
    job = _hold(job_id)
    if job.pipeline_step is None or not steps.waits_for_approval(job):
        raise WrongState(f"The job is {job.status} and does not wait for approval")
    return job, job.pipeline_step


def _dismiss(failed: Sequence[Job], *, by: User | None) -> int:
    note_rows(failed, "Dismissed.", by=by)
    return Job.objects.filter(pk__in=[job.pk for job in failed]).update(dismissed_at=Now())


def _hold_pipeline(pipeline_id: int) -> Pipeline:
    pipeline = Pipeline.objects.select_for_update(no_key=True).filter(pk=pipeline_id).first()
    if pipeline is None:
        raise PipelineNotFound(pipeline_id)
    return pipeline


def _change_lane(lane: str, changes: Mapping[str, Any], message: str, *, by: User | None) -> Opening:
    if lane not in Lane.values:
        raise UnknownLane(lane)
    with transaction.atomic():
        state, _ = LaneState.objects.get_or_create(lane=lane)
        LaneState.objects.filter(pk=state.pk).update(**changes)
        note_rows([state], message, by=by)
        lanes.wake(lane)
    return lanes.opening(lane)

"""Jobs: submitted, cancelled, retried, dismissed, and moved up or down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now

from jobs import lanes, pipelines, registry, steps
from jobs.models import Job, WorkerNode
from jobs.picking import rank_now
from jobs.pipelines import AFRESH
from jobs.registry import InvalidParams, JobType, Params, Refused
from jobs.services.holding import JobNotFound, WrongState, check_priority, hold, hold_pipeline
from media_library.audit import note_rows

MOST_VRAM = 2**31 - 1  # MiB that the column holds
WAITING = (Job.Status.PENDING, Job.Status.QUEUED)


class TooMuchMemory(Refused):
    """More GPU memory was asked for than any node has, for a type that cannot do without."""

    def __init__(self, asked: int, largest: int) -> None:
        sentence = f"{asked} MiB of GPU memory are more than any node has ({largest} MiB), and this type needs a GPU"
        super().__init__(sentence, {"vramRequired": [sentence]})


def check(
    type: str, params: Mapping[str, Any] | None = None, *, priority: int = 5, vram_required: int | None = None
) -> tuple[JobType, Params]:
    """What `submit` would run; raises `UnknownJobType`, `InvalidParams` or `TooMuchMemory`."""
    kind = registry.get(type)
    parsed = kind.parse(params or {})
    check_priority(priority)
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
    job = hold(job_id)
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
    job = hold(job_id)
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
        pipeline = hold_pipeline(pipeline_id)
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
    job = hold(job_id)
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
    check_priority(priority)
    job = hold(job_id)
    if job.status not in WAITING:
        raise WrongState(f"The job is {job.status} and has no place in the queue")
    moved = F("ranked_at") + (F("priority") - priority) * timedelta(minutes=1)
    Job.objects.filter(pk=job_id).update(priority=priority, ranked_at=moved)
    note_rows([job], f"Priority {priority}.", by=by)
    return Job.objects.get(pk=job_id)


def _check_memory(kind: JobType, vram: int) -> None:
    if not 0 <= vram <= MOST_VRAM:
        raise InvalidParams({"vramRequired": ["MiB of GPU memory, 0 or more."]})
    largest: int | None = WorkerNode.objects.aggregate(largest=Max("vram_total"))["largest"]
    if largest is not None and vram > largest and not kind.has_cpu_path:
        raise TooMuchMemory(vram, largest)


def _dismiss(failed: Sequence[Job], *, by: User | None) -> int:
    note_rows(failed, "Dismissed.", by=by)
    return Job.objects.filter(pk__in=[job.pk for job in failed]).update(dismissed_at=Now())

"""Who runs which job: claims, leases, and the ledger of GPU memory.

A claim locks its node's row, so that the node's memory and limits are counted by one at a time; whoever ends a job
gives the memory back in the same transaction. Locks are taken in one order: pipeline, job, node; a claim, which holds its
node first, never waits for a job.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import uniform
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from config.database import read
from jobs import lanes, nodes, steps
from jobs.models import Job, Lane, WorkerNode
from jobs.picking import GPU_FAILED, pick, rank_now

logger = logging.getLogger(__name__)

UNFINISHED = 99  # the most progress of a job that has not completed
RACES = 5  # lost to claims of the same exclusive key, before a claimer looks again later
WORKER_DIED, NO_SPACE = "worker_died", "no_space"  # error classes that decide what becomes of a job

BEAT = """
    WITH held AS (
        SELECT id FROM jobs WHERE id = %(job)s AND lease_token = %(token)s AND status = 'running' FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE jobs
    SET lease_until = statement_timestamp() + %(lease)s, progress = greatest(progress, %(progress)s), speed = coalesce(%(speed)s, speed),
        log = coalesce(%(log)s, log)
    FROM held WHERE jobs.id = held.id
    RETURNING cancel_requested_at IS NOT NULL
"""

# What most jobs end with, and so without the ORM: one statement, which for a job of no pipeline is a transaction of its own.
COMPLETE = """
    WITH completed AS (
        UPDATE jobs
        SET status = 'completed', completed_at = statement_timestamp(), progress = 100, result = %(result)s, outputs = %(outputs)s,
            drafts = %(drafts)s, log = coalesce(%(log)s, log), lease_token = NULL, lease_until = NULL, vram_reserved = 0
        WHERE id = %(job)s AND lease_token = %(token)s AND status = 'running' AND cancel_requested_at IS NULL
        RETURNING id
    ), ledger AS (
        UPDATE worker_nodes SET vram_used = vram_used - %(vram)s
        FROM completed WHERE worker_nodes.id = %(node)s AND %(vram)s > 0
    )
    SELECT id FROM completed
"""


class LeaseLost(Exception):
    """The job belongs to somebody else by now, or has ended: its former holder writes nothing and leaves quietly."""


class CancelRequested(Exception):
    """A person cancelled the job before it completed; its outputs are to be dropped."""


@dataclass(frozen=True)
class Lease:
    """A job that is ours as long as `token` is the row's."""

    job_id: int
    token: UUID
    type: str
    params: dict[str, Any] = field(repr=False)
    attempt: int
    lane: Lane
    node_id: int
    worker: str
    video_id: int | None
    pipeline_id: int | None
    vram: int  # MiB that are reserved; 0: the CPU path is to be taken
    has_leftovers: bool = False  # the job's row names files of an earlier attempt
    last_error_class: str = ""  # what its last attempt failed of

    @property
    def uses_gpu(self) -> bool:
        return self.vram > 0


@dataclass(frozen=True)
class Beat:
    """What a worker learns when it says that it lives."""

    is_held: bool
    is_cancelled: bool = False
    is_renewed: bool = True  # or somebody has the row locked at the moment


@dataclass(frozen=True)
class Abandoned:
    """A job that was taken back from a worker which fell silent."""

    job_id: int
    type: str
    worker: str
    status: str  # what it is now
    drafts: list[str | dict[str, Any]] = field(repr=False)  # its unfinished files, as `jobs.outputs` names them


def claim(node: WorkerNode, lane: Lane | str, worker: str) -> Lease | None:
    """Take the first job of the lane that may run on this node now; None when there is none.

    Raises `WorkerNode.DoesNotExist` when the node's row has gone.
    """
    lane, open_lanes = Lane(lane), lanes.open_lanes()
    if not settings.ENABLE_MEDIA_FEATURES or lane not in open_lanes:
        return None
    for _ in range(RACES):
        token = uuid4()
        try:
            picked = pick(node.pk, lane, worker, token=token, open_lanes=open_lanes)
        except IntegrityError as error:  # another node started a job of the same exclusive key a moment ago
            if "jobs_one_running_per_key" not in str(error):
                raise
        else:
            return Lease(token=token, lane=lane, node_id=node.pk, worker=worker, **picked._asdict()) if picked else None
    return None


def beat(lease: Lease, *, progress: int | None = None, speed: float | None = None, log: str | None = None) -> Beat:
    """Renew the lease, without waiting for whoever has the row locked.

    Progress (0 to 99) never falls, `log` replaces the tail that is kept, None leaves either as it is.
    """
    told = {"progress": progress and min(progress, UNFINISHED), "speed": speed, "log": log}
    renewed = read(BEAT, {"job": lease.job_id, "token": lease.token, "lease": nodes.lease()} | told)
    if renewed:
        return Beat(is_held=True, is_cancelled=renewed[0][0])
    return Beat(is_held=_held(lease).exists(), is_renewed=False)


def write_log(lease: Lease, log: str) -> None:
    """Replace the log of a job that ends, whose lease is not to be renewed any more; raises `LeaseLost`."""
    if not _held(lease).update(log=log):
        raise LeaseLost(lease.job_id)


def name_drafts(lease: Lease, drafts: Sequence[str | dict[str, Any]]) -> None:
    """Write down which files are about to exist, so that whoever takes the job back can remove them; raises `LeaseLost`."""
    if not _held(lease).update(drafts=list(drafts)):
        raise LeaseLost(lease.job_id)


def hold(lease: Lease) -> Job:
    """The job, locked until the caller's transaction ends, so that nobody takes it meanwhile; raises `LeaseLost`."""
    steps.hold(lease.pipeline_id)
    job = _held(lease).select_for_update(no_key=True).defer("log").first()
    if job is None:
        raise LeaseLost(lease.job_id)
    return job


def complete(
    lease: Lease,
    *,
    result: dict[str, Any],
    outputs: Sequence[dict[str, Any]] = (),
    drafts: Sequence[str | dict[str, Any]] = (),
    log: str | None = None,
) -> None:
    """End a job well, with the rest of its log; raises `LeaseLost`, or `CancelRequested` when a person cancelled it meanwhile.

    `drafts`: unfinished files that could not be removed, for whoever sweeps.
    To be called in the transaction that writes the job's rows, if it has any: the exceptions roll it back.
    """
    told = {"result": Jsonb(result), "outputs": Jsonb(list(outputs)), "drafts": Jsonb(list(drafts)), "log": log}
    if lease.pipeline_id is None:
        _complete(lease, told)
        return
    with transaction.atomic():
        steps.hold(lease.pipeline_id)
        _complete(lease, told)
        steps.advance(lease.pipeline_id)


@transaction.atomic
def fail(lease: Lease, *, error: str, error_class: str, suggestion: str = "", is_transient: bool = False) -> None:
    """End an attempt badly; raises `LeaseLost`.

    What may pass by itself is tried again later, at most MAX_ATTEMPTS times; what a GPU failed at, at once without it.
    """
    job = hold(lease)
    if job.cancel_requested_at is not None:
        return _let_go_cancelled(job)
    reason = {"error": error, "error_class": error_class, "suggestion": suggestion}
    if error_class == GPU_FAILED and lease.uses_gpu and job.has_cpu_path:
        return _let_go(job, status=Job.Status.QUEUED, progress=0, speed=None, **reason)
    if is_transient and job.attempt < settings.MAX_ATTEMPTS:
        return _let_go(job, status=Job.Status.PENDING, run_after=Now() + retry_delay(job.attempt), **reason)
    return _let_go(job, status=Job.Status.FAILED, completed_at=Now(), **reason)


@transaction.atomic
def disk_full(lease: Lease, *, error: str) -> None:
    """Stop the lane for a while: every other job would meet the same full disk. Costs no attempt; raises `LeaseLost`.

    The job goes behind the others: should it be the one that fills the disk, they have their turn first.
    """
    lanes.pause_for_full_disk(lease.lane)
    _give_back(hold(lease), error=error, error_class=NO_SPACE, ranked_at=rank_now())


@transaction.atomic
def give_back(lease: Lease) -> None:
    """Put a job back into the queue, where it was: its worker stops. Costs no attempt; raises `LeaseLost`."""
    _give_back(hold(lease))


@transaction.atomic
def cancelled(lease: Lease) -> None:
    """End a job whose handler has stopped because a person asked for it; raises `LeaseLost`."""
    _let_go_cancelled(hold(lease))


def take_back_expired(limit: int = 100) -> list[Abandoned]:
    """Take jobs from workers that have been silent for longer than their lease.

    Another worker gets them, but a job over which DEATHS_BEFORE_QUARANTINE workers died has failed.
    """
    expired = Job.objects.filter(status=Job.Status.RUNNING, lease_until__lt=Now()).order_by("lease_until")
    return [
        abandoned
        for job_id, pipeline_id in expired.values_list("pk", "pipeline_id")[:limit]
        if (abandoned := _take_back(job_id, pipeline_id))
    ]


def retry_delay(attempt: int) -> timedelta:
    """A random time up to 2ⁿ times the base (full jitter): many that failed together do not come back together."""
    longest = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2 ** (attempt - 1))
    return timedelta(seconds=uniform(0, longest))


def _held(lease: Lease) -> QuerySet[Job]:
    """The lease's job while it is the lease's: every write of a worker goes through here."""
    return Job.objects.filter(pk=lease.job_id, lease_token=lease.token, status=Job.Status.RUNNING)


def _complete(lease: Lease, told: dict[str, Any]) -> None:
    held = {"job": lease.job_id, "token": lease.token, "node": lease.node_id, "vram": lease.vram}
    if not read(COMPLETE, told | held):
        raise CancelRequested(lease.job_id) if _held(lease).exists() else LeaseLost(lease.job_id)
    if lease.uses_gpu:
        _wake_for_memory()


def _take_back(job_id: int, pipeline_id: int | None) -> Abandoned | None:
    with transaction.atomic():
        steps.hold(pipeline_id)
        expired = Job.objects.filter(pk=job_id, status=Job.Status.RUNNING, lease_until__lt=Now())
        job = expired.select_for_update(no_key=True, skip_locked=True).defer("log").first()
        if job is None:
            return None
        deaths = job.death_count + 1
        if job.cancel_requested_at is not None:
            _let_go_cancelled(job, death_count=deaths)
        elif deaths >= settings.DEATHS_BEFORE_QUARANTINE:
            _quarantine(job, deaths)
        else:
            _let_go(job, status=Job.Status.QUEUED, death_count=deaths, progress=0, speed=None)
        logger.warning("%s was taken back from %s, which fell silent", job, job.worker)
        status = Job.objects.values_list("status", flat=True).get(pk=job_id)
    return Abandoned(job_id, job.type, job.worker, status, job.drafts)


def _quarantine(job: Job, deaths: int) -> None:
    _let_go(
        job,
        status=Job.Status.FAILED,
        completed_at=Now(),
        death_count=deaths,
        error=f"Its worker died {deaths} times while it ran this job; it is set aside",
        error_class=WORKER_DIED,
        suggestion="Look into its log and its video before you retry it: it may bring down the next worker too.",
    )


def _give_back(job: Job, **changes: Any) -> None:
    if job.cancel_requested_at is not None:
        return _let_go_cancelled(job)
    return _let_go(job, status=Job.Status.QUEUED, attempt=job.attempt - 1, progress=0, speed=None, **changes)


def _let_go_cancelled(job: Job, **changes: Any) -> None:
    _let_go(job, status=Job.Status.CANCELLED, completed_at=Now(), **changes)


def _let_go(job: Job, *, status: Job.Status, **changes: Any) -> None:
    """End the lease of a locked job: its memory back, its pipeline on."""
    Job.objects.filter(pk=job.pk).update(status=status, lease_token=None, lease_until=None, vram_reserved=0, **changes)
    if status == Job.Status.QUEUED:
        lanes.wake(job.resource_category)
    if job.pipeline_id is not None:
        steps.advance(job.pipeline_id)
    if job.vram_reserved and job.node_id is not None:
        WorkerNode.objects.filter(pk=job.node_id).update(vram_used=F("vram_used") - job.vram_reserved)
        _wake_for_memory()


def _wake_for_memory() -> None:
    """Tell the lanes whose jobs may have waited for what was given back."""
    lanes.wake(Lane.GPU_AI)
    lanes.wake(Lane.GPU_ENCODE)

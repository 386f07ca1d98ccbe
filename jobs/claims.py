"""Who runs which job: claims, leases, and the ledger of GPU memory.

A claim locks its node's row, so that the node's memory and limits are counted by one at a time; whoever ends a job
gives the memory back in the same transaction. Locks are taken in one order: pipeline, job, node; a claim, which holds its
node first, never waits for a job.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import uniform
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from config.database import read
from jobs import lanes, nodes, steps
from jobs.models import Job, Lane, WorkerNode

logger = logging.getLogger(__name__)

UNFINISHED = 99  # the most progress of a job that has not completed
RACES = 5  # lost to claims of the same exclusive key, before a claimer looks again later
WORKER_DIED = "worker_died"

PROMOTE_DUE = """
    UPDATE jobs SET status = 'queued', ranked_at = run_after - priority * interval '1 minute', run_after = NULL
    WHERE id IN (
        SELECT id FROM jobs
        WHERE status = 'pending' AND run_after <= statement_timestamp()
        ORDER BY run_after LIMIT 100 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""

LOCK_NODE = "SELECT vram_total, vram_used FROM worker_nodes WHERE id = %s FOR NO KEY UPDATE"

# A job whose need a node's memory could never hold runs its CPU path there, and reserves nothing.
EXCLUSIVE_KEY_IS_FREE = """
    (job.exclusive_key IS NULL OR job.exclusive_key <> ALL (ARRAY(
        SELECT running.exclusive_key FROM jobs AS running WHERE running.status = 'running' AND running.exclusive_key IS NOT NULL
    )))
"""

CLAIM = f"""
    WITH picked AS (
        SELECT job.id, need.vram
        FROM jobs AS job
        CROSS JOIN LATERAL (SELECT CASE WHEN job.vram_required <= %(vram_total)s THEN job.vram_required ELSE 0 END AS vram) AS need
        WHERE job.resource_category = %(lane)s AND job.status = 'queued'
          AND (job.vram_required <= %(vram_total)s OR job.has_cpu_path)
          AND need.vram <= %(vram_free)s
          AND (need.vram = 0 OR %(barrier_ranked_at)s::timestamptz IS NULL
               OR (job.ranked_at, job.id) <= (%(barrier_ranked_at)s::timestamptz, %(barrier_id)s::bigint))
          AND {EXCLUSIVE_KEY_IS_FREE}
        ORDER BY job.ranked_at, job.id
        LIMIT 1
        FOR UPDATE OF job SKIP LOCKED
    ), claimed AS (
        UPDATE jobs AS job
        SET status = 'running', attempt = job.attempt + 1, node_id = %(node)s, worker = %(worker)s, vram_reserved = picked.vram,
            lease_token = %(token)s, lease_until = statement_timestamp() + %(lease)s,
            started_at = statement_timestamp(), completed_at = NULL, cancel_requested_at = NULL,
            progress = 0, speed = NULL, error = '', error_class = '', suggestion = ''
        FROM picked WHERE job.id = picked.id
        RETURNING job.id, job.type, job.params, job.attempt, job.video_id, job.pipeline_id, job.vram_reserved
    ), ledger AS (
        UPDATE worker_nodes AS node SET vram_used = node.vram_used + claimed.vram_reserved
        FROM claimed WHERE node.id = %(node)s AND claimed.vram_reserved > 0
    )
    SELECT id, type, params, attempt, video_id, pipeline_id, vram_reserved FROM claimed
"""

STARVING = f"""
    SELECT job.ranked_at, job.id FROM jobs AS job
    WHERE job.status = 'queued' AND job.vram_required BETWEEN 1 AND %(vram_total)s
      AND job.resource_category = ANY(%(lanes)s)
      AND job.ranked_at + job.priority * interval '1 minute' <= statement_timestamp() - %(patience)s
      AND {EXCLUSIVE_KEY_IS_FREE}
    ORDER BY job.ranked_at, job.id LIMIT 1
"""

LANES_WITH_A_FREE_SLOT = """
    SELECT worker.lane FROM workers AS worker
    WHERE worker.node_id = %(node)s AND worker.seen_at > statement_timestamp() - %(lease)s
    GROUP BY worker.lane
    HAVING sum(worker.slots) > (
        SELECT count(*) FROM jobs WHERE status = 'running' AND node_id = %(node)s AND resource_category = worker.lane
    )
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

    @property
    def uses_gpu(self) -> bool:
        return self.vram > 0


@dataclass(frozen=True)
class Beat:
    """What a worker learns when it says that it lives."""

    is_held: bool
    is_cancelled: bool


@dataclass(frozen=True, order=True)
class Barrier:
    """A place in the queue that jobs which want memory do not pass."""

    ranked_at: datetime
    job_id: int


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
    if not settings.ENABLE_MEDIA_FEATURES or not lanes.opening(lane).is_open:
        return None
    read(PROMOTE_DUE, [])
    for _ in range(RACES):
        try:
            return _claim(node.pk, Lane(lane), worker)
        except IntegrityError as error:  # another node started a job of the same exclusive key a moment ago
            if "jobs_one_running_per_key" not in str(error):
                raise
    return None


def beat(lease: Lease, *, progress: int | None = None, speed: float | None = None, log: str | None = None) -> Beat:
    """Renew the lease; progress (0 to 99) never falls, `log` replaces the tail that is kept, None leaves either as it is."""
    changes: dict[str, Any] = {"lease_until": Now() + nodes.lease()}
    if progress is not None:
        changes["progress"] = Greatest(F("progress"), min(progress, UNFINISHED))
    if speed is not None:
        changes["speed"] = speed
    if log is not None:
        changes["log"] = log
    if not _held(lease).update(**changes):
        return Beat(is_held=False, is_cancelled=False)
    return Beat(is_held=True, is_cancelled=_held(lease).filter(cancel_requested_at__isnull=False).exists())


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


@transaction.atomic
def complete(lease: Lease, *, result: dict[str, Any], outputs: Sequence[dict[str, Any]] = ()) -> None:
    """End a job well; raises `LeaseLost`, or `CancelRequested` when a person cancelled it meanwhile.

    To be called in the transaction that writes the job's rows, which the exceptions roll back.
    """
    job = hold(lease)
    if job.cancel_requested_at is not None:
        raise CancelRequested(lease.job_id)
    _let_go(job, status=Job.Status.COMPLETED, completed_at=Now(), progress=100, result=result, outputs=list(outputs))


@transaction.atomic
def fail(lease: Lease, *, error: str, error_class: str, suggestion: str = "", is_transient: bool = False) -> None:
    """End an attempt badly: what may pass by itself is tried again later, at most MAX_ATTEMPTS times; raises `LeaseLost`."""
    job = hold(lease)
    if job.cancel_requested_at is not None:
        return _let_go_cancelled(job)
    reason = {"error": error, "error_class": error_class, "suggestion": suggestion}
    if is_transient and job.attempt < settings.MAX_ATTEMPTS:
        return _let_go(job, status=Job.Status.PENDING, run_after=Now() + retry_delay(job.attempt), **reason)
    return _let_go(job, status=Job.Status.FAILED, completed_at=Now(), **reason)


@transaction.atomic
def disk_full(lease: Lease, *, error: str) -> None:
    """Stop the lane for a while: every other job would meet the same full disk. Costs no attempt; raises `LeaseLost`."""
    lanes.pause_for_full_disk(lease.lane)
    _give_back(hold(lease), error=error, error_class="no_space")


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


def barrier(node_id: int, vram_total: int, lane: Lane) -> Barrier | None:
    """The job that has waited so long for this node's memory that none of `lane` may take it first.

    Only of lanes that could start it at once: one that waits for a free slot is not helped by memory that lies idle.
    """
    if vram_total == 0 or not _starving(vram_total, list(Lane)):
        return None
    free = {name for (name,) in read(LANES_WITH_A_FREE_SLOT, {"node": node_id, "lease": nodes.lease()})}
    ready = [other for other, opening in lanes.openings().items() if other == lane or (other in free and opening.is_open)]
    return _starving(vram_total, ready)


def retry_delay(attempt: int) -> timedelta:
    """A random time up to 2ⁿ times the base (full jitter): many that failed together do not come back together."""
    longest = min(settings.RETRY_CAP_SECONDS, settings.RETRY_BASE_SECONDS * 2 ** (attempt - 1))
    return timedelta(seconds=uniform(0, longest))


@transaction.atomic
def _claim(node_id: int, lane: Lane, worker: str) -> Lease | None:
    """Lock the node, look at what it has left, pick and write."""
    node = read(LOCK_NODE, [node_id])
    if not node:
        raise WorkerNode.DoesNotExist(f"node {node_id} has gone")
    vram_total, vram_used = node[0]
    if _is_full(node_id, lane):
        return None
    first = barrier(node_id, vram_total, lane)
    token = uuid4()
    picked = read(
        CLAIM,
        {
            "lane": str(lane),
            "node": node_id,
            "worker": worker,
            "token": token,
            "lease": nodes.lease(),
            "vram_total": vram_total,
            "vram_free": vram_total - vram_used,
            "barrier_ranked_at": first.ranked_at if first else None,
            "barrier_id": first.job_id if first else None,
        },
    )
    if not picked:
        return None
    job_id, type, params, attempt, video_id, pipeline_id, vram = picked[0]
    return Lease(job_id, token, type, params, attempt, lane, node_id, worker, video_id, pipeline_id, vram)


def _is_full(node_id: int, lane: Lane) -> bool:
    """Whether a locked node runs as many jobs of the lane as it may."""
    limit = lanes.limit(lane)
    running = Job.objects.filter(status=Job.Status.RUNNING, node=node_id, resource_category=lane)
    return limit is not None and running.count() >= limit


def _starving(vram_total: int, among: Sequence[Lane]) -> Barrier | None:
    patience = timedelta(seconds=settings.BACKFILL_AFTER_SECONDS)
    found = read(STARVING, {"vram_total": vram_total, "lanes": [str(lane) for lane in among], "patience": patience})
    return Barrier(*found[0]) if found else None


def _held(lease: Lease) -> QuerySet[Job]:
    """The lease's job while it is the lease's: every write of a worker goes through here."""
    return Job.objects.filter(pk=lease.job_id, lease_token=lease.token, status=Job.Status.RUNNING)


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


def _give_back(job: Job, **reason: str) -> None:
    if job.cancel_requested_at is not None:
        return _let_go_cancelled(job)
    return _let_go(job, status=Job.Status.QUEUED, attempt=job.attempt - 1, progress=0, speed=None, **reason)


def _let_go_cancelled(job: Job, **changes: Any) -> None:
    _let_go(job, status=Job.Status.CANCELLED, completed_at=Now(), **changes)


def _let_go(job: Job, *, status: Job.Status, **changes: Any) -> None:
    """End the lease of a locked job: its memory back, its pipeline on."""
    Job.objects.filter(pk=job.pk).update(status=status, lease_token=None, lease_until=None, vram_reserved=0, **changes)
    if job.vram_reserved and job.node_id is not None:
        WorkerNode.objects.filter(pk=job.node_id).update(vram_used=F("vram_used") - job.vram_reserved)
        lanes.wake(Lane.GPU_AI)
        lanes.wake(Lane.GPU_ENCODE)
    if status == Job.Status.QUEUED:
        lanes.wake(job.resource_category)
    if job.pipeline_id is not None:
        steps.advance(job.pipeline_id)

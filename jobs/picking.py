"""Which job a node starts next: one statement, while the node's row is locked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from config.database import read, read_together
from jobs import lanes, nodes
from jobs.models import Lane, WorkerNode

GPU_FAILED = "gpu_failed"  # the error class of a queued job whose next attempt does without a GPU

LOCK_NODE = "SELECT id FROM worker_nodes WHERE id = %(node)s FOR NO KEY UPDATE"

PROMOTE_DUE = """
    UPDATE jobs SET status = 'queued', ranked_at = run_after - priority * interval '1 minute', run_after = NULL
    WHERE id IN (
        SELECT id FROM jobs
        WHERE status = 'pending' AND run_after <= statement_timestamp()
        ORDER BY run_after LIMIT 100 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""

NODE = """
    SELECT id, vram_total, vram_total - vram_used AS vram_free FROM worker_nodes WHERE id = %(node)s
"""

KEY_IS_FREE = """
    (job.exclusive_key IS NULL OR job.exclusive_key <> ALL (ARRAY(
        SELECT running.exclusive_key FROM jobs AS running WHERE running.status = 'running' AND running.exclusive_key IS NOT NULL
    )))
"""

# The job that has waited so long for the node's memory that none may take it first: of this lane, and of the open lanes
# that could start it at once, for one that waits for a free slot is not helped by memory that lies idle. So its slot is kept,
# too, unless a job of its lane holds memory there and will give both back.
BARRIER = f"""
    SELECT job.ranked_at, job.id, job.resource_category = %(lane)s AND NOT EXISTS (
        SELECT FROM jobs AS running
        WHERE running.status = 'running' AND running.node_id = %(node)s AND running.resource_category = %(lane)s
          AND running.vram_reserved > 0
    ) AS keeps_slot
    FROM jobs AS job, node
    WHERE job.status = 'queued' AND job.vram_required BETWEEN 1 AND node.vram_total AND job.error_class <> '{GPU_FAILED}'
      AND job.ranked_at + job.priority * interval '1 minute' <= statement_timestamp() - %(patience)s
      AND (job.resource_category = %(lane)s OR job.resource_category IN (
          SELECT worker.lane FROM workers AS worker
          WHERE worker.node_id = %(node)s AND worker.seen_at > statement_timestamp() - %(lease)s AND worker.lane = ANY(%(open_lanes)s)
          GROUP BY worker.lane
          HAVING sum(worker.slots) > (
              SELECT count(*) FROM jobs AS running
              WHERE running.status = 'running' AND running.node_id = %(node)s AND running.resource_category = worker.lane
          )
      ))
      AND {KEY_IS_FREE}
    ORDER BY job.ranked_at, job.id LIMIT 1
"""

# A job whose need the node's memory could never hold runs its CPU path there, and reserves nothing;
# so does one that a GPU has just failed at.
PICK = f"""
    WITH node AS ({NODE}), barrier AS ({BARRIER}), picked AS (
        SELECT job.id, need.vram, job.error_class
        FROM node, jobs AS job
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN job.vram_required <= node.vram_total AND job.error_class <> '{GPU_FAILED}' THEN job.vram_required ELSE 0
            END AS vram
        ) AS need
        WHERE job.resource_category = %(lane)s AND job.status = 'queued'
          AND (job.vram_required <= node.vram_total OR job.has_cpu_path)
          AND need.vram <= node.vram_free
          AND NOT EXISTS (
              SELECT FROM barrier
              WHERE (barrier.ranked_at, barrier.id) < (job.ranked_at, job.id) AND (need.vram > 0 OR barrier.keeps_slot)
          )
          AND {KEY_IS_FREE}
          AND (%(limit)s::int IS NULL OR %(limit)s::int > (
              SELECT count(*) FROM jobs AS running
              WHERE running.status = 'running' AND running.node_id = %(node)s AND running.resource_category = %(lane)s
          ))
        ORDER BY job.ranked_at, job.id
        LIMIT 1
        FOR UPDATE OF job SKIP LOCKED
    ), started AS (
        UPDATE jobs AS job
        SET status = 'running', attempt = job.attempt + 1, node_id = %(node)s, worker = %(worker)s, vram_reserved = picked.vram,
            lease_token = %(token)s, lease_until = statement_timestamp() + %(lease)s,
            started_at = statement_timestamp(), completed_at = NULL, cancel_requested_at = NULL,
            progress = 0, speed = NULL, error = '', error_class = '', suggestion = ''
        FROM picked WHERE job.id = picked.id
        RETURNING job.id, job.type, job.params, job.attempt, job.video_id, job.pipeline_id, job.vram_reserved,
                  job.drafts <> '[]' AS has_leftovers, picked.error_class AS last_error_class
    ), ledger AS (
        UPDATE worker_nodes SET vram_used = vram_used + started.vram_reserved
        FROM started WHERE worker_nodes.id = %(node)s AND started.vram_reserved > 0
    )
    SELECT id, type, params, attempt, video_id, pipeline_id, vram_reserved, has_leftovers, last_error_class FROM started
"""


def rank_now() -> Any:
    """The rank of a job that becomes ready now: earlier by a minute for each step of its priority."""
    return Now() - F("priority") * timedelta(minutes=1)


class Picked(NamedTuple):
    """A job that has just been started."""

    job_id: int
    type: str
    params: dict[str, Any]
    attempt: int
    video_id: int | None
    pipeline_id: int | None
    vram: int  # MiB that were reserved
    has_leftovers: bool
    last_error_class: str


@dataclass(frozen=True, order=True)
class Barrier:
    """A place in the queue that jobs which want memory do not pass."""

    ranked_at: datetime
    job_id: int
    keeps_slot: bool = False  # from those of its lane that want no memory, too


def pick(node_id: int, lane: Lane, worker: str, *, token: UUID, open_lanes: Collection[Lane]) -> Picked | None:
    """Start the first job of the lane that may run on this node, under a lease of that token; None when there is none.

    Raises `WorkerNode.DoesNotExist`, or `IntegrityError` when another node has just started a job of the same exclusive key.
    """
    asked = _asked(node_id, lane, open_lanes) | {"worker": worker, "token": token, "limit": lanes.limit(lane)}
    locked, _, picked = read_together((LOCK_NODE, asked), (PROMOTE_DUE, {}), (PICK, asked))
    if not locked:
        raise WorkerNode.DoesNotExist(f"node {node_id} has gone")
    return Picked(*picked[0]) if picked else None


def barrier(node_id: int, lane: Lane, *, open_lanes: Collection[Lane]) -> Barrier | None:
    """The job that no other of `lane` may pass on this node on its way to memory."""
    found = read(f"WITH node AS ({NODE}) {BARRIER}", _asked(node_id, lane, open_lanes))
    return Barrier(*found[0]) if found else None


def _asked(node_id: int, lane: Lane, open_lanes: Collection[Lane]) -> dict[str, Any]:
    return {
        "node": node_id,
        "lane": str(lane),
        "open_lanes": [str(lane) for lane in open_lanes],
        "lease": nodes.lease(),
        "patience": timedelta(seconds=settings.BACKFILL_AFTER_SECONDS),
    }

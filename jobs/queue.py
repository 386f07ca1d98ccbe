"""The queue as people see it: what waits and why, who is next, and how the lanes stand. It only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db import connection
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, TextField, Value, When
from django.utils import timezone

from jobs import lanes, nodes, steps
from jobs.models import Job, Lane, WorkerNode
from jobs.picking import GPU_FAILED, KEY_IS_FREE, Barrier, barrier

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Shown(TypedDict):
        shown_status: str

    ShownJob = WithAnnotations[Job, Shown]

MIB_PER_GB = 1024
FOR_APPROVAL = "waits for somebody's approval"
STATUSES: tuple[str, ...] = tuple(Job.Status.values)

# The jobs of each stretch of the queue, from one that is asked for to the next, are counted once, in the index alone.
POSITIONS = f"""
    WITH asked AS (
        SELECT job.id, job.ranked_at,
               lag(job.ranked_at, 1, '-infinity') OVER queue AS ranked_from, lag(job.id, 1, 0::bigint) OVER queue AS id_from
        FROM jobs AS job WHERE job.id = ANY(%(ids)s) AND job.status = 'queued' AND {KEY_IS_FREE}
        WINDOW queue AS (ORDER BY job.ranked_at, job.id)
    )
    SELECT asked.id, sum(stretch.length) OVER (ORDER BY asked.ranked_at, asked.id)
    FROM asked CROSS JOIN LATERAL (
        SELECT count(*) AS length FROM jobs AS job
        WHERE job.status = 'queued' AND job.resource_category = %(lane)s AND {KEY_IS_FREE}
          AND (job.ranked_at, job.id) > (asked.ranked_from, asked.id_from) AND (job.ranked_at, job.id) <= (asked.ranked_at, asked.id)
    ) AS stretch
"""


@dataclass(frozen=True)
class WorkerShown:
    """A live worker; VRAM in MiB, of its node."""

    name: str
    node: str
    slots: int
    running: int
    vram_total: int
    vram_free: int
    seen_at: datetime


@dataclass(frozen=True)
class LaneSummary:
    lane: Lane
    counts: dict[str, int]  # by status, as shown
    is_open: bool
    is_paused: bool
    reason: str | None  # why it starts nothing
    workers: list[WorkerShown]


def as_shown(jobs: QuerySet[Job]) -> QuerySet[ShownJob]:
    """Annotate `shown_status`: a queued job that could not start even on an idle machine is `pending` to people."""
    return jobs.annotate(
        shown_status=Case(
            When(_held_up(), then=Value(Job.Status.PENDING.value)),
            default=F("status"),
            output_field=TextField(),
        )
    )


def shown_as(jobs: QuerySet[Job], status: str) -> QuerySet[Job]:
    """Those that people see in this status."""
    if status == Job.Status.PENDING:
        return jobs.filter(Q(status=Job.Status.PENDING) | _held_up())
    if status == Job.Status.QUEUED:
        return jobs.filter(status=Job.Status.QUEUED).exclude(_held_up())
    return jobs.filter(status=status)


def positions(jobs: Iterable[Job]) -> dict[int, int]:
    """The place of each queued job in its lane: 1 for the next to start; one that waits for another to end has none."""
    by_lane: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.status == Job.Status.QUEUED:
            by_lane[job.resource_category].append(job)
    return {id: position for lane, queued in by_lane.items() for id, position in _positions(lane, queued)}


def summary() -> list[LaneSummary]:
    """Each lane: its jobs by status, whether it starts any, and its workers."""
    counts = _counts()
    workers = _workers()
    return [
        LaneSummary(lane, counts[lane], opening.is_open, opening.is_paused, opening.reason, workers[lane])
        for lane, opening in lanes.openings().items()
    ]


def waiting_reasons(jobs: Iterable[Job], *, places: Mapping[int, int] | None = None) -> dict[int, str]:
    """Why each pending or queued job does not run yet, in a sentence; `places`: their `positions`, where the caller has them."""
    waiting = [job for job in jobs if job.status in (Job.Status.PENDING, Job.Status.QUEUED)]
    if not waiting:
        return {}
    explained = _Situation(waiting, positions(waiting) if places is None else places)
    return {job.pk: explained.reason(job) for job in waiting}


def gigabytes(vram: int) -> str:
    """MiB as people read them."""
    return f"{vram / MIB_PER_GB:.1f} GB"


class _Situation:
    """All that the reasons of some waiting jobs depend on, read once."""

    def __init__(self, waiting: Sequence[Job], places: Mapping[int, int]) -> None:
        self.openings = lanes.openings()
        self.open_lanes = [lane for lane, opening in self.openings.items() if opening.is_open]
        self.positions = places
        self.needed = _unfinished_needs(waiting)
        self.unapproved = _without_approval(waiting)
        self.running = list(Job.objects.filter(status=Job.Status.RUNNING).defer("log", "params").order_by("pk"))
        self.barriers: dict[tuple[int, str], Barrier | None] = {}
        self.nodes: dict[str, dict[int, WorkerNode]] = defaultdict(dict)
        for worker in nodes.live_workers():
            self.nodes[worker.lane][worker.node_id] = worker.node

    def reason(self, job: Job) -> str:
        if job.status == Job.Status.PENDING:
            return self._pending(job)
        return self._lane(job) or self._exclusive(job) or self._memory(job) or self._turn(job)

    def _pending(self, job: Job) -> str:
        if job.run_after is not None:
            at = timezone.localtime(job.run_after)
            return f"waits for a retry until {at:%H:%M:%S} (attempt {job.attempt + 1} of {settings.MAX_ATTEMPTS})"
        if steps := self.needed.get(job.pk):
            return "waits for " + " and ".join(f"the step {key} (job {id})" for key, id in steps)
        return FOR_APPROVAL if job.pk in self.unapproved else "waits for its pipeline"

    def _lane(self, job: Job) -> str | None:
        opening = self.openings[Lane(job.resource_category)]
        if opening.reason:
            return opening.reason
        if not self.nodes[job.resource_category]:
            return f"no worker serves the lane {job.resource_category}"
        return None

    def _exclusive(self, job: Job) -> str | None:
        if job.exclusive_key is None:
            return None
        holder = next((other for other in self.running if other.exclusive_key == job.exclusive_key), None)
        noun = job.exclusive_key.partition(":")[0]
        return f"waits for the {holder.type} job {holder.pk} of the same {noun}" if holder else None

    def _memory(self, job: Job) -> str | None:
        """What is missing on the node that has most room, or who is before the job; None where a node could start it."""
        serving = list(self.nodes[job.resource_category].values())
        able = [node for node in serving if _can_run(job, node)]
        roomy = [node for node in able if _demand(job, node) <= _free(node)]
        if roomy:
            return self._behind(job, roomy)
        need = f"needs {gigabytes(job.vram_required)} of GPU memory"
        if able:
            roomiest = max(able, key=_free)
            return f"{need}; {gigabytes(_free(roomiest))} free on {roomiest.name}{self._held_by(roomiest)}"
        largest = max(serving, key=lambda node: node.vram_total)
        return f"{need}; the most that a node of this lane has is {gigabytes(largest.vram_total)}, on {largest.name}"

    def _behind(self, job: Job, roomy: Sequence[WorkerNode]) -> str | None:
        """Which job has waited so long for memory that this one may not pass it on any node."""
        mine = Barrier(job.ranked_at, job.pk)
        barriers = [(self._barrier(node, job.resource_category), _demand(job, node)) for node in roomy]
        holding = [barrier for barrier, demand in barriers if barrier and barrier < mine and (demand or barrier.keeps_slot)]
        if len(holding) < len(roomy):
            return None
        return f"waits behind job {holding[0].job_id}, which has long waited for GPU memory"

    def _barrier(self, node: WorkerNode, lane: str) -> Barrier | None:
        if (node.pk, lane) not in self.barriers:
            self.barriers[node.pk, lane] = barrier(node.pk, Lane(lane), open_lanes=self.open_lanes)
        return self.barriers[node.pk, lane]

    def _held_by(self, node: WorkerNode) -> str:
        holders = [str(job.pk) for job in self.running if job.node_id == node.pk and job.vram_reserved]
        if not holders:
            return ""
        return f", held by job{'s' if len(holders) > 1 else ''} {', '.join(holders)}"

    def _turn(self, job: Job) -> str:
        position = self.positions.get(job.pk)
        return "next to start when a worker is free" if position in (None, 1) else f"number {position} in its lane"


def _demand(job: Job, node: WorkerNode) -> int:
    """MiB that the job would reserve there; where it could never fit, or a GPU has just failed at it, it runs its CPU path."""
    return job.vram_required if job.vram_required <= node.vram_total and job.error_class != GPU_FAILED else 0


def _can_run(job: Job, node: WorkerNode) -> bool:
    return job.has_cpu_path or job.vram_required <= node.vram_total


def _free(node: WorkerNode) -> int:
    return node.vram_total - node.vram_used


def _held_up() -> Q:
    """Queued jobs that nothing but a change of their lane, or the end of a running job of their key, lets start."""
    closed = [lane for lane, opening in lanes.openings().items() if not opening.is_open]
    same_key = Job.objects.filter(status=Job.Status.RUNNING, exclusive_key=OuterRef("exclusive_key"))
    key_is_taken = Q(exclusive_key__isnull=False) & Q(Exists(same_key))
    return Q(status=Job.Status.QUEUED) & (Q(resource_category__in=closed) | key_is_taken)


def _positions(lane: str, queued: Sequence[Job]) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(POSITIONS, {"lane": lane, "ids": [job.pk for job in queued]})
        return [(int(id), int(position)) for id, position in cursor.fetchall()]


def _counts() -> dict[Lane, dict[str, int]]:
    counts = {lane: dict.fromkeys(STATUSES, 0) for lane in Lane}
    by_status = Job.objects.order_by().values_list("resource_category", "status").annotate(Count("pk"))
    for name, status, count in by_status:
        counts[Lane(name)][status] = count
    held_up = Job.objects.filter(_held_up()).order_by().values_list("resource_category").annotate(Count("pk"))
    for name, count in held_up:
        counts[Lane(name)][Job.Status.QUEUED] -= count
        counts[Lane(name)][Job.Status.PENDING] += count
    return counts


def _workers() -> dict[str, list[WorkerShown]]:
    running = Job.objects.filter(status=Job.Status.RUNNING).values("worker").annotate(count=Count("pk")).order_by()
    busy = {row["worker"]: row["count"] for row in running}
    workers: dict[str, list[WorkerShown]] = defaultdict(list)
    for worker in nodes.live_workers():
        node = worker.node
        shown = WorkerShown(worker.name, node.name, worker.slots, busy.get(worker.name, 0), node.vram_total, _free(node), worker.seen_at)
        workers[worker.lane].append(shown)
    return workers


def _without_approval(waiting: Sequence[Job]) -> set[int]:
    """Those of the jobs that nothing but a person's word keeps from starting."""
    steps_of_pipelines = [job.pk for job in waiting if job.status == Job.Status.PENDING and job.pipeline_step_id]
    return set(steps.awaiting_approval().filter(pk__in=steps_of_pipelines).values_list("pk", flat=True))


def _unfinished_needs(waiting: Sequence[Job]) -> dict[int, list[tuple[str, int]]]:
    """For each job that is a step: the steps that it waits for, as (key, job id)."""
    pipelines = {job.pipeline_id for job in waiting if job.status == Job.Status.PENDING and job.pipeline_id}
    if not pipelines:
        return {}
    siblings: dict[tuple[int | None, str], Job] = {}
    needs: dict[int, list[str]] = {}
    for job in Job.objects.filter(pipeline__in=pipelines).select_related("pipeline_step").defer("log", "params"):
        if job.pipeline_step:
            siblings[job.pipeline_id, job.pipeline_step.key] = job
            needs[job.pk] = job.pipeline_step.needs
    return {
        job.pk: [
            (key, needed.pk) for key in needs.get(job.pk, []) if (needed := siblings[job.pipeline_id, key]).status != Job.Status.COMPLETED
        ]
        for job in waiting
        if job.pipeline_id in pipelines
    }

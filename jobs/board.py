"""What the queue's page shows: read in a number of statements that depends neither on the rows shown nor on the length of the queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import chain
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Right

from config import database
from jobs import labels, lanes, queue
from jobs.models import Job, Lane, Pipeline, PipelineStep
from media_library.labels import plain, poster

MOST_RUNNING = 40  # rows of each section
MOST_WAITING = 30
MOST_FAILURES = 20
MOST_PIPELINES = 8
MOST_ENDED = 8
LOG_TAIL = 4_000  # characters
LOG_LINES = 20
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)


@dataclass(frozen=True)
class NodeShown:
    name: str
    vram_total: int  # MiB
    vram_used: int  # MiB
    words: str


@dataclass(frozen=True)
class LaneCard:
    """A lane: whether it starts jobs, how much there is to do, and who does it."""

    lane: str
    name: str
    state: str  # open, paused, closed, idle: a class of the style sheet
    state_word: str
    sentence: str
    is_paused: bool
    opens_at: time | None
    closes_at: time | None
    pauses_for_viewers: bool
    running: int
    waiting: int
    worker_count: int
    slots: int
    nodes: list[NodeShown]


@dataclass(frozen=True)
class Alert:
    """Something that keeps jobs from running, and what to do about it."""

    level: str  # problem, warning
    sentence: str
    advice: str
    command: str = ""


@dataclass(frozen=True)
class FailureGroup:
    """The failed jobs of one class, told by the last of them."""

    error_class: str
    name: str
    count: int
    error: str
    suggestion: str
    last_at: str


@dataclass(frozen=True)
class QueueState:
    lane: str  # whose waiting jobs are shown; empty: everybody's
    lanes: list[LaneCard]
    alerts: list[Alert]
    running: list[dict[str, Any]]
    running_count: int
    waiting: list[dict[str, Any]]
    waiting_count: int
    failures: list[FailureGroup]
    failed_count: int
    pipelines: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    read_at: datetime  # by the database's clock, as all that is told of time

    @property
    def words(self) -> str:
        return f"{self.running_count:,} running, {self.waiting_count:,} waiting, {self.failed_count:,} failed"

    @property
    def idle_sentence(self) -> str:
        return "Nothing runs. " + ("See above what keeps jobs from starting." if self.alerts else "Whatever is added next starts at once.")


def read(*, lane: str = "") -> QueueState:
    """The queue now; `lane` narrows the waiting jobs."""
    now = database.now()
    summary = queue.summary()
    openings = lanes.openings()
    groups = _failed_by_class()
    cards = [_card(of_lane, openings[Lane(of_lane.lane)]) for of_lane in summary]
    return QueueState(
        lane=lane,
        lanes=cards,
        alerts=_alerts(cards),
        running=_running(now),
        running_count=_total(summary, Job.Status.RUNNING),
        waiting=_waiting(lane, now),
        waiting_count=sum(card.waiting for card in cards if lane in ("", card.lane)),
        failures=_failures(groups[:MOST_FAILURES], now),
        failed_count=sum(group["count"] for group in groups),
        pipelines=_pipelines(),
        ended=_ended(now),
        read_at=now,
    )


def _total(summary: Iterable[queue.LaneSummary], status: str) -> int:
    return sum(lane.counts.get(status, 0) for lane in summary)


def _card(lane: queue.LaneSummary, opening: lanes.Opening) -> LaneCard:
    running, waiting = lane.counts.get(Job.Status.RUNNING, 0), _waiting_count(lane)
    state, word = _state_of(lane, opening)
    return LaneCard(
        lane=lane.lane,
        name=labels.lane_name(lane.lane),
        state=state,
        state_word=word,
        sentence=_sentence(lane, opening, waiting=waiting),
        is_paused=opening.is_paused,
        opens_at=opening.opens_at,
        closes_at=opening.closes_at,
        pauses_for_viewers=opening.pauses_for_viewers,
        running=running,
        waiting=waiting,
        worker_count=len(lane.workers),
        slots=sum(worker.slots for worker in lane.workers),
        nodes=_nodes(lane),
    )


def _waiting_count(lane: queue.LaneSummary) -> int:
    return lane.counts.get(Job.Status.PENDING, 0) + lane.counts.get(Job.Status.QUEUED, 0)


def _state_of(lane: queue.LaneSummary, opening: lanes.Opening) -> tuple[str, str]:
    if opening.is_paused:
        return "paused", "paused"
    if not opening.is_open:
        return "closed", "closed"
    return ("open", "open") if lane.workers else ("idle", "no worker")


def _sentence(lane: queue.LaneSummary, opening: lanes.Opening, *, waiting: int) -> str:
    if opening.reason:
        return f"{opening.reason[:1].upper()}{opening.reason[1:]}."
    if not lane.workers:
        return "No worker serves this lane." if waiting else "No worker serves this lane; it has nothing to do."
    if opening.opens_at and opening.closes_at:
        return f"Starts jobs from {opening.opens_at:%H:%M} to {opening.closes_at:%H:%M}."
    return "Starts jobs."


def _nodes(lane: queue.LaneSummary) -> list[NodeShown]:
    """The nodes of the lane's workers, each once."""
    nodes = {worker.node: worker for worker in lane.workers}
    return [
        NodeShown(name, worker.vram_total, worker.vram_total - worker.vram_free, _memory(worker)) for name, worker in sorted(nodes.items())
    ]


def _memory(worker: queue.WorkerShown) -> str:
    if not worker.vram_total:
        return "no GPU: its jobs take the CPU path"
    return f"{labels.gigabytes(worker.vram_free)} of {labels.gigabytes(worker.vram_total)} GPU memory free"


def _alerts(cards: list[LaneCard]) -> list[Alert]:
    """What keeps jobs from running that no lane's own sentence tells well enough."""
    if not settings.ENABLE_MEDIA_FEATURES:
        return [Alert("problem", "The media features are off, so workers take no jobs.", "Set", "ENABLE_MEDIA_FEATURES=true")]
    if not any(card.worker_count for card in cards):
        return [Alert("problem", "No worker runs, so no job will start.", "Start one on any machine of the library:", _start("cpu"))]
    return [
        Alert("warning", f"No worker serves {card.name}, where {_jobs_wait(card.waiting)}.", "Start one:", _start(card.lane))
        for card in cards
        if card.waiting and not card.worker_count
    ]


def _start(lane: str) -> str:
    return f"celery -A config worker -Q {lane}"


def _jobs_wait(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count:,} jobs wait"


def _running(now: datetime) -> list[dict[str, Any]]:
    jobs = _shown(Job.objects.filter(status=Job.Status.RUNNING).select_related("node").order_by("lease_until", "pk"))
    jobs = jobs.annotate(log_tail=Right("log", LOG_TAIL))
    rows = sorted(jobs[:MOST_RUNNING], key=lambda job: (job.started_at or now, job.pk))
    return [
        {
            **_row(job),
            "speed": labels.speed(job),
            "time_left": labels.time_left(job, now=now),
            "log_tail": _last_lines(job.log_tail or ""),
            "is_being_cancelled": job.cancel_requested_at is not None,
        }
        for job in rows
    ]


def _last_lines(log: str) -> str:
    return labels.plain_lines("\n".join(log.splitlines()[-LOG_LINES:]))


def _waiting(lane: str, now: datetime) -> list[dict[str, Any]]:
    """The first that will start, then those that cannot yet."""
    of_lanes = [lane] if lane else Lane.values
    queued = (
        _shown(Job.objects.filter(status=Job.Status.QUEUED, resource_category=name).order_by("ranked_at", "pk"))[:MOST_WAITING]
        for name in of_lanes
    )
    pending = _shown(Job.objects.filter(status=Job.Status.PENDING, resource_category__in=of_lanes).order_by("-priority", "created_at"))
    in_order = sorted(chain.from_iterable(queued), key=lambda job: (job.ranked_at, job.pk))
    jobs = [*in_order, *pending[:MOST_WAITING]][:MOST_WAITING]
    places = queue.positions(jobs)
    reasons = queue.waiting_reasons(jobs, places=places)
    return [
        {
            **_row(job),
            "position": places.get(job.pk),
            "reason": reasons.get(job.pk),
            "waits_for_approval": reasons.get(job.pk) == queue.FOR_APPROVAL,
            "waited": labels.ago(job.created_at, now=now),
        }
        for job in jobs
    ]


def _failed_by_class() -> Sequence[Mapping[str, Any]]:
    """How many failures of each class nobody has dismissed, the most first, and the last of each."""
    failed = Job.objects.left_failed().order_by().values("error_class")
    return list(failed.annotate(count=Count("pk"), last=Max("pk")).order_by("-count", "error_class"))


def _failures(groups: Iterable[Mapping[str, Any]], now: datetime) -> list[FailureGroup]:
    told = Job.objects.only("error", "suggestion", "completed_at").in_bulk([group["last"] for group in groups])
    return [_group(group, told[group["last"]], now) for group in groups if group["last"] in told]


def _group(group: Mapping[str, Any], last: Job, now: datetime) -> FailureGroup:
    return FailureGroup(
        error_class=group["error_class"],
        name=labels.error_class(group["error_class"]),
        count=group["count"],
        error=plain(last.error),
        suggestion=plain(last.suggestion),
        last_at=labels.ago(last.completed_at, now=now) if last.completed_at else "",
    )


def _pipelines() -> list[dict[str, Any]]:
    """The newest pipelines that are on their way, or have failed of something that nobody has dismissed, with their steps."""
    is_left = Exists(Job.objects.left_failed().filter(pipeline=OuterRef("pk")))
    unfinished = Pipeline.objects.filter(Q(status=Pipeline.Status.RUNNING) | Q(is_left, status=Pipeline.Status.FAILED))
    pipelines = list(unfinished.prefetch_related("steps")[:MOST_PIPELINES])
    jobs = jobs_of_steps(pipelines)
    return [{"pipeline": pipeline, "steps": shown_steps(pipeline, jobs)} for pipeline in pipelines]


def jobs_of_steps(pipelines: Iterable[Pipeline]) -> dict[int, Job]:
    """The job of each step of these pipelines, by the step's id."""
    jobs = queue.as_shown(Job.objects.filter(pipeline__in=list(pipelines), pipeline_step__isnull=False)).defer("log").order_by("pk")
    return {job.pipeline_step_id: job for job in jobs if job.pipeline_step_id}


def shown_steps(pipeline: Pipeline, jobs: dict[int, Job]) -> list[dict[str, Any]]:
    """Each step with its job and a word for its state; needs `steps` fetched."""
    in_order = list(pipeline.steps.all())
    done = {step.key for step in in_order if (job := jobs.get(step.pk)) and job.status == Job.Status.COMPLETED}
    return [_step(step, jobs.get(step.pk), may_start=done.issuperset(step.needs)) for step in in_order]


def _step(step: PipelineStep, job: Job | None, *, may_start: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": step.key, "type": step.type, "job": job, "waits_for_approval": False}
    if job is None:
        return {**shown, "status": Job.Status.PENDING, "word": "waits"}
    if job.status == Job.Status.PENDING and step.lacks_approval and may_start:
        return {**shown, "status": job.status, "word": "waits for approval", "waits_for_approval": True}
    word = f"{job.progress} %" if job.status == Job.Status.RUNNING else Job.Status(job.status).label.lower()
    return {**shown, "status": job.status, "word": word}


def _ended(now: datetime) -> list[dict[str, Any]]:
    ended = Job.objects.filter(status__in=ENDED).order_by(F("completed_at").desc(), F("id").desc())
    return [
        {**_row(job), "ended": labels.ago(job.completed_at, now=now) if job.completed_at else "", "took": labels.took(job)}
        for job in _shown(ended)[:MOST_ENDED]
    ]


def _shown(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """With what a row says of the job's video, and without its log."""
    return jobs.select_related("video").defer("log", "result", "outputs", "drafts")


def _row(job: Job) -> dict[str, Any]:
    return {
        "job": job,
        "about": labels.about(job),
        "poster": poster(job.video) if job.video else "",
        "lane": labels.lane_name(job.resource_category),
    }

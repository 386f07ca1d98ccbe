"""The scheduler against a model of its rules: the ledger is never over, the order holds, and nobody starves.

    SCHEDULES=10000 STREAMS=1000 bin/test tests/jobs/test_schedules.py

plays so many random schedules against the database, and so many streams against the model; without it, as many as fit into a minute,
always the same ones. The model plays ten thousand schedules every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import pytest
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Now
from hypothesis import HealthCheck, given, settings, strategies
from pytest_django.fixtures import Settings

from jobs import claims, services
from jobs.models import Job, Worker, WorkerNode
from tests.jobs import schedules
from tests.jobs.schedules import Act, Claim, Drop, End, Model, ModelJob, Move, Open, Stream, Submit, Wait

MODEL_SCHEDULES = 10_000
MODEL_SEED = int(os.environ.get("SCHEDULES_SEED", "20261122"))
SCHEDULES = int(os.environ.get("SCHEDULES", "60"))
LENGTH = 40  # acts of a schedule
STREAMS = int(os.environ.get("STREAMS", "5"))
STREAM_SECONDS = 4 * 3600.0

lanes = strategies.sampled_from(schedules.LANES)
which = strategies.integers(0, 7)
priorities = strategies.integers(0, 10)
acts = strategies.one_of(
    strategies.builds(Submit, strategies.sampled_from(["encode", "model"]), priorities, strategies.sampled_from(schedules.NEEDS)),
    strategies.builds(Submit, strategies.sampled_from(["small", "walk"]), priorities, strategies.just(0)),
    strategies.builds(Claim, strategies.sampled_from(list(schedules.NODES)), lanes),
    strategies.builds(Claim, strategies.just("big"), strategies.sampled_from(["gpu_ai", "gpu_encode"])),
    strategies.builds(End, which, strategies.sampled_from(schedules.ENDS)),
    strategies.builds(Wait, strategies.sampled_from([1, 45, 200, 700])),
    strategies.builds(Move, which, priorities),
    strategies.builds(Drop, which),
    strategies.builds(Open, lanes, strategies.booleans()),
)


class Queue:
    """The product's queue, to which a schedule happens."""

    def __init__(self) -> None:
        self.nodes = {name: WorkerNode.objects.create(name=name, vram_total=vram) for name, vram in schedules.NODES.items()}
        Worker.objects.bulk_create(
            Worker(name=f"{lane}@{name}", node=node, lane=lane, slots=schedules.SLOTS)
            for name, node in self.nodes.items()
            for lane in schedules.LANES
        )
        self.ids: list[int] = []  # of the model's jobs, by number
        self.leases: dict[int, claims.Lease] = {}  # by job id

    def do(self, act: Act, changed: ModelJob | None) -> int | None:
        """Let one thing happen, to the job that the model says; returns the number of the job that a claim started."""
        match act:
            case Submit():
                self.ids.append(services.submit(act.kind, priority=act.priority, vram_required=act.vram).pk)
            case Claim():
                return self._claim(act)
            case Wait():
                self._pass(timedelta(seconds=act.seconds))
            case Open():
                (services.resume if act.is_open else services.pause)(act.lane, by=None)
            case End() if changed:
                self._end(self.leases.pop(self.ids[changed.number]), act.how)
            case Move() if changed:
                services.set_priority(self.ids[changed.number], act.priority, by=None)
            case Drop() if changed:
                services.cancel(self.ids[changed.number], by=None)
        return None

    def check_ledger(self) -> None:
        """Each node's memory in use is what its running jobs have reserved."""
        held = Sum("jobs__vram_reserved", filter=Q(jobs__status="running"), default=0)
        for used, reserved, total in WorkerNode.objects.annotate(held=held).values_list("vram_used", "held", "vram_total"):
            assert used == reserved <= total

    def statuses(self) -> list[str]:
        found = dict(Job.objects.values_list("pk", "status"))
        return [found[id] for id in self.ids]

    def _claim(self, act: Claim) -> int | None:
        lease = claims.claim(self.nodes[act.node], act.lane, f"{act.lane}@{act.node}")
        if lease is None:
            return None
        self.leases[lease.job_id] = lease
        return self.ids.index(lease.job_id)

    def _pass(self, time: timedelta) -> None:
        """Time passes: all that is written down is so much longer ago. Only leases go on, as if every worker had beaten."""
        Job.objects.update(ranked_at=F("ranked_at") - time, run_after=F("run_after") - time)

    def _end(self, lease: claims.Lease, how: str) -> None:
        match how:
            case "complete":
                claims.complete(lease, result={})
            case "fail" | "transient":
                claims.fail(lease, error="no", error_class="timeout", is_transient=how == "transient")
            case "give_back":
                claims.give_back(lease)
            case "expire":
                Job.objects.filter(pk=lease.job_id).update(lease_until=Now() - timedelta(seconds=1))
                assert [abandoned.job_id for abandoned in claims.take_back_expired()] == [lease.job_id]
            case "cancel":
                services.cancel(lease.job_id, by=None)
                claims.cancelled(lease)


@contextmanager
def undone() -> Iterator[None]:
    """A transaction of which nothing stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def check_bound(model: Model, act: Claim, started: ModelJob | None, starving: list[ModelJob]) -> None:
    """Nobody takes memory past a job that has waited too long for it and ranks before."""
    if started and started.reserved and starving:
        assert started.rank <= starving[0].rank


def drain(model: Model) -> Iterator[Claim | End | Open]:
    """Let the machines run until there is nothing that they could do."""
    yield from (Open(lane, True) for lane in schedules.LANES)
    while True:
        yield from (Claim(node, lane) for node in schedules.NODES for lane in schedules.LANES)
        if not model.in_state("running"):
            return
        yield from (End(0, "complete") for _ in range(len(model.in_state("running"))))


@pytest.fixture
def calm(settings: Settings) -> None:
    """Settings under which only the schedule lets time matter."""
    settings.BACKFILL_AFTER_SECONDS = schedules.PATIENCE
    settings.LEASE_SECONDS, settings.RETRY_BASE_SECONDS = 3600.0, 0.0
    settings.MAX_ATTEMPTS = settings.DEATHS_BEFORE_QUARANTINE = 1000


def test_the_rules_overbook_no_memory_and_let_nobody_starve() -> None:
    """Of the model alone: the rules are good, whoever follows them."""
    print(f"SCHEDULES_SEED={MODEL_SEED}")  # noqa: T201  # shown when the test fails
    random = Random(MODEL_SEED)
    for _ in range(MODEL_SCHEDULES):
        model = Model()
        for act in schedules.random_schedule(random, LENGTH):
            starving = model.starving(act.node, act.lane) if isinstance(act, Claim) else []
            started = model.do(act)
            if isinstance(act, Claim):
                check_bound(model, act, started, starving)
                assert model.used(act.node) <= schedules.NODES[act.node]


def test_a_stream_of_others_delays_nobody_for_longer_than_can_be_said_beforehand() -> None:
    """Of the model alone, and judged by what happened alone: by when each job came and started, not by who might pass whom."""
    print(f"SCHEDULES_SEED={MODEL_SEED}")  # noqa: T201  # shown when the test fails
    for seed in range(MODEL_SEED, MODEL_SEED + STREAMS):
        stream = Stream(Random(seed))
        stream.flow(seconds=STREAM_SECONDS)
        for visit in stream.visits.values():
            assert visit.waited(until=stream.now) <= stream.bound(visit), f"seed {seed}: {visit}"


@pytest.mark.django_db
@pytest.mark.usefixtures("job_kinds", "calm")
@settings(
    max_examples=SCHEDULES,
    derandomize="SCHEDULES" not in os.environ,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(strategies.lists(acts, min_size=LENGTH // 2, max_size=LENGTH))
def test_the_queue_follows_the_rules(schedule: list[Act]) -> None:
    model = Model()
    with undone():
        queue = Queue()
        for act in schedule:
            play(act, model, queue)
        for last in drain(model):
            play(last, model, queue)
        assert queue.statuses() == [{"due": "pending"}.get(job.status, job.status) for job in model.jobs]
        assert not model.in_state("queued") and not model.in_state("running")


def play(act: Act, model: Model, queue: Queue) -> None:
    """Let the same happen to both, and compare what a claim starts."""
    changed = model.do(act)
    started = queue.do(act, changed)
    queue.check_ledger()
    if isinstance(act, Claim):
        assert started == (changed.number if changed else None), f"{act} should have started {changed}"

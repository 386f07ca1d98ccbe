"""Schedules: what people, time and workers may do to the queue, and a model of what it must answer.

The model is the rules in plain Python, one job after the other, without a database; the product's answers are compared with
its own. Its time is in seconds and moves only when a schedule says so, but no two things happen at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

LANES = ("gpu_ai", "gpu_encode", "cpu")
NODES = {"none": 0, "middle": 4096, "big": 8192}  # MiB of GPU memory
SLOTS = 2  # of each lane on each node
PATIENCE = 600.0  # seconds: BACKFILL_AFTER_SECONDS
MOMENT = 1e-6  # seconds between two things that happen


@dataclass(frozen=True)
class Kind:
    name: str
    lane: str
    has_cpu_path: bool = True
    is_exclusive: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("small", "cpu"),
        Kind("walk", "cpu", is_exclusive=True),
        Kind("encode", "gpu_encode"),
        Kind("model", "gpu_ai", has_cpu_path=False),
    )
}


@dataclass(frozen=True)
class Submit:
    kind: str
    priority: int
    vram: int  # MiB


@dataclass(frozen=True)
class Wait:
    seconds: int


@dataclass(frozen=True)
class Claim:
    node: str
    lane: str


@dataclass(frozen=True)
class End:
    """How one of the running jobs ends: complete, fail, transient, give_back, expire or cancel."""

    which: int
    how: str


@dataclass(frozen=True)
class Move:
    """A person gives one of the waiting jobs another priority."""

    which: int
    priority: int


@dataclass(frozen=True)
class Drop:
    """A person cancels one of the waiting jobs."""

    which: int


@dataclass(frozen=True)
class Open:
    lane: str
    is_open: bool


Act = Submit | Wait | Claim | End | Move | Drop | Open
ENDS = ("complete", "fail", "transient", "give_back", "expire", "cancel")
NEEDS = (0, 1024, 2048, 4096, 6144, 8192)  # MiB


@dataclass
class ModelJob:
    number: int
    kind: Kind
    priority: int
    vram: int
    ready_at: float
    status: str = "queued"
    node: str | None = None
    reserved: int = 0

    @property
    def rank(self) -> tuple[float, int]:
        """Effective priority, the first first: a minute of waiting is worth a step."""
        return (self.ready_at - 60 * self.priority, self.number)


@dataclass
class Model:
    """The rules of the queue."""

    now: float = 0.0
    jobs: list[ModelJob] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    submitted: int = 0

    def in_state(self, status: str) -> list[ModelJob]:
        return [job for job in self.jobs if job.status == status]

    def used(self, node: str) -> int:
        return sum(job.reserved for job in self.in_state("running") if job.node == node)

    def demand(self, job: ModelJob, node: str) -> int:
        """What it takes of this node's memory; where it could never fit it uses the CPU."""
        return job.vram if job.vram <= NODES[node] else 0

    def can_run(self, job: ModelJob, node: str) -> bool:
        return job.kind.has_cpu_path or job.vram <= NODES[node]

    def key_is_free(self, job: ModelJob) -> bool:
        return not job.kind.is_exclusive or not any(other.kind.is_exclusive for other in self.in_state("running"))

    def has_free_slot(self, node: str, lane: str) -> bool:
        return sum(job.node == node and job.kind.lane == lane for job in self.in_state("running")) < SLOTS

    def starving(self, node: str, claiming: str) -> list[ModelJob]:
        """Who has waited so long for this node's memory that nobody may pass, the first first."""
        lanes = [lane for lane in LANES if lane == claiming or (lane not in self.closed and self.has_free_slot(node, lane))]
        return sorted(
            (
                job
                for job in self.in_state("queued")
                if job.kind.lane in lanes and 0 < job.vram <= NODES[node] and self.now - job.ready_at >= PATIENCE and self.key_is_free(job)
            ),
            key=lambda job: job.rank,
        )

    def keeps_slot(self, first: ModelJob, node: str, lane: str) -> bool:
        """Whether the first of the starving is to have the next slot of its lane: none that ends would give it memory and slot."""
        return first.kind.lane == lane and not any(
            job.node == node and job.kind.lane == lane and job.reserved for job in self.in_state("running")
        )

    def choice(self, node: str, lane: str) -> ModelJob | None:
        """What a worker of this lane gets on this node now."""
        if lane in self.closed:
            return None
        for job in self.in_state("due"):
            job.status = "queued"
        first = next(iter(self.starving(node, lane)), None)
        for job in sorted(self.in_state("queued"), key=lambda job: job.rank):
            need = self.demand(job, node)
            fits = need <= NODES[node] - self.used(node)
            may_pass = first is None or job.rank <= first.rank or (need == 0 and not self.keeps_slot(first, node, lane))
            if job.kind.lane == lane and self.can_run(job, node) and fits and may_pass and self.key_is_free(job):
                return job
        return None

    def do(self, act: Act) -> ModelJob | None:
        """Let one thing happen; returns the job that a claim started, or that a person or its end changed."""
        self.now += MOMENT
        match act:
            case Wait():
                self.now += act.seconds
            case Open():
                (self.closed.discard if act.is_open else self.closed.add)(act.lane)
            case Submit():
                self.jobs.append(ModelJob(self.submitted, KINDS[act.kind], act.priority, act.vram, ready_at=self.now))
                self.submitted += 1
                return self.jobs[-1]
            case Claim():
                return self._start(act)
            case End():
                return self._change(self.in_state("running"), act.which, lambda job: self._end(job, act.how))
            case Move():
                return self._change(self._waiting(), act.which, lambda job: setattr(job, "priority", act.priority))
            case Drop():
                return self._change(self._waiting(), act.which, lambda job: setattr(job, "status", "cancelled"))
        return None

    def _waiting(self) -> list[ModelJob]:
        return [job for job in self.jobs if job.status in ("queued", "due")]

    def _start(self, act: Claim) -> ModelJob | None:
        job = self.choice(act.node, act.lane)
        if job:
            job.status, job.node, job.reserved = "running", act.node, self.demand(job, act.node)
        return job

    def _end(self, job: ModelJob, how: str) -> None:
        job.reserved = 0
        job.status = {"complete": "completed", "fail": "failed", "cancel": "cancelled", "transient": "due"}.get(how, "queued")
        if how == "transient":
            job.ready_at = self.now

    def _change(self, among: list[ModelJob], which: int, change: Callable[[ModelJob], object]) -> ModelJob | None:
        if not among:
            return None
        job = among[which % len(among)]
        change(job)
        return job


def random_schedule(random: Random, length: int) -> Iterator[Act]:
    """A day of a queue that is busier than its machines."""
    for _ in range(length):
        yield _random_act(random)


def _random_act(random: Random) -> Act:
    roll = random.random()
    if roll < 0.35:
        kind = random.choice(list(KINDS))
        return Submit(kind, random.randint(0, 10), random.choice(NEEDS) if kind in ("encode", "model") else 0)
    if roll < 0.70:
        return Claim(random.choice(list(NODES)), random.choice(LANES))
    if roll < 0.85:
        return End(random.randrange(8), random.choice(ENDS))
    if roll < 0.95:
        return Wait(random.choice((1, 45, 200, 700)))
    if roll < 0.97:
        return Move(random.randrange(8), random.randint(0, 10))
    return Drop(random.randrange(8)) if roll < 0.98 else Open(random.choice(LANES), random.random() < 0.7)


@dataclass
class Visit:
    """What is seen of a job from outside: when it came, when it ran."""

    number: int
    came_at: float
    priority: int
    lane: str
    vram: int
    started_at: float | None = None

    @property
    def rank(self) -> tuple[float, int]:
        return (self.came_at - 60 * self.priority, self.number)

    def waited(self, *, until: float) -> float:
        return (until if self.started_at is None else self.started_at) - self.came_at


class Stream:
    """Machines that never get to the end of their work: more comes at once, and each takes at most LONGEST seconds."""

    TICK, LONGEST, GPU_LANES = 30.0, 300.0, ("gpu_ai", "gpu_encode")

    def __init__(self, random: Random) -> None:
        self._random, self._model = random, Model()
        self._ends_at: dict[int, float] = {}
        self._crowd = random.randint(2, 12)  # how many always wait
        self.visits: dict[int, Visit] = {}

    @property
    def now(self) -> float:
        return self._model.now

    def flow(self, *, seconds: float) -> None:
        while self.now < seconds:
            self._end_what_is_done()
            while len(self._model.in_state("queued")) < self._crowd:
                self._come()
            for node in NODES:
                for lane in self._random.sample(self.GPU_LANES, 2):
                    while self._model.has_free_slot(node, lane) and self._start(node, lane):
                        pass
            self._model.do(Wait(int(self.TICK)))

    def bound(self, visit: Visit) -> float:
        """The longest that this job may wait, in seconds.

        Once its patience is over, and nobody who comes can rank before it, each that ranks before it, and started since,
        cost it at most two rounds: one until a slot of its lane is free, one until the memory is.
        """
        alone_at = visit.came_at + max(PATIENCE, 60.0 * (10 - visit.priority))
        before = sum(other.rank < visit.rank and (other.started_at or 0.0) >= alone_at for other in self.visits.values())
        rounds = 2 * (before + 1)
        return alone_at - visit.came_at + rounds * (self.LONGEST + 2 * self.TICK)

    def _come(self) -> None:
        kind = self._random.choice(("encode", "model"))
        vram = self._random.choices(NEEDS, weights=(8, 8, 2, 1, 1, 1))[0]
        job = self._model.do(Submit(kind, self._random.randint(0, 10), vram))
        assert job
        self.visits[job.number] = Visit(job.number, self.now, job.priority, job.kind.lane, vram)

    def _start(self, node: str, lane: str) -> bool:
        job = self._model.do(Claim(node, lane))
        if job:
            self.visits[job.number].started_at = self.now
            self._ends_at[job.number] = self.now + self._random.uniform(self.TICK, self.LONGEST)
        return job is not None

    def _end_what_is_done(self) -> None:
        running = self._model.in_state("running")
        over = [which for which, job in enumerate(running) if self._ends_at[job.number] <= self.now]
        for which in reversed(over):
            self._model.do(End(which, "complete"))
        self._model.jobs = [job for job in self._model.jobs if job.status != "completed"]

"""Workers, ffmpegs and inspectors that are killed at random moments, over jobs of two lanes, one of them short of GPU memory.

    CHAOS_KILLS=1000 bin/test tests/chaos/test_random_kills.py -s

is a long run; it prints its seed, and CHAOS_SEED replays its choices, though not how the processes meet.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from jobs.models import Job
from media_library.models import Video
from tests.chaos import encodes, invariants
from tests.chaos.gifs import gif
from tests.chaos.workers import Worker, Workers, ffmpegs, inspectors, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]

KILLS = int(os.environ.get("CHAOS_KILLS", "30"))
SEED = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
IN_HAND = 8  # jobs that are kept waiting or running while there is killing
DEADLINE = 120.0 + 10.0 * KILLS  # seconds
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)
UNTIRING = {"MAX_ATTEMPTS": "100000", "DEATHS_BEFORE_QUARANTINE": "100000", "RETRY_BASE_SECONDS": "0.1", "RETRY_CAP_SECONDS": "0.2"}


@dataclass
class Rampage:
    """Two machines, and somebody who kills what works on them."""

    workers: Workers
    library: Path
    chance: Random
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.crew = [self._worker("first"), self._worker("second")]

    def strike(self) -> None:
        """Kill one process, where there is one of the kind that the dice say."""
        kind = self.chance.choices(("ffmpeg", "worker", "inspector"), weights=(6, 2, 2))[0]
        if kind == "worker":
            number = self.chance.randrange(len(self.crew))
            self.crew[number].kill()
            self.crew[number] = self._worker(self.crew[number].node)
            self.killed[kind] += 1
        elif victims := list(ffmpegs(self.library)) if kind == "ffmpeg" else inspectors(of=self.pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(victims), signal.SIGKILL)
                self.killed[kind] += 1

    @property
    def pids(self) -> set[int]:
        return {worker.process.pid for worker in self.crew}

    def _worker(self, node: str) -> Worker:
        settings = {"NODE_VRAM_MB": str(encodes.NODE_VRAM), "JOBS_PER_LANE": "3", **UNTIRING}
        return self.workers.start(node=node, lanes="cpu,gpu_encode", include="tests.chaos.encodes_in_workers", **settings)


def unfinished() -> int:
    return Job.objects.exclude(status__in=ENDED).count()


def any_job(video: Video, chance: Random) -> Job:
    if chance.random() < 0.5:
        return encodes.encode(chance.choice(encodes.NEEDS))
    return gif(video, inPoint=chance.randrange(50), duration=2, width=160, fps=5)


def test_every_job_is_done_once_however_often_its_workers_are_killed(
    workers: Workers, video: Video, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encodes.register_here(monkeypatch)
    chance = Random(SEED)
    rampage = Rampage(workers, library, chance)
    deadline = time.monotonic() + DEADLINE

    while rampage.killed.total() < KILLS:
        assert time.monotonic() < deadline, f"seed {SEED}: {rampage.killed}, {unfinished()} jobs wait"
        for _ in range(IN_HAND - unfinished()):
            any_job(video, chance)
        rampage.strike()
        invariants.memory_in_use_is_that_of_running_jobs()
        time.sleep(chance.uniform(0.0, 0.5))
    wait_for(lambda: not unfinished(), f"the jobs to end (seed {SEED})", seconds=DEADLINE)

    done = Job.objects.all()
    attempts = sum(job.attempt for job in done)
    print(f"seed {SEED}: killed {dict(rampage.killed)}; {attempts} attempts at {len(done)} jobs")  # noqa: T201
    assert rampage.killed.total() == KILLS
    assert {(job.status, job.error) for job in done} == {(Job.Status.COMPLETED, "")}, f"seed {SEED}"
    assert all(len(job.outputs) == 1 for job in done), f"seed {SEED}"
    invariants.check(library, videos=1 + done.filter(type="generate_gif").count())

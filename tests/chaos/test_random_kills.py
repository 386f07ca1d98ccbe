"""Workers and ffmpegs that are killed at random moments: `CHAOS_KILLS=1000 CHAOS_JOBS=300 pytest tests/chaos/test_random_kills.py`."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from jobs.models import Job
from media_library.models import Video
from tests.chaos import invariants
from tests.chaos.gifs import gif
from tests.chaos.workers import Worker, Workers, ffmpegs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]

KILLS = int(os.environ.get("CHAOS_KILLS", "30"))
JOBS = int(os.environ.get("CHAOS_JOBS", "12"))
DEADLINE = 120.0 + 10.0 * KILLS  # seconds
WORKERS_AMONG_KILLS = 0.2
UNTIRING = {"MAX_ATTEMPTS": "100000", "DEATHS_BEFORE_QUARANTINE": "100000", "RETRY_BASE_SECONDS": "0.1", "RETRY_CAP_SECONDS": "0.2"}
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)


def test_every_job_is_done_once_however_often_its_workers_are_killed(workers: Workers, video: Video, library: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    jobs = [gif(video, inPoint=chance.randrange(50), duration=2, width=160, fps=5) for _ in range(JOBS)]
    crew = [workers.start(node=name, **UNTIRING) for name in ("first", "second")]
    deadline, kills = time.monotonic() + DEADLINE, 0

    while Job.objects.exclude(status__in=ENDED).exists():
        assert time.monotonic() < deadline, f"seed {seed}: {kills} kills, {Job.objects.exclude(status__in=ENDED).count()} jobs wait"
        kills += kills < KILLS and kill_something(chance, workers, crew, library)
        time.sleep(chance.uniform(0.0, 0.5))

    print(f"seed {seed}: {kills} kills, {sum(Job.objects.values_list('attempt', flat=True))} attempts at {JOBS} jobs")  # noqa: T201
    done = Job.objects.filter(pk__in=[job.pk for job in jobs])
    assert {job.status for job in done} == {Job.Status.COMPLETED}, f"seed {seed}"
    assert all(len(job.outputs) == 1 for job in done), f"seed {seed}"
    invariants.check(library, videos=1 + JOBS)


def kill_something(chance: random.Random, workers: Workers, crew: list[Worker], library: Path) -> bool:
    """Kill an ffmpeg, or a worker, which another replaces; False when there was none."""
    if chance.random() < WORKERS_AMONG_KILLS:
        number = chance.randrange(len(crew))
        crew[number].kill()
        crew[number] = workers.start(node=crew[number].node, **UNTIRING)
        return True
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(list(ffmpegs(library))), signal.SIGKILL)
        return True
    return False

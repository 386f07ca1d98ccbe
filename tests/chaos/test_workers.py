"""Workers that are killed, stopped and cut off: nothing is lost, nothing is done twice, nothing is left.

    CANCELS=200 STOPS=50 bin/test tests/chaos/test_workers.py -s

is the full run; it prints how soon cancelled jobs were over. CHAOS_SEED replays the moments.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
from pytest_django.fixtures import Settings

from jobs import services
from jobs.models import Job
from jobs.models import Worker as WorkerRow
from media_library.models import Video
from tests.chaos import invariants
from tests.chaos.gifs import ENDLESS, QUICK, SLOW, ended, gif, working
from tests.chaos.proxy import Proxy
from tests.chaos.workers import LONG_LEASE, Worker, Workers, database_url, ffmpegs, to_database, to_redis, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]

CANCELS = int(os.environ.get("CANCELS", "20"))
STOPS = int(os.environ.get("STOPS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))


@pytest.fixture
def redis_wire(settings: Settings) -> Iterator[Proxy]:
    """A wire to Redis that is cut at first."""
    proxy = Proxy(partial(to_redis, settings.REDIS_URL))
    yield proxy
    proxy.cut()


@pytest.fixture
def database_wire(video: Video) -> Iterator[Proxy]:
    proxy = Proxy(to_database)
    proxy.mend()
    yield proxy
    proxy.cut()


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Let processes stand still."""
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGSTOP:
            yield


def its_ffmpegs(worker: Worker, library: Path) -> list[int]:
    """The process ids of the ffmpegs that work on this worker's machine."""
    leases = Job.objects.filter(status=Job.Status.RUNNING, node__name=worker.node).values_list("lease_token", flat=True)
    tokens = [lease.hex for lease in leases if lease]
    return [pid for pid, line in ffmpegs(library).items() if any(token in line for token in tokens)]


def has_started(job: Job) -> bool:
    job.refresh_from_db()
    return job.status == Job.Status.RUNNING


def nothing_works(library: Path) -> bool:
    return not ffmpegs(library)


def test_a_killed_worker_takes_its_ffmpeg_with_it_and_another_does_its_job_once(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **SLOW)
    first = workers.start(node="first")
    working(job, library)

    first.kill()
    wait_for(partial(nothing_works, library), "the dead worker's ffmpeg to be gone")
    workers.start(node="second")

    ended(job)
    assert job.death_count >= 1
    assert job.attempt == job.death_count + 1
    assert len(job.outputs) == 1
    invariants.check(library, videos=2)


def test_what_a_busy_worker_hears_an_idle_one_does_at_once(workers: Workers, video: Video, library: Path) -> None:
    """Neither looks by itself: a message that stayed with the busy one would never be followed."""
    first = gif(video, **ENDLESS)
    for node in ("first", "second"):
        workers.start(node=node, POLL_SECONDS="3600", LEASE_SECONDS=LONG_LEASE)
    with stopped(working(first, library)):
        wait_for(lambda: WorkerRow.objects.count() == 2, "both workers")
        time.sleep(2.0)  # a few beats: they know of each other
        jobs = [ended(gif(video, **QUICK)) for _ in range(6)]

    assert first.worker not in {job.worker for job in jobs}


def test_a_fault_in_how_messages_are_heard_ends_no_worker(workers: Workers, video: Video, library: Path) -> None:
    """It looks by itself once, when it starts: the second job is heard of."""
    worker = workers.start(include="tests.chaos.faulty_messages", POLL_SECONDS="3600", LEASE_SECONDS=LONG_LEASE)
    ended(gif(video, **QUICK))
    wait_for(lambda: "a fault of the transport's own" in worker.said(), "the fault")

    ended(gif(video, **QUICK))

    assert worker.process.poll() is None
    invariants.check(library, videos=3)


def test_a_killed_ffmpeg_is_tried_again(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **SLOW)
    workers.start(LEASE_SECONDS=LONG_LEASE)

    os.kill(working(job, library), signal.SIGKILL)

    ended(job)
    assert (job.attempt, job.death_count) == (2, 0)
    invariants.check(library, videos=2)


def test_a_worker_that_was_stopped_past_its_lease_writes_nothing_more(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **SLOW)
    first = workers.start(node="first")
    lost = working(job, library)
    first.signal(signal.SIGSTOP)
    workers.start(node="second")
    ended(job)
    made = (library / job.outputs[0]["path"]).stat()
    row = Job.objects.filter(pk=job.pk).values().get()

    first.signal(signal.SIGCONT)
    wait_for(lambda: lost not in ffmpegs(library), "the ffmpeg of the lost job to be ended")
    done = ended(gif(video, **QUICK))  # whoever takes it: both look for work again

    assert done.status == Job.Status.COMPLETED
    assert Job.objects.filter(pk=job.pk).values().get() == row
    assert (library / job.outputs[0]["path"]).stat() == made
    wait_for(lambda: not list(library.rglob(".*.part*")), "the lost drafts to be removed")
    invariants.check(library, videos=3)


def test_cancelling_running_jobs_at_any_moment_ends_their_ffmpegs_within_seconds(workers: Workers, video: Video, library: Path) -> None:
    chance = Random(SEED)
    jobs = [gif(video, **ENDLESS) for _ in range(CANCELS)]
    workers.start(LEASE_SECONDS=LONG_LEASE, JOBS_PER_LANE="4")

    for job in jobs:
        wait_for(partial(has_started, job), f"{job} to be started")
        time.sleep(chance.uniform(0.0, 0.3))
        services.cancel(job.pk, by=None)
    for job in jobs:
        ended(job, Job.Status.CANCELLED)
    assert nothing_works(library), f"seed {SEED}"

    took = [(job.completed_at - job.cancel_requested_at).total_seconds() for job in jobs if job.completed_at and job.cancel_requested_at]
    print(f"seed {SEED}: {CANCELS} cancelled, within {max(took):.2f} s, {statistics.median(took):.2f} s at the median")  # noqa: T201
    assert max(took) < 40.0  # 7 on a machine that does nothing else
    invariants.check(library, videos=1)


def test_machines_that_stand_still_past_their_leases_at_any_moment_do_nothing_twice(workers: Workers, video: Video, library: Path) -> None:
    chance = Random(SEED)
    crew = [workers.start(node=name) for name in ("first", "second")]
    jobs: list[Job] = []

    for _ in range(STOPS):
        now = [gif(video, **SLOW) for _ in range(2)]
        wait_for(lambda: ffmpegs(library), "work to begin")
        time.sleep(chance.uniform(0.0, 1.5))
        still = chance.choice(crew)
        with stopped(still.process.pid, *(its_ffmpegs(still, library) if chance.random() < 0.5 else ())):
            jobs += [ended(job) for job in now]
    rows = list(Job.objects.order_by("pk").values())
    wait_for(lambda: not ffmpegs(library) and not list(library.rglob(".*.part*")), "what was lost to be ended and removed")
    ended(gif(video, **QUICK))

    assert all(len(job.outputs) == 1 for job in jobs), f"seed {SEED}"
    assert list(Job.objects.order_by("pk").values())[: len(rows)] == rows, f"seed {SEED}"
    invariants.check(library, videos=2 + len(jobs))


def test_a_worker_that_is_asked_to_stop_puts_its_job_back(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **ENDLESS)
    worker = workers.start(LEASE_SECONDS=LONG_LEASE)
    working(job, library)

    status = worker.stop()

    job.refresh_from_db()
    assert status == 0
    assert (job.status, job.attempt, job.death_count) == (Job.Status.QUEUED, 0, 0)
    assert nothing_works(library)
    assert not WorkerRow.objects.exists()
    invariants.check(library, videos=1)


def test_workers_work_without_redis_and_hear_it_when_it_comes_back(
    workers: Workers, video: Video, library: Path, redis_wire: Proxy
) -> None:
    url = f"redis://127.0.0.1:{redis_wire.port}/0"
    worker = workers.start(REDIS_URL=url, LEASE_SECONDS=LONG_LEASE)
    ended(gif(video, **QUICK))  # Redis was away when the worker started

    redis_wire.mend()
    wait_for(lambda: "Connected to" in worker.said(), "the worker to find Redis")
    ended(gif(video, **QUICK))
    redis_wire.cut()
    ended(gif(video, **QUICK))

    assert worker.process.poll() is None
    invariants.check(library, videos=4)


def test_a_worker_without_its_database_ends_its_own_work_and_takes_it_up_again(
    workers: Workers, video: Video, library: Path, database_wire: Proxy
) -> None:
    job = gif(video, **SLOW)
    worker = workers.start(DATABASE_URL=database_url(database_wire))
    working(job, library)

    database_wire.cut()
    wait_for(partial(nothing_works, library), "the worker to end what it holds no lease of")
    database_wire.mend()

    ended(job)
    assert worker.process.poll() is None
    invariants.check(library, videos=2)

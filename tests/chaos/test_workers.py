"""Workers that are killed, stopped and cut off: nothing is lost, nothing is done twice, nothing is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from jobs import services
from jobs.models import Job, Worker
from media_library.models import Video
from tests.chaos import invariants
from tests.chaos.gifs import ENDLESS, QUICK, SLOW, ended, gif, working
from tests.chaos.proxy import Proxy
from tests.chaos.workers import LONG_LEASE, Workers, database_url, ffmpegs, to_database, to_redis, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]


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


def test_cancelling_a_running_job_ends_its_ffmpeg_within_seconds(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **ENDLESS)
    workers.start(LEASE_SECONDS=LONG_LEASE)
    working(job, library)

    began = time.monotonic()
    services.cancel(job.pk, by=None)
    ended(job, Job.Status.CANCELLED)
    took = time.monotonic() - began

    assert nothing_works(library)
    assert took < 40.0  # 7 on a machine that does nothing else
    invariants.check(library, videos=1)


def test_a_worker_that_is_asked_to_stop_puts_its_job_back(workers: Workers, video: Video, library: Path) -> None:
    job = gif(video, **ENDLESS)
    worker = workers.start(LEASE_SECONDS=LONG_LEASE)
    working(job, library)

    status = worker.stop()

    job.refresh_from_db()
    assert status == 0
    assert (job.status, job.attempt, job.death_count) == (Job.Status.QUEUED, 0, 0)
    assert nothing_works(library)
    assert not Worker.objects.exists()
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

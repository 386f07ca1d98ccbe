"""Workers while Redis or PostgreSQL is emptied, restarted or away: nothing is lost, nothing is done twice, nobody starts anything again.

    JOB_OUTAGES=20 AWAY_SECONDS=60 bin/test tests/chaos/test_servers.py -s

is the full run, of twenty outages of each kind instead of one; it prints how soon claims went on. CHAOS_SEED replays the moments.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pytest_django.plugin import DjangoDbBlocker

from jobs.models import Job
from media_library.models import Video
from tests.chaos import invariants
from tests.chaos.conftest import House, connect_to, open_house
from tests.chaos.gifs import QUICK, SLOW, ended, gif, scanned_minute
from tests.chaos.test_outages import empty_redis, restart_postgres, restart_redis
from tests.chaos.workers import LONG_LEASE, Worker, Workers, ffmpegs, wait_for
from tests.conftest import Clips

pytestmark = pytest.mark.xdist_group("servers")  # one house for them all

OUTAGES = int(os.environ.get("JOB_OUTAGES", "2"))  # of each kind
AWAY = float(os.environ.get("AWAY_SECONDS", "1"))
SEED = int(os.environ.get("CHAOS_SEED", time.time_ns() % 1_000_000))
LEASE = str(float(LONG_LEASE) + 2 * AWAY)  # longer than any outage: nobody loses a job by one
UNDER_WAY = 3  # jobs, of four that the workers could do at once
STRIKES: dict[str, Callable[[House], None]] = {
    "Redis emptied": empty_redis,
    "Redis restarted": lambda house: restart_redis(house, signal.SIGTERM, away=0.0),
    "Redis killed and away": lambda house: restart_redis(house, signal.SIGKILL, away=AWAY),
    "PostgreSQL restarted": lambda house: restart_postgres(house, signal.SIGINT, away=0.0),
    "PostgreSQL restarted at once": lambda house: restart_postgres(house, signal.SIGQUIT, away=0.0),
    "PostgreSQL away": lambda house: restart_postgres(house, signal.SIGINT, away=AWAY),
}


@dataclass(frozen=True)
class Plant:
    """A house with a library of one video, and two workers."""

    house: House
    video: Video
    workers: list[Worker]


@pytest.fixture(scope="module")
def plant(ffmpeg_binary: str, clips: Clips, django_db_blocker: DjangoDbBlocker) -> Iterator[Plant]:
    """One for all tests here: its workers live through every outage."""
    with open_house(ffmpeg_binary) as house, django_db_blocker.unblock(), house.as_ours():
        house.query("ALTER DATABASE house SET synchronous_commit = on")  # else a test's server is faster, and forgetful
        video = scanned_minute(house.library, clips)
        started = Workers(library=house.library, thumbnails=house.folder / "data/thumbnails", logs=house.folder / "logs")
        env = {"REDIS_URL": house.redis.url, "LEASE_SECONDS": LEASE, "JOBS_PER_LANE": "2", "DATA_DIR": str(house.folder / "data")}
        try:
            yield Plant(house, video, [started.start(node=name, **env) for name in ("first", "second")])
        finally:
            started.end()


@pytest.mark.parametrize("kind", STRIKES)
def test_jobs_under_way_end_once_and_others_follow(plant: Plant, record_property: Callable[[str, object], None], kind: str) -> None:
    chance = random.Random(f"{SEED} {kind}")
    library = plant.house.library
    waits: list[float] = []

    for _ in range(OUTAGES):
        under_way = [gif(plant.video, **SLOW) for _ in range(UNDER_WAY)]
        wait_for(lambda: ffmpegs(library), "work to begin")
        time.sleep(chance.uniform(0.0, 0.7))
        STRIKES[kind](plant.house)
        connect_to({})  # ours led to the server as it was
        late = ended(gif(plant.video, **QUICK))
        for job in under_way:
            ended(job)
            assert (job.attempt, job.death_count, len(job.outputs)) == (1, 0, 1), f"seed {SEED}: {job.log}"
        assert late.started_at
        waits.append((late.started_at - late.created_at).total_seconds())

    record_property("seconds until claims went on", max(waits))
    print(f"seed {SEED}: {kind}: claims went on after {max(waits):.2f} s at the latest")  # noqa: T201
    assert max(waits) < 60.0  # 10 on a machine that does nothing else
    for worker in plant.workers:
        assert worker.process.poll() is None, f"{worker.node} ended with {worker.process.returncode}: {worker.said()[-5000:]}"
    invariants.check(library, videos=1 + Job.objects.filter(status=Job.Status.COMPLETED).count())

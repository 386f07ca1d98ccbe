"""Machines whose clocks are wrong: all times are the database's, so nothing comes of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection

from jobs.models import Job, WorkerNode
from jobs.models import Worker as WorkerRow
from media_library.models import Video
from tests.chaos import encodes, invariants
from tests.chaos.gifs import ended
from tests.chaos.workers import LONG_LEASE, REPOSITORY, Workers, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]

TEN_MINUTES = 600.0  # seconds: ten leases
SKEWS = {"ahead": TEN_MINUTES, "behind": -TEN_MINUTES}


def wrong_clock(ahead: float) -> dict[str, str]:
    """The environment of a Python whose clock is so many seconds ahead."""
    return {"PYTHONPATH": str(REPOSITORY / "tests/chaos/skewed_clock"), "CLOCK_SKEW": str(ahead)}


def test_machines_with_wrong_clocks_take_no_job_from_each_other_and_date_nothing_wrongly(
    workers: Workers, video: Video, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encodes.register_here(monkeypatch)
    capable = {"NODE_VRAM_MB": str(encodes.NODE_VRAM), "LEASE_SECONDS": LONG_LEASE}
    for name, ahead in SKEWS.items():
        workers.start(node=name, lanes="cpu,gpu_encode", include="tests.chaos.encodes_in_workers", **capable, **wrong_clock(ahead))
    wait_for(lambda: WorkerRow.objects.count() == 2 * len(SKEWS), "both machines to be there")

    for ahead in SKEWS.values():
        submit_a_gif(video, env=workers.env | wrong_clock(ahead))
    for _ in range(4):
        encodes.encode(encodes.NEEDS[-1])  # of which a machine does one at a time
    jobs = [ended(job) for job in Job.objects.order_by("pk")]

    assert len(jobs) == 6
    assert {(job.attempt, job.death_count) for job in jobs} == {(1, 0)}
    assert {node.name: round(node.clock_skew or 0, -2) for node in WorkerNode.objects.all()} == SKEWS
    assert {job.node_id for job in jobs} == set(WorkerNode.objects.values_list("pk", flat=True))
    began, now = moments(video)
    for job in jobs:
        assert job.started_at and job.completed_at
        assert began <= job.created_at <= job.started_at <= job.completed_at <= now
    invariants.check(library, videos=3)


def submit_a_gif(video: Video, *, env: dict[str, str]) -> None:
    """As somebody does who sits at a machine with this environment."""
    params = ("videoId", video.pk), ("duration", 1), ("width", 64)
    options = [option for name, value in params for option in ("--param", f"{name}={value}")]
    subprocess.run([sys.executable, "manage.py", "submit_job", "generate_gif", *options], cwd=REPOSITORY, env=env, check=True, timeout=120)


def moments(video: Video) -> tuple[datetime, datetime]:
    """When the video was written down, and now, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT created_at, clock_timestamp() FROM videos WHERE id = %s", [video.pk])
        began, now = cursor.fetchone()
    return began, now

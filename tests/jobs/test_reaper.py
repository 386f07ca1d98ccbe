from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from jobs import nodes, outputs, reaper, services
from jobs.models import Job, Lane, Worker
from tests.jobs.running import claim


@pytest.fixture(autouse=True)
def _no_gpu(settings: Settings) -> None:
    settings.NODE_VRAM_MB = 0


def silent(job: Job, **changes: object) -> None:
    """Have the job's worker be silent for longer than its lease."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1), **changes)


@pytest.mark.django_db
def test_a_job_whose_worker_fell_silent_waits_again_and_its_drafts_are_gone(library: Path) -> None:
    job = services.submit("hash_videos")
    claim(job)
    (library / "gifs").mkdir()
    (library / "gifs" / ".1.part.gif").write_text("half")
    silent(job, drafts=["gifs/.1.part.gif", "gifs/.never-written.part"])

    assert reaper.reap() == 1

    job.refresh_from_db()
    assert (job.status, job.death_count, job.drafts) == (Job.Status.QUEUED, 1, [])
    assert list((library / "gifs").iterdir()) == []


@pytest.mark.django_db
def test_a_job_over_which_three_workers_died_is_set_aside(library: Path) -> None:
    job = services.submit("hash_videos")
    for _ in range(3):
        claim(job)
        silent(job)
        reaper.reap()

    job.refresh_from_db()
    assert (job.status, job.error_class, job.death_count) == (Job.Status.FAILED, "worker_died", 3)


@pytest.mark.django_db
def test_names_that_lead_out_of_the_library_remove_nothing(library: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")

    outputs.remove(["../elsewhere", str(tmp_path / "elsewhere")])

    assert (tmp_path / "elsewhere").read_text() == "precious"


@pytest.mark.django_db
def test_workers_that_died_are_forgotten(library: Path) -> None:
    node = nodes.this_node()
    nodes.start_worker(node, Lane.CPU)
    dead = nodes.start_worker(node, Lane.GPU_AI)
    Worker.objects.filter(pk=dead.pk).update(seen_at=timezone.now() - timedelta(hours=1))

    reaper.reap()

    assert [worker.lane for worker in Worker.objects.all()] == ["cpu"]


@pytest.mark.django_db(transaction=True)
def test_one_reaps_at_a_time(library: Path) -> None:
    job = services.submit("hash_videos")
    claim(job)
    silent(job)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [reaper.REAPER_LOCK])

            assert reaper.reap() == 0

            cursor.execute("SELECT pg_advisory_unlock(%s)", [reaper.REAPER_LOCK])
        assert reaper.reap() == 1
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_works_on_is_not_swept(library: Path) -> None:
    job = services.submit("hash_videos")
    Job.objects.filter(pk=job.pk).update(drafts=["x.part"])
    other = connection.copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM jobs WHERE id = %s FOR UPDATE", [job.pk])

            assert outputs.sweep() == 0

            cursor.execute("ROLLBACK")
        assert outputs.sweep() == 1
    finally:
        other.close()

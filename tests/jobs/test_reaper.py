from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from jobs import nodes, outputs, reaper, services
from jobs.models import Job, Lane, Worker
from media_library import store
from media_library.models import Video
from media_library.scanner import scan
from tests.conftest import aged
from tests.jobs.running import claim, run_to_the_end


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
def test_a_file_that_cannot_be_removed_keeps_no_other_from_being_swept(library: Path) -> None:
    (library / "half").write_text("half")
    stuck, job = services.submit("scan"), services.submit("hash_videos")
    unremovable = "x" * 300  # longer than a name may be, so that every look at it fails
    Job.objects.filter(pk=stuck.pk).update(drafts=[unremovable, "half"])
    Job.objects.filter(pk=job.pk).update(drafts=["half"])

    reaper.reap()

    assert list(library.iterdir()) == []
    assert list(Job.objects.order_by("pk").values_list("drafts", flat=True)) == [[unremovable], []]


@pytest.mark.django_db
def test_a_job_runs_though_what_an_earlier_attempt_left_cannot_be_removed(library: Path) -> None:
    job = services.submit("hash_videos")
    unremovable = "x" * 300
    Job.objects.filter(pk=job.pk).update(drafts=[unremovable])

    run_to_the_end(job)

    assert (job.status, job.drafts) == (Job.Status.COMPLETED, [unremovable])


@pytest.mark.django_db
def test_files_are_not_forgotten_while_the_library_is_not_mounted(library: Path, settings: Settings) -> None:
    scan(library, workers=1)
    Video.objects.create(path="videos/x.mp4", filename="x.mp4")
    (library / "half").write_text("half")
    job = services.submit("hash_videos")
    Job.objects.filter(pk=job.pk).update(drafts=["half"])
    settings.LIBRARY_ROOT = library.with_name("empty")
    settings.LIBRARY_ROOT.mkdir()

    reaper.reap()
    settings.LIBRARY_ROOT = library
    reaper.reap()

    job.refresh_from_db()
    assert job.drafts == []
    assert not (library / "half").exists()


@pytest.mark.django_db
def test_unfinished_pictures_of_processes_that_died_are_removed(library: Path, settings: Settings) -> None:
    drafts = Path(settings.THUMBNAIL_ROOT) / store.DRAFTS
    drafts.mkdir(parents=True)
    (drafts / "old.part").write_bytes(b"RIFF")
    aged(drafts / "old.part", seconds=store.FORGOTTEN + 60)
    (drafts / "new.part").write_bytes(b"RIFF")

    reaper.reap()

    assert [draft.name for draft in drafts.iterdir()] == ["new.part"]


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

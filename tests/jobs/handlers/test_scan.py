from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.models import PublicMedia
from gallery.services import publish
from jobs import services
from jobs.models import Job
from media_library.models import ScanReport, Video
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def test_it_finds_what_is_in_the_library(add: Callable[..., Path]) -> None:
    add("videos/one.mp4", 1)
    add("holiday/two.mp4", 2)

    job = run_to_the_end(services.submit("scan"))

    assert (job.status, job.progress, job.error) == (Job.Status.COMPLETED, 100, "")
    assert job.result is not None and (job.result["seen"], job.result["new"]) == (2, 2)
    assert ScanReport.objects.get(pk=job.result["scanReportId"]).status == ScanReport.Status.COMPLETED
    assert set(Video.objects.values_list("path", flat=True)) == {"videos/one.mp4", "holiday/two.mp4"}


def test_it_scans_a_part_alone(add: Callable[..., Path]) -> None:
    add("videos/one.mp4", 1)
    add("holiday/two.mp4", 2)

    run_to_the_end(services.submit("scan", {"path": "holiday/"}))

    assert [video.path for video in Video.objects.all()] == ["holiday/two.mp4"]


def test_what_it_finds_reaches_the_gallery(add: Callable[..., Path]) -> None:
    add("videos/one.mp4", 1)
    run_to_the_end(services.submit("scan"))
    publish([Video.objects.get().pk], category="clips", by=None)
    (add("videos/one.mp4", 1)).rename(add("private/other.mp4", 2).with_name("one.mp4"))

    run_to_the_end(services.submit("scan"))

    assert not PublicMedia.objects.exists()


def test_a_library_that_is_gone_fails_with_the_reason(library: Path) -> None:
    library.rmdir()

    job = run_to_the_end(services.submit("scan"))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "scan_refused")
    assert "Is the disk mounted?" in job.error
    assert job.suggestion


def test_a_path_out_of_the_library_is_refused(library: Path) -> None:
    job = run_to_the_end(services.submit("scan", {"path": "../elsewhere"}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "scan_refused")

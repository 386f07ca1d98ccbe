from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Video
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def test_every_file_gets_its_sha256(add: Callable[..., Path]) -> None:
    files = {f"videos/{number}.mp4": add(f"videos/{number}.mp4", number) for number in range(3)}
    run_to_the_end(services.submit("scan"))

    job = run_to_the_end(services.submit("hash_videos"))

    assert (job.status, job.result) == (Job.Status.COMPLETED, {"hashed": 3, "passedOver": 0})
    hashes = {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in files.items()}
    assert dict(Video.objects.values_list("path", "file_hash")) == hashes


def test_a_file_that_changed_or_went_since_the_scan_is_passed_over(add: Callable[..., Path]) -> None:
    changed, gone = add("videos/1.mp4", 1), add("videos/2.mp4", 2)
    run_to_the_end(services.submit("scan"))
    with changed.open("ab") as file:
        file.write(b"more")
    gone.unlink()

    job = run_to_the_end(services.submit("hash_videos"))

    assert job.result == {"hashed": 0, "passedOver": 2}
    assert not Video.objects.exclude(file_hash=None).exists()
    assert "changed since the last scan" in (job.log or "")

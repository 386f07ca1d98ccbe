"""What must hold after whatever was done to workers, servers and files."""

from __future__ import annotations

import os
from pathlib import Path

from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Now

from gallery.reconciliation import reconcile
from jobs import nodes
from jobs.models import Job, WorkerNode
from jobs.verification import verify
from media_library.models import Video
from media_library.paths import decode_path, encode_path
from tests.chaos.workers import ffmpegs, orphans, wait_for

MADE = ("gifs", "playback", "compilations", "highlights")  # folders that only jobs write


def check(library: Path, *, videos: int | None = None) -> None:
    """Fail where one of them does not hold; `videos`: how many rows the library had at least."""
    no_lease_is_long_over()
    completed_jobs_have_their_outputs(library)
    every_output_has_a_row(library)
    memory_in_use_is_that_of_running_jobs()
    no_draft_is_left(library)
    no_process_works_without_a_lease(library)
    no_process_outlives_its_master()
    counters_are_right()
    if videos is not None:
        assert Video.objects.count() >= videos, "a video's row is gone"


def no_lease_is_long_over() -> None:
    stuck = Job.objects.filter(status=Job.Status.RUNNING, lease_until__lt=Now() - 2 * nodes.lease())
    assert not stuck.exists(), f"run with a lease that is long over: {list(stuck)}"


def completed_jobs_have_their_outputs(library: Path) -> None:
    for job in Job.objects.filter(status=Job.Status.COMPLETED):
        assert job.progress == 100, job
        for output in job.outputs:
            path = library / decode_path(output["path"])
            assert path.stat().st_size == output["size"], (job, output)
            descriptor = os.open(path, os.O_RDONLY)
            try:
                verify(descriptor, path.suffix, duration=job.params.get("duration"))
            finally:
                os.close(descriptor)


def every_output_has_a_row(library: Path) -> None:
    known = {output["path"] for job in Job.objects.filter(status=Job.Status.COMPLETED) for output in job.outputs}
    made = {encode_path(str(path.relative_to(library))) for folder in MADE for path in (library / folder).rglob("*") if path.is_file()}
    assert {path for path in made if not Path(path).name.startswith(".")} == known


def memory_in_use_is_that_of_running_jobs() -> None:
    """Of every node at one moment; so it holds whenever one looks."""
    of_node = Job.objects.filter(status=Job.Status.RUNNING, node=OuterRef("pk")).order_by().values("node")
    held = Subquery(of_node.annotate(sum=Sum("vram_reserved")).values("sum"))
    for node in WorkerNode.objects.annotate(held=Coalesce(held, 0)):
        assert node.vram_used == node.held <= node.vram_total, node


def no_draft_is_left(library: Path) -> None:
    named = {
        name if isinstance(name, str) else name["path"] for job in Job.objects.filter(status=Job.Status.RUNNING) for name in job.drafts
    }
    drafts = {encode_path(str(path.relative_to(library))) for path in library.rglob(".*.part*")}
    assert drafts <= named, f"left: {drafts - named}"


def no_process_works_without_a_lease(library: Path) -> None:
    tokens = {job.lease_token.hex for job in Job.objects.filter(status=Job.Status.RUNNING, lease_until__gt=Now()) if job.lease_token}
    stray = [line for line in ffmpegs(library).values() if not any(token in line for token in tokens)]
    assert not stray, f"work for nobody: {stray}"


def no_process_outlives_its_master() -> None:
    wait_for(lambda: not orphans(), "processes whose worker died to be gone")


def counters_are_right() -> None:
    assert reconcile(dry_run=True).drifts == []

"""Every type that encodes or joins, while its ffmpeg works: its worker is killed, another takes it up, and somebody cancels it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Compilation, Rendition, Video
from media_library.scanner import scan
from tests.chaos import invariants
from tests.chaos.gifs import ended, working
from tests.chaos.workers import LONG_LEASE, Workers, ffmpegs, wait_for
from tests.conftest import Clips, aged

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("chaos")]

LENGTH = 100_000  # seconds: no ffmpeg comes to the end of them while we look
WHOLE = {"inPoint": 0.1, "outPoint": LENGTH}


@pytest.fixture
def endless(video: Video, library: Path, clips: Clips) -> Video:
    """A video of a day."""
    moment = clips.make(picture="color", size="64x36", duration=1000, rate="5")
    day = clips.run("day.mp4", "-stream_loop", str(LENGTH // 1000 - 1), "-i", str(moment), "-c", "copy")
    (library / "videos" / "day.mp4").write_bytes(day.read_bytes())
    aged(library / "videos" / "day.mp4")
    scan(library, workers=1)
    return Video.objects.get(filename="day.mp4")


def kinds(video_id: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Jobs that take for ever."""
    whole = {"videoId": video_id, **WHOLE}
    yield "clip_extract_only", {"videoId": video_id, "clips": [WHOLE], "tolerance": 0}
    yield "clip_generate", whole
    yield "compilation", {"clips": [whole, whole], "frameRate": 60, "width": 640, "height": 360, "fill": "blur"}
    yield "compile_random", {"count": 200, "clipLength": 600, "frameRate": 60, "width": 640, "height": 360}
    yield "compile_side_by_side", {"clips": [whole] * 2}
    for layout in ("compile_quad", "compile_quad_horizontal", "compile_quad_vertical"):
        yield layout, {"clips": [whole] * 4}
    yield "reencode_streaming", {"videoId": video_id, "alwaysEncode": True, "inParts": False}
    yield "reencode_streaming", {"videoId": video_id, "ladder": True}


def test_what_encodes_and_joins_goes_with_its_worker_and_ends_when_it_is_cancelled(workers: Workers, endless: Video, library: Path) -> None:
    jobs = [services.submit(type, params) for type, params in kinds(endless.pk)]
    many = {"lanes": "cpu,gpu_encode", "JOBS_PER_LANE": str(len(jobs))}
    first = workers.start(node="first", **many)
    for job in jobs:
        working(job, library)

    first.kill()
    wait_for(lambda: not ffmpegs(library), "the dead worker's ffmpegs to be gone")
    workers.start(node="second", LEASE_SECONDS=LONG_LEASE, **many)
    for job in jobs:
        working(job, library)
        services.cancel(job.pk, by=None)

    for job in jobs:
        ended(job, Job.Status.CANCELLED)
    wait_for(partial(_nothing_is_left, library), "what was begun to be removed")
    assert not Compilation.objects.exists() and not Rendition.objects.exists()
    invariants.check(library, videos=2)


def _nothing_is_left(library: Path) -> bool:
    return not ffmpegs(library) and not [path for folder in invariants.MADE for path in (library / folder).rglob("*")]

"""Workers that are killed in the middle of a handler: the job goes on elsewhere, and nothing is lost, doubled or left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from jobs import claims, outputs, services
from jobs.models import Job
from media_library.models import FileMove, Preview, Video
from media_library.scanner import scan
from media_library.scenes import digest_of, scenes_of
from tests.conftest import Clips
from tests.jobs.running import run_to_the_end
from tests.scenes import three_scenes

ROOT = Path(__file__).parents[3]
DIE = """
import os, sys, time, django
django.setup()
from jobs import claims, nodes, runner, handlers
from jobs.heartbeat import Pulse
from jobs import digests
from jobs.context import JobContext
from jobs.handlers import generate_previews, scene_extract, validate
from media_library import moves, previews, scenes
def die(*_, **__): os._exit(9)
exec(sys.argv[1])
lease = claims.claim(nodes.this_node(), sys.argv[2], "doomed@here:1")
runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def three(library: Path, add: Callable[..., Path]) -> list[Video]:
    """Scanned videos of the inbox."""
    for number in range(3):
        add(f"inbox/{number}.mp4", number)
    scan(library, workers=1)
    return list(Video.objects.order_by("pk"))


def die_in(job: Job, where: str, library: Path, settings: Any) -> None:
    """Run the job in a process that ends as by `kill -9` at the line of Python `where`; then the reaper finds it."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]  # by port, or by the folder of its socket
    environment = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "LIBRARY_ROOT": str(library),
        "THUMBNAIL_ROOT": str(settings.THUMBNAIL_ROOT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "NODE_VRAM_MB": "0",
    }
    done = subprocess.run([sys.executable, "-c", DIE, where, job.resource_category], cwd=ROOT, env=environment, timeout=120, check=False)
    assert done.returncode == 9
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert [found.job_id for found in claims.take_back_expired()] == [job.pk]
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    outputs.sweep()


def finished(job: Job) -> dict[str, Any]:
    job = run_to_the_end(job)
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})


def in_library(library: Path) -> set[str]:
    return {str(path.relative_to(library)) for path in library.rglob("*") if path.is_file() and path.name != ".library-id"}


LATER = "count = iter(range(9)); real = {0}\n{0} = lambda *a, **k: (die() if next(count) == 1 else real(*a, **k))"
"""Die when a function is called the second time."""


@pytest.mark.parametrize(
    "where",
    [
        LATER.format("moves._carry_out"),
        LATER.format("moves.relocate"),
        "real = moves.relocate; moves.relocate = lambda *a: (real(*a), die())",
        "real = moves._close; moves._close = lambda *a: (real(*a), die())",
    ],
)
def test_organize(three: list[Video], library: Path, settings: Any, where: str) -> None:
    job = services.submit("organize")
    die_in(job, where, library, settings)

    finished(job)

    known = {video.path for video in Video.objects.all()}
    assert known == in_library(library) and len(known) == 3
    assert all(path.startswith("videos/") for path in known)
    assert not FileMove.objects.filter(state=FileMove.State.INTENDED).exists()


@pytest.mark.parametrize("where", [LATER.format("previews.put_files"), LATER.format("generate_previews.refresh")])
def test_generate_previews(three: list[Video], library: Path, settings: Any, where: str) -> None:
    job = services.submit("generate_previews")
    die_in(job, where, library, settings)

    made = finished(job)["made"]

    assert made == 2  # the first one is not done again
    store = Path(configured.THUMBNAIL_ROOT)
    named = {path for row in Preview.objects.values_list("sprite_path", "hover_path") for path in row}
    assert len(named) == 6
    assert {str(path.relative_to(store)) for path in store.rglob("*-*") if path.is_file()} == named
    assert list((store / ".drafts").iterdir()) == []


def test_validate(three: list[Video], library: Path, settings: Any) -> None:
    job = services.submit("validate")
    die_in(job, LATER.format("validate._keep"), library, settings)

    assert finished(job)["valid"] == 2  # the first one is not done again
    assert not Video.objects.filter(is_valid=False).exists()
    assert not Video.objects.filter(file_hash=None).exists()


@pytest.mark.parametrize(
    ("kind", "params", "where"),
    [
        ("digest", {}, "digests.keep = die"),
        ("digest", {}, "real = scenes.write; scenes.write = lambda *a, **k: (real(*a, **k), die())"),
        ("scene_extract", {"clips": True}, LATER.format("scene_extract.extract")),
        ("highlight_generate", {"length": 2, "clipLength": 1}, LATER.format("JobContext.run")),
    ],
)
def test_what_looks_through_a_video(
    clips: Clips, film: Callable[[Path], Video], library: Path, settings: Any, kind: str, params: dict[str, Any], where: str
) -> None:
    story = film(three_scenes(clips))
    job = services.submit(kind, {"videoId": story.pk, **params})
    die_in(job, where, library, settings)
    assert in_library(library) == {story.path} and not scenes_of(story.pk)

    finished(job)

    digest, store = digest_of(story.pk), Path(configured.THUMBNAIL_ROOT)
    assert digest and len(scenes_of(story.pk)) == 3
    assert {video.path for video in Video.objects.all()} == in_library(library)
    sheets = {str(path.relative_to(store)) for path in store.rglob("*-*.webp")}
    assert sheets == ({digest.sheet_path} if kind != "scene_extract" else set())

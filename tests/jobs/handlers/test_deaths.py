"""Workers that are killed in the middle of a handler: the job goes on elsewhere, and nothing is lost, doubled or left."""

from __future__ import annotations

import json
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

from gallery.models import PublicMedia
from jobs import claims, nodes, outputs, services
from jobs.models import Job, Lane, Pipeline, WorkerNode
from jobs.registry import all_types
from media_library.models import Compilation, FileMove, Preview, Rendition, Tagging, TagSuggestion, Video
from media_library.scanner import scan
from media_library.scenes import digest_of, scenes_of
from media_library.tagging import suggestions
from tests.conftest import Clips
from tests.jobs.handlers.conftest import one_colour
from tests.jobs.running import run_to_the_end
from tests.media_library.tagging import onnx
from tests.scenes import three_scenes

ROOT = Path(__file__).parents[3]
DIE = """
import os, sys, time, django
django.setup()
from jobs import claims, nodes, runner, handlers
from jobs.heartbeat import Pulse
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
    command = [sys.executable, "-c", DIE, where, job.resource_category]
    done = subprocess.run(command, cwd=ROOT, env=doomed(library, settings), timeout=120, check=False)
    assert done.returncode == 9
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert [found.job_id for found in claims.take_back_expired()] == [job.pk]
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    outputs.sweep()


def doomed(library: Path, settings: Any) -> dict[str, str]:
    """The environment of a process that works on the test's own database and library."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]  # by port, or by the folder of its socket
    return os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "LIBRARY_ROOT": str(library),
        "THUMBNAIL_ROOT": str(settings.THUMBNAIL_ROOT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "NODE_VRAM_MB": "0",
    }


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
    there = {str(path.relative_to(store)) for path in store.rglob("*-*") if path.is_file()}
    assert named <= there
    assert len(there - named) <= 2  # a sprite and a preview, of the video at which it died: not every encoder writes the same bytes twice
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


@pytest.fixture
def red_and_blue(
    clips: Clips, film: Callable[[Path], Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> list[Video]:
    """Two videos, and a network that sees their colours."""
    network = onnx.mean_colour(tmp_path / "colours.onnx")
    onnx.colour_prompts(network)
    settings.AI_MODEL_PATH = str(network)
    monkeypatch.setenv("AI_MODEL_PATH", str(network))
    return [film(one_colour(clips, colour)) for colour in ("red", "blue")]


def test_tag_generation(red_and_blue: list[Video], library: Path, settings: Any) -> None:
    red, blue = red_and_blue
    Video.objects.filter(pk=red.pk).update(tags=["mine"])
    suggestions.suggest(red, {"sunset": suggestions.Found(0.9, "before")}, network="before", job_id=None)
    suggestions.approve([red.pk], by=None)
    suggestions.suggest(
        blue, {"sea": suggestions.Found(0.9, "before"), "night": suggestions.Found(0.8, "before")}, network="before", job_id=None
    )
    suggestions.reject([blue.pk], by=None, only=TagSuggestion.objects.filter(tag="night").values_list("pk", flat=True))
    job = services.submit("tag_generation", {"missingOnly": False, "fromNames": False, "leastScore": 0.5})
    where = """
from media_library.tagging import suggestions
real, count = suggestions.Tagging.objects.update_or_create, iter(range(9))
class Dying:
    def update_or_create(self, **values): real(**values); next(count) and die()
suggestions.Tagging.objects = Dying()
"""
    die_in(job, where, library, settings)
    assert Tagging.objects.filter(made_by="colours").count() == 1

    assert finished(job)["videos"] == 1  # the first one is not done again

    assert [Video.objects.get(pk=video.pk).tags for video in red_and_blue] == [["mine", "sunset"], []]
    told = TagSuggestion.objects.order_by("pk").values_list("video_id", "tag", "state")
    assert sorted(told) == sorted(
        [(red.pk, "sunset", "approved"), (red.pk, "red", "suggested"), (blue.pk, "night", "rejected"), (blue.pk, "blue", "suggested")]
    )


# --- What encodes and joins: every type at once, each of whose jobs dies in a child of its own

DIE_EACH = """
import json, os, sys, time, django
django.setup()
from django.conf import settings
from jobs import claims, context, handlers, nodes, outputs, runner
from jobs.heartbeat import Pulse
from jobs.inspecting import inspectors
from media_library.ffmpeg.encoders import best_encoder, has_filter
for _ in range(inspectors().count):  # what takes a moment to start is shared by all
    inspectors().inspect(os.open(os.devnull, os.O_RDONLY), with_poster=False)
best_encoder("h264", program=settings.FFMPEG_BINARY, uses_gpu=False), has_filter("zscale", settings.FFMPEG_BINARY)
def die(*_, **__): os._exit(9)
exec(sys.argv[1])
for lane in json.loads(sys.argv[2]):
    child = os.fork()
    if child == 0:
        lease = claims.claim(nodes.this_node(), lane, "doomed@here:1")
        runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
        os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 9:
        sys.exit(f"{lane}: it lives")
"""
ALL_IS_MADE = "context.JobContext.finish = context.JobContext.finish_folder = die"
ALL_IS_IN_PLACE = "real = outputs.Workspace.place; outputs.Workspace.place = lambda self: (real(self), die())"


def encodes_of(video: Video) -> list[tuple[str, dict[str, Any]]]:
    """A job of every type that makes videos of videos."""
    part = {"videoId": video.pk, "inPoint": 0.1, "outPoint": 0.5}
    fading = {"transition": "crossfade", "transitionLength": 0.2, "titleCards": True, "cardLength": 0.5}
    two = [{"inPoint": 0, "outPoint": 0.4}, {"inPoint": 0.3, "outPoint": 0.6}]
    return [
        ("clip_extract_only", {"videoId": video.pk, "clips": two, "tolerance": 0}),
        ("clip_generate", part),
        ("clip_generate", {**part, "mode": "copy"}),
        ("compilation", {"clips": [part, part], **fading}),
        ("compile_quad", {"clips": [part] * 4}),
        ("compile_quad_horizontal", {"clips": [part] * 4}),
        ("compile_quad_vertical", {"clips": [part] * 4, "ended": "loop", "length": "longest", "duration": 0.8}),
        ("compile_random", {"count": 2, "clipLength": 0.5, "directoryType": "inbox"}),
        ("compile_side_by_side", {"clips": [part] * 2, "duration": 0.8}),
        ("generate_gif", {"videoId": video.pk, "width": 64, "duration": 0.4}),
        ("reencode_streaming", {"videoId": video.pk, "alwaysEncode": True, "normaliseLoudness": True}),
        ("reencode_streaming", {"videoId": video.pk, "ladder": True}),
    ]


def all_die(jobs: list[Job], where: str, library: Path, settings: Any) -> None:
    """Run each job in a process that ends as by `kill -9`; then the reaper finds them."""
    lanes = json.dumps([job.resource_category for job in jobs])
    command = [sys.executable, "-c", DIE_EACH, where, lanes]
    done = subprocess.run(command, cwd=ROOT, env=doomed(library, settings), timeout=300, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert len(claims.take_back_expired()) == len(jobs)
    outputs.sweep()


def test_what_encodes_and_joins_leaves_nothing_wherever_it_dies_and_is_done_once(
    library: Path, add: Callable[..., Path], clips: Clips, settings: Any
) -> None:
    add("inbox/video.mp4").write_bytes(clips.make(size="64x36", sound=True).read_bytes())
    scan(library, workers=1, settle=0)
    video = Video.objects.get()
    before = in_library(library)
    jobs = [services.submit(type, params) for type, params in encodes_of(video)]

    for where in (ALL_IS_MADE, ALL_IS_IN_PLACE):
        all_die(jobs, where, library, settings)
        assert in_library(library) == before, where
        assert (Video.objects.count(), Compilation.objects.count(), Rendition.objects.count()) == (1, 0, 0), where

    for job in jobs:
        finished(job)
    clips_and_all = len(jobs) + 1  # the first makes two clips
    named = {output["path"] for job in Job.objects.all() for output in job.outputs}
    (ladder,) = (name for name in named if name.endswith("-hls"))
    found = {ladder if name.startswith(f"{ladder}/") else name for name in in_library(library)}
    assert found == before | named and len(named) == clips_and_all
    assert Video.objects.count() == clips_and_all  # the first video among them, but no ladder


def test_a_video_in_parts_is_joined_once_wherever_a_part_or_the_join_dies(
    library: Path, add: Callable[..., Path], clips: Clips, settings: Any
) -> None:
    settings.ENCODE_IN_PARTS_FROM_MINUTES = 0
    add("inbox/video.mp4").write_bytes(clips.make(size="64x36", sound=True, duration=2.0, extra=("-g", "10")).read_bytes())
    scan(library, workers=1, settle=0)
    for name in ("one", "two"):
        nodes.start_worker(WorkerNode.objects.create(name=name), Lane.GPU_ENCODE)
    cut = finished(services.submit("reencode_streaming", {"videoId": Video.objects.get().pk, "alwaysEncode": True}))
    before = in_library(library)

    parts = list(Job.objects.filter(type="encode_part").order_by("pk"))
    for where in (ALL_IS_MADE, ALL_IS_IN_PLACE):
        all_die(parts, where, library, settings)
        assert in_library(library) == before, where
    for part in parts:
        finished(part)
    with_parts = in_library(library)
    join = Job.objects.get(type="join_parts")
    for where in (ALL_IS_MADE, ALL_IS_IN_PLACE):
        all_die([join], where, library, settings)
        assert in_library(library) == with_parts, where
        assert Video.objects.count() == 1, where
    finished(join)

    assert len(with_parts) - len(before) == len(parts) == cut["parts"] > 1
    join.refresh_from_db()
    assert in_library(library) == before | {output["path"] for output in join.outputs}
    assert Rendition.objects.count() == 1


# --- What looks after rows and files, each dying where half of its work is written

HALF_WAY = """
from jobs.handlers import hash_videos, organize_studio, public_scan, scan
from media_library import moves
def second(module, name):
    real, calls = getattr(module, name), iter(range(9))
    setattr(module, name, lambda *a, **k: die() if next(calls) else real(*a, **k))
scan.refresh = die
second(public_scan, "publish")
second(moves, "relocate")
second(hash_videos, "_keep")
claims.complete = die
"""
HALF_DONE = {
    "scan": {},
    "public_scan": {},
    "organize_studio": {},
    "hash_videos": {},
    "reconcile_counters": {},
    "publish_video": {"category": "clips"},
    "auto_organize_publish": {"category": "clips"},
}


def test_what_looks_after_rows_and_files_is_done_once_wherever_it_dies(
    library: Path, add: Callable[..., Path], clips: Clips, settings: Any
) -> None:
    for number, path in enumerate(("inbox/one.mp4", "inbox/two.mp4", "public/cats/three.mp4", "public/dogs/four.mp4")):
        add(path, number)
    scan(library, workers=1)
    one, two, three, four = Video.objects.order_by("path")
    Video.objects.filter(pk__in=[one.pk, two.pk]).update(producer="Acme")
    add("videos/five.mp4", 5)
    about = {"publish_video": {"videoId": two.pk}, "auto_organize_publish": {"videoId": one.pk}}
    jobs = {kind: services.submit(kind, params | about.get(kind, {})) for kind, params in HALF_DONE.items()}
    Job.objects.update(exclusive_key=None)  # so that all may lie dead at once

    all_die(list(jobs.values()), HALF_WAY, library, settings)
    assert not Pipeline.objects.exists()
    for job in jobs.values():
        finished(job)

    assert Pipeline.objects.count() == 1
    shown = dict(PublicMedia.objects.values_list("pk", "category"))
    assert shown == {two.pk: "clips", three.pk: "cats", four.pk: "dogs"}
    known = list(Video.objects.values_list("path", flat=True))
    assert len(known) == 5 and set(known) == in_library(library)
    assert sum(path.startswith("studios/Acme/") for path in known) == 2
    assert not Video.objects.filter(file_hash=None).exists()
    assert not FileMove.objects.filter(state=FileMove.State.INTENDED).exists()


def test_every_type_dies_here() -> None:
    one_by_one = {"organize", "generate_previews", "validate", "digest", "scene_extract", "highlight_generate", "tag_generation"}
    encoding = {kind for kind, _ in encodes_of(Video(pk=1))}
    by_its_own_test = {"fetch", "encode_part", "join_parts"}
    assert {kind.name for kind in all_types()} == one_by_one | encoding | by_its_own_test | HALF_DONE.keys()

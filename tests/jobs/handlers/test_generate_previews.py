"""Posters, sprites and hover previews, as they lie in the store and are named in rows."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageStat
from pytest_django.fixtures import Settings

from gallery.models import PublicMedia
from gallery.services import publish
from jobs import runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job
from jobs.registry import InvalidParams
from media_library.models import Preview, Video
from media_library.previews import Made, name_files, put_files, storyboard
from media_library.scanner import scan
from tests.conftest import X264, Clips, aged
from tests.jobs.running import claim, run_to_the_end

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]


@pytest.fixture
def dawn(library: Path, clips: Clips, settings: Settings) -> Video:
    """A scanned video of nine seconds that grows brighter, from black to white."""
    settings.NODE_VRAM_MB = 0
    light = ("-vf", "format=gray,geq=lum=255*T/9,format=yuv420p")
    clip = clips.make(name="dawn.mp4", picture="color", size="160x90", duration=9.0, rate="10", codec=(*light, *X264, "-g", "20"))
    path = library / "videos/dawn.mp4"
    path.parent.mkdir()
    path.write_bytes(clip.read_bytes())
    aged(path)
    scan(library, workers=1)
    return Video.objects.get()


def previews(**params: Any) -> dict[str, Any]:
    job = run_to_the_end(services.submit("generate_previews", params))
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})


def in_store(settings: Settings) -> set[str]:
    store = Path(settings.THUMBNAIL_ROOT)
    return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}


def brightness(picture: Path | io.BytesIO) -> float:
    return ImageStat.Stat(Image.open(picture).convert("L")).mean[0]


def test_a_video_gets_a_sprite_and_a_hover_preview(dawn: Video, settings: Settings) -> None:
    previews(videoId=dawn.pk)

    made = Preview.objects.get(video=dawn)
    store = Path(settings.THUMBNAIL_ROOT)
    assert (made.tile_width, made.tile_height) == (160, 90)
    assert made.duration == pytest.approx(9.0)
    assert Image.open(store / str(made.sprite_path)).size == (160 * 9, 90 * 9)
    with av.open(str(store / str(made.hover_path))) as hover:
        assert (hover.duration or 0) / av.time_base == pytest.approx(9.0, abs=1.0)
        assert not hover.streams.audio


def test_the_storyboard_names_the_tile_of_every_moment(dawn: Video) -> None:
    previews(videoId=dawn.pk)

    cues = storyboard(Preview.objects.get(), sprite_url="/sprite").split("\n\n")

    assert cues[0] == "WEBVTT" and len(cues) == 82
    assert cues[1] == "00:00:00.000 --> 00:00:00.111\n/sprite#xywh=0,0,160,90"
    assert cues[11] == "00:00:01.111 --> 00:00:01.222\n/sprite#xywh=160,90,160,90"
    assert cues[81] == "00:00:08.889 --> 00:00:09.000\n/sprite#xywh=1280,720,160,90\n"


def test_the_poster_shows_the_chosen_moment(dawn: Video, settings: Settings) -> None:
    publish([dawn.pk], category="clips", by=None)
    shades = []
    for moment in (1.0, 8.0):
        previews(videoId=dawn.pk, posterAt=moment)
        dawn.refresh_from_db()
        shades.append(brightness(Path(settings.THUMBNAIL_ROOT) / str(dawn.thumbnail_path)) / 255 * 9)

    assert shades == pytest.approx([1.0, 8.0], abs=0.2)
    assert Path(str(dawn.thumbnail_path)).stem[:12] in str(PublicMedia.objects.get().thumbnail_path)


def test_a_chosen_moment_is_kept_when_everything_is_made_anew(dawn: Video, settings: Settings) -> None:
    previews(videoId=dawn.pk, posterAt=8.0)

    previews(missingOnly=False)

    dawn.refresh_from_db()
    assert brightness(Path(settings.THUMBNAIL_ROOT) / str(dawn.thumbnail_path)) / 255 * 9 == pytest.approx(8.0, abs=0.2)


def test_a_moment_that_is_chosen_while_a_poster_is_made_is_kept(dawn: Video, settings: Settings) -> None:
    store = Path(settings.THUMBNAIL_ROOT)
    made_before_the_choice = put_files(dawn.pk, Made(poster=(store / str(dawn.thumbnail_path)).read_bytes()), store=store)
    previews(videoId=dawn.pk, posterAt=8)
    chosen = Video.objects.get().thumbnail_path

    assert name_files(dawn, made_before_the_choice, store=store)

    assert (Preview.objects.get().poster_at, Video.objects.get().thumbnail_path) == (8, chosen)


def test_a_moment_after_the_end_is_refused_with_what_to_do(dawn: Video) -> None:
    job = run_to_the_end(services.submit("generate_previews", {"videoId": dawn.pk, "posterAt": 99}))

    assert (job.status, job.error_class, job.suggestion) == (Job.Status.FAILED, "nothing_there", "Choose an earlier posterAt.")


def test_a_moment_needs_one_video(db: None) -> None:
    with pytest.raises(InvalidParams, match="posterAt needs a videoId"):
        services.submit("generate_previews", {"posterAt": 3})


def test_the_library_is_gone_through_once(library: Path, add: Add) -> None:
    for number in range(3):
        add(f"videos/{number}.mp4", number)
    scan(library, workers=1)

    assert previews() == {"made": 3, "failed": 0}
    assert previews() == {"made": 0, "failed": 0}
    assert previews(missingOnly=False) == {"made": 3, "failed": 0}


def test_a_damaged_video_ends_nothing(library: Path, add: Add) -> None:
    for number in range(2):
        add(f"videos/{number}.mp4", number)
    scan(library, workers=1)
    first = Video.objects.order_by("pk")[0]
    status = first.absolute_path.stat()
    first.absolute_path.write_bytes(b"no video".ljust(status.st_size))
    os.utime(first.absolute_path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert previews() == {"made": 1, "failed": 1}


@pytest.mark.django_db(transaction=True)
def test_a_replaced_file_gets_new_previews_and_the_old_ones_go(dawn: Video, library: Path, clips: Clips, settings: Settings) -> None:
    previews(videoId=dawn.pk)
    before = in_store(settings)
    dawn.absolute_path.write_bytes(clips.plain.read_bytes())
    aged(dawn.absolute_path)
    scan(library, workers=1)

    assert previews() == {"made": 1, "failed": 0}

    made = Preview.objects.get()
    assert made.duration == pytest.approx(1.0)
    gone = {path for path in before if "-" in path}  # previews; posters may be shared
    assert len(gone) == 2 and not gone & in_store(settings)


def test_a_gif_has_previews_too(library: Path, clips: Clips, settings: Settings) -> None:
    (library / "gifs").mkdir()
    (library / "gifs/a.gif").write_bytes(clips.make(name="a.gif", size="64x36", codec=("-c:v", "gif")).read_bytes())
    scan(library, workers=1, settle=0)

    assert previews() == {"made": 1, "failed": 0}
    assert Preview.objects.get().sprite_path


def test_nothing_is_left_of_a_writer_that_died(dawn: Video, settings: Settings) -> None:
    left = Path(settings.THUMBNAIL_ROOT) / ".drafts" / "left"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half a sprite")
    os.utime(left, (0, 0))

    previews(videoId=dawn.pk)

    assert list(left.parent.iterdir()) == []


class CancelledLater(Pulse):
    """Somebody cancels the job when it has begun with the second video."""

    def report(self, progress: float, speed: float | None = None) -> None:
        super().report(progress, speed)
        if progress >= 50:
            self.cancel()


def test_a_cancelled_job_keeps_what_it_has_done_and_the_next_does_the_rest(library: Path, add: Add) -> None:
    for number in range(2):
        add(f"videos/{number}.mp4", number)
    scan(library, workers=1)
    job = services.submit("generate_previews")
    runner.perform(lease := claim(job), CancelledLater(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert (job.status, Preview.objects.count()) == (Job.Status.CANCELLED, 1)
    assert previews() == {"made": 1, "failed": 0}


def test_a_store_that_cannot_be_written_is_no_fault_of_any_video(dawn: Video, settings: Settings) -> None:
    settings.THUMBNAIL_ROOT = Path("/dev/null")

    job = run_to_the_end(services.submit("generate_previews"))

    assert (job.status, job.error_class) == (Job.Status.PENDING, "thumbnails_unwritable")
    assert not Preview.objects.exists()

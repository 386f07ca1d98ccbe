"""What a digest finds stands in rows and in the store, for as long as the video's file is the same."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from jobs import runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job
from media_library.models import Digest, Scene, Video
from media_library.scanner import scan
from media_library.scenes import digest_of, scenes_of
from tests.conftest import AAC, X264, Clips, aged
from tests.jobs.running import claim, result_of, run_to_the_end
from tests.scenes import CUT, END, FADE, three_scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(clips: Clips, film: Callable[[Path], Video]) -> Video:
    """A scanned video of three scenes."""
    return film(three_scenes(clips))


def sheets(settings: Settings) -> list[str]:
    store = Path(settings.THUMBNAIL_ROOT)
    return [str(path.relative_to(store)) for path in store.rglob("*-*.webp")]


def test_it_keeps_scenes_curves_and_a_contact_sheet(story: Video, settings: Settings) -> None:
    result = result_of("digest", story)

    assert result == {"duration": pytest.approx(END, abs=0.1), "pictures": 3, "hasSound": True, "scenes": 3}
    digest, scenes = digest_of(story.pk), scenes_of(story.pk)
    assert digest is not None and digest.curves and digest.curves["hop"] == 0.25
    assert [scene.start for scene in scenes] == pytest.approx([0.0, FADE, CUT], abs=0.1)
    assert [scene.end for scene in scenes] == pytest.approx([FADE, CUT, END], abs=0.1)
    assert [set(keyframe) >= {"time", "light", "fingerprint"} for keyframe in digest.keyframes] == [True] * 3
    assert Image.open(Path(settings.THUMBNAIL_ROOT) / str(digest.sheet_path)).size == (3 * 160, 90)


def test_a_video_without_sound_has_no_loudness(clips: Clips, film: Callable[[Path], Video]) -> None:
    silent = film(three_scenes(clips, "silent.mp4", codec=("-c:v", "mpeg4"), sound=False))

    assert result_of("digest", silent)["hasSound"] is False


@pytest.mark.django_db(transaction=True)
def test_what_is_found_in_a_new_file_takes_the_place_of_the_old(story: Video, clips: Clips, library: Path, settings: Settings) -> None:
    result_of("digest", story)
    before = sheets(settings)
    story.absolute_path.write_bytes(clips.make(size="160x90", duration=2.0).read_bytes())
    aged(story.absolute_path)
    scan(library, workers=1)
    story.refresh_from_db()
    assert (digest_of(story.pk), list(scenes_of(story.pk))) == (None, [])

    result_of("digest", story)

    assert Scene.objects.count() == len(scenes_of(story.pk)) == 1
    assert len(sheets(settings)) == 1 and sheets(settings) != before


def test_a_file_that_changed_since_the_scan_is_not_judged(story: Video) -> None:
    with story.absolute_path.open("ab") as file:
        file.write(b"more")

    job = run_to_the_end(services.submit("digest", {"videoId": story.pk}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "file_changed")


@pytest.mark.parametrize("kind", ["digest", "scene_extract", "highlight_generate"])
def test_a_video_in_which_nothing_decodes_fails_with_what_to_do(story: Video, kind: str) -> None:
    story.absolute_path.write_bytes(b"no video".ljust(story.file_size or 0))
    Video.objects.filter(pk=story.pk).update(file_mtime_ns=story.absolute_path.stat().st_mtime_ns)

    job = run_to_the_end(services.submit(kind, {"videoId": story.pk}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")
    assert not Scene.objects.exists() and not Digest.objects.exists()


@pytest.mark.parametrize("kind", ["digest", "scene_extract"])
def test_a_video_whose_end_is_missing_fails_and_keeps_no_scenes_as_if_of_the_whole(
    clips: Clips, film: Callable[[Path], Video], kind: str
) -> None:
    whole = three_scenes(clips, codec=(*X264, *AAC, "-movflags", "+faststart"))
    story = film(whole)
    os.truncate(story.absolute_path, whole.stat().st_size * 2 // 3)
    status = story.absolute_path.stat()
    Video.objects.filter(pk=story.pk).update(file_size=status.st_size, file_mtime_ns=status.st_mtime_ns)

    job = run_to_the_end(services.submit(kind, {"videoId": story.pk}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")
    assert re.fullmatch(r"It ends after \d\.\d of 4\.\d seconds: the rest is missing", job.error)
    assert not Scene.objects.exists() and not Digest.objects.exists()


@pytest.mark.parametrize("kind", ["digest", "scene_extract"])
def test_sound_may_go_on_after_the_pictures(clips: Clips, film: Callable[[Path], Video], kind: str) -> None:
    sources = ("-f", "lavfi", "-i", "testsrc=size=64x36:duration=1", "-f", "lavfi", "-i", "sine=duration=4")
    video = film(clips.run("long sound.mkv", *sources, *X264, *AAC))

    assert result_of(kind, video)["duration"] == pytest.approx(1.0, abs=0.1)


class CancelledAtOnce(Pulse):
    """Somebody cancels the job when it has begun to tell its progress."""

    def report(self, progress: float, speed: float | None = None) -> None:
        super().report(progress, speed)
        self.cancel()


@pytest.mark.parametrize("kind", ["digest", "scene_extract", "highlight_generate"])
def test_a_cancelled_job_keeps_nothing(story: Video, library: Path, settings: Settings, kind: str) -> None:
    job = services.submit(kind, {"videoId": story.pk})
    runner.perform(lease := claim(job), CancelledAtOnce(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED
    assert not Scene.objects.exists() and not Digest.objects.exists() and sheets(settings) == []
    assert [path.name for path in library.rglob("*.mp4")] == [story.filename]

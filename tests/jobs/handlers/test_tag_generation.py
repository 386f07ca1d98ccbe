"""Tags that a network sees and names say, until a person has decided on them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from jobs import runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job, WorkerNode
from media_library.models import Tagging, TagSuggestion, Video
from media_library.tagging import machine
from tests.conftest import X264, Clips
from tests.jobs.handlers.conftest import one_colour
from tests.jobs.running import claim, run_to_the_end
from tests.media_library.tagging import onnx

pytestmark = pytest.mark.django_db

PICTURES = Path(__file__).parent.parent.parent / "media_library/tagging/pictures"
EVEN = ("-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2")
Film = Callable[[Path], Video]


def still(clips: Clips, photograph: str, *, name: str, pictures: int = 5) -> Path:
    """A clip that shows a photograph, five pictures a second."""
    shown = ("-loop", "1", "-framerate", "5", "-i", str(PICTURES / f"{photograph}.jpg"), "-frames:v", str(pictures))
    return clips.run(name, *shown, *EVEN, *X264)


def tag(**params: Any) -> Job:
    return run_to_the_end(services.submit("tag_generation", params))


def tagged(**params: Any) -> dict[str, Any]:
    job = tag(**params)
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})


def suggested(video: Video) -> set[str]:
    return set(TagSuggestion.objects.filter(video=video, state="suggested").values_list("tag", flat=True))


@pytest.fixture
def colours(tmp_path: Path, settings: Settings) -> Path:
    """A network of one's own, which tells colours apart."""
    network = onnx.mean_colour(tmp_path / "colours.onnx")
    onnx.colour_prompts(network)
    settings.AI_MODEL_PATH = str(network)
    return network


def test_what_a_video_shows_is_suggested_and_becomes_no_tag_of_it(film: Film, clips: Clips) -> None:
    cat = film(still(clips, "chelsea", name="one.mp4"))

    result = tagged(videoId=cat.pk)

    assert {one["tag"]: (one["score"] > 0.8, one["madeBy"]) for one in result["suggestions"]} == {
        "animal": (True, "efficientnet-lite0"),
        "cat": (True, "efficientnet-lite0"),
    }
    cat.refresh_from_db()
    assert (cat.tags, suggested(cat)) == ([], {"animal", "cat"})


def test_names_speak_too_unless_nobody_asked_them(film: Film, clips: Clips, colours: Path) -> None:
    video = film(clips.run("my dog #Berlin.mp4", "-f", "lavfi", "-i", "color=red:size=64x36:rate=5:duration=1", *X264))

    spoken = tagged(videoId=video.pk)["suggestions"]
    seen = tagged(videoId=video.pk, fromNames=False)["suggestions"]

    assert [(one["tag"], one["madeBy"]) for one in spoken] == [("red", "colours"), ("berlin", "names"), ("dog", "names")]
    assert [one["tag"] for one in seen] == ["red"]


def test_the_library_is_gone_through_once(film: Film, clips: Clips, colours: Path) -> None:
    red, blue = (film(one_colour(clips, colour)) for colour in ("red", "blue"))

    first = tagged(leastScore=0.5, fromNames=False)
    TagSuggestion.objects.all().delete()
    second, anew = tagged(), tagged(missingOnly=False, fromNames=False)

    assert first == anew == {"network": "colours", "videos": 2, "suggestions": 2, "failed": 0}
    assert second == {"network": "colours", "videos": 0, "suggestions": 0, "failed": 0}
    assert (suggested(red), suggested(blue)) == ({"red"}, {"blue"})


def test_another_network_or_another_file_is_looked_at_again(film: Film, clips: Clips, colours: Path) -> None:
    video = film(one_colour(clips, "red"))
    tagged()
    for changes in ({"made_by": "an older one"}, {"source_size": 1}):
        Tagging.objects.update(**changes)

        assert tagged()["videos"] == 1
    assert suggested(video) == {"red"}


def test_a_video_of_one_picture_is_tagged(film: Film, clips: Clips) -> None:
    assert "cat" in suggested_of(film(still(clips, "chelsea", name="one.mp4", pictures=1)))


def suggested_of(video: Video) -> set[str]:
    tagged(videoId=video.pk)
    return suggested(video)


def test_a_video_without_a_picture_fails_and_holds_no_others_up(film: Film, clips: Clips, colours: Path) -> None:
    broken, red = film(one_colour(clips, "blue")), film(one_colour(clips, "red"))
    spoil(broken)

    job, all_of_them = tag(videoId=broken.pk), tag(fromNames=False)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "unreadable_media")
    assert all_of_them.result == {"network": "colours", "videos": 1, "suggestions": 1, "failed": 1}
    assert (suggested(broken), suggested(red)) == (set(), {"red"})


def spoil(video: Video) -> None:
    """Write nonsense over the file's content, its size and date as they were."""
    status = video.absolute_path.stat()
    video.absolute_path.write_bytes(b"\x17" * status.st_size)
    os.utime(video.absolute_path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_network_that_is_not_there_fails_the_job_and_says_what_to_do(film: Film, clips: Clips, settings: Settings) -> None:
    video = film(one_colour(clips, "red"))
    settings.AI_MODEL_PATH = "/nowhere/clip.onnx"

    job = tag(videoId=video.pk)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "network_unusable")
    assert job.error == "There is no network at /nowhere/clip.onnx that can be read" and "AI_MODEL_PATH" in job.suggestion


class CancelledLater(Pulse):
    """Somebody cancels the job when it has begun with the second video."""

    def report(self, progress: float, speed: float | None = None) -> None:
        super().report(progress, speed)
        if progress >= 50:
            self.cancel()


def test_a_cancelled_job_keeps_what_it_has_done_and_the_next_does_the_rest(film: Film, clips: Clips, colours: Path) -> None:
    for colour in ("red", "blue"):
        film(one_colour(clips, colour))
    job = services.submit("tag_generation")
    runner.perform(lease := claim(job), CancelledLater(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert (job.status, Tagging.objects.count()) == (Job.Status.CANCELLED, 1)
    assert tagged()["videos"] == 1


class TestOnAMachineWithAGpu:
    @pytest.fixture(autouse=True)
    def node(self, film: Film, settings: Settings) -> None:
        settings.NODE_VRAM_MB = 4096

    def test_an_onnxruntime_without_cuda_runs_on_the_processor_and_says_so(self, film: Film, clips: Clips, colours: Path) -> None:
        video = film(one_colour(clips, "red"))

        job = tag(videoId=video.pk)

        assert (job.status, job.vram_required) == (Job.Status.COMPLETED, 2048)
        assert "has no CUDA: this runs on the processor" in str(job.log)
        assert WorkerNode.objects.get().vram_used == 0

    def test_what_the_gpu_fails_at_runs_once_more_on_the_processor(
        self, film: Film, clips: Clips, colours: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machine, "PROGRAM", "tests.media_library.tagging.failing_gpu")
        video = film(one_colour(clips, "red"))

        job = tag(videoId=video.pk)
        assert (job.status, job.error_class) == (Job.Status.QUEUED, "gpu_failed")
        run_to_the_end(job)

        assert (job.status, suggested(video)) == (Job.Status.COMPLETED, {"red"})
        assert "The GPU failed at it: this runs on the processor." in str(job.log)

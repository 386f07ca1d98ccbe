"""Tags that a network sees and names say, until a person has decided on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Video
from tests.conftest import X264, Clips
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db

PICTURES = Path(__file__).parent.parent.parent / "media_library/tagging/pictures"
Film = Callable[[Path], Video]


def still(clips: Clips, picture: str, *, name: str | None = None, seconds: str = "1") -> Path:
    """A clip that shows a photograph."""
    looped = ("-loop", "1", "-framerate", "5", "-t", seconds, "-i", str(PICTURES / f"{picture}.jpg"))
    return clips.run(name or f"{picture}.mp4", *looped, "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", *X264)


def tag(**params: Any) -> Job:
    return run_to_the_end(services.submit("tag_generation", params))


def test_a_cat_is_seen(film: Film, clips: Clips) -> None:
    cat = film(still(clips, "chelsea", name="one.mp4"))

    job = tag(videoId=cat.pk)

    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    assert [(one["tag"], one["score"] > 0.8) for one in (job.result or {})["suggestions"]] == [("animal", True), ("cat", True)]

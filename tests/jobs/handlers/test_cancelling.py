"""Every job type that somebody cancels while it works: it ends as cancelled, and what it had begun is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from gallery.models import PublicMedia
from jobs import registry, runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job, Pipeline
from jobs.registry import JobType
from media_library.models import Compilation, Preview, Rendition, Tagging, Video
from tests.conftest import Clips, variant
from tests.jobs.fetching.servers import always, reply, serving
from tests.jobs.handlers.about import Params, jobs_about
from tests.jobs.handlers.conftest import Good
from tests.jobs.running import claim

pytestmark = pytest.mark.django_db


class CancelledAsItBegins(Pulse):
    """Somebody cancels the job as soon as it tells anything of itself, or asks whether to go on."""

    def say(self, text: str) -> None:
        super().say(text)
        self.cancel()

    def check(self) -> None:
        self.cancel()
        super().check()


@pytest.fixture
def params_of(good: Good, library: Path, clips: Clips, settings: Settings) -> Iterator[dict[str, Params]]:
    """For each type what makes a job that has something to do."""
    settings.FETCH_ALLOWED_NETWORKS, settings.FULL_DISK_MB = ["127.0.0.1/32"], 1
    videos = good(["one.mp4", "two.mp4"])
    Video.objects.update(producer="Acme")
    film = variant(clips.with_sound, library / "public" / "cats" / "new.mp4", 9).read_bytes()
    with serving(always(reply(film))) as server:
        about = {kind.name: jobs_about(kind, videos)[0] for kind in registry.all_types() if kind.name != "fetch"}
        yield about | {"fetch": {"url": f"{server.url}/film.mp4"}}


def snapshot(library: Path) -> set[str]:
    return {str(path.relative_to(library)) for path in library.rglob("*") if path.is_file() and path.name != ".library-id"}


@pytest.mark.parametrize("kind", registry.all_types(), ids=lambda kind: kind.name)
def test_it_ends_as_cancelled_and_leaves_nothing(kind: JobType, params_of: dict[str, Params], library: Path) -> None:
    before = snapshot(library)
    job = services.submit(kind.name, params_of[kind.name])
    lease = claim(job)
    services.cancel(job.pk, by=None)

    runner.perform(lease, CancelledAsItBegins(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert (job.status, job.error, job.outputs) == (Job.Status.CANCELLED, "", [])
    assert snapshot(library) == before
    assert set(Video.objects.values_list("path", flat=True)) <= before
    assert not PublicMedia.objects.exists() and not Pipeline.objects.exists()
    assert not any(made.objects.exists() for made in (Compilation, Rendition, Preview, Tagging))

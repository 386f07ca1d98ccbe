from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gallery.models import PublicMedia
from jobs import services
from jobs.models import Job, Pipeline
from media_library.models import Preview, Video
from media_library.scanner import scan
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


@pytest.fixture
def arrived(library: Path, add: Callable[..., Path]) -> Video:
    """A scanned video of the inbox."""
    add("inbox/Night-Train.mp4")
    scan(library, workers=1)
    return Video.objects.get()


def start(video: Video, *, by: User | None = None, **params: object) -> Job:
    return run_to_the_end(services.submit("auto_organize_publish", {"videoId": video.pk, "category": "trains", **params}, by=by))


def run_what_is_ready() -> list[str]:
    """The keys of the steps that ran, in order."""
    ran = []
    while job := Job.objects.filter(status=Job.Status.QUEUED).select_related("pipeline_step").order_by("ranked_at", "pk").first():
        done = run_to_the_end(job)
        assert (done.status, done.error) == (Job.Status.COMPLETED, ""), done.log
        assert done.pipeline_step is not None
        ran.append(done.pipeline_step.key)
    return ran


def test_a_video_of_the_inbox_ends_in_the_gallery(arrived: Video) -> None:
    by = User.objects.create_superuser("night", password="shift")
    job = start(arrived, by=by)

    assert run_what_is_ready() == ["validate", "previews", "tags", "organize", "publish"]
    arrived.refresh_from_db()
    assert PublicMedia.objects.get().category == "trains"
    assert arrived.directory_type == "videos" and arrived.file_hash and arrived.absolute_path.is_file()
    assert Preview.objects.filter(video=arrived).exists()
    assert arrived.tags == []  # those that were suggested wait for a person
    pipeline = Pipeline.objects.get()
    assert (job.pipeline, pipeline.status, pipeline.submitted_by) == (pipeline, "completed", by)


def test_the_job_carries_the_id_of_its_pipeline(arrived: Video, client: Client) -> None:
    client.force_login(User.objects.create_superuser("night", password="shift"))
    job = start(arrived)

    shown = client.get(f"/api/jobs/{job.pk}").json()
    pipeline = Pipeline.objects.get()
    assert (shown["status"], shown["pipelineId"], shown["result"]["pipelineId"]) == ("completed", pipeline.pk, pipeline.pk)
    assert shown["result"]["steps"] == ["validate", "previews", "tags", "organize", "publish"]
    steps = client.get(f"/api/pipelines/{pipeline.pk}").json()["steps"]
    assert [(step["key"], step["status"]) for step in steps][:2] == [("validate", "queued"), ("previews", "pending")]
    assert client.get(f"/admin/jobs/pipeline/{pipeline.pk}/change/").status_code == 200
    assert job.pk in [row["id"] for row in client.get(f"/api/jobs?pipelineId={pipeline.pk}").json()["jobs"]]


def test_nothing_is_published_before_a_person_approves(arrived: Video) -> None:
    start(arrived, needsApproval=True)
    assert run_what_is_ready() == ["validate", "previews", "tags", "organize"]
    assert not PublicMedia.objects.exists()

    services.approve(Job.objects.get(type="publish_video").pk, by=None)

    assert run_what_is_ready() == ["publish"]
    assert PublicMedia.objects.get().category == "trains"


def test_what_lies_elsewhere_stays_there(library: Path, add: Callable[..., Path]) -> None:
    add("curated/best.mp4")
    scan(library, workers=1)
    start(Video.objects.get())

    assert run_what_is_ready() == ["validate", "previews", "tags", "publish"]
    assert Video.objects.get().path == "curated/best.mp4"


def test_a_video_that_does_not_play_is_not_published(arrived: Video) -> None:
    start(arrived)
    content = arrived.absolute_path.read_bytes()
    arrived.absolute_path.write_bytes(content[:1000] + bytes(len(content) - 1000))
    Video.objects.update(file_mtime_ns=arrived.absolute_path.stat().st_mtime_ns)

    while job := Job.objects.filter(status=Job.Status.QUEUED).first():
        run_to_the_end(job)

    assert not PublicMedia.objects.exists()
    assert Pipeline.objects.get().status == "failed"


def test_a_private_video_is_refused_at_once(library: Path, add: Callable[..., Path]) -> None:
    add("private/diary.mp4")
    scan(library, workers=1)

    job = start(Video.objects.get())

    assert (job.status, job.error) == (Job.Status.FAILED, "Private videos cannot be published")
    assert not Pipeline.objects.exists()


@pytest.mark.parametrize("category", ["", "Sea side", "a/b", "x" * 65, "ä"])
def test_a_category_is_checked_when_it_is_submitted(arrived: Video, category: str) -> None:
    with pytest.raises(services.Refused) as refused:
        services.submit("auto_organize_publish", {"videoId": arrived.pk, "category": category})
    assert "category" in refused.value.details


def test_publishing_alone_says_why_it_cannot(arrived: Video) -> None:
    job = services.submit("publish_video", {"videoId": arrived.pk, "category": "trains"})
    Video.objects.update(trashed_at="2026-01-01T00:00:00Z")

    job = run_to_the_end(job)

    assert (job.status, job.error_class, job.error) == (Job.Status.FAILED, "not_publishable", "The video is in the trash")

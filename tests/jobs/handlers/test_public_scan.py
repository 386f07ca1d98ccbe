from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.models import PublicMedia
from gallery.services import unpublish
from jobs import services
from jobs.models import Job
from media_library.models import Video
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db


def shown() -> dict[str, str]:
    """What the gallery shows: path to category."""
    return {video.path: video.public.category for video in Video.objects.exclude(public=None).select_related("public")}


def public_scan(**params: str) -> Job:
    job = run_to_the_end(services.submit("public_scan", params))
    assert job.status == Job.Status.COMPLETED, job.error
    return job


def test_files_are_published_in_the_category_of_their_folder(add: Callable[..., Path]) -> None:
    add("public/cats/one.mp4", 1)
    add("public/dogs/deep/two.mp4", 2)
    add("videos/three.mp4", 3)

    job = public_scan()

    assert shown() == {"public/cats/one.mp4": "cats", "public/dogs/deep/two.mp4": "dogs"}
    assert job.result is not None and job.result["published"] == 2


def test_one_category_can_be_scanned_alone(add: Callable[..., Path]) -> None:
    add("public/cats/one.mp4", 1)
    add("public/dogs/two.mp4", 2)

    public_scan(category="dogs")

    assert shown() == {"public/dogs/two.mp4": "dogs"}


def test_a_file_that_moves_to_another_folder_changes_its_category(add: Callable[..., Path], library: Path) -> None:
    one = add("public/cats/one.mp4", 1)
    public_scan()
    (library / "public" / "dogs").mkdir()
    one.rename(library / "public" / "dogs" / "one.mp4")

    public_scan()

    assert shown() == {"public/dogs/one.mp4": "dogs"}


def test_what_an_admin_has_unpublished_stays_so(add: Callable[..., Path]) -> None:
    add("public/cats/one.mp4", 1)
    public_scan()
    unpublish(PublicMedia.objects.values_list("pk", flat=True), by=None)

    public_scan()

    assert shown() == {}


def test_a_folder_that_is_no_category_is_passed_over_with_a_word(add: Callable[..., Path]) -> None:
    add("public/Cats & Dogs/one.mp4", 1)
    add("public/two.mp4", 2)

    job = public_scan()

    assert shown() == {}
    assert "public/Cats & Dogs/ is passed over" in (job.log or "")


def test_a_library_without_a_public_folder_publishes_nothing(library: Path) -> None:
    job = public_scan()

    assert job.result == {"published": 0}

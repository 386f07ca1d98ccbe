"""What a producer made goes to its studio."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import services
from jobs.models import Job
from media_library.models import Video
from tests.jobs.running import run_to_the_end

pytestmark = pytest.mark.django_db(transaction=True)


def made_by(producer: str | None, path: str, library: Path) -> Video:
    file = library / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(path.encode())
    return Video.objects.create(path=path, filename=file.name, title="A walk", producer=producer, directory_type=path.split("/")[0])


def files(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file())


def studio(**params: object) -> Job:
    job = run_to_the_end(services.submit("organize_studio", params))
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return job


def test_every_known_producer_gets_a_studio(library: Path) -> None:
    acme = made_by("Acme Films", "videos/a.mp4", library)
    other = made_by("Óther", "inbox/b.mp4", library)
    made_by(None, "inbox/c.mp4", library)
    made_by("Acme Films", "curated/d.mp4", library)

    studio()

    assert files(library) == [
        "curated/d.mp4",
        "inbox/c.mp4",
        f"studios/Acme_Films/acme-films_a-walk_{acme.pk}.mp4",
        f"studios/Óther/óther_a-walk_{other.pk}.mp4",
    ]


def test_one_producer_alone(library: Path) -> None:
    made_by("Acme", "videos/a.mp4", library)
    made_by("Other", "videos/b.mp4", library)

    job = studio(producer="Other", rename=False)

    assert files(library) == ["studios/Other/b.mp4", "videos/a.mp4"]
    assert job.result is not None and job.result["moved"] == 1


def test_what_is_in_its_studio_stays_and_a_second_run_moves_nothing(library: Path) -> None:
    made_by("Acme", "videos/a.mp4", library)
    studio()
    before = files(library)

    job = studio()

    assert job.result is not None and (job.result["moved"], job.result["inPlace"]) == (0, 1)
    assert files(library) == before


def test_undo_brings_them_back(library: Path) -> None:
    made_by("Acme", "videos/a.mp4", library)
    job = studio()

    studio(undo=job.pk)

    assert files(library) == ["videos/a.mp4"]

"""Files go to where rules place them, and come back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gallery.models import PublicMedia
from gallery.services import publish
from jobs import claims, nodes, runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job
from jobs.registry import InvalidParams
from media_library.models import FileMove, Video
from media_library.moves import organize_file
from media_library.paths import encode_path
from tests.jobs.running import claim, run_to_the_end

pytestmark = pytest.mark.django_db(transaction=True)

MakeVideo = Callable[..., Video]


@pytest.fixture
def make_video(library: Path) -> MakeVideo:
    """A file that holds its own path, and its row."""

    def make(path: str, **columns: Any) -> Video:
        file = library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode(path))
        known = {"directory_type": path.split("/")[0], "title": "Summer Tour", "quality": "720p", "orientation": "landscape"}
        return Video.objects.create(path=encode_path(path), filename=encode_path(file.name), **{**known, "duration_seconds": 60, **columns})

    return make


def organize(**params: Any) -> Job:
    return run_to_the_end(services.submit("organize", params))


def result(job: Job) -> dict[str, Any]:
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})


def files(library: Path) -> list[str]:
    return sorted(str(path.relative_to(library)) for path in library.rglob("*") if path.is_file())


def test_what_is_private_stays_so(make_video: MakeVideo, library: Path) -> None:
    secret = make_video("private/a.mp4", producer="Acme")
    in_place = make_video(f"private/videos/summer-tour_720p_{secret.pk + 1}.mp4", producer=None)

    organize(videoId=secret.pk)
    organize(videoId=in_place.pk)

    kept = [f"private/studios/Acme/acme_summer-tour_720p_{secret.pk}.mp4", in_place.path]
    assert files(library) == kept
    assert list(Video.objects.order_by("pk").values_list("path", "directory_type")) == [(path, "private") for path in kept]


def test_files_of_the_inbox_go_to_where_the_usual_rules_place_them(make_video: MakeVideo, library: Path) -> None:
    known = make_video("inbox/a.MP4", producer="Acme Films")
    unknown = make_video("inbox/deep/b.mkv", producer=None)
    picture = make_video("inbox/c.gif", producer="Acme Films")
    elsewhere = make_video("curated/d.mp4")

    done = result(organize())

    assert (done["moved"], done["failed"]) == (3, 0)
    assert files(library) == [
        "curated/d.mp4",
        f"gifs/acme-films_summer-tour_720p_{picture.pk}.gif",
        f"studios/Acme_Films/acme-films_summer-tour_720p_{known.pk}.mp4",
        f"videos/summer-tour_720p_{unknown.pk}.mkv",
    ]
    known.refresh_from_db()
    assert (known.path, known.directory_type) == (f"studios/Acme_Films/{known.filename}", "studios")
    assert (known.original_path, known.original_filename, known.standardized_at is not None) == ("inbox/a.MP4", "a.MP4", True)
    elsewhere.refresh_from_db()
    assert elsewhere.original_path is None


def test_a_dry_run_lists_the_moves_and_makes_none(make_video: MakeVideo, library: Path) -> None:
    video = make_video("inbox/a.mp4", producer="Acme")

    planned = result(organize(dryRun=True))["moves"]

    assert planned == [{"videoId": video.pk, "from": "inbox/a.mp4", "to": f"studios/Acme/acme_summer-tour_720p_{video.pk}.mp4"}]
    assert files(library) == ["inbox/a.mp4"]
    assert not FileMove.objects.exists()


def test_rules_of_ones_own_go_by_shape_and_length(make_video: MakeVideo, library: Path) -> None:
    make_video("inbox/short.mp4", duration_seconds=10, orientation="portrait")
    make_video("inbox/long.mp4", duration_seconds=1000, orientation="portrait")
    make_video("inbox/wide.mp4", duration_seconds=1000)
    rules = [{"folder": "curated/shorts", "lessThan": 30}, {"folder": "videos/{orientation}", "orientation": "portrait", "atLeast": 30}]

    done = result(organize(rules=rules, rename=False))

    assert files(library) == ["curated/shorts/short.mp4", "inbox/wide.mp4", "videos/portrait/long.mp4"]
    assert (done["moved"], done["withoutPlace"]) == (2, 1)


@pytest.mark.parametrize(
    "folder", ["../x", "/etc", "inbox", "elsewhere", "videos/..", "videos//x", "videos/{path}", "videos/a\0b", "videos/.x"]
)
def test_a_folder_that_leads_elsewhere_is_refused_at_once(folder: str, db: None) -> None:
    with pytest.raises(InvalidParams):
        services.submit("organize", {"rules": [{"folder": folder}]})


@pytest.mark.parametrize("producer", ["../../etc", "/", "..", "a\nb", "x" * 5000, ".hidden", "\u202eevil", "COM/../1", "ü" * 200])
def test_no_producer_leads_out_of_the_folder_of_studios(make_video: MakeVideo, library: Path, producer: str) -> None:
    make_video("inbox/a.mp4", producer=producer, title="../../" + "🎬" * 300)

    result(organize())

    (path,) = files(library)
    assert path.startswith("studios/") and path.count("/") == 2
    assert not path.split("/")[1].startswith(".") and all(len(os.fsencode(part)) <= 255 for part in path.split("/"))
    assert [entry.name for entry in library.parent.iterdir() if entry.name not in ("library", "thumbnails")] == []


def test_names_that_are_no_text_are_moved_like_others(make_video: MakeVideo, library: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff.mp4")
    make_video(f"inbox/{name}", title=None)

    result(organize(rename=False, rules=[{"folder": "videos"}]))

    assert (library / "videos" / name).exists()


def test_a_taken_name_is_numbered_and_nothing_is_overwritten(make_video: MakeVideo, library: Path) -> None:
    make_video("videos/a.mp4")
    make_video("inbox/a.mp4")
    make_video("inbox/deep/a.mp4")

    result(organize(rename=False))

    assert files(library) == ["videos/a (2).mp4", "videos/a (3).mp4", "videos/a.mp4"]
    assert (library / "videos/a.mp4").read_bytes() == b"videos/a.mp4"


def test_a_file_whose_name_is_taken_keeps_the_number_that_it_has(make_video: MakeVideo, library: Path) -> None:
    video = make_video("inbox/a.mp4")
    name = f"videos/summer-tour_720p_{video.pk}"
    make_video(f"{name}.mp4")
    result(organize())

    again = result(organize(fromDirectory="videos", videoId=video.pk))

    assert (again["moved"], again["inPlace"]) == (0, 1)
    assert files(library) == [f"{name} (2).mp4", f"{name}.mp4"]


def test_undo_takes_every_move_of_a_job_back(make_video: MakeVideo, library: Path) -> None:
    video = make_video("inbox/a.mp4", producer="Acme")
    make_video("inbox/b.mp4")
    job = organize()

    done = result(organize(undo=job.pk))

    assert (done["moved"], done["failed"]) == (2, 0)
    assert files(library) == ["inbox/a.mp4", "inbox/b.mp4"]
    video.refresh_from_db()
    assert (video.path, video.filename, video.directory_type) == ("inbox/a.mp4", "a.mp4", "inbox")
    assert (video.original_path, video.original_filename, video.standardized_at) == (None, None, None)


def test_undoing_twice_moves_nothing_again(make_video: MakeVideo, library: Path) -> None:
    make_video("inbox/a.mp4")
    job = organize()
    organize(undo=job.pk)

    assert result(organize(undo=job.pk))["moved"] == 0
    assert files(library) == ["inbox/a.mp4"]


def test_undo_leaves_alone_what_has_been_moved_on(make_video: MakeVideo, library: Path) -> None:
    video = make_video("inbox/a.mp4")
    first = organize()
    organize(videoId=video.pk, rules=[{"folder": "curated"}])

    assert result(organize(undo=first.pk))["inPlace"] == 1
    assert files(library) == [f"curated/summer-tour_720p_{video.pk}.mp4"]


def test_undoing_a_job_that_moved_nothing_says_so(library: Path) -> None:
    job = organize(undo=4711)

    assert (job.status, job.error_class) == (Job.Status.FAILED, "nothing_to_undo")


def test_a_file_that_is_gone_is_told_and_the_others_go_on(make_video: MakeVideo, library: Path) -> None:
    make_video("inbox/a.mp4")
    (library / "inbox/a.mp4").unlink()
    make_video("inbox/b.mp4")

    job = organize()

    assert (result(job)["moved"], result(job)["failed"]) == (1, 1)
    assert "a scan will tell where it is" in (job.log or "")


def test_the_gallery_shows_the_new_name_and_private_videos_leave_it(make_video: MakeVideo, library: Path) -> None:
    shown, hidden = make_video("inbox/a.mp4"), make_video("inbox/b.mp4", producer="Secret")
    publish([shown.pk, hidden.pk], category="clips", by=None)

    result(organize(rules=[{"folder": "private", "producer": "secret"}, {"folder": "videos"}]))

    assert list(PublicMedia.objects.values_list("filename", flat=True)) == [f"summer-tour_720p_{shown.pk}.mp4"]


def test_a_job_whose_worker_died_between_disk_and_row_finishes_what_it_began(
    make_video: MakeVideo, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has arrived; neither its row nor the gallery knows."""
    video = make_video("inbox/a.mp4")
    publish([video.pk], category="clips", by=None)
    job = services.submit("organize")
    lease = claim(job)
    target = f"videos/summer-tour_720p_{video.pk}.mp4"
    FileMove.objects.create(video=video, source=video.path, target=target, purpose=FileMove.Purpose.ORGANIZE, job_id=job.pk)
    (library / "videos").mkdir()
    (library / "inbox/a.mp4").rename(library / target)
    claims.give_back(lease)

    job.refresh_from_db()
    Job.objects.filter(pk=job.pk).update(attempt=1)
    result(run_to_the_end(job))

    video.refresh_from_db()
    assert (video.path, files(library)) == (target, [target])
    assert PublicMedia.objects.get().filename == f"summer-tour_720p_{video.pk}.mp4"


def test_the_gallery_hears_of_what_was_moved_before_the_worker_stopped(make_video: MakeVideo, library: Path) -> None:
    video = make_video("inbox/a.mp4")
    publish([video.pk], category="clips", by=None)
    job = services.submit("organize")
    lease = claim(job)
    organize_file(video, Path("videos/b.mp4"), job_id=job.pk)
    claims.give_back(lease)

    result(run_to_the_end(job))

    assert PublicMedia.objects.get().filename == "b.mp4"


class CancelledLater(Pulse):
    """Somebody cancels the job when it has reported three times."""

    reports = 0

    def report(self, progress: float, speed: float | None = None) -> None:
        super().report(progress, speed)
        self.reports += 1
        if self.reports == 3:
            self.cancel()


def test_a_cancelled_job_leaves_each_file_whole_and_known_and_the_next_does_the_rest(make_video: MakeVideo, library: Path) -> None:
    for number in range(5):
        make_video(f"inbox/{number}.mp4")
    job = services.submit("organize")
    runner.perform(lease := claim(job), CancelledLater(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    assert job.status == Job.Status.CANCELLED
    assert {video.path for video in Video.objects.all()} == set(files(library))
    assert len(list((library / "inbox").iterdir())) == 3
    assert result(organize())["moved"] == 3


def test_it_waits_for_a_scan_of_the_library(library: Path) -> None:
    claim(services.submit("scan"))
    waiting = services.submit("organize")

    assert claims.claim(nodes.this_node(), waiting.resource_category, "test@here:2") is None

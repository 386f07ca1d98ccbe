"""Videos that do not play are found and hidden; disks that cannot be read are nobody's fault."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from gallery.models import PublicMedia
from gallery.services import mark_invalid, publish
from jobs import runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job
from media_library.identity import sha256
from media_library.models import Rendition, Video
from media_library.previews import preview_of
from media_library.renditions import keep_ladder
from media_library.scanner import scan
from media_library.scenes import digest_of, scenes_of
from tests.conftest import X264, Clips, aged
from tests.jobs.running import claim, result_of, run_to_the_end

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]


def validate(**params: Any) -> dict[str, Any]:
    job = run_to_the_end(services.submit("validate", params))
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})


def rewrite(video: Video, content: bytes, *, in_secret: bool) -> None:
    """Change a file; in secret: so that size and date stay."""
    before = video.absolute_path.stat()
    video.absolute_path.write_bytes(content)
    if in_secret:
        os.utime(video.absolute_path, ns=(before.st_atime_ns, before.st_mtime_ns))


def nothing_in(content: bytes, start: float, end: float) -> bytes:
    first, last = int(len(content) * start), int(len(content) * end)
    return content[:first] + bytes(last - first) + content[last:]


def test_a_sound_video_is_valid_and_gets_its_hash(video: Video) -> None:
    found = validate(videoId=video.pk)

    assert (found["isValid"], found["reason"], found["hash"], found["damagedAt"]) == (True, "", "new", [])
    assert found["pictures"] > 0
    video.refresh_from_db()
    with video.absolute_path.open("rb") as file:
        assert video.file_hash == sha256(file.fileno())


def test_thorough_decodes_every_picture(video: Video) -> None:
    assert validate(videoId=video.pk, thorough=True)["pictures"] == 75


def test_an_index_at_the_end_is_told(library: Path, clips: Clips, add: Add) -> None:
    add("videos/slow.mp4")
    (library / "videos/quick.mp4").write_bytes(clips.make(extra=("-movflags", "+faststart")).read_bytes())
    scan(library, workers=1, settle=0)
    slow, quick = Video.objects.get(filename="slow.mp4"), Video.objects.get(filename="quick.mp4")

    assert (validate(videoId=slow.pk)["isFaststart"], validate(videoId=quick.pk)["isFaststart"]) == (False, True)


@pytest.mark.parametrize("thorough", [False, True])
def test_a_damaged_video_becomes_invalid_with_the_reason_and_leaves_the_gallery(video: Video, thorough: bool) -> None:
    publish([video.pk], category="clips", by=None)
    rewrite(video, nothing_in(video.absolute_path.read_bytes(), 0.3, 0.7), in_secret=True)

    found = validate(videoId=video.pk, thorough=thorough)

    video.refresh_from_db()
    assert (found["isValid"], video.is_valid, video.invalid_reason) == (False, False, found["reason"])
    assert "are damaged, the first at" in found["reason"]
    assert not PublicMedia.objects.exists()


def test_a_damaged_video_is_valid_again_once_its_file_is_whole(video: Video, library: Path) -> None:
    whole = video.absolute_path.read_bytes()
    rewrite(video, nothing_in(whole, 0.3, 0.7), in_secret=True)
    validate(videoId=video.pk)
    rewrite(video, whole, in_secret=True)

    assert validate(videoId=video.pk, acceptChange=True)["isValid"]
    video.refresh_from_db()
    assert (video.is_valid, video.invalid_reason, video.width, video.thumbnail_path is None) == (True, "", 320, False)


def test_a_replaced_file_is_valid_again_with_the_next_scan(video: Video, library: Path) -> None:
    whole = video.absolute_path.read_bytes()
    rewrite(video, nothing_in(whole, 0.3, 0.7), in_secret=True)
    validate(videoId=video.pk)
    video.absolute_path.write_bytes(whole + b"\0\0\0\x08free")
    aged(video.absolute_path)

    scan(library, workers=1)

    video.refresh_from_db()
    assert video.is_valid


def test_a_file_whose_content_changed_behind_everybodys_back_is_not_silently_accepted(video: Video) -> None:
    validate(videoId=video.pk)
    changed = bytearray(video.absolute_path.read_bytes())
    changed[-1] ^= 1
    rewrite(video, bytes(changed), in_secret=True)

    found = validate(videoId=video.pk)

    assert (found["isValid"], found["hash"]) == (False, "changed")
    assert "though its size and date are" in found["reason"]


def test_a_change_can_be_accepted(video: Video) -> None:
    validate(videoId=video.pk)
    changed = bytearray(video.absolute_path.read_bytes())
    changed[-1] ^= 1
    rewrite(video, bytes(changed), in_secret=True)
    validate(videoId=video.pk)

    found = validate(videoId=video.pk, acceptChange=True)

    assert (found["isValid"], found["hash"]) == (True, "changed")
    assert validate(videoId=video.pk)["hash"] == "same"


def test_what_was_made_of_the_former_content_is_shown_no_more(video: Video) -> None:
    validate(videoId=video.pk)
    for kind in ("generate_previews", "scene_extract"):
        result_of(kind, video)
    keep_ladder(video, "playback/a-hls", height=90, bit_rate=1000, size=1)
    changed = bytearray(video.absolute_path.read_bytes())
    changed[-1] ^= 1
    rewrite(video, bytes(changed), in_secret=True)
    assert preview_of(video.pk) and digest_of(video.pk)

    validate(videoId=video.pk, acceptChange=True)

    assert not Rendition.objects.exists()
    assert (preview_of(video.pk), digest_of(video.pk)) == (None, None)
    assert not scenes_of(video.pk)


def test_a_file_that_was_replaced_openly_has_to_be_scanned_first(video: Video, clips: Clips) -> None:
    rewrite(video, clips.plain.read_bytes(), in_secret=False)

    job = run_to_the_end(services.submit("validate", {"videoId": video.pk}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "file_changed")
    video.refresh_from_db()
    assert video.is_valid


def test_a_missing_file_makes_no_video_invalid(video: Video) -> None:
    video.absolute_path.unlink()

    job = run_to_the_end(services.submit("validate", {"videoId": video.pk}))

    assert (job.status, job.error_class) == (Job.Status.FAILED, "file_missing")
    video.refresh_from_db()
    assert video.is_valid


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose first byte cannot be read")
def test_a_disk_that_cannot_be_read_makes_no_video_invalid(video: Video, settings: Settings) -> None:
    """Nothing is mapped at the start of our memory: the kernel says that it cannot be read, as it says of a broken disk."""
    settings.LIBRARY_ROOT = Path(f"/proc/{os.getpid()}")
    memory = (settings.LIBRARY_ROOT / "mem").stat()
    Video.objects.filter(pk=video.pk).update(path="mem", file_size=memory.st_size, file_mtime_ns=None)

    job = run_to_the_end(services.submit("validate", {"videoId": video.pk}))

    assert (job.status, job.error_class) == (Job.Status.PENDING, "disk_error")
    video.refresh_from_db()
    assert video.is_valid


def test_what_an_admin_removed_stays_removed(video: Video) -> None:
    mark_invalid([video.pk], reason="Not ours", by=None)

    validate(videoId=video.pk)

    video.refresh_from_db()
    assert (video.is_valid, video.invalid_reason) == (False, "Not ours")


def test_what_was_made_of_a_removed_video_is_there_once_it_is_restored(video: Video) -> None:
    result_of("generate_previews", video)
    keep_ladder(video, "playback/a-hls", height=90, bit_rate=1000, size=1)
    mark_invalid([video.pk], reason="Not ours", by=None)

    validate(videoId=video.pk)

    assert Rendition.objects.exists()
    assert preview_of(video.pk)


def test_the_whole_library_is_gone_through_and_one_bad_file_ends_nothing(library: Path, add: Add, clips: Clips) -> None:
    whole = clips.make(duration=4.0, size="160x90", codec=(*X264, "-g", "10")).read_bytes()
    for name in ("a", "b", "c"):
        (add(f"videos/{name}.mp4").parent / f"{name}.mp4").write_bytes(whole if name != "b" else nothing_in(whole, 0.3, 0.7))
    scan(library, workers=1, settle=0)
    (library / "videos/c.mp4").unlink()

    found = validate()

    bad = Video.objects.get(filename="b.mp4")
    assert (found["valid"], found["invalid"], found["notRead"]) == (1, 1, 1)
    assert found["invalidVideos"] == [{"videoId": bad.pk, "reason": bad.invalid_reason}]


def test_a_part_of_the_library_alone(library: Path, add: Add) -> None:
    add("videos/a.mp4")
    add("inbox/b.mp4", 1)
    scan(library, workers=1)

    assert validate(directoryType="inbox")["valid"] == 1


def test_what_was_cut_short_goes_on_where_it_was(library: Path, add: Add) -> None:
    for number in range(3):
        add(f"videos/{number}.mp4", number)
    scan(library, workers=1)
    job = services.submit("validate")
    Video.objects.filter(filename="0.mp4").update(last_validated=job.created_at)

    run_to_the_end(job)

    assert job.result is not None and job.result["valid"] == 2


class CancelledWhileDecoding(Pulse):
    """Somebody cancels the job when its file is read and the first picture is to be decoded."""

    reports_of_the_second_half = 0

    def report(self, progress: float, speed: float | None = None) -> None:
        super().report(progress, speed)
        self.reports_of_the_second_half += progress >= 50
        if self.reports_of_the_second_half == 2:
            self.cancel()


def test_cancelling_stops_it_while_it_decodes_and_changes_no_video(video: Video) -> None:
    before = video.last_validated
    job = services.submit("validate", {"videoId": video.pk, "thorough": True})
    runner.perform(lease := claim(job), CancelledWhileDecoding(lease, claimed_at=time.monotonic()))

    job.refresh_from_db()
    video.refresh_from_db()
    assert (job.status, video.last_validated) == (Job.Status.CANCELLED, before)
    assert validate(videoId=video.pk)["isValid"]


def test_a_playlist_in_disguise_is_invalid_and_opens_nothing(video: Video, library: Path, clips: Clips) -> None:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{clips.plain}\n#EXT-X-ENDLIST\n".encode()
    rewrite(video, playlist, in_secret=False)
    status = video.absolute_path.stat()
    Video.objects.update(file_size=status.st_size, file_mtime_ns=status.st_mtime_ns)

    assert "no video" in validate(videoId=video.pk)["reason"]


def test_a_library_that_goes_in_the_middle_ends_the_job_and_it_is_tried_again(library: Path, add: Add) -> None:
    for number in range(2):
        add(f"videos/{number}.mp4", number)
    scan(library, workers=1)
    before = list(Video.objects.order_by("pk").values())
    job = services.submit("validate")
    library.rename(library.with_name("unmounted"))
    library.mkdir()

    run_to_the_end(job)

    assert (job.status, job.error_class) == (Job.Status.PENDING, "library_missing")
    assert "mounted" in job.suggestion
    assert list(Video.objects.order_by("pk").values()) == before
    assert list(library.iterdir()) == []

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from config.redis import client
from gallery import viewers
from jobs import services
from jobs.context import JobContext, _shown
from jobs.failures import JobCancelled, JobFailed
from jobs.heartbeat import Heart, Pulse
from jobs.models import Job, Lane
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.run import Limits
from media_library.models import Video
from tests.chaos.workers import ffmpegs, wait_for
from tests.conftest import Clips, variant
from tests.jobs import kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def encode(job_kinds: None) -> JobContext:
    """A running job of the lane that encodes."""
    services.submit("encode")
    lease = kinds.claimed(kinds.node(), Lane.GPU_ENCODE)
    return JobContext(lease, Pulse(lease, claimed_at=time.monotonic()))


def test_an_encode_stands_still_while_somebody_watches_where_its_lane_is_set_so(
    encode: JobContext, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.context.VIEWERS_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(viewers, "KEY", "viewers of this test")
    services.set_pauses_for_viewers("gpu_encode", True, by=None)
    before = encode._may_run()

    client().set(viewers.KEY, 1, ex=60)
    while_watched = encode._may_run()
    client().delete(viewers.KEY)
    after = encode._may_run()

    assert (before, while_watched, after) == (True, False, True)


def test_a_part_of_the_work_is_told_as_a_part_of_the_whole(encode: JobContext) -> None:
    told = []
    for start, end in ((0, 50), (50, 100)):
        with encode.part(start, end):
            encode.report(80)
            told.append(encode._pulse._progress[0])

    assert told == [40, 90]


def test_an_encode_goes_on_while_somebody_watches_where_nobody_asked(encode: JobContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "KEY", "viewers of this other test")
    client().set(viewers.KEY, 1, ex=60)

    assert encode._may_run()


@pytest.mark.django_db(transaction=True)
def test_an_encode_that_pauses_keeps_its_lease_costs_no_time_and_can_be_cancelled(
    encode: JobContext, settings: Settings, monkeypatch: pytest.MonkeyPatch, library: Path
) -> None:
    monkeypatch.setattr("jobs.context.VIEWERS_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(viewers, "KEY", "viewers of a paused encode")
    settings.BEAT_SECONDS = 0.2
    services.set_pauses_for_viewers("gpu_encode", True, by=None)
    client().set(viewers.KEY, 1, ex=60)
    job = Job.objects.get(pk=encode.job_id)
    heart = Heart()
    heart.start()

    def cancel_once_the_pause_was_longer_than_the_limits() -> None:
        wait_for(lambda: [pid for pid in ffmpegs(library) if process_state(pid) == "T"], "ffmpeg to stand still")
        lease_until = Job.objects.values_list("lease_until", flat=True).get(pk=job.pk)
        time.sleep(2.0)
        wait_for(Job.objects.filter(pk=job.pk, lease_until__gt=lease_until).exists, "the lease to be renewed")
        services.cancel(job.pk, by=None)
        connection.close()

    canceller = Thread(target=cancel_once_the_pause_was_longer_than_the_limits)
    canceller.start()
    with heart.beating(encode._pulse), pytest.raises(JobCancelled):
        encode.run(
            ["-f", "lavfi", "-re", "-i", "testsrc2=size=64x36", "-f", "null", f"file:{library}/x"], limits=Limits(silence=1.0, wall=1.0)
        )
    canceller.join()
    heart.stop()

    assert ffmpegs(library) == {}


def process_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("state", "error_class"),
    [
        ({"trashed_at": Now()}, "video_missing"),
        ({"is_valid": False, "invalid_reason": "damaged"}, "unreadable_media"),
        ({}, "file_missing"),
    ],
)
def test_a_video_that_cannot_be_used_says_why(encode: JobContext, library: object, state: dict[str, object], error_class: str) -> None:
    video = Video.objects.create(path="videos/x.mp4", filename="x.mp4", **state)

    with pytest.raises(JobFailed) as caught:
        encode.video(video.pk)

    assert caught.value.error_class == error_class


def test_a_command_line_is_shown_as_one_could_type_it() -> None:
    shown = _shown(["-codec_whitelist", "a,b,c", "-i", "file:/videos/it's \x1b[31mred.mp4", "x"])

    assert shown == """-codec_whitelist … -i 'file:/videos/it'"'"'s red.mp4' x"""


def test_a_file_is_asked_what_it_is_now_whatever_its_row_says(encode: JobContext, library: Path, clips: Clips) -> None:
    variant(clips.with_sound, library / "videos" / "x.mp4")
    video = Video.objects.create(path="videos/x.mp4", filename="x.mp4", width=9, height=9)

    probe = encode.probe(video)

    assert (probe.width, probe.height, probe.video_codec, probe.audio_codec) == (320, 180, "h264", "aac")


def test_a_file_that_is_no_video_any_more_says_so(encode: JobContext, library: Path) -> None:
    (library / "x.mp4").write_bytes(b"no video at all")

    with pytest.raises(UnreadableMedia):
        encode.probe(Video.objects.create(path="x.mp4", filename="x.mp4"))

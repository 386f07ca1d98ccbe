"""A long video that several machines encode at once: picture by picture what one would have made, and nothing left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from jobs import claims, nodes, parts, runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job, Lane, Pipeline, WorkerNode
from media_library.models import Derivation, Rendition, Video
from tests.conftest import Clips
from tests.jobs.handlers.looking import look, peak
from tests.jobs.handlers.test_reencode_streaming import HDR, loudness_of
from tests.jobs.running import run_to_the_end
from tests.media_library.ffmpeg.test_probe import TURN_LEFT, with_matrix

pytestmark = pytest.mark.django_db

Film = Callable[[Path], Video]
MOVING = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=8", "-f", "lavfi", "-i", "sine=frequency=440:duration=8")
LOSES_PICTURES = """#!{python}
import os, sys
*options, target = sys.argv[1:]
os.execvp({program!r}, [{program!r}, *options, *(["-frames:v", "30"] if "/.parts/" in target else []), target])
"""
SLOW_AND_FAST = "setpts='if(lt(N,100),N*2,200+(N-100))/50/TB'"  # pictures at 25 a second, then at 50
FAST = ("-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-pix_fmt", "yuv420p")
TEN_BITS = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=40:log-level=none", "-pix_fmt", "yuv420p10le")
OPEN = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-x264-params", "open-gop=1:keyint=40", "-pix_fmt", "yuv420p")
ENCODED_AS = {
    "pictures that follow others": (*FAST, "-bf", "3"),
    "groups that are open": OPEN,
    "a rate that changes": ("-vf", SLOW_AND_FAST, "-fps_mode", "vfr", *FAST),
    "pictures that stand still at the end": ("-vf", "select='lt(t,1.2)+between(t,2,3)+gte(t,7.9)'", "-fps_mode", "vfr", *FAST, "-g", "10"),
    "ten bits": TEN_BITS,
    "high dynamic range": (*HDR, *TEN_BITS),
    "two fields": ("-vf", "crop=160:88,interlace", *FAST, "-g", "20", "-flags", "+ilme+ildct"),
    "no sound": (*FAST, "-map", "0:v"),
    "sound that begins later": (*FAST, "-af", "aselect='gte(t,1.5)'"),
}


@pytest.fixture
def two_machines(settings: Settings) -> None:
    """Both take encodes, and a video is long after a second."""
    settings.ENCODE_IN_PARTS_FROM_MINUTES = 1 / 60
    for name in ("one", "two"):
        nodes.start_worker(WorkerNode.objects.create(name=name), Lane.GPU_ENCODE)


def moving(clips: Clips, *options: str, name: str = "moving.mkv") -> Path:
    return clips.run(name, *MOVING, *(options or FAST), "-c:a", "aac")


def perform_next() -> Job | None:
    """Run the next encode to its end."""
    lease = claims.claim(nodes.this_node(), Lane.GPU_ENCODE, "test@here:1")
    if lease is None:
        return None
    runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
    return Job.objects.get(pk=lease.job_id)


def cut(video: Video, **params: object) -> Pipeline:
    """Have a video cut; returns the pipeline that encodes it."""
    job = run_to_the_end(services.submit("reencode_streaming", {"videoId": video.pk, "alwaysEncode": True, **params}))
    assert job.result is not None and job.result["action"] == "cut", job.log
    assert job.pipeline is not None and job.pipeline.pk == job.result["pipelineId"]
    return job.pipeline


def encoded_whole(video: Video) -> Video:
    job = run_to_the_end(services.submit("reencode_streaming", {"videoId": video.pk, "alwaysEncode": True, "inParts": False}))
    assert job.result is not None, job.log
    return Video.objects.get(pk=job.result["videoId"])


def parts_in(library: Path) -> list[Path]:
    return sorted((library / "playback" / ".parts").glob("*"))


@pytest.mark.parametrize("options", ENCODED_AS.values(), ids=ENCODED_AS)
def test_what_is_joined_is_what_one_would_have_encoded(
    two_machines: None,
    clips: Clips,
    film: Film,
    library: Path,
    options: tuple[str, ...],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    video = film(moving(clips, *options))

    pipeline = cut(video)
    with django_capture_on_commit_callbacks(execute=True):
        jobs = list(iter(perform_next, None))

    pipeline.refresh_from_db()
    assert pipeline.status == Pipeline.Status.COMPLETED, [(job.error, job.log) for job in jobs]
    assert len(jobs) >= 4
    made = Video.objects.get(pk=(jobs[-1].result or {})["videoId"])
    joined, whole = look(made.absolute_path), look(encoded_whole(video).absolute_path)
    assert joined.picture_times == pytest.approx(whole.picture_times, abs=0.0005)
    for place in range(0, len(whole.picture_times), 10):
        assert joined.colours[place] == pytest.approx(whole.colours[place], abs=12)
    assert (joined.sound_start, joined.sound_end) == pytest.approx((whole.sound_start, whole.sound_end), abs=0.001)
    assert (joined.codec, joined.pixel_format, joined.profile, joined.is_faststart) == ("h264", "yuv420p", "High", True)
    assert Rendition.objects.filter(video=video, encoded=made).exists() is False  # the whole one came later
    assert Derivation.objects.get(derived=made).source_id == video.pk
    assert parts_in(library) == []


def test_a_phone_s_film_stands_upright(two_machines: None, clips: Clips, film: Film, tmp_path: Path) -> None:
    video = film(with_matrix(moving(clips, name="flat.mp4"), tmp_path / "turned.mp4", TURN_LEFT))

    cut(video)
    jobs = list(iter(perform_next, None))

    seen = look(Video.objects.get(pk=(jobs[-1].result or {})["videoId"]).absolute_path)
    assert (seen.width, seen.height, seen.rotation) == (90, 160, 0)


def test_loudness_is_that_of_the_whole(two_machines: None, clips: Clips, film: Film, ffmpeg_binary: str) -> None:
    swell = "aevalsrc=0.1*sin(440*2*PI*t)*if(lt(t\\,4)\\,0.1\\,1):duration=8"
    video = film(clips.run("swell.mkv", *MOVING[:4], "-f", "lavfi", "-i", swell, *FAST, "-c:a", "flac"))

    cut(video, normaliseLoudness=True)
    jobs = list(iter(perform_next, None))

    made = Video.objects.get(pk=(jobs[-1].result or {})["videoId"]).absolute_path
    assert loudness_of(made, ffmpeg_binary) == pytest.approx(-16, abs=0.7)
    assert peak(made, 5, 6) / peak(made, 2, 3) == pytest.approx(10, rel=0.15)


def test_a_part_that_lost_pictures_is_none(two_machines: None, clips: Clips, film: Film, settings: Settings, tmp_path: Path) -> None:
    """Whatever the program says that has made it."""
    program = tmp_path / "ffmpeg"
    cut(film(moving(clips)))
    program.write_text(LOSES_PICTURES.format(python=sys.executable, program=settings.FFMPEG_BINARY))
    program.chmod(0o755)
    settings.FFMPEG_BINARY = str(program)

    job = perform_next()

    assert job is not None
    assert (job.status, job.error_class) == ("failed", "bad_output"), job.log
    assert "It shows 30 pictures until 1.2 s, and its source 50 until 2.0 s" in job.error


def test_what_has_no_keyframes_to_cut_at_is_encoded_whole(two_machines: None, clips: Clips, film: Film) -> None:
    video = film(moving(clips, *FAST, "-g", "1000", "-sc_threshold", "0"))

    job = run_to_the_end(services.submit("reencode_streaming", {"videoId": video.pk, "alwaysEncode": True}))

    assert job.result is not None and job.result["action"] == "encoded"


def test_what_a_seek_does_not_lead_back_to_the_start_of_is_encoded_whole(two_machines: None, clips: Clips, film: Film) -> None:
    """Its first pictures would be lost."""
    flash = clips.run("flash.flv", *MOVING, "-c:v", "flv", "-g", "40", "-ar", "44100", "-c:a", "mp3")

    job = run_to_the_end(services.submit("reencode_streaming", {"videoId": film(flash).pk, "alwaysEncode": True}))

    assert job.result is not None and job.result["action"] == "encoded"


def test_one_machine_encodes_the_whole(two_machines: None, clips: Clips, film: Film) -> None:
    WorkerNode.objects.get(name="two").workers.all().delete()

    job = run_to_the_end(services.submit("reencode_streaming", {"videoId": film(moving(clips)).pk, "alwaysEncode": True}))

    assert job.result is not None and job.result["action"] == "encoded"


def test_a_part_is_encoded_once_though_another_fails(two_machines: None, clips: Clips, film: Film, library: Path) -> None:
    video = film(moving(clips))
    pipeline = cut(video)
    first = perform_next()
    services.cancel_pipeline(pipeline.pk, by=None)
    kept = parts_in(library)
    parts.sweep()

    services.resume_pipeline(pipeline.pk, by=None)
    jobs = list(iter(perform_next, None))

    assert first is not None and kept == parts_in(library)[:1] == [library / (first.result or {})["path"]]
    assert first.pk not in {job.pk for job in jobs}
    assert [job.status for job in jobs] == ["completed"] * len(jobs), jobs[-1].log


def test_parts_of_another_file_are_not_joined(two_machines: None, clips: Clips, film: Film) -> None:
    video = film(moving(clips))
    cut(video)
    perform_next()
    os.utime(video.absolute_path, (1, 1))
    Video.objects.filter(pk=video.pk).update(file_mtime_ns=1_000_000_000)

    assert {job.error_class for job in iter(perform_next, None)} == {"file_changed"}


def test_parts_that_nobody_joins_any_more_are_swept(two_machines: None, clips: Clips, film: Film, library: Path) -> None:
    pipeline = cut(film(moving(clips)))
    perform_next()
    services.cancel_pipeline(pipeline.pk, by=None)
    parts.sweep()
    assert len(parts_in(library)) == 1
    stranger = library / "playback" / ".parts" / "notes.txt"
    stranger.write_text("mine")

    Job.objects.update(completed_at=timezone.now() - timedelta(days=2))
    parts.sweep()

    assert parts_in(library) == [stranger]


def test_what_lacks_a_part_is_not_shown(two_machines: None, clips: Clips, film: Film, library: Path) -> None:
    """ffmpeg joins what is left, and says nothing."""
    video = film(moving(clips))
    cut(video)
    perform_next()
    perform_next()
    parts_in(library)[1].unlink()

    *_, join = iter(perform_next, None)

    assert (join.type, join.status, join.error_class) == ("join_parts", "failed", "bad_output")
    assert not Rendition.objects.filter(video=video).exists()


def test_jobs_of_others_are_no_parts(clips: Clips, film: Film) -> None:
    video, other = film(moving(clips)), film(clips.make(name="other.mp4", duration=1.0))
    part = run_to_the_end(services.submit("encode_part", {"videoId": other.pk, "content": parts.content_of(other), "start": 0}))
    assert part.status == "completed", part.log

    job = run_to_the_end(services.submit("join_parts", {"videoId": video.pk, "content": parts.content_of(video), "jobIds": [part.pk]}))

    assert (job.status, job.error_class) == ("failed", "part_missing")

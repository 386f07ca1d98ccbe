"""Jobs that take their time: GIFs of a video of a minute, made by real ffmpeg."""

from __future__ import annotations

from pathlib import Path

from jobs import services
from jobs.models import Job
from media_library.models import Video
from media_library.scanner import scan
from tests.chaos.workers import ffmpegs, wait_for
from tests.conftest import Clips, aged

QUICK = {"duration": 1, "width": 64, "fps": 5}  # a moment
SLOW = {"duration": 6, "width": 320, "fps": 10}  # a second or more
ENDLESS = {"duration": 60, "width": 1920, "fps": 50}  # minutes


def scanned_minute(library: Path, clips: Clips) -> Video:
    """A video of a minute in a library that is scanned."""
    clip = clips.make(name="minute.mp4", size="160x90", duration=60, rate="12")
    (library / "videos").mkdir()
    (library / "videos" / "minute.mp4").write_bytes(clip.read_bytes())
    aged(library / "videos" / "minute.mp4")
    scan(library, workers=1)
    return Video.objects.get()


def gif(video: Video, **params: float) -> Job:
    """A submitted job."""
    return services.submit("generate_gif", {"videoId": video.pk, **params})


def ended(job: Job, status: str = Job.Status.COMPLETED) -> Job:
    """The job once it has ended, which must be so."""

    def has_ended() -> bool:
        job.refresh_from_db()
        return job.status in (Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED)

    wait_for(has_ended, f"{job} to end")
    assert job.status == status, f"{job.error_class}: {job.error}\n{job.log}"
    return job


def working(job: Job, library: Path) -> int:
    """The process id of the job's ffmpeg, as soon as there is one."""

    def its_ffmpeg() -> list[int]:
        job.refresh_from_db()
        token = job.lease_token.hex if job.lease_token else "none"
        return [pid for pid, line in ffmpegs(library).items() if token in line]

    return int(wait_for(its_ffmpeg, f"the ffmpeg of {job}")[0])

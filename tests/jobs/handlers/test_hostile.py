"""Every job type over files that are not what they were when a scan found them good: it ends, says why, and touches nothing else."""

from __future__ import annotations

import hashlib
import http.server
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import claims, nodes, registry, runner, services
from jobs.heartbeat import Pulse
from jobs.models import Job, Lane
from jobs.registry import JobType
from media_library.models import Video
from tests.conftest import X264, Clips, variant
from tests.jobs.handlers.about import Params, jobs_about
from tests.jobs.handlers.conftest import Good
from tests.media_library.scanner.test_hostile import DISGUISES

pytestmark = pytest.mark.django_db

OPENERS = ("hls remote", "concat sibling")  # of which the scanner's tests have more
ENDED = (Job.Status.COMPLETED, Job.Status.FAILED)
UGLY = os.fsdecode(b"-i http:concat:\n%03d 'it''s' \"$(touch pwned)\" ;|\xf0\x9f\x8e\xac \xff.mp4")

Evil = Callable[[Path], object]
"""Puts something in a file's place."""


ELSEWHERE = ("fetch", "join_parts")  # whose own tests send it what is hostile; which joins what encode_part made of it
ALL = pytest.mark.parametrize("kind", [kind for kind in registry.all_types() if kind.name not in ELSEWHERE], ids=lambda kind: kind.name)


# --- What stands in the file's place


def written(content: bytes) -> Evil:
    return lambda place: place.write_bytes(content)


def linked(canary: Path) -> Evil:
    def link(place: Path) -> None:
        place.unlink()
        place.symlink_to(canary)

    return link


def piped(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def claiming(content: bytes, seconds: int) -> bytes:
    """A Matroska file that says it is that long."""
    at = content.index(b"\x44\x89\x88") + 3  # its element Duration, a float of eight bytes, in milliseconds
    return content[:at] + struct.pack(">d", 1000.0 * seconds) + content[at + 8 :]


def flipped(content: bytes) -> bytes:
    damaged = bytearray(content)
    for at in range(len(content) // 3, len(content), 97):
        damaged[at] ^= 0x55
    return bytes(damaged)


def evils(clips: Clips, url: str, canary: Path) -> dict[str, Evil]:
    whole = clips.make(size="64x36", sound=True, extra=("-movflags", "+faststart")).read_bytes()
    matroska = clips.make(name="whole.mkv", size="64x36", duration=8.0, rate="10", codec=("-c:v", "mpeg4", "-g", "5")).read_bytes()
    slow = clips.make(size="64x36").read_bytes()
    huge = clips.run("huge.mkv", "-f", "lavfi", "-i", "color=size=8208x8192:rate=1:duration=1", *X264)
    sound = clips.run("sound.mp4", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac")
    return {
        "empty": written(b""),
        "truncated MP4": written(whole[: len(whole) // 2]),
        "truncated Matroska": written(matroska[: len(matroska) // 2]),
        "without an index": written(slow[: slow.index(b"moov") - 4]),
        "flipped bits": written(flipped(whole)),
        "too large": written(huge.read_bytes()),
        "for four days": written(claiming(matroska, 345_600)),
        "only sound": written(sound.read_bytes()),
        "link out of the library": linked(canary),
        "pipe": piped,
        **{name: written(DISGUISES[name].format(url=url, canary=canary).encode()) for name in OPENERS},
    }


# --- The library, and the world around it


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def outside(tmp_path: Path, clips: Clips) -> Path:
    """A folder beside the library with a video that is nobody's business."""
    return variant(clips.with_sound, tmp_path / "outside" / "canary.mp4", 99).parent


def replace(video: Video, evil: Evil) -> None:
    """Have another file lie at the video's path, and the library take it for the same."""
    evil(video.absolute_path)
    status = video.absolute_path.lstat()
    Video.objects.filter(pk=video.pk).update(file_size=status.st_size, file_mtime_ns=status.st_mtime_ns, file_hash=None)


def snapshot(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def ended(kind: JobType, params: Params) -> Job:
    """The job, which has ended in a way that a person understands, and so has all that it has started."""
    job = services.submit(kind.name, params)
    while any([run_next(lane) for lane in Lane]):
        pass
    for each in Job.objects.filter(pk__gte=job.pk):
        assert each.error_class != "internal_error" and "Traceback" not in each.error + (each.log or ""), each.log
        assert "\n" not in each.error, each.error
    job.refresh_from_db()
    assert job.status in ENDED, (job.status, job.error, job.log)
    assert (job.status == Job.Status.FAILED) == bool(job.error), job.log
    return job


def run_next(lane: Lane) -> bool:
    """Run the next job of a lane to its end; False: there is none."""
    lease = claims.claim(nodes.this_node(), lane, "test@here:1")
    if lease:
        runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
    return lease is not None


@ALL
def test_whatever_lies_where_a_video_was_the_job_ends_and_touches_nothing_else(
    kind: JobType, good: Good, library: Path, clips: Clips, outside: Path, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    before = snapshot(outside)
    bad = evils(clips, url, outside / "canary.mp4")
    videos = good([f"{number}.mp4" for number in range(len(bad))])
    for video, evil in zip(videos, bad.values(), strict=True):
        replace(video, evil)

    for params in jobs_about(kind, videos):
        ended(kind, params)

    assert not list(library.rglob(".*.part*"))
    assert (snapshot(outside), asked) == (before, [])


@ALL
def test_a_name_is_only_a_name(kind: JobType, good: Good, library: Path, outside: Path) -> None:
    before = snapshot(outside)
    (params,) = jobs_about(kind, good([UGLY]))

    job = ended(kind, params)

    assert job.status == Job.Status.COMPLETED, (job.error, job.log)
    assert snapshot(outside) == before
    assert not list(library.rglob("pwned")) and not Path("pwned").exists()

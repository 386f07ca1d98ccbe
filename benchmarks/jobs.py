"""What a job costs beside the bare program that does its work, in the same run, and how good its outputs are.

    python benchmarks/jobs.py transcode    reencode_streaming of a 720p clip, beside ffmpeg with the same arguments; SSIM of the result
    python benchmarks/jobs.py gif          generate_gif within budgets from a tenth to nine tenths of what it wants
    python benchmarks/jobs.py digest       scene_extract and digest of a 720p clip: what one decode for both costs beside one for each
    python benchmarks/jobs.py previews     sprite and hover preview of ten minutes of 1080p, beside ffmpeg over the whole file

Without a name all run. It starts a PostgreSQL and a Redis of its own, and stops them again. Each job is submitted, claimed and
performed as a worker's slot does it, verification and rows included.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[0] = str(PROJECT)  # not this folder: here `import queue` would find our own

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEVELOPMENT", "true")
os.environ["ENABLE_MEDIA_FEATURES"] = "true"

import django

django.setup()

from django.conf import settings
from django.core.management import call_command

from benchmarks.previews import previews
from benchmarks.servers import asked_for, restart_with_servers
from jobs import claims, nodes, runner, services
from jobs.context import NICENESS
from jobs.encodes import LIMITS
from jobs.heartbeat import Pulse
from jobs.models import Job
from jobs.verification import probe
from media_library.ffmpeg import run as ffmpeg
from media_library.ffmpeg.commands import streaming
from media_library.ffmpeg.commands.encoding import Look, bit_rate_cap, size_within, smooth_rate
from media_library.ffmpeg.commands.inputs import Source
from media_library.models import Video
from media_library.scanner import scan

SECONDS = 20  # of the clip
ROUNDS = 3
BUDGETS = (0.1, 0.25, 0.5, 0.75, 0.9)  # of a GIF without a budget


def main() -> None:
    names = asked_for(BENCHMARKS, description=__doc__)
    restart_with_servers()
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory(prefix="jobs-benchmark-") as folder:
        settings.LIBRARY_ROOT, settings.THUMBNAIL_ROOT, settings.NODE_VRAM_MB = Path(folder) / "library", Path(folder) / "thumbnails", 0
        for name in names:
            BENCHMARKS[name](Path(folder))


def transcode(folder: Path) -> None:
    video = film(folder, "film.mkv", codec=("-c:v", "mpeg4", "-q:v", "2"))
    ours, bare = [], []
    for _ in range(ROUNDS):
        took, job = timed(lambda: perform("reencode_streaming", videoId=video.pk))
        ours.append(took)
        bare.append(timed(lambda: bare_transcode(video, folder / "bare.mp4"))[0])
        (folder / "bare.mp4").unlink()
    made = Video.objects.get(pk=result(job)["videoId"])
    mine, theirs = statistics.median(ours), statistics.median(bare)
    say("transcode", f"{SECONDS} s of 720p in {mine:.1f} s", f"bare ffmpeg: {theirs:.1f} s", f"{mine / theirs:.3f} times its time")
    say("", f"SSIM {ssim(made.absolute_path, video.absolute_path):.4f}", f"{(made.bit_rate or 0) / 1e6:.2f} Mbit/s")


def gif(folder: Path) -> None:
    video = film(folder, "film.mp4", codec=("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"))
    wish = {"videoId": video.pk, "inPoint": 2.0, "duration": 4.0, "width": 480, "fps": 15}
    free, job = timed(lambda: perform("generate_gif", **wish))
    wanted = result(job)["size"]
    say("gif", f"{wanted:,} bytes in {free:.1f} s without a budget")
    for part in BUDGETS:
        budget = int(wanted * part)
        took, job = timed(lambda: perform("generate_gif", **wish, maxBytes=budget))  # noqa: B023 - called at once
        made = result(job)
        shape = f"{made['width']} px, {made['fps']} pictures/s"
        say("", f"budget {budget:,}: {made['size']:,} bytes in {took:.1f} s", f"{made['size'] / budget:.1%} of it", shape)


def digest(folder: Path) -> None:
    """Each time anew: neither job takes what another has found."""
    video = film(folder, "watched.mp4", codec=("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"))
    perform("scene_extract", videoId=video.pk)  # starts the process
    scenes = statistics.median(timed(lambda: result(perform("scene_extract", videoId=video.pk)))[0] for _ in range(ROUNDS))
    both = statistics.median(timed(lambda: result(perform("digest", videoId=video.pk)))[0] for _ in range(ROUNDS))
    say("digest", f"{SECONDS} s of 720p in {both:.1f} s", f"its scenes alone: {scenes:.1f} s", f"{both / scenes:.2f} times its time")


BENCHMARKS: dict[str, Callable[[Path], None]] = {"transcode": transcode, "gif": gif, "digest": digest, "previews": previews}


def perform(kind: str, **params: Any) -> Job:
    """Submit a job and run it to its end in this process, as a worker's slot does."""
    job = services.submit(kind, params)
    lease = claims.claim(nodes.this_node(), job.resource_category, "benchmark:1")
    assert lease is not None
    runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
    job.refresh_from_db()
    return job


def result(job: Job) -> dict[str, Any]:
    assert isinstance(job.result, dict), (job.error, job.log)
    return job.result


def bare_transcode(video: Video, target: Path) -> None:
    """What the job runs, by itself."""
    with video.absolute_path.open("rb") as file:
        source = Source(video.absolute_path, probe(file.fileno()))
    width, height = size_within(source.probe, 1080)
    rate = smooth_rate(source.probe)
    look = Look(width, height, rate, "libx264", 21, bit_rate_cap(width, height, rate))
    command = [settings.FFMPEG_BINARY, *ffmpeg.GLOBAL_ARGUMENTS, *streaming.mp4(source, target, look)]
    subprocess.run(["nice", f"-n{NICENESS}", *command], check=True, stdout=subprocess.DEVNULL, timeout=LIMITS.wall)


def film(folder: Path, name: str, *, codec: tuple[str, ...]) -> Video:
    """A clip that moves everywhere and has some grain and sound, in the library."""
    path = settings.LIBRARY_ROOT / name
    path.parent.mkdir(exist_ok=True)
    pictures = f"mandelbrot=size=1280x720:rate=25:end_scale=0.01,noise=alls=6:allf=t,trim=duration={SECONDS}"
    sound = f"aevalsrc=0.3*sin(440*2*PI*t)*lt(mod(t\\,1)\\,0.5):duration={SECONDS}"
    inputs = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound)
    command = [settings.FFMPEG_BINARY, "-v", "error", "-nostdin", *inputs, *codec, "-c:a", "aac", f"file:{path}"]
    subprocess.run(command, check=True)
    scan(settings.LIBRARY_ROOT, settle=0.0, workers=1)
    return Video.objects.get(filename=name)


def ssim(made: Path, source: Path) -> float:
    """How like each other two films of one size are, 0 to 1."""
    command = [
        settings.FFMPEG_BINARY,
        "-nostdin",
        "-i",
        f"file:{made}",
        "-i",
        f"file:{source}",
        "-lavfi",
        "[0:v][1:v]ssim",
        "-f",
        "null",
        "-",
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"All:([0-9.]+)", said)
    assert found, said[-2000:]
    return float(found[1])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that it took, and what it returned."""
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def say(name: str, *figures: str) -> None:
    print(f"{name:<12}{' | '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()

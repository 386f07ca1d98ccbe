"""What a job costs beside the bare program that does its work, in the same run, and how good its outputs are.

    python benchmarks/jobs.py transcode    reencode_streaming of a 720p clip, beside ffmpeg with the same arguments; SSIM and VMAF
    python benchmarks/jobs.py gif          generate_gif within budgets from a tenth to nine tenths of what it wants
    python benchmarks/jobs.py digest       scene_extract and digest of a 720p clip: what one decode for both costs beside one for each
    python benchmarks/jobs.py parts        three times as much on two machines of one core each, beside one
    python benchmarks/jobs.py previews     sprite and hover preview of ten minutes of 1080p, beside ffmpeg over the whole file

Without a name all run, and a table in the end says what was asked for and what was found; CLIP_SECONDS=5 makes the clips short, for a
look whether all works. It starts a PostgreSQL and a Redis of its own, and stops them again. Each job is submitted, claimed and
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
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEVELOPMENT", "true")
os.environ["ENABLE_MEDIA_FEATURES"] = "true"

import django

django.setup()

from django.conf import settings
from django.core.management import call_command

from benchmarks.parts import measure_parts
from benchmarks.previews import measure_previews
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

SECONDS = int(os.environ.get("CLIP_SECONDS", "20"))  # of the clip
ROUNDS = 3
BUDGETS = (0.1, 0.25, 0.5, 0.75, 0.9)  # of a GIF without a budget
LIKENESS = {"SSIM": (r"All:([0-9.]+)", "ssim", 0.95), "VMAF": (r"VMAF score: ([0-9.]+)", "libvmaf=n_threads=2", 90.0)}  # ours is to have


def main() -> None:
    names = asked_for(BENCHMARKS, description=__doc__)
    restart_with_servers()
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory(prefix="jobs-benchmark-") as folder:
        settings.LIBRARY_ROOT, settings.THUMBNAIL_ROOT, settings.NODE_VRAM_MB = Path(folder) / "library", Path(folder) / "thumbnails", 0
        for name in names:
            BENCHMARKS[name](Path(folder))
    print(table(), flush=True)


def transcode(folder: Path) -> None:
    video = film(folder, "film.mkv", codec=("-c:v", "mpeg4", "-q:v", "2"))
    bare_command = command_of(video, folder / "bare.mp4")
    bare_transcode(bare_command)  # so that neither reads the film from the disk
    ours, bare = [], []
    for _ in range(ROUNDS):
        took, job = timed(lambda: perform("reencode_streaming", videoId=video.pk))
        ours.append(took)
        bare.append(timed(lambda: bare_transcode(bare_command))[0])
    made = Video.objects.get(pk=result(job)["videoId"])
    mine, theirs = statistics.median(ours), statistics.median(bare)
    say("transcode", f"{SECONDS} s of 720p in {mine:.1f} s", f"bare ffmpeg: {theirs:.1f} s", f"{(made.bit_rate or 0) / 1e6:.2f} Mbit/s")
    ask("transcode: time of bare ffmpeg", mine / theirs, at_most=1.05)
    for name, (_, _, least) in LIKENESS.items():
        ask(f"transcode: {name}", likeness(name, made.absolute_path, video.absolute_path), at_least=least)


def gif(folder: Path) -> None:
    video = film(folder, "film.mp4", codec=("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"))
    wish = {"videoId": video.pk, "inPoint": 0.5, "duration": min(4.0, SECONDS - 1), "width": 480, "fps": 15}
    free, job = timed(lambda: perform("generate_gif", **wish))
    wanted = result(job)["size"]
    say("gif", f"{wanted:,} bytes in {free:.1f} s without a budget")
    parts = []
    for part in BUDGETS:
        budget = int(wanted * part)
        took, job = timed(lambda: perform("generate_gif", **wish, maxBytes=budget))  # noqa: B023 - called at once
        made = result(job)
        parts.append(made["size"] / budget)
        say("", f"budget {budget:,}: {made['size']:,} bytes in {took:.1f} s", f"{made['width']} px, {made['fps']} pictures/s")
    ask("gif: least part of its budget", min(parts), at_least=0.9)
    ask("gif: largest part of its budget", max(parts), at_most=1.0)


def digest(folder: Path) -> None:
    """Each time anew: neither job takes what another has found."""
    video = film(folder, "watched.mp4", codec=("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"))
    perform("scene_extract", videoId=video.pk)  # starts the process
    scenes = statistics.median(timed(lambda: result(perform("scene_extract", videoId=video.pk)))[0] for _ in range(ROUNDS))
    both = statistics.median(timed(lambda: result(perform("digest", videoId=video.pk)))[0] for _ in range(ROUNDS))
    say("digest", f"{SECONDS} s of 720p in {both:.1f} s", f"its scenes alone: {scenes:.1f} s")
    ask("digest: time of its scenes alone", both / scenes, at_most=1.5)  # 2: it would be decoded twice


def previews(folder: Path) -> None:
    for name, times, least in measure_previews(folder):
        ask(f"previews: {name}, times as fast as ffmpeg", times, at_least=least)


def parts(folder: Path) -> None:
    codec = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50")
    video = film(folder, "long.mp4", codec=codec, seconds=3 * SECONDS)
    ask("parts: two machines, times as fast as one", measure_parts(video), at_least=1.5)


BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "transcode": transcode,
    "gif": gif,
    "digest": digest,
    "parts": parts,
    "previews": previews,
}


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


def command_of(video: Video, target: Path) -> list[str]:
    """What the job runs, by itself."""
    with video.absolute_path.open("rb") as file:
        source = Source(video.absolute_path, probe(file.fileno()))
    width, height = size_within(source.probe, 1080)
    rate = smooth_rate(source.probe)
    look = Look(width, height, rate, "libx264", 21, bit_rate_cap(width, height, rate))
    command = [settings.FFMPEG_BINARY, *ffmpeg.GLOBAL_ARGUMENTS, "-y", *streaming.mp4(source, target, look)]
    return ["nice", f"-n{NICENESS}", *command]


def bare_transcode(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMITS.wall)


def film(folder: Path, name: str, *, codec: tuple[str, ...], seconds: int = SECONDS) -> Video:
    """A clip that moves everywhere and has some grain and sound, in the library."""
    path = settings.LIBRARY_ROOT / name
    path.parent.mkdir(exist_ok=True)
    pictures = f"mandelbrot=size=1280x720:rate=25:end_scale=0.01,noise=alls=6:allf=t,trim=duration={seconds}"
    sound = f"aevalsrc=0.3*sin(440*2*PI*t)*lt(mod(t\\,1)\\,0.5):duration={seconds}"
    inputs = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound)
    command = [settings.FFMPEG_BINARY, "-v", "error", "-nostdin", *inputs, *codec, "-c:a", "aac", f"file:{path}"]
    subprocess.run(command, check=True)
    scan(settings.LIBRARY_ROOT, settle=0.0, workers=1)
    return Video.objects.get(filename=name)


def likeness(name: str, made: Path, source: Path) -> float | None:
    """How like each other two films of one size are; None: this ffmpeg cannot say."""
    pattern, graph, _ = LIKENESS[name]
    if not has_filter(graph.partition("=")[0], inputs=2):
        return None
    inputs = ["-i", f"file:{made}", "-i", f"file:{source}"]
    command = [settings.FFMPEG_BINARY, "-nostdin", *inputs, "-lavfi", f"[0:v][1:v]{graph}", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(pattern, said)
    assert found, said[-2000:]
    return float(found[1])


def has_filter(name: str, *, inputs: int) -> bool:
    """Whether this ffmpeg was built with a filter of so many inputs."""
    listed = subprocess.run([settings.FFMPEG_BINARY, "-hide_banner", "-filters"], check=True, capture_output=True, text=True).stdout
    return bool(re.search(rf"^ \S+ {name} +V{{{inputs}}}->V ", listed, re.MULTILINE))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that it took, and what it returned."""
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def say(name: str, *figures: str) -> None:
    print(f"{name:<12}{' | '.join(figures)}", flush=True)


@dataclass(frozen=True)
class Figure:
    """What was found beside what was asked for."""

    what: str
    found: float | None  # None: it cannot be told here
    asked: str
    is_met: bool

    def __str__(self) -> str:
        found = "not to be told" if self.found is None else f"{self.found:.3f}"
        return f"{self.what:<48}{found:>15}{self.asked:>12}{'' if self.is_met or self.found is None else '   missed'}"


FIGURES: list[Figure] = []


def ask(what: str, found: float | None, *, at_least: float | None = None, at_most: float | None = None) -> None:
    """Note a figure for the table."""
    asked = f"≥ {at_least:g}" if at_least is not None else f"≤ {at_most:g}"
    is_met = found is not None and (at_least is None or found >= at_least) and (at_most is None or found <= at_most)
    FIGURES.append(Figure(what, found, asked, is_met))


def table() -> str:
    return "\n".join(["", f"{'':<48}{'found':>15}{'asked for':>12}", *map(str, FIGURES)])


if __name__ == "__main__":
    main()

"""What previews cost beside ffmpeg when it reads the whole file: `python benchmarks/jobs.py previews`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from media_library.ffmpeg.hover import CUT_SECONDS, LONGEST_SIDE, cuts_of
from media_library.ffmpeg.inspection import Answer
from media_library.ffmpeg.inspectors import Inspectors
from media_library.ffmpeg.sprite import COLUMNS, ROWS, TILES
from media_library.ffmpeg.sprite import LONGEST_SIDE as TILE_SIDE

UNIT, TIMES = 12, 50 if int(os.environ.get("CLIP_SECONDS", "20")) >= 20 else 5  # seconds of 1080p, and how often they are shown
QUIET = ("-v", "error", "-nostdin", "-y")


def measure_previews(folder: Path) -> Iterator[tuple[str, float, float]]:
    """A sprite and a hover preview of ten minutes of 1080p: how many times as fast as ffmpeg over the whole file, and as asked."""
    film = _film(folder)
    descriptor = os.open(film, os.O_RDONLY)
    with Inspectors(1) as inspectors:
        inspectors.inspect(descriptor, with_poster=False)  # so that the process is there
        for name, bare, asked in (("sprite", _bare_sprite, 6.0), ("hover", _bare_hover, 20.0)):
            ours, answer = _timed(lambda: inspectors.ask(name, descriptor))  # noqa: B023 - called at once
            theirs, _ = _timed(lambda: bare(film, folder))  # noqa: B023 - called at once
            size = len(answer.made) if isinstance(answer, Answer) else 0
            print(f"{name:12}{size:,} bytes in {ours:.2f} s | ffmpeg over the whole file: {theirs:.1f} s", flush=True)
            yield name, theirs / ours, asked
        seeking, _ = _timed(lambda: _seeking_hover(film, folder))
        print(f"{'':12}ffmpeg with twelve seeks: {seeking:.2f} s")
    os.close(descriptor)


def _film(folder: Path) -> Path:
    unit, film = folder / "unit.mp4", folder / "ten minutes.mp4"
    pictures = ("-f", "lavfi", "-i", f"mandelbrot=size=1920x1080:rate=25:end_scale=0.01,trim=duration={UNIT}")
    _ffmpeg(*pictures, "-c:v", "libx264", "-preset", "veryfast", "-crf", "27", "-pix_fmt", "yuv420p", str(unit))
    _ffmpeg("-stream_loop", str(TIMES - 1), "-i", str(unit), "-c", "copy", "-movflags", "+faststart", str(film))
    return film


def _bare_sprite(film: Path, folder: Path) -> None:
    tiles = f"fps={TILES}/{UNIT * TIMES},scale={TILE_SIDE}:-2,tile={COLUMNS}x{ROWS}"
    _ffmpeg("-i", str(film), "-vf", tiles, "-frames:v", "1", "-update", "1", str(folder / "sprite.png"))


def _bare_hover(film: Path, folder: Path) -> None:
    parts = "+".join(f"between(t,{start:.3f},{start + CUT_SECONDS:.3f})" for start, _, _ in cuts_of(UNIT * TIMES))
    chosen = f"select='{parts}',setpts=N/FRAME_RATE/TB,scale={LONGEST_SIDE}:-2"
    _ffmpeg("-i", str(film), "-vf", chosen, "-an", *_ENCODER, str(folder / "hover.mp4"))


def _seeking_hover(film: Path, folder: Path) -> None:
    starts = [start for start, _, _ in cuts_of(UNIT * TIMES)]
    inputs = [word for start in starts for word in ("-ss", f"{start:.3f}", "-t", str(CUT_SECONDS), "-i", str(film))]
    joined = "".join(f"[{number}:v]" for number in range(len(starts))) + f"concat=n={len(starts)},fps=12.5,scale={LONGEST_SIDE}:-2"
    _ffmpeg(*inputs, "-filter_complex", joined, "-an", *_ENCODER, str(folder / "seeking.mp4"))


_ENCODER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-pix_fmt", "yuv420p")


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([settings.FFMPEG_BINARY, *QUIET, *arguments], check=True)


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done

"""`generate_gif`: a short part of a video as an animated picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.registry import Params, job_type
from jobs.storyboard import thumbnails
from media_library.ffmpeg.commands import gif
from media_library.ffmpeg.commands.gif import Animation
from media_library.ffmpeg.commands.inputs import Source
from media_library.ffmpeg.run import Limits
from media_library.lineage import Cut
from media_library.models import DirectoryType, Video
from media_library.naming import derived_path

LIMITS = Limits(wall=30 * 60.0, file_size=2 * 2**30)
LEAST_DURATION = 0.1  # seconds
LEAST_WIDTH = 64  # pixels
SMOOTH_ENOUGH = 8  # pictures a second; a budget is met by fewer down to this, then by a smaller picture
CLOSE_ENOUGH = 0.9  # of a budget
AIM = 0.96  # of a budget
MOST_TRIALS = 8  # of one measure
SAMPLE_SECONDS = 2.0  # that a dry run encodes


class GifParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that it is cut from")
    in_point: float = Field(0.0, ge=0, description="seconds from the start")
    duration: float = Field(3.0, ge=LEAST_DURATION, le=60, description="seconds; to the video's end where that comes sooner")
    width: int = Field(480, ge=LEAST_WIDTH, le=1920, description="pixels, at most the video's; the height follows")
    fps: int = Field(12, ge=1, le=50, description="pictures a second, at most the video's")
    max_bytes: int | None = Field(
        None, ge=10_000, le=2**31, description="a budget, met by fewer pictures a second, then by a smaller picture; none: any size"
    )
    format: Literal["gif", "webp"] = Field("gif", description="webp is a fraction of the size; the library lists GIFs alone")
    dry_run: bool = Field(False, description="only show what it would be, with an estimate of its size")


@job_type("generate_gif", lane=Lane.CPU, params=GifParams, video=lambda params: params.video_id)
def generate_gif(context: JobContext, params: GifParams) -> dict[str, Any]:
    """Make an animated GIF, or WebP, of a part of a video, of at most so many bytes, in the library's folder gifs."""
    video = context.video()
    probe = context.probe(video)
    part = Source(video.absolute_path, probe, context.bounds, params.in_point, _duration(video, probe.duration, params))
    wanted = Animation(min(params.width, probe.width), min(params.fps, math.ceil(probe.frame_rate or 50)))
    if params.dry_run:
        return _storyboard(context, part, wanted, params)
    target = derived_path(video, DirectoryType.GIFS, f"-{context.job_id}.{params.format}")
    studio = _Studio(context, part, target)
    animation = _fitting(wanted, params.max_bytes, studio.size_of) if params.max_bytes else wanted
    output = context.finish(studio.draft_of(animation), target, duration=part.duration)
    if params.format == "gif":
        context.register(output, title=str(video), made_from=[_cut(video, part)])
    return {"path": output.path.as_posix(), "size": output.size, "width": animation.width, "fps": animation.fps}


class _Studio:
    """Makes the part as an animated picture, as often as it takes."""

    def __init__(self, context: JobContext, part: Source, target: Path) -> None:
        self._context, self._part, self._target = context, part, target
        self._drafts: dict[Animation, Path] = {}
        self._progress = 0.0

    def draft_of(self, animation: Animation) -> Path:
        return self._drafts.get(animation) or self._make(animation)

    def size_of(self, animation: Animation) -> int:
        """Bytes of it."""
        size = self.draft_of(animation).stat().st_size
        self._context.log(f"{size:,} bytes at {animation.width} pixels and {animation.fps} pictures a second")
        return size

    def _make(self, animation: Animation) -> Path:
        """The file; nobody knows how many more follow, so each takes half of the progress that is left."""
        start, self._progress = self._progress, (self._progress + 100) / 2
        draft = make(self._context, self._part, animation, self._target, progress=(start, self._progress))
        self._drafts[animation] = draft
        return draft


def make(context: JobContext, part: Source, animation: Animation, target: Path, *, progress: tuple[float, float]) -> Path:
    """A draft of `target`."""
    draft = context.draft(target)
    if target.suffix == ".webp":
        context.run(gif.webp(part, draft, animation), duration=part.duration, progress=progress, limits=LIMITS)
        return draft
    palette = context.draft(target.with_suffix(".png"))
    half_way = sum(progress) / 2
    context.run(gif.palette(part, palette, animation), progress=(progress[0], half_way), limits=LIMITS)
    context.report(half_way)
    context.run(gif.gif(part, palette, draft, animation), duration=part.duration, progress=(half_way, progress[1]), limits=LIMITS)
    return draft


def _fitting(wanted: Animation, budget: int, size_of: Callable[[Animation], int]) -> Animation:
    """What is closest to what is wanted within `budget` bytes; raises `JobFailed` where nothing is."""
    if size_of(wanted) <= budget:
        return wanted
    slowest = min(wanted.fps, SMOOTH_ENOUGH)
    fps = _largest(lambda fps: size_of(replace(wanted, fps=fps)), slowest, wanted.fps, budget=budget, power=1)
    if fps is not None:
        return replace(wanted, fps=fps)
    slow = replace(wanted, fps=slowest)
    width = _largest(lambda width: size_of(replace(slow, width=width)), LEAST_WIDTH, slow.width, budget=budget, power=2)
    if width is None:
        smallest = replace(slow, width=min(LEAST_WIDTH, slow.width))
        sentence = f"Even {smallest.width} pixels wide, at {slowest} pictures a second, it has {size_of(smallest):,} bytes"
        raise JobFailed("over_budget", sentence, suggestion="Ask for a shorter part, or allow more bytes.")
    return replace(slow, width=width)


def _largest(size_of: Callable[[int], int], least: int, most: int, *, budget: int, power: float) -> int | None:
    """About the largest number from `least` to `most` whose size is within the budget; None: even the least's is not.

    `most` is known to be too large. Sizes are taken to grow with a power of the number: `power`, until two of them tell better.
    """
    if most <= least:
        return None
    too_large, fits, fitting_size = most, None, 0
    for trial in range(MOST_TRIALS):
        size = size_of(too_large)
        if fits is not None:
            power = max(0.1, math.log(size / fitting_size) / math.log(too_large / fits))
        guess: int = round(too_large * (AIM * budget / size) ** (1 / power))
        lowest = least if fits is None else fits + 1
        if lowest >= too_large:
            return fits
        guess = min(max(guess, lowest), too_large - 1)
        if fits is None and trial == MOST_TRIALS // 2:
            guess = least  # sizes hardly fall, so look whether any fits
        size = size_of(guess)
        if size > budget:
            too_large = guess
        elif size >= CLOSE_ENOUGH * budget:
            return guess
        else:
            fits, fitting_size = guess, size
    return fits


def _storyboard(context: JobContext, part: Source, wanted: Animation, params: GifParams) -> dict[str, Any]:
    """What a run would show, and about how many bytes it would have before a budget trims it."""
    assert part.duration is not None
    sample = replace(
        part, in_point=part.in_point + max(0.0, part.duration - SAMPLE_SECONDS) / 2, duration=min(SAMPLE_SECONDS, part.duration)
    )
    target = Path(DirectoryType.GIFS) / f"sample-{context.job_id}.{params.format}"
    size = make(context, sample, wanted, target, progress=(0, 60)).stat().st_size
    estimate = round(size * part.duration / (sample.duration or part.duration))
    return {
        "inPoint": part.in_point,
        "duration": part.duration,
        "width": wanted.width,
        "fps": wanted.fps,
        "estimatedSize": min(estimate, params.max_bytes or estimate),
        "isTrimmed": params.max_bytes is not None and estimate > params.max_bytes,
        "thumbnails": thumbnails(context, part),
    }


def _duration(video: Video, whole: float | None, params: GifParams) -> float:
    """What the picture will have, in seconds: a video ends where it ends."""
    if whole is None:
        return params.duration
    left = whole - params.in_point
    if left < LEAST_DURATION:
        raise JobFailed("nothing_to_cut", f"{video} ends after {whole:.1f} s", suggestion="Choose an earlier inPoint.")
    return min(params.duration, left)


def _cut(video: Video, part: Source) -> Cut:
    return Cut(video.pk, part.in_point, part.in_point + (part.duration or 0))

"""`generate_gif`: a short part of a video as an animated GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.registry import Params, job_type
from media_library.ffmpeg import commands
from media_library.ffmpeg.commands import GifPart
from media_library.ffmpeg.run import Limits
from media_library.models import DirectoryType, Video
from media_library.relocation import LONGEST_NAME

FIRST_PASS = 40  # percent of the work
LIMITS = Limits(wall=30 * 60.0, file_size=2 * 2**30)
LEAST_DURATION = 0.1  # seconds


class GifParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that it is cut from")
    in_point: float = Field(0.0, ge=0, description="seconds from the start")
    duration: float = Field(3.0, ge=LEAST_DURATION, le=60, description="seconds; to the video's end where that comes sooner")
    width: int = Field(480, ge=64, le=1920, description="pixels; the height follows")
    fps: int = Field(12, ge=1, le=50, description="pictures a second")


@job_type("generate_gif", lane=Lane.CPU, params=GifParams, video=lambda params: params.video_id)
def generate_gif(context: JobContext, params: GifParams) -> dict[str, Any]:
    """Make an animated GIF of a part of a video, with a palette of its own, in the library's folder gifs."""
    video = context.video()
    part = GifPart(params.in_point, _duration(video, params), params.width, params.fps)
    target = Path(DirectoryType.GIFS) / _name(video, context.job_id)
    palette, draft = context.draft(target.with_suffix(".png")), context.draft(target)
    first = commands.gif_palette(video.absolute_path, palette, part, bounds=context.bounds)
    second = commands.gif(video.absolute_path, palette, draft, part, bounds=context.bounds)
    context.run(first, progress=(0, FIRST_PASS), limits=LIMITS)
    context.report(FIRST_PASS)
    context.run(second, duration=part.duration, progress=(FIRST_PASS, 100), limits=LIMITS)
    output = context.finish(draft, target, duration=part.duration)
    context.register(output, title=str(video))
    return {"path": output.path.as_posix(), "size": output.size}


def _duration(video: Video, params: GifParams) -> float:
    """What the GIF will have, in seconds: a video ends where it ends."""
    if video.duration_seconds is None:
        return params.duration
    left = video.duration_seconds + 0.5 - params.in_point  # the library knows whole seconds
    if left < LEAST_DURATION:
        raise JobFailed("nothing_to_cut", f"{video} ends after {video.duration_seconds} s", suggestion="Choose an earlier inPoint.")
    return min(params.duration, left)


def _name(video: Video, job_id: int) -> str:
    """Named after the video's file; the job's id tells its GIFs apart."""
    tail = f"-{job_id}.gif"
    stem = Path(video.absolute_path.name).stem.lstrip(".") or "video"
    return stem.encode(errors="surrogateescape")[: LONGEST_NAME - len(tail)].decode(errors="ignore") + tail

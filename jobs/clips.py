"""Clips cut out of a video, each a video of its own: without encoding where a keyframe is near."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from jobs import encodes
from jobs.context import JobContext
from jobs.outputs import Output
from jobs.registry import Params
from media_library.ffmpeg.commands import clip
from media_library.ffmpeg.commands.inputs import Source
from media_library.lineage import Cut
from media_library.models import DirectoryType, Video
from media_library.naming import derived_path

MOST_CLIPS = 200


class Extracting(Params):
    """How exactly clips are cut."""

    tolerance: float = Field(
        0.5, ge=0, le=30, description="seconds that a clip may begin too early or too late, to begin with a keyframe and not be encoded"
    )
    quality: int = Field(19, ge=14, le=34, description="of clips that must be encoded, as libx264's CRF: less is better and larger")


def extract(
    context: JobContext, video: Video, part: Source, number: int, *, title: str, cutting: Extracting, progress: tuple[float, float]
) -> dict[str, Any]:
    """Have the library know one part as a video, in the folder highlights; returns what the job's result says of it."""
    made, output, is_encoded = _cut(context, video, part, cutting, f"-{context.job_id}-{number:03}", progress)
    assert made.duration is not None
    in_point, out_point = made.in_point, made.in_point + made.duration
    context.register(output, title=title, made_from=[Cut(video.pk, in_point, out_point)])
    context.report(progress[1])
    return {
        "path": output.path.as_posix(),
        "size": output.size,
        "inPoint": round(in_point, 3),
        "outPoint": round(out_point, 3),
        "isEncoded": is_encoded,
    }


def _cut(
    context: JobContext, video: Video, part: Source, cutting: Extracting, tail: str, progress: tuple[float, float]
) -> tuple[Source, Output, bool]:
    """The stretch that the clip became, its file, whether it was encoded."""
    earliest, latest = max(0.0, part.in_point - cutting.tolerance), part.in_point + cutting.tolerance
    near = encodes.from_keyframe(context, part, earliest=earliest, latest=latest)
    if near and near.duration and near.duration >= encodes.LEAST_DURATION:
        target = derived_path(video, DirectoryType.HIGHLIGHTS, tail + clip.suffix_of(part.probe))
        return near, context.finish(encodes.copy(context, near, target, progress=progress), target, duration=near.duration), False
    target = derived_path(video, DirectoryType.HIGHLIGHTS, f"{tail}.mp4")
    look = encodes.look_of(context, part.probe, lines=None, quality=cutting.quality)
    shown = encodes.showing_at_once(context, video, part)
    return part, context.finish(encodes.encode(context, shown, target, look, progress=progress), target, duration=part.duration), True

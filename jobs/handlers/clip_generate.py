"""`clip_generate`: one part of a video as a video of its own."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from jobs import encodes
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.registry import Params, job_type
from media_library.ffmpeg.commands import clip
from media_library.ffmpeg.commands.inputs import Source
from media_library.lineage import Cut
from media_library.models import DirectoryType
from media_library.naming import derived_path


class ClipParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that it is cut from")
    in_point: float = Field(ge=0, description="seconds from the start")
    out_point: float = Field(gt=0, description="seconds from the start; the video's end where that comes sooner")
    mode: Literal["exact", "copy"] = Field(
        "exact", description="exact: encoded, from this very picture on; copy: as it is, from the keyframe before, in a moment"
    )
    height: int | None = Field(None, ge=144, le=4320, description="lines of the shorter side at most, of an exact clip; none: as the video")
    quality: int = Field(19, ge=14, le=34, description="of an exact clip, as libx264's CRF: less is better and larger")
    title: str = Field("", max_length=200, description="empty: the video's")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.out_point <= self.in_point:
            raise ValueError("outPoint must come after inPoint")
        return self


@job_type("clip_generate", lane=Lane.GPU_ENCODE, params=ClipParams, vram=encodes.VRAM, video=lambda params: params.video_id)
def clip_generate(context: JobContext, params: ClipParams) -> dict[str, Any]:
    """Cut one clip out of a video, exact to the frame, or without encoding at keyframes, in the library's folder highlights."""
    video = context.video()
    whole = encodes.source_of(context, video)
    part = encodes.stretch(whole, params.in_point, params.out_point)
    if params.mode == "copy":
        part = _at_keyframe(context, part)
        target = derived_path(video, DirectoryType.HIGHLIGHTS, f"-{context.job_id}{clip.suffix_of(part.probe)}")
        draft = encodes.copy(context, part, target)
    else:
        target = derived_path(video, DirectoryType.HIGHLIGHTS, f"-{context.job_id}.mp4")
        look = encodes.look_of(context, part.probe, lines=params.height, quality=params.quality)
        draft = encodes.encode(context, encodes.showing_at_once(context, video, part), target, look)
    assert part.duration is not None
    output = context.finish(draft, target, duration=part.duration)
    in_point, out_point = part.in_point, part.in_point + part.duration
    context.register(output, title=params.title or str(video), made_from=[Cut(video.pk, in_point, out_point)])
    return {"path": output.path.as_posix(), "size": output.size, "inPoint": round(in_point, 3), "outPoint": round(out_point, 3)}


def _at_keyframe(context: JobContext, part: Source) -> Source:
    found = encodes.from_keyframe(context, part, earliest=0.0, latest=part.in_point)
    if found is None:
        raise JobFailed("no_keyframe", "There is no keyframe to begin with", suggestion="Cut it with mode exact.")
    return found

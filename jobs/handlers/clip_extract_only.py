"""`clip_extract_only`: many parts of a video, each as a video of its own."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from jobs import encodes
from jobs.context import JobContext
from jobs.models import Lane
from jobs.outputs import Output
from jobs.registry import Params, job_type
from media_library.ffmpeg.commands import clip
from media_library.ffmpeg.commands.inputs import Source
from media_library.lineage import Cut
from media_library.models import DirectoryType, Video
from media_library.naming import derived_path

MOST_CLIPS = 200


class ClipRange(Params):
    in_point: float = Field(ge=0, description="seconds from the start")
    out_point: float = Field(gt=0, description="seconds from the start; the video's end where that comes sooner")
    title: str = Field("", max_length=200, description="empty: the video's, with the clip's number")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.out_point <= self.in_point:
            raise ValueError("outPoint must come after inPoint")
        return self


class ExtractParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that they are cut from")
    clips: Annotated[list[ClipRange], Field(min_length=1, max_length=MOST_CLIPS)] = Field(description="the parts")
    tolerance: float = Field(
        0.5, ge=0, le=30, description="seconds that a clip may begin too early or too late, to begin with a keyframe and not be encoded"
    )
    quality: int = Field(19, ge=14, le=34, description="of clips that must be encoded, as libx264's CRF: less is better and larger")


@job_type("clip_extract_only", lane=Lane.CPU, params=ExtractParams, video=lambda params: params.video_id)
def clip_extract_only(context: JobContext, params: ExtractParams) -> dict[str, Any]:
    """Cut clips out of a video: without encoding where a keyframe is near, else exact to the frame; in the library's folder highlights."""
    video = context.video()
    whole = encodes.source_of(context, video)
    parts = [encodes.stretch(whole, cut.in_point, cut.out_point) for cut in params.clips]
    share = 100 / len(parts)
    clips = []
    for number, (part, cut) in enumerate(zip(parts, params.clips, strict=True), start=1):
        made, output, is_encoded = _extract(context, video, part, params, number, progress=((number - 1) * share, number * share))
        assert made.duration is not None
        in_point, out_point = made.in_point, made.in_point + made.duration
        context.register(output, title=cut.title or f"{video}, clip {number}", made_from=[Cut(video.pk, in_point, out_point)])
        clips.append(
            {
                "path": output.path.as_posix(),
                "size": output.size,
                "inPoint": round(in_point, 3),
                "outPoint": round(out_point, 3),
                "isEncoded": is_encoded,
            }
        )
        context.report(number * share)
    return {"clips": clips}


def _extract(
    context: JobContext, video: Video, part: Source, params: ExtractParams, number: int, *, progress: tuple[float, float]
) -> tuple[Source, Output, bool]:
    """One clip: the stretch that it became, its file, whether it was encoded."""
    earliest, latest = max(0.0, part.in_point - params.tolerance), part.in_point + params.tolerance
    near = encodes.from_keyframe(context, part, earliest=earliest, latest=latest)
    tail = f"-{context.job_id}-{number:03}"
    if near and near.duration and near.duration >= encodes.LEAST_DURATION:
        target = derived_path(video, DirectoryType.HIGHLIGHTS, tail + clip.suffix_of(part.probe))
        return near, context.finish(encodes.copy(context, near, target, progress=progress), target, duration=near.duration), False
    target = derived_path(video, DirectoryType.HIGHLIGHTS, f"{tail}.mp4")
    look = encodes.look_of(context, part.probe, lines=None, quality=params.quality)
    return part, context.finish(encodes.encode(context, part, target, look, progress=progress), target, duration=part.duration), True

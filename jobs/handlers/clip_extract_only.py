"""`clip_extract_only`: many parts of a video, each as a video of its own."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from jobs import encodes
from jobs.clips import MOST_CLIPS, Extracting, extract
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type


class ClipRange(Params):
    in_point: float = Field(ge=0, description="seconds from the start")
    out_point: float = Field(gt=0, description="seconds from the start; the video's end where that comes sooner")
    title: str = Field("", max_length=200, description="empty: the video's, with the clip's number")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.out_point <= self.in_point:
            raise ValueError("outPoint must come after inPoint")
        return self


class ExtractParams(Extracting):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that they are cut from")
    clips: Annotated[list[ClipRange], Field(min_length=1, max_length=MOST_CLIPS)] = Field(description="the parts")


@job_type("clip_extract_only", lane=Lane.CPU, params=ExtractParams, video=lambda params: params.video_id)
def clip_extract_only(context: JobContext, params: ExtractParams) -> dict[str, Any]:
    """Cut clips out of a video: without encoding where a keyframe is near, else exact to the frame; in the library's folder highlights."""
    video = context.video()
    whole = encodes.source_of(context, video)
    parts = [encodes.stretch(whole, cut.in_point, cut.out_point) for cut in params.clips]
    share = 100 / len(parts)
    clips = []
    for number, (part, cut) in enumerate(zip(parts, params.clips, strict=True), start=1):
        title = cut.title or f"{video}, clip {number}"
        progress = ((number - 1) * share, number * share)
        clips.append(extract(context, video, part, number, title=title, cutting=params, progress=progress))
    return {"clips": clips}

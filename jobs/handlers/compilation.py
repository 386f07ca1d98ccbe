"""`compilation`: parts of several videos, one after the other, as a video of its own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobs import encodes
from jobs.compilations import MOST_CLIPS, Clip, Style, compile_shots, shots_of
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import job_type


class CompilationParams(Style):
    clips: Annotated[list[Clip], Field(min_length=1, max_length=MOST_CLIPS)] = Field(description="the parts, in their order")


@job_type(
    "compilation",
    lane=Lane.GPU_ENCODE,
    params=CompilationParams,
    vram=encodes.VRAM,
    videos=lambda params: [clip.video_id for clip in params.clips],
)
def compilation(context: JobContext, params: CompilationParams) -> dict[str, Any]:
    """Join parts of videos, cut or crossfaded, at a common size and frame rate, in the library's folder compilations."""
    recipe = {"type": "compilation", "params": params.model_dump(mode="json", by_alias=True)}
    return compile_shots(context, shots_of(context, params.clips), params, recipe=recipe)

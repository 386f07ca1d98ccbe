"""`scene_extract`: where a video's scenes begin, as chapters for the viewer, and if asked each as a video of its own."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from jobs import digests, encodes
from jobs.clips import MOST_CLIPS, Extracting, extract
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import job_type
from media_library.ffmpeg.findings import Findings
from media_library.models import Video

LOOK_SHARE = 60.0  # of the progress, where clips follow


class SceneParams(digests.Cutting, Extracting):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")
    clips: bool = Field(False, description="cut each scene out as a video of its own")


@job_type("scene_extract", lane=Lane.GPU_AI, params=SceneParams, video=lambda params: params.video_id)
def scene_extract(context: JobContext, params: SceneParams) -> dict[str, Any]:
    """Find hard cuts and fades, and keep the scenes between them, which the viewer shows as chapters; if asked, as clips too."""
    video = context.video()
    with context.part(0, LOOK_SHARE if params.clips else 100):
        findings = digests.look_through(context, video, params, task="scenes")
    digests.keep(context, video, findings)
    if not params.clips:
        return {"duration": findings.duration}
    with context.part(LOOK_SHARE, 100):
        return {"duration": findings.duration, "clips": _clips(context, video, findings, params)}


def _clips(context: JobContext, video: Video, findings: Findings, params: SceneParams) -> list[dict[str, Any]]:
    """Each scene, or the longest of too many, as a video of the library."""
    whole = encodes.source_of(context, video)
    numbered = [(number, scene) for number, scene in enumerate(findings.scenes, start=1) if scene[1] - scene[0] >= encodes.LEAST_DURATION]
    longest = sorted(numbered, key=lambda each: each[1][0] - each[1][1])[:MOST_CLIPS]
    if len(longest) < len(numbered):
        context.log(f"Cuts out the {MOST_CLIPS} longest of {len(numbered):,} scenes.")
    share = 100 / max(1, len(longest))
    return [
        extract(
            context,
            video,
            encodes.stretch(whole, *scene),
            number,
            title=f"{video}, scene {number}",
            cutting=params,
            progress=(share * place, share * (place + 1)),
        )
        for place, (number, scene) in enumerate(sorted(longest))
    ]

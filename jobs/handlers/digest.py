"""`digest`: what there is to know of a video without watching it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from jobs import digests
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import job_type


class DigestParams(digests.Cutting):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")


@job_type("digest", lane=Lane.GPU_AI, params=DigestParams, video=lambda params: params.video_id)
def digest(context: JobContext, params: DigestParams) -> dict[str, Any]:
    """Find a video's scenes, how much moves in it and how loud it is, and show the best picture of each scene, out of one decode."""
    video = context.video()
    findings = digests.look_through(context, video, params, task="digest")
    digests.keep(context, video, findings)
    return {
        "duration": findings.duration,
        "pictures": len(findings.keyframes),
        "hasSound": bool(findings.curves and findings.curves.loudness),
    }

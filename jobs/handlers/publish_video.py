"""`publish_video`: a video into the gallery."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gallery.services import publish
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.recipes import Category
from jobs.registry import Params, job_type


class PublishParams(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video that visitors shall see")
    category: Category = Field(description="of the gallery; one that is public already moves there")


@job_type("publish_video", lane=Lane.CPU, params=PublishParams, video=lambda params: params.video_id)
def publish_video(context: JobContext, params: PublishParams) -> dict[str, Any]:
    """Show a video in a category of the gallery."""
    context.check()
    outcome = publish([params.video_id], category=params.category, by=context.row().submitted_by)
    if reason := outcome.skipped.get(params.video_id):
        raise JobFailed("not_publishable", reason, suggestion="See to that, then retry.")
    return {"videoId": params.video_id, "category": params.category}

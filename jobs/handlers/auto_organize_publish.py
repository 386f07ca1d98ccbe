"""`auto_organize_publish`: the pipeline that takes a video from the inbox into the gallery."""

from __future__ import annotations

from typing import Any

from gallery.services.publishing import obstacle
from jobs import services
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Job, Lane
from jobs.recipes import OrganizeAndPublish
from jobs.registry import job_type

RECIPE = "organize_and_publish"


@job_type("auto_organize_publish", lane=Lane.CPU, params=OrganizeAndPublish, video=lambda params: params.video_id)
def auto_organize_publish(context: JobContext, params: OrganizeAndPublish) -> dict[str, Any]:
    """Start the pipeline that looks whether a video plays, makes its previews, suggests tags, organises and publishes it.

    The job has done its part when the pipeline is there, and carries its id; with needsApproval the last step waits for a person.
    """
    if reason := obstacle(context.video()):
        raise JobFailed("not_publishable", reason, suggestion="See to that, then retry.")
    context.with_completion(lambda: _start(context, params))
    return {"videoId": params.video_id}


def _start(context: JobContext, params: OrganizeAndPublish) -> dict[str, Any]:
    job = context.row()
    pipeline = services.submit_pipeline(RECIPE, params.model_dump(by_alias=True), priority=job.priority, by=job.submitted_by)
    Job.objects.filter(pk=job.pk).update(pipeline=pipeline)
    return {"pipelineId": pipeline.pk, "steps": [step.key for step in pipeline.steps.all()]}

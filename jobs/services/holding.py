"""What every change of a job or pipeline shares: rows that are held while it is decided, and why it cannot be."""

from __future__ import annotations

from jobs import steps
from jobs.models import Job, Pipeline
from jobs.registry import InvalidParams

PRIORITIES = range(11)  # higher first


class JobNotFound(LookupError):
    """There is no such job."""

    def __init__(self, job_id: int) -> None:
        super().__init__("Job not found")


class PipelineNotFound(LookupError):
    """There is no such pipeline."""

    def __init__(self, pipeline_id: int) -> None:
        super().__init__("Pipeline not found")


class WrongState(Exception):
    """The job or pipeline is in a state that forbids it; `str()` says which."""


def hold(job_id: int) -> Job:
    """The job as it is until the transaction ends, its pipeline locked before it; a job that has one keeps it."""
    this = Job.objects.filter(pk=job_id)
    steps.hold(this.values_list("pipeline", flat=True).first())
    job = this.select_for_update(no_key=True).defer("log").first()
    if job is None:
        raise JobNotFound(job_id)
    return job


def hold_pipeline(pipeline_id: int) -> Pipeline:
    pipeline = Pipeline.objects.select_for_update(no_key=True).filter(pk=pipeline_id).first()
    if pipeline is None:
        raise PipelineNotFound(pipeline_id)
    return pipeline


def check_priority(priority: int) -> None:
    if priority not in PRIORITIES:
        raise InvalidParams({"priority": [f"{PRIORITIES[0]} to {PRIORITIES[-1]}, higher first."]})

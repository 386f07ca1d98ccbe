"""Jobs in the admin: the queue, one job, adding a job, pipelines."""

from jobs.admin.jobs import JobAdmin
from jobs.admin.pipelines import PipelineAdmin

__all__ = ["JobAdmin", "PipelineAdmin"]

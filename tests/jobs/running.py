"""Running a job to its end in the test's own thread, as a worker's slot does."""

from __future__ import annotations

import time
from typing import Any

from jobs import claims, nodes, runner, services
from jobs.claims import Lease
from jobs.heartbeat import Pulse
from jobs.models import Job
from media_library.models import Video


def claim(job: Job) -> Lease:
    """Take a job that is the next of its lane."""
    lease = claims.claim(nodes.this_node(), job.resource_category, "test@here:1")
    assert lease is not None and lease.job_id == job.pk
    return lease


def run_to_the_end(job: Job) -> Job:
    """Claim and run a job; returns it as it ended."""
    lease = claim(job)
    runner.perform(lease, Pulse(lease, claimed_at=time.monotonic()))
    job.refresh_from_db()
    return job


def result_of(kind: str, video: Video, **params: Any) -> dict[str, Any]:
    """Submit a job about a video and run it; returns its result, once it has completed."""
    job = run_to_the_end(services.submit(kind, {"videoId": video.pk, **params}))
    assert (job.status, job.error) == (Job.Status.COMPLETED, ""), job.log
    return dict(job.result or {})

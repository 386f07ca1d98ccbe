"""What is forgotten of jobs that ended long ago, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs import claims, history, services
from jobs.models import Job, Lane, Pipeline, PipelineStep, WorkerNode
from jobs.pipelines import Step
from tests.jobs.kinds import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]


@pytest.fixture
def completed(cpu_node: WorkerNode) -> Job:
    job = services.submit("small")
    claims.complete(claimed(cpu_node, Lane.CPU), result={})
    return job


@pytest.fixture
def failed(cpu_node: WorkerNode) -> Job:
    job = services.submit("small")
    claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout")
    return job


def ended(row: Job | Pipeline, *, days: float) -> None:
    """Let it have ended so many days ago."""
    type(row).objects.filter(pk=row.pk).update(completed_at=Now() - timedelta(days=days))


def test_a_job_is_forgotten_a_month_after_its_end(completed: Job) -> None:
    ended(completed, days=29)
    assert history.expire() == 0

    ended(completed, days=31)
    assert history.expire() == 1

    assert not Job.objects.exists()


def test_a_failure_is_kept_for_three_months_unless_somebody_dismissed_it(failed: Job) -> None:
    ended(failed, days=89)
    assert history.expire() == 0

    services.dismiss(failed.pk, by=None)
    assert history.expire() == 1


def test_a_failure_that_nobody_wanted_to_see_is_forgotten_in_the_end(failed: Job) -> None:
    ended(failed, days=91)

    assert history.expire() == 1


def test_what_has_not_ended_is_never_forgotten(cpu_node: WorkerNode) -> None:
    services.submit("small"), services.submit("small")
    claimed(cpu_node, Lane.CPU)
    Job.objects.update(created_at=Now() - timedelta(days=1000), completed_at=Now() - timedelta(days=1000))

    assert history.expire() == 0


def test_unfinished_files_are_swept_before_their_job_is_forgotten(completed: Job) -> None:
    ended(completed, days=31)
    Job.objects.update(drafts=["gifs/.1.part.gif"])

    assert history.expire() == 0


def test_a_pipeline_is_forgotten_with_its_steps_and_not_before_its_end(cpu_node: WorkerNode) -> None:
    pipeline = services.submit_pipeline([Step("a", "small"), Step("b", "small", needs=("a",))])
    claims.complete(claimed(cpu_node, Lane.CPU), result={})
    ended(Job.objects.get(status="completed"), days=31)
    assert history.expire() == 0

    claims.complete(claimed(cpu_node, Lane.CPU), result={})
    ended(pipeline, days=31)
    assert history.expire() == 2

    assert not any(model.objects.exists() for model in (Job, PipelineStep, Pipeline))


def test_a_failed_pipeline_is_kept_until_its_failures_are_dismissed(cpu_node: WorkerNode) -> None:
    pipeline = services.submit_pipeline([Step("a", "small"), Step("b", "small", needs=("a",))])
    claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout")
    ended(pipeline, days=31)
    assert history.expire() == 0

    services.dismiss_failed("timeout", by=None)

    assert history.expire() == 2


def test_little_is_forgotten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        job = services.submit("small")
        services.cancel(job.pk, by=None)
        ended(job, days=31)
    monkeypatch.setattr(history, "MOST_AT_ONCE", 2)

    assert [history.expire() for _ in range(4)] == [2, 2, 1, 0]

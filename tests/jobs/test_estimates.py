"""What work will cost, told before it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from jobs import claims, estimates, services
from jobs.models import Job, Lane, WorkerNode
from jobs.pipelines import Step
from jobs.registry import UnknownJobType
from tests.jobs.kinds import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]


def has_run(kind: str, lane: Lane, at: WorkerNode, *, seconds: float) -> None:
    """Let a job of this kind have completed after so long."""
    job = services.submit(kind)
    claims.complete(claimed(at, lane), result={})
    Job.objects.filter(pk=job.pk).update(started_at=F("completed_at") - timedelta(seconds=seconds))


def test_a_type_takes_what_most_of_its_runs_took(cpu_node: WorkerNode) -> None:
    for seconds in (10.0, 12.0, 600.0):
        has_run("small", Lane.CPU, cpu_node, seconds=seconds)

    assert estimates.seconds("small") == pytest.approx(12.0)


def test_only_the_latest_runs_count(cpu_node: WorkerNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "PAST_RUNS", 2)
    for seconds in (600.0, 10.0, 20.0):
        has_run("small", Lane.CPU, cpu_node, seconds=seconds)

    assert estimates.seconds("small") == pytest.approx(15.0)


def test_runs_that_failed_tell_nothing(cpu_node: WorkerNode) -> None:
    services.submit("small")
    claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout")

    assert estimates.seconds("small") is None


def test_the_cost_line_tells_jobs_lanes_memory_and_time(gpu_node: WorkerNode) -> None:
    has_run("small", Lane.CPU, gpu_node, seconds=60.0)
    has_run("encode", Lane.GPU_ENCODE, gpu_node, seconds=300.0)
    plan = [Step("a", "small"), Step("b", "encode"), Step("c", "encode", needs=("b",))]

    cost = estimates.cost(plan)

    assert (cost.jobs, cost.lanes, cost.vram) == (3, {"cpu": 1, "gpu_encode": 2}, 2048)
    assert cost.minutes == pytest.approx(11.0)
    assert str(cost) == "3 jobs (1 in cpu, 2 in gpu_encode), up to 2.0 GB of GPU memory, about 11 minutes"


def test_what_never_ran_has_no_known_time() -> None:
    assert str(estimates.cost([Step("a", "small")])) == "1 job (1 in cpu), no GPU memory, time unknown until each type has run once"


def test_short_work_is_not_told_in_minutes(cpu_node: WorkerNode) -> None:
    has_run("small", Lane.CPU, cpu_node, seconds=5.0)

    assert str(estimates.cost([Step("a", "small")])).endswith("less than a minute")


def test_unknown_work_has_no_cost() -> None:
    with pytest.raises(UnknownJobType):
        estimates.cost([Step("a", "nonsense")])

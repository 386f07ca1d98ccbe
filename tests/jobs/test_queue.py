"""What people read about the queue."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from config.redis import client
from gallery import viewers
from jobs import claims, queue, services
from jobs.models import Job, Lane, LaneState, Worker, WorkerNode
from jobs.pipelines import Step
from tests.jobs.kinds import claimed, node, worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]


def reason(job: Job) -> str:
    return queue.waiting_reasons([Job.objects.get(pk=job.pk)])[job.pk]


def shown(job: Job) -> str:
    return queue.as_shown(Job.objects.filter(pk=job.pk)).values_list("shown_status", flat=True).get()


class TestReasons:
    def test_memory_that_others_hold(self, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        holder = services.submit("model", {})
        claimed(gpu_node, Lane.GPU_AI)

        waiting = services.submit("model", {})

        assert reason(waiting) == f"needs 6.0 GB of GPU memory; 2.0 GB free on gpu-1, held by job {holder.pk}"
        assert shown(waiting) == "queued"

    def test_memory_that_several_hold(self, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        holders = [services.submit("encode", {}) for _ in range(2)]
        for _ in holders:
            claimed(gpu_node, Lane.GPU_ENCODE)

        expected = f"needs 6.0 GB of GPU memory; 4.0 GB free on gpu-1, held by jobs {holders[0].pk}, {holders[1].pk}"
        assert reason(services.submit("model", {})) == expected

    def test_memory_that_no_node_of_the_lane_has(self, gpu_node: WorkerNode, cpu_node: WorkerNode) -> None:
        worker(cpu_node, Lane.GPU_AI)

        expected = "needs 6.0 GB of GPU memory; the most that a node of this lane has is 0.0 GB, on cpu-1"
        assert reason(services.submit("model", {})) == expected

    def test_memory_is_no_reason_where_there_is_a_cpu_path(self, gpu_node: WorkerNode, cpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_ENCODE)
        services.submit("encode", {}, vram_required=8192)
        claimed(gpu_node, Lane.GPU_ENCODE)
        waiting = services.submit("encode", {})
        assert "needs 2.0 GB" in reason(waiting)

        worker(cpu_node, Lane.GPU_ENCODE)

        assert reason(waiting) == "next to start when a worker is free"

    def test_a_job_that_is_not_to_be_passed(self, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_ENCODE, slots=4)
        services.submit("encode", {}, vram_required=4096)
        claimed(gpu_node, Lane.GPU_ENCODE)
        big = services.submit("encode", {}, vram_required=6144)
        Job.objects.filter(pk=big.pk).update(ranked_at=Now() - timedelta(hours=1))

        assert reason(services.submit("encode", {})) == f"waits behind job {big.pk}, which has long waited for GPU memory"

    def test_a_persons_pause(self, cpu_node: WorkerNode) -> None:
        worker(cpu_node, Lane.CPU)
        job = services.submit("small", {})
        services.pause(Lane.CPU, by=User.objects.create_superuser("night", password="shift"), reason="backup")

        assert reason(job) == "the lane cpu is paused by night: backup"
        assert shown(job) == "pending"

    def test_a_full_disk(self, cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        claims.disk_full(claimed(cpu_node, Lane.CPU), error="No space left")

        at = timezone.localtime(LaneState.objects.get().resumes_at)
        assert reason(job) == f"the lane cpu is paused until {at:%H:%M:%S}: the disk is full"

    def test_hours(self, cpu_node: WorkerNode, settings: Settings) -> None:
        worker(cpu_node, Lane.CPU)
        job = services.submit("small", {})
        elsewhere = timezone.localtime() + timedelta(hours=3)
        services.set_hours(Lane.CPU, time(elsewhere.hour), time((elsewhere.hour + 1) % 24), by=None)

        assert reason(job) == f"the lane cpu opens at {elsewhere.hour:02}:00"
        assert shown(job) == "pending"

    def test_somebody_watches(self, cpu_node: WorkerNode, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.VIEWERS_SECONDS = 30.0
        monkeypatch.setattr(viewers, "_noted_at", float("-inf"))
        worker(cpu_node, Lane.CPU)
        services.set_pauses_for_viewers(Lane.CPU, True, by=None)
        job = services.submit("small", {})
        client().delete(viewers.KEY)
        assert shown(job) == "queued"

        viewers.note_viewer()

        assert reason(job) == "the lane cpu is paused while somebody watches"
        assert claims.claim(cpu_node, Lane.CPU, "w") is None
        client().delete(viewers.KEY)

    def test_no_worker(self, cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        assert reason(job) == "no worker serves the lane cpu"

        dead = worker(cpu_node, Lane.CPU)
        Worker.objects.filter(pk=dead.pk).update(seen_at=Now() - timedelta(hours=1))

        assert reason(job) == "no worker serves the lane cpu"

    def test_a_running_scan(self, cpu_node: WorkerNode) -> None:
        worker(cpu_node, Lane.CPU)
        first, second = services.submit("walk", {}), services.submit("walk", {})
        assert (shown(first), shown(second)) == ("queued", "queued")

        claimed(cpu_node, Lane.CPU)

        assert reason(second) == f"waits for the walk job {first.pk} of the same library"
        assert shown(second) == "pending"

    def test_a_retry(self, cpu_node: WorkerNode, settings: Settings) -> None:
        settings.RETRY_BASE_SECONDS = 600.0
        job = services.submit("small", {})
        claims.fail(claimed(cpu_node, Lane.CPU), error="slow", error_class="timeout", is_transient=True)

        at = timezone.localtime(Job.objects.get().run_after)
        assert reason(job) == f"waits for a retry until {at:%H:%M:%S} (attempt 2 of 5)"

    def test_an_earlier_step(self, cpu_node: WorkerNode) -> None:
        services.submit_pipeline([Step("probe", "small"), Step("join", "small", needs=("probe",))])
        probe, join = Job.objects.order_by("pk")

        assert reason(join) == f"waits for the step probe (job {probe.pk})"

    def test_its_turn(self, cpu_node: WorkerNode) -> None:
        worker(cpu_node, Lane.CPU)
        first, second = services.submit("small", {}), services.submit("small", {})

        assert reason(first) == "next to start when a worker is free"
        assert reason(second) == "number 2 in its lane"

    def test_the_reasons_of_a_whole_page_cost_as_many_queries_as_one(
        self, gpu_node: WorkerNode, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for lane in Lane:
            worker(gpu_node, lane)
        for kind in ("small", "walk", "encode", "model") * 10:
            services.submit(kind, {})
        claimed(gpu_node, Lane.GPU_AI)
        services.submit_pipeline([Step("a", "small"), Step("b", "small", needs=("a",))])
        jobs = list(Job.objects.all())

        with django_assert_max_num_queries(14):
            reasons = queue.waiting_reasons(jobs)

        assert len(reasons) == 41


class TestPositions:
    def test_the_next_to_start_is_number_one_of_its_lane(self) -> None:
        later, urgent, other = services.submit("small"), services.submit("small", priority=9), services.submit("encode")

        assert queue.positions([later, urgent, other]) == {urgent.pk: 1, later.pk: 2, other.pk: 1}

    def test_some_of_a_queue_are_counted_with_those_between_them(self) -> None:
        jobs = [services.submit("small") for _ in range(9)]
        Job.objects.filter(pk__in=[job.pk for job in jobs[3:7]]).update(ranked_at=jobs[4].ranked_at)

        asked = [jobs[number] for number in (8, 1, 5, 4)]

        assert queue.positions(asked) == {jobs[1].pk: 2, jobs[4].pk: 5, jobs[5].pk: 6, jobs[8].pk: 9}

    def test_a_job_that_waits_for_another_to_end_stands_in_nobody_s_way(self, cpu_node: WorkerNode) -> None:
        for kind in ("walk", "walk", "small"):
            services.submit(kind, priority=5 if kind == "walk" else 0)
        claimed(cpu_node, Lane.CPU)
        scan, small = Job.objects.filter(status="queued").order_by("pk")

        assert queue.positions([scan, small]) == {small.pk: 1}

    def test_only_waiting_jobs_have_a_place(self, cpu_node: WorkerNode) -> None:
        services.submit("small")
        services.submit("small")
        claimed(cpu_node, Lane.CPU)

        assert sorted(queue.positions(Job.objects.all()).values()) == [1]


class TestShown:
    def test_people_find_jobs_by_the_status_that_they_see(self, cpu_node: WorkerNode) -> None:
        for kind in ("walk", "walk", "small", "encode"):
            services.submit(kind)
        claimed(cpu_node, Lane.CPU)
        services.pause(Lane.GPU_ENCODE, by=None)

        found = {status: [job.type for job in queue.shown_as(Job.objects.order_by("pk"), status)] for status in queue.STATUSES}

        assert found == {
            "pending": ["walk", "encode"],
            "queued": ["small"],
            "running": ["walk"],
            "completed": [],
            "failed": [],
            "cancelled": [],
        }
        for status, jobs in found.items():
            assert [job.type for job in queue.as_shown(Job.objects.order_by("pk")).filter(shown_status=status)] == jobs


class TestSummary:
    def test_each_lane_tells_its_jobs_and_its_workers(self, gpu_node: WorkerNode, cpu_node: WorkerNode) -> None:
        serving = worker(gpu_node, Lane.GPU_ENCODE, slots=2)
        for kind in ("encode", "encode", "walk", "walk", "small"):
            services.submit(kind)
        claims.claim(gpu_node, Lane.GPU_ENCODE, serving.name)
        claimed(cpu_node, Lane.CPU)
        services.pause(Lane.GPU_AI, by=None, reason="too hot")

        lanes = {summary.lane: summary for summary in queue.summary()}

        assert list(lanes) == list(Lane)
        encode = lanes[Lane.GPU_ENCODE]
        assert (encode.counts["running"], encode.counts["queued"], encode.is_open) == (1, 1, True)
        (shown_worker,) = encode.workers
        assert (shown_worker.node, shown_worker.slots, shown_worker.running) == ("gpu-1", 2, 1)
        assert (shown_worker.vram_total, shown_worker.vram_free) == (8192, 6144)
        assert isinstance(shown_worker.seen_at, datetime)
        assert {status: count for status, count in lanes[Lane.CPU].counts.items() if count} == {"running": 1, "pending": 1, "queued": 1}
        assert (lanes[Lane.GPU_AI].is_paused, lanes[Lane.GPU_AI].reason) == (True, "the lane gpu_ai is paused: too hot")


def test_sizes_of_memory_are_told_in_gigabytes() -> None:
    assert [queue.gigabytes(vram) for vram in (0, 512, 2048, 6144)] == ["0.0 GB", "0.5 GB", "2.0 GB", "6.0 GB"]


def test_a_roomier_node_is_the_one_that_is_named(gpu_node: WorkerNode) -> None:
    worker(gpu_node, Lane.GPU_AI)
    worker(node("gpu-2", vram=7168), Lane.GPU_AI)
    for at in WorkerNode.objects.all():
        services.submit("model")
        claimed(at, Lane.GPU_AI)

    assert "2.0 GB free on gpu-1" in reason(services.submit("model"))

"""Who gets which job, and that nobody writes to a job which is no longer theirs."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from jobs import services
from jobs.claims import (
    CancelRequested,
    Lease,
    LeaseLost,
    beat,
    cancelled,
    claim,
    complete,
    disk_full,
    fail,
    give_back,
    name_drafts,
    retry_delay,
    take_back_expired,
)
from jobs.models import Job, Lane, LaneState, WorkerNode
from tests.jobs.kinds import claimed, node, worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

AN_HOUR = timedelta(hours=1)


def small(**options: object) -> Job:
    return services.submit("small", {}, **options)  # type: ignore[arg-type]


def fresh(lease_or_job: Lease | Job) -> Job:
    return Job.objects.get(pk=lease_or_job.job_id if isinstance(lease_or_job, Lease) else lease_or_job.pk)


def waited(job: Job, time: timedelta) -> None:
    """Let a job have become ready so long ago."""
    Job.objects.filter(pk=job.pk).update(ranked_at=F("ranked_at") - time)


def expire(lease: Lease) -> int:
    """Let a lease have run out."""
    return Job.objects.filter(pk=lease.job_id).update(lease_until=Now() - timedelta(seconds=1))


def used(at: WorkerNode) -> int:
    at.refresh_from_db()
    return at.vram_used


class TestOrder:
    def test_a_claim_takes_the_oldest_job_of_its_lane(self, cpu_node: WorkerNode) -> None:
        services.submit("encode", {})
        first, _ = small(), small()

        assert claimed(cpu_node, Lane.CPU).job_id == first.pk

    def test_a_higher_priority_goes_first(self, cpu_node: WorkerNode) -> None:
        small()
        urgent = small(priority=9)

        assert claimed(cpu_node, Lane.CPU).job_id == urgent.pk

    def test_a_minute_of_waiting_is_worth_a_step_of_priority(self, cpu_node: WorkerNode) -> None:
        patient, urgent = small(priority=1), small(priority=4)
        waited(patient, timedelta(minutes=3, seconds=30))

        assert claimed(cpu_node, Lane.CPU).job_id == patient.pk
        assert claimed(cpu_node, Lane.CPU).job_id == urgent.pk

    def test_a_changed_priority_keeps_what_was_waited(self, cpu_node: WorkerNode) -> None:
        old, new = small(priority=5), small(priority=5)
        waited(old, timedelta(minutes=2))

        services.set_priority(new.pk, 6, by=None)
        services.set_priority(old.pk, 4, by=None)

        assert claimed(cpu_node, Lane.CPU).job_id == old.pk

    def test_nothing_is_claimed_where_nothing_waits(self, cpu_node: WorkerNode) -> None:
        assert claim(cpu_node, Lane.CPU, "w") is None

    def test_nothing_is_claimed_while_media_features_are_disabled(self, cpu_node: WorkerNode, settings: Settings) -> None:
        small()
        settings.ENABLE_MEDIA_FEATURES = False

        assert claim(cpu_node, Lane.CPU, "w") is None


class TestLease:
    def test_a_claimed_job_runs_under_a_lease(self, cpu_node: WorkerNode) -> None:
        small()

        lease = claimed(cpu_node, Lane.CPU)

        job = fresh(lease)
        assert (job.status, job.attempt, job.lease_token, job.node, job.worker) == ("running", 1, lease.token, cpu_node, "cpu@cpu-1:1")
        assert job.started_at is not None and job.lease_until is not None
        assert lease.params == {"number": 0, "text": ""}

    def test_a_beat_renews_the_lease_and_carries_progress(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        expire(lease)

        answer = beat(lease, progress=40, speed=1.5, log="frame 100")

        assert (answer.is_held, answer.is_cancelled) == (True, False)
        assert take_back_expired() == []
        job = fresh(lease)
        assert (job.progress, job.speed, job.log) == (40, 1.5, "frame 100")

    def test_progress_never_falls_and_never_completes_by_itself(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)

        seen = []
        for progress in (30, 10, 100):
            beat(lease, progress=progress)
            seen.append(fresh(lease).progress)

        assert seen == [30, 30, 99]

    def test_completing_stores_the_result(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)

        complete(lease, result={"number": 1}, outputs=[{"path": "gifs/a.gif", "size": 3}])

        job = fresh(lease)
        assert (job.status, job.progress, job.result, job.outputs) == ("completed", 100, {"number": 1}, [{"path": "gifs/a.gif", "size": 3}])
        assert job.completed_at is not None and job.lease_token is None

    def test_whoever_lost_a_job_writes_nothing(self, gpu_node: WorkerNode) -> None:
        """A stopped worker that goes on after its lease has expired finds its job with somebody else."""
        services.submit("encode", {})
        lost = claimed(gpu_node, Lane.GPU_ENCODE)
        expire(lost)
        take_back_expired()
        held = claimed(gpu_node, Lane.GPU_ENCODE)
        assert held.job_id == lost.job_id
        before = Job.objects.filter(pk=held.job_id).values().get()

        assert not beat(lost, progress=90, log="I am still here").is_held
        with pytest.raises(LeaseLost):
            complete(lost, result={"who": "nobody"})
        with pytest.raises(LeaseLost):
            fail(lost, error="late", error_class="timeout")
        with pytest.raises(LeaseLost):
            give_back(lost)
        with pytest.raises(LeaseLost):
            cancelled(lost)
        with pytest.raises(LeaseLost):
            disk_full(lost, error="late")
        with pytest.raises(LeaseLost):
            name_drafts(lost, ["a.part"])

        assert Job.objects.filter(pk=held.job_id).values().get() == before
        assert used(gpu_node) == 2048
        assert not LaneState.objects.filter(paused_at__isnull=False).exists()

    def test_a_job_that_has_ended_is_nobodys(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        complete(lease, result={})

        with pytest.raises(LeaseLost):
            fail(lease, error="twice", error_class="timeout")

        assert fresh(lease).status == "completed"


class TestMemory:
    def test_a_claim_reserves_memory_and_the_end_gives_it_back(self, gpu_node: WorkerNode) -> None:
        services.submit("encode", {})
        lease = claimed(gpu_node, Lane.GPU_ENCODE)
        assert (lease.vram, lease.uses_gpu, used(gpu_node)) == (2048, True, 2048)

        complete(lease, result={})

        assert used(gpu_node) == 0

    def test_every_end_gives_memory_back(self, gpu_node: WorkerNode) -> None:
        for end in (
            lambda lease: fail(lease, error="no", error_class="unreadable_media"),
            lambda lease: fail(lease, error="no", error_class="timeout", is_transient=True),
            lambda lease: services.cancel(lease.job_id, by=None) and cancelled(lease),
            lambda lease: expire(lease) and take_back_expired(),
            give_back,
        ):
            job = services.submit("encode", {})
            lease = claimed(gpu_node, Lane.GPU_ENCODE)
            assert used(gpu_node) == 2048
            end(lease)
            assert used(gpu_node) == 0
            Job.objects.filter(pk=job.pk).delete()

    def test_a_job_whose_memory_is_taken_waits(self, gpu_node: WorkerNode) -> None:
        for _ in range(5):
            services.submit("encode", {})

        leases = [claim(gpu_node, Lane.GPU_ENCODE, "w") for _ in range(5)]

        assert [lease is not None for lease in leases] == [True] * 4 + [False]
        assert used(gpu_node) == 8192

    def test_a_smaller_job_passes_one_that_does_not_fit(self, gpu_node: WorkerNode) -> None:
        services.submit("model", {})
        claimed(gpu_node, Lane.GPU_AI)
        services.submit("encode", {}, vram_required=4096)
        passing = services.submit("encode", {})

        assert claimed(gpu_node, Lane.GPU_ENCODE).job_id == passing.pk

    def test_a_node_without_a_gpu_takes_the_cpu_path_and_reserves_nothing(self, cpu_node: WorkerNode) -> None:
        services.submit("encode", {})

        lease = claimed(cpu_node, Lane.GPU_ENCODE)

        assert (lease.vram, lease.uses_gpu, used(cpu_node)) == (0, False, 0)

    def test_a_gpu_that_is_too_small_for_ever_is_as_none(self) -> None:
        small_gpu = node("small", vram=1024)
        services.submit("encode", {})

        assert claimed(small_gpu, Lane.GPU_ENCODE).vram == 0

    def test_a_type_without_a_cpu_path_is_not_started_without_a_gpu(self, cpu_node: WorkerNode) -> None:
        services.submit("model", {})

        assert claim(cpu_node, Lane.GPU_AI, "w") is None


class TestBarrier:
    """A big job that starves is not passed for ever by small ones."""

    def test_smaller_jobs_no_longer_pass_a_starving_one(self, gpu_node: WorkerNode) -> None:
        for _ in range(2):
            services.submit("encode", {})
        running = [claimed(gpu_node, Lane.GPU_ENCODE) for _ in range(2)]
        big = services.submit("encode", {}, vram_required=6144)
        services.submit("encode", {})
        waited(big, AN_HOUR)

        assert claim(gpu_node, Lane.GPU_ENCODE, "w") is None
        complete(running[0], result={})
        assert claimed(gpu_node, Lane.GPU_ENCODE).job_id == big.pk

    def test_jobs_of_another_lane_do_not_pass_it_either(self, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        services.submit("encode", {}, vram_required=4096)
        first = claimed(gpu_node, Lane.GPU_ENCODE)
        big = services.submit("model", {})
        services.submit("encode", {})
        waited(big, AN_HOUR)

        assert claim(gpu_node, Lane.GPU_ENCODE, "w") is None
        complete(first, result={})
        assert claim(gpu_node, Lane.GPU_ENCODE, "w") is None  # it would fit, but the big one is to come first
        assert claimed(gpu_node, Lane.GPU_AI).job_id == big.pk
        assert claimed(gpu_node, Lane.GPU_ENCODE)

    def test_it_holds_up_nobody_who_needs_no_memory(self, gpu_node: WorkerNode) -> None:
        services.submit("encode", {}, vram_required=8192)
        claimed(gpu_node, Lane.GPU_ENCODE)
        waited(services.submit("encode", {}, vram_required=8192), AN_HOUR)
        light = services.submit("encode", {}, vram_required=0)

        assert claimed(gpu_node, Lane.GPU_ENCODE).job_id == light.pk

    def test_it_keeps_its_slot_where_nothing_of_its_lane_would_give_one_back(self, gpu_node: WorkerNode) -> None:
        services.submit("model")
        model = claimed(gpu_node, Lane.GPU_AI)
        starving = services.submit("encode", {}, vram_required=8192)
        waited(starving, AN_HOUR)
        services.submit("encode", {}, vram_required=0)

        assert claim(gpu_node, Lane.GPU_ENCODE, "w") is None
        complete(model, result={})
        assert claimed(gpu_node, Lane.GPU_ENCODE).job_id == starving.pk

    def test_a_job_that_never_fits_there_holds_up_nobody(self, gpu_node: WorkerNode) -> None:
        node("bigger", vram=16384)
        never = services.submit("model", {}, vram_required=16384)
        waited(never, AN_HOUR)
        other = services.submit("model", {})

        assert claimed(gpu_node, Lane.GPU_AI).job_id == other.pk

    @pytest.mark.parametrize("why", ["nobody serves its lane", "its lane is paused", "its lane has no free slot"])
    def test_a_job_that_could_not_start_anyway_holds_up_nobody(self, gpu_node: WorkerNode, why: str) -> None:
        if why != "nobody serves its lane":
            worker(gpu_node, Lane.GPU_AI)
        if why == "its lane has no free slot":
            services.submit("model", {}, vram_required=1)
            claimed(gpu_node, Lane.GPU_AI)
        if why == "its lane is paused":
            services.pause(Lane.GPU_AI, by=None)
        waited(services.submit("model", {}), AN_HOUR)
        encode = services.submit("encode", {})

        assert claimed(gpu_node, Lane.GPU_ENCODE).job_id == encode.pk


class TestExclusive:
    def test_of_the_jobs_of_a_library_one_runs(self, cpu_node: WorkerNode) -> None:
        first, second = services.submit("walk", {}), services.submit("walk", {})
        other = small()
        lease = claimed(cpu_node, Lane.CPU)
        assert lease.job_id == first.pk

        assert claimed(cpu_node, Lane.CPU).job_id == other.pk
        assert claim(cpu_node, Lane.CPU, "w") is None
        complete(lease, result={})
        assert claimed(cpu_node, Lane.CPU).job_id == second.pk


class TestLimits:
    def test_a_node_runs_so_many_jobs_of_a_lane(self, cpu_node: WorkerNode, settings: Settings) -> None:
        settings.JOBS_PER_NODE = {"cpu": 2}
        for _ in range(4):
            small()

        leases = [claim(cpu_node, Lane.CPU, "w") for _ in range(3)]

        assert [lease is not None for lease in leases] == [True, True, False]
        assert claim(node("other", vram=0), Lane.CPU, "w") is not None


class TestFailures:
    def test_what_does_not_pass_by_itself_has_failed(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)

        fail(lease, error="Cannot be decoded", error_class="unreadable_media", suggestion="Look at the file.")

        job = fresh(lease)
        assert (job.status, job.error, job.error_class, job.suggestion) == (
            "failed",
            "Cannot be decoded",
            "unreadable_media",
            "Look at the file.",
        )
        assert job.completed_at is not None

    def test_what_may_pass_is_tried_again_later(self, cpu_node: WorkerNode, settings: Settings) -> None:
        settings.RETRY_BASE_SECONDS = 3600.0
        small()
        fail(claimed(cpu_node, Lane.CPU), error="slow", error_class="timeout", is_transient=True)
        job = Job.objects.get()
        assert (job.status, job.error_class) == ("pending", "timeout") and job.run_after is not None
        assert claim(cpu_node, Lane.CPU, "w") is None

        Job.objects.update(run_after=Now())

        assert fresh(claimed(cpu_node, Lane.CPU)).attempt == 2

    def test_a_retry_comes_within_twice_the_base_for_each_attempt_and_never_after_the_cap(self, settings: Settings) -> None:
        settings.RETRY_BASE_SECONDS, settings.RETRY_CAP_SECONDS = 10.0, 30.0
        longest = {attempt: max(retry_delay(attempt).total_seconds() for _ in range(500)) for attempt in (1, 2, 3, 60)}

        assert 5 < longest[1] <= 10 < longest[2] <= 20 < longest[3] <= 30
        assert 20 < longest[60] <= 30

    def test_attempts_come_to_an_end(self, cpu_node: WorkerNode, settings: Settings) -> None:
        settings.RETRY_BASE_SECONDS, settings.MAX_ATTEMPTS = 0.0, 3
        small()

        for _ in range(3):
            fail(claimed(cpu_node, Lane.CPU), error="slow", error_class="timeout", is_transient=True)

        assert Job.objects.get().status == "failed"

    def test_a_full_disk_stops_the_lane_and_costs_no_attempt(self, cpu_node: WorkerNode) -> None:
        small()
        small()
        lease = claimed(cpu_node, Lane.CPU)

        disk_full(lease, error="No space left")

        job = fresh(lease)
        assert (job.status, job.attempt, job.error_class) == ("queued", 0, "no_space")
        assert claim(cpu_node, Lane.CPU, "w") is None
        LaneState.objects.update(resumes_at=Now())
        assert claimed(cpu_node, Lane.CPU)

    def test_a_job_that_met_a_full_disk_lets_the_others_go_first(self, cpu_node: WorkerNode) -> None:
        first, second = small(priority=6), small(priority=6)
        disk_full(claimed(cpu_node, Lane.CPU), error="No space left")
        LaneState.objects.update(resumes_at=Now())

        assert [claimed(cpu_node, Lane.CPU).job_id, claimed(cpu_node, Lane.CPU).job_id] == [second.pk, first.pk]

    def test_what_a_gpu_failed_at_runs_once_more_without_it(self, gpu_node: WorkerNode) -> None:
        services.submit("encode", {})
        fail(claimed(gpu_node, Lane.GPU_ENCODE), error="The GPU failed", error_class="gpu_failed")
        assert used(gpu_node) == 0

        again = claimed(gpu_node, Lane.GPU_ENCODE)

        assert (again.uses_gpu, again.last_error_class, used(gpu_node)) == (False, "gpu_failed", 0)
        fail(again, error="The GPU failed", error_class="gpu_failed")
        assert fresh(again).status == "failed"

    def test_what_a_gpu_failed_at_tries_it_again_when_a_person_retries_it(self, gpu_node: WorkerNode) -> None:
        services.submit("encode", {})
        for _ in range(2):
            fail(lease := claimed(gpu_node, Lane.GPU_ENCODE), error="The GPU failed", error_class="gpu_failed")
        services.retry(lease.job_id, by=None)

        assert claimed(gpu_node, Lane.GPU_ENCODE).uses_gpu
        assert used(gpu_node) == 2048

    def test_what_cannot_do_without_a_gpu_fails_with_it(self, gpu_node: WorkerNode) -> None:
        services.submit("model", {})
        lease = claimed(gpu_node, Lane.GPU_AI)

        fail(lease, error="The GPU failed", error_class="gpu_failed")

        assert fresh(lease).status == "failed"

    def test_a_full_disk_does_not_end_a_persons_pause(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        services.pause(Lane.CPU, by=None, reason="night")

        disk_full(lease, error="No space left")

        state = LaneState.objects.get()
        assert (state.paused_reason, state.resumes_at) == ("night", None)

    def test_a_worker_that_stops_gives_its_job_back(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        beat(lease, progress=50)

        give_back(lease)

        job = fresh(lease)
        assert (job.status, job.attempt, job.progress) == ("queued", 0, 0)


class TestExpiry:
    def test_a_silent_workers_job_goes_to_another(self, gpu_node: WorkerNode) -> None:
        services.submit("encode", {})
        lease = claimed(gpu_node, Lane.GPU_ENCODE)
        name_drafts(lease, ["playback/.1.part.mp4"])
        expire(lease)

        (abandoned,) = take_back_expired()

        assert (abandoned.job_id, abandoned.drafts, abandoned.status) == (lease.job_id, ["playback/.1.part.mp4"], "queued")
        assert used(gpu_node) == 0
        assert claimed(gpu_node, Lane.GPU_ENCODE).attempt == 2

    def test_a_job_over_which_three_workers_died_is_set_aside(self, cpu_node: WorkerNode) -> None:
        small()

        for _ in range(3):
            expire(claimed(cpu_node, Lane.CPU))
            take_back_expired()

        job = Job.objects.get()
        assert (job.status, job.error_class, job.death_count) == ("failed", "worker_died", 3)
        assert "3 times" in job.error

    def test_a_job_that_was_to_be_cancelled_is_cancelled_when_its_worker_died(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        services.cancel(lease.job_id, by=None)
        expire(lease)

        (abandoned,) = take_back_expired()

        assert abandoned.status == "cancelled"


class TestCancelling:
    def test_a_running_job_is_asked_to_stop(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)

        services.cancel(lease.job_id, by=None)

        assert beat(lease).is_cancelled
        cancelled(lease)
        assert fresh(lease).status == "cancelled"

    def test_a_job_that_was_cancelled_never_completes(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        services.cancel(lease.job_id, by=None)

        with pytest.raises(CancelRequested):
            complete(lease, result={})

        assert fresh(lease).status == "running"
        cancelled(lease)
        assert fresh(lease).status == "cancelled"

    def test_a_failure_after_a_cancel_is_no_failure(self, cpu_node: WorkerNode) -> None:
        small()
        lease = claimed(cpu_node, Lane.CPU)
        services.cancel(lease.job_id, by=None)

        fail(lease, error="killed", error_class="timeout", is_transient=True)

        assert fresh(lease).status == "cancelled"

    def test_a_lease_that_never_was_holds_nothing(self, cpu_node: WorkerNode) -> None:
        job = small()
        forged = Lease(job.pk, uuid4(), "small", {}, 1, Lane.CPU, cpu_node.pk, "w", None, None, 0)

        assert not beat(forged).is_held

"""What people may do with jobs and lanes, and what is refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import time
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from jobs import claims, services
from jobs.models import Job, Lane, LaneState, WorkerNode
from jobs.pipelines import Step
from jobs.registry import Params, job_type
from media_library.models import Video
from tests.jobs.kinds import claimed, node

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]


class JoinParams(Params):
    video_ids: list[int]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("night", password="shift")


def notes() -> list[tuple[str, str]]:
    return list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))


class TestSubmitting:
    def test_a_job_keeps_every_param_and_knows_its_lane(self) -> None:
        job = services.submit("encode", {"number": 3})

        assert (job.status, job.params, job.resource_category, job.vram_required) == (
            "queued",
            {"number": 3, "text": ""},
            "gpu_encode",
            2048,
        )
        assert job.ranked_at < job.created_at

    def test_an_explicit_need_of_memory_wins(self) -> None:
        assert services.submit("encode", {}, vram_required=512).vram_required == 512

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"number": -1}, "number"),
            ({"number": True}, "number"),
            ({"number": "3"}, "number"),
            ({"number": 2**70}, "number"),
            ({"text": 1}, "text"),
            ({"colour": "red"}, "colour"),
            ({"text": "a\0b"}, "params"),
            ({"text": "\ud800"}, "params"),
            ({"text": float}, "params"),
        ],
    )
    def test_wrong_params_are_refused_by_field(self, params: dict[str, Any], field: str) -> None:
        with pytest.raises(services.InvalidParams) as refusal:
            services.submit("small", params)

        assert list(refusal.value.details) == [field]
        assert field in str(refusal.value)
        assert not Job.objects.exists()

    def test_a_text_that_only_looks_like_a_nul_is_kept(self) -> None:
        assert services.submit("small", {"text": r"a\u0000b"}).params["text"] == r"a\u0000b"

    def test_every_video_that_params_name_must_be_there(self) -> None:
        @job_type("join", lane=Lane.CPU, params=JoinParams, videos=lambda params: params.video_ids)
        def join(context: Any, params: JoinParams) -> dict[str, Any]:
            """Joins several videos."""
            return {}

        known = Video.objects.create(path="a.mp4").pk
        assert services.submit("join", {"videoIds": [known, known]}).video is None

        with pytest.raises(services.InvalidParams, match=f"There is no video {known + 1}, {known + 2}") as refusal:
            services.submit("join", {"videoIds": [known + 2, known, known + 1]})

        assert list(refusal.value.details) == ["videoIds"]

    def test_an_unknown_type_is_refused(self) -> None:
        with pytest.raises(services.UnknownJobType, match="nonsense") as refusal:
            services.submit("nonsense")

        assert list(refusal.value.details) == ["type"]

    @pytest.mark.parametrize("priority", [-1, 11])
    def test_a_priority_is_0_to_10(self, priority: int) -> None:
        with pytest.raises(services.InvalidParams, match="priority"):
            services.submit("small", priority=priority)

    @pytest.mark.parametrize("vram", [-1, 2**31])
    def test_memory_that_no_column_holds_is_refused(self, vram: int) -> None:
        with pytest.raises(services.InvalidParams, match="vramRequired"):
            services.submit("encode", vram_required=vram)

    def test_more_memory_than_any_node_has_is_refused_where_there_is_no_cpu_path(self) -> None:
        node(vram=8192)

        with pytest.raises(services.TooMuchMemory, match="8192"):
            services.submit("model", vram_required=8193)

        assert services.submit("model", vram_required=8192)
        assert services.submit("encode", vram_required=8193)

    def test_more_memory_than_anybody_knows_of_is_accepted_while_there_is_no_node(self) -> None:
        assert services.submit("model", vram_required=2**20).status == "queued"

    def test_the_lane_is_woken_once_after_the_commit(self, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
        with django_capture_on_commit_callbacks() as hooks:
            for _ in range(3):
                services.submit("small")
            services.submit("encode")

        assert len(hooks) == 2

    @pytest.mark.parametrize("broker", ["is away", "does not answer"])
    def test_a_broker_keeps_nobody_waiting(self, broker: str) -> None:
        """In a process of its own, whose broker is a port where nobody listens, or somebody who never says a word."""
        program = "import django; django.setup()\nfrom jobs import lanes\nlanes.wake('cpu')\nprint('still here')"
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1] if broker == "does not answer" else 1
            environment = os.environ | {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "DJANGO_SETTINGS_MODULE": "config.settings"}
            done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False)

        assert (done.returncode, done.stdout.strip()) == (0, "still here"), done.stderr
        assert "cpu has work, but no message could be sent" in done.stderr


class TestCancelling:
    def test_a_waiting_job_is_cancelled_at_once(self, admin: User) -> None:
        job = services.submit("small")

        cancelled = services.cancel(job.pk, by=admin)

        assert cancelled.status == "cancelled" and cancelled.completed_at is not None
        assert notes() == [(f"small #{job.pk}", "Cancelled.")]

    def test_a_job_that_has_ended_cannot_be_cancelled(self) -> None:
        job = services.submit("small")
        services.cancel(job.pk, by=None)

        with pytest.raises(services.WrongState, match="is cancelled"):
            services.cancel(job.pk, by=None)

    def test_there_must_be_such_a_job(self) -> None:
        for act in (services.cancel, services.retry, services.dismiss):
            with pytest.raises(services.JobNotFound):
                act(10**6, by=None)
        with pytest.raises(services.JobNotFound):
            services.set_priority(10**6, 5, by=None)


class TestRetrying:
    def test_a_failed_job_starts_afresh(self, cpu_node: WorkerNode, admin: User) -> None:
        job = services.submit("small")
        claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout", suggestion="wait")

        retried = services.retry(job.pk, by=admin)

        assert (retried.status, retried.attempt, retried.error, retried.error_class, retried.suggestion) == ("queued", 0, "", "", "")
        assert claimed(cpu_node, Lane.CPU).job_id == job.pk
        assert notes() == [(f"small #{job.pk}", "Retried.")]

    def test_a_job_that_waits_or_has_completed_is_not_retried(self) -> None:
        job = services.submit("small")

        with pytest.raises(services.WrongState, match="is queued"):
            services.retry(job.pk, by=None)

    def test_whose_pipelines_were_resumed_is_kept(self, cpu_node: WorkerNode, admin: User) -> None:
        pipeline = services.submit_pipeline([Step("a", "small")])
        claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout")

        assert services.retry_failed("timeout", by=admin) == 1

        assert notes() == [(str(pipeline), "Resumed.")]

    def test_all_failures_of_a_class_are_retried_at_once(self, cpu_node: WorkerNode) -> None:
        for error_class in ("timeout", "timeout", "unreadable_media"):
            services.submit("small")
            claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class=error_class)

        assert services.retry_failed("timeout", by=None) == 2

        assert Job.objects.filter(status="queued").count() == 2
        assert Job.objects.get(status="failed").error_class == "unreadable_media"


class TestDismissing:
    def failed(self, node: WorkerNode, error_class: str = "timeout") -> Job:
        job = services.submit("small")
        claims.fail(claimed(node, Lane.CPU), error="no", error_class=error_class)
        return job

    def test_a_failure_stays_one_that_nobody_has_to_look_after(self, cpu_node: WorkerNode, admin: User) -> None:
        job = self.failed(cpu_node)

        dismissed = services.dismiss(job.pk, by=admin)

        assert (dismissed.status, dismissed.error) == ("failed", "no")
        assert not Job.objects.left_failed().exists()
        assert notes() == [(f"small #{job.pk}", "Dismissed.")]

    def test_only_a_failed_job_is_dismissed(self) -> None:
        with pytest.raises(services.WrongState, match="is queued"):
            services.dismiss(services.submit("small").pk, by=None)

    def test_all_failures_of_a_class_are_dismissed_at_once(self, cpu_node: WorkerNode, admin: User) -> None:
        for error_class in ("timeout", "timeout", "crashed"):
            self.failed(cpu_node, error_class)

        assert services.dismiss_failed("timeout", by=admin) == 2

        assert [job.error_class for job in Job.objects.left_failed()] == ["crashed"]
        assert len(notes()) == 2
        assert services.dismiss_failed("timeout", by=admin) == 0

    def test_what_was_dismissed_is_not_retried_with_the_others(self, cpu_node: WorkerNode) -> None:
        services.dismiss(self.failed(cpu_node).pk, by=None)

        assert services.retry_failed("timeout", by=None) == 0

    def test_a_dismissed_failure_that_is_retried_and_fails_again_is_told_again(self, cpu_node: WorkerNode) -> None:
        job = self.failed(cpu_node)
        services.dismiss(job.pk, by=None)
        services.retry(job.pk, by=None)

        claims.fail(claimed(cpu_node, Lane.CPU), error="no", error_class="timeout")

        assert Job.objects.left_failed().get() == job


class TestPriority:
    def test_a_running_job_has_no_place_in_the_queue(self, cpu_node: WorkerNode) -> None:
        job = services.submit("small")
        claimed(cpu_node, Lane.CPU)

        with pytest.raises(services.WrongState, match="is running"):
            services.set_priority(job.pk, 6, by=None)

    def test_a_priority_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(services.InvalidParams):
            services.set_priority(services.submit("small").pk, 11, by=None)

    def test_who_moved_a_job_is_kept(self, admin: User) -> None:
        job = services.submit("small")

        assert services.set_priority(job.pk, 8, by=admin).priority == 8

        assert notes() == [(f"small #{job.pk}", "Priority 8.")]


class TestLanes:
    def test_a_paused_lane_starts_nothing_and_running_jobs_go_on(self, cpu_node: WorkerNode, admin: User) -> None:
        for _ in range(2):
            services.submit("small")
        running = claimed(cpu_node, Lane.CPU)

        opening = services.pause(Lane.CPU, by=admin, reason="backup")

        assert (opening.is_open, opening.is_paused, opening.paused_by) == (False, True, "night")
        assert opening.reason == "the lane cpu is paused by night: backup"
        assert claims.claim(cpu_node, Lane.CPU, "w") is None
        claims.complete(running, result={})
        services.resume(Lane.CPU, by=admin)
        assert claimed(cpu_node, Lane.CPU)
        assert notes() == [("cpu", "Paused: backup"), ("cpu", "Resumed.")]

    def test_a_lane_keeps_its_hours(self, cpu_node: WorkerNode, settings: Settings) -> None:
        services.submit("small")
        with connection.cursor() as cursor:
            cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::time, (now() AT TIME ZONE 'UTC' + interval '2 hours')::time")
            now, later = cursor.fetchone()
        after = time((later.hour + 2) % 24, later.minute)

        closed = services.set_hours(Lane.CPU, later.replace(microsecond=0), after, by=None)

        assert closed.reason == f"the lane cpu opens at {later:%H:%M}" and not closed.is_paused
        assert claims.claim(cpu_node, Lane.CPU, "w") is None
        assert services.set_hours(Lane.CPU, now, later, by=None).is_open
        assert claimed(cpu_node, Lane.CPU)

    def test_hours_have_two_ends(self) -> None:
        with pytest.raises(services.InvalidParams, match="closesAt"):
            services.set_hours(Lane.CPU, time(22), None, by=None)

    def test_hours_that_end_when_they_begin_are_refused(self) -> None:
        with pytest.raises(services.InvalidParams, match="closesAt"):
            services.set_hours(Lane.CPU, time(22), time(22), by=None)

    def test_a_lane_that_does_not_exist_is_not_found(self) -> None:
        with pytest.raises(services.UnknownLane, match="gpu_ai"):
            services.pause("turbo", by=None)

    def test_a_stop_for_a_full_disk_ends_by_itself(self) -> None:
        state = LaneState.objects.create(lane="cpu", paused_at=Now(), paused_reason="the disk is full", resumes_at=Now())

        assert services.set_pauses_for_viewers(Lane.CPU, False, by=None).is_open
        assert state.lane == "cpu"

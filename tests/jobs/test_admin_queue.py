"""The queue's page of the admin: what it shows, what its buttons do, what it costs, and who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from jobs import claims, services
from jobs.models import Job, Lane, LaneState, WorkerNode
from jobs.pipelines import Step
from tests.gallery.rows import video
from tests.jobs.kinds import claimed, worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

QUEUE, STATE = "/admin/jobs/job/", "/admin/jobs/job/state/"
PAGE_COST = 36  # statements, however long the queue is


@pytest.fixture
def page(admin_client: Client) -> Callable[..., str]:
    """The queue as text, without tags."""

    def page(**query: str) -> str:
        reply = admin_client.get(QUEUE, query)
        assert reply.status_code == 200
        return words(reply.content.decode())

    return page


@pytest.fixture
def press(admin_client: Client) -> Callable[..., Any]:
    """Press a button as the script does; what the reply tells."""

    def press(act: str, **fields: str) -> tuple[str, str]:
        reply = admin_client.post(QUEUE, {"act": act, **fields}, headers={"Accept": "application/json"})
        assert reply.status_code == 200
        (told,) = reply.json()["messages"]
        return told["level"], told["text"]

    return press


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def failed(node: WorkerNode, *, error_class: str = "no_space", type: str = "small") -> Job:
    job = services.submit(type, {})
    claims.fail(claimed(node, job.resource_category), error="The disk is full", error_class=error_class, suggestion="Free some space.")
    return job


class TestShowing:
    def test_without_a_worker_it_says_how_to_start_one(self, page: Callable[..., str]) -> None:
        shown = page()

        assert "No worker runs, so no job will start." in shown
        assert "celery -A config worker -Q cpu" in shown
        assert "Nothing waits." in shown and "Nothing has failed." in shown and "Nothing has ended yet." in shown

    def test_a_lane_without_a_worker_is_named_while_jobs_wait_there(self, page: Callable[..., str], gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.CPU)
        services.submit("model", {})

        assert "No worker serves GPU: models, where 1 job waits." in page()

    def test_the_lanes_show_their_workers_and_memory(self, page: Callable[..., str], gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI, slots=2)
        services.submit("model", {})
        claimed(gpu_node, Lane.GPU_AI)

        assert "2.0 GB of 8.0 GB GPU memory free" in page()

    def test_a_running_job_shows_how_far_it_is(self, page: Callable[..., str], cpu_node: WorkerNode) -> None:
        job = services.submit("small", {"text": "Harbour"})
        lease = claimed(cpu_node, Lane.CPU)
        claims.beat(lease, progress=42, speed=3.24, log="frame 1\nframe 2")
        Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=84))

        shown = page()

        assert f"small #{job.pk} text Harbour" in shown
        assert "42 % · 3.2× · 1 min 56 s left" in shown
        assert "frame 2" in shown

    def test_waiting_jobs_show_place_and_reason(self, page: Callable[..., str], gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        holder, waiting = services.submit("model", {}), services.submit("model", {})
        claimed(gpu_node, Lane.GPU_AI)

        shown = page()

        assert f"Place 1 model #{waiting.pk}" in shown
        assert f"Needs 6.0 GB of GPU memory; 2.0 GB free on gpu-1, held by job {holder.pk}" in shown

    def test_one_lane_can_be_looked_at(self, page: Callable[..., str]) -> None:
        small, model = services.submit("small", {}), services.submit("model", {})

        shown = page(lane="gpu_ai")

        assert f"#{model.pk}" in shown and f"#{small.pk}" not in shown

    def test_failures_are_told_by_class(self, page: Callable[..., str], cpu_node: WorkerNode) -> None:
        for _ in range(2):
            failed(cpu_node)
        failed(cpu_node, error_class="timeout")

        shown = page()

        assert re.search(r"No space 2 jobs, the last .{1,20} The disk is full Free some space. Retry all 2", shown)
        assert "Timeout 1 job" in shown

    def test_pipelines_show_their_steps(self, page: Callable[..., str], cpu_node: WorkerNode) -> None:
        services.submit_pipeline([Step("first", "small"), Step("second", "small", needs=("first",))], name="Two")
        claims.beat(claimed(cpu_node, Lane.CPU), progress=30)

        assert "first 30 % second pending" in page()

    def test_hostile_text_stays_text(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        services.submit("small", {"text": "<script>alert(1)</script>\u202e"})
        lease = claimed(cpu_node, Lane.CPU)
        claims.beat(lease, progress=1, log="<img src=x onerror=alert(2)>")
        services.pause("cpu", by=None, reason="<b>loud</b>")

        page = admin_client.get(QUEUE).content.decode()

        assert "<script>alert" not in page and "<img src=x" not in page and "<b>loud" not in page
        assert "\u202e" not in page

    def test_the_script_gets_the_same_sections(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        services.submit("small", {})
        claimed(cpu_node, Lane.CPU)
        services.submit("small", {})

        reply = admin_client.get(STATE)
        state = reply.json()

        assert set(state["sections"]) == {"lanes", "running", "waiting", "failures", "pipelines", "ended"}
        assert state["words"] == "1 running, 1 waiting, 0 failed"
        assert "no-store" in reply.headers["Cache-Control"]
        page = words(admin_client.get(QUEUE).content.decode())
        assert all(words(section).partition("added")[0] in page for name, section in state["sections"].items() if name != "running")

    def test_it_costs_the_same_for_one_job_and_for_hundreds(
        self, admin_client: Client, cpu_node: WorkerNode, gpu_node: WorkerNode, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for lane in Lane.values:
            worker(gpu_node, lane, slots=8)
        clip = video()
        Job.objects.bulk_create(
            Job(type="small", status=status, resource_category=lane, video=clip, error_class="timeout" if status == "failed" else "")
            for status in ("queued", "pending", "failed", "completed")
            for lane in Lane.values
            for _ in range(40)
        )
        for _ in range(5):
            services.submit_pipeline([Step("one", "small"), Step("two", "small", needs=("one",))])
            claimed(cpu_node, Lane.CPU)

        with django_assert_max_num_queries(PAGE_COST):
            admin_client.get(QUEUE)


class TestPressing:
    def test_cancel(self, press: Callable[..., Any]) -> None:
        job = services.submit("small", {})

        assert press(f"cancel:{job.pk}") == ("success", f"Cancelled small #{job.pk}.")
        assert Job.objects.get(pk=job.pk).status == "cancelled"
        level, text = press(f"cancel:{job.pk}")
        assert (level, text) == ("error", "The job is cancelled and cannot be cancelled")

    def test_priority_up_and_down(self, press: Callable[..., Any]) -> None:
        job = services.submit("small", {}, priority=9)

        press(f"raise:{job.pk}"), press(f"raise:{job.pk}")
        assert Job.objects.get(pk=job.pk).priority == 10
        assert press(f"lower:{job.pk}") == ("success", f"Priority 9 for small #{job.pk}.")

    def test_retry_of_a_whole_class(self, press: Callable[..., Any], cpu_node: WorkerNode) -> None:
        full, other = [failed(cpu_node) for _ in range(2)], failed(cpu_node, error_class="timeout")

        assert press("retry-class:no_space") == ("success", "Queued 2 jobs again: no space.")
        assert {job.status for job in Job.objects.filter(pk__in=[job.pk for job in full])} == {"queued"}
        assert Job.objects.get(pk=other.pk).status == "failed"

    def test_dismissing_one_and_a_whole_class(self, press: Callable[..., Any], page: Callable[..., str], cpu_node: WorkerNode) -> None:
        first = failed(cpu_node)
        for _ in range(2):
            failed(cpu_node)
        failed(cpu_node, error_class="timeout")

        assert press(f"dismiss:{first.pk}") == ("success", f"Dismissed small #{first.pk}.")
        assert press("dismiss-class:no_space") == ("success", "Dismissed 2 failures: no space.")

        shown = words(page())
        assert "Failed 1" in shown and "Timeout" in shown and "No space" not in shown

    def test_pause_and_resume(self, press: Callable[..., Any], page: Callable[..., str]) -> None:
        assert press("pause:cpu", reason="the fan is loud") == ("success", "CPU is paused. What runs there finishes.")
        assert "The lane cpu is paused by admin: the fan is loud" in page()
        assert press("resume:cpu") == ("success", "CPU starts jobs again.")

    def test_hours(self, press: Callable[..., Any]) -> None:
        assert press("hours:cpu", opens_at="22:00", closes_at="07:00") == ("success", "CPU starts jobs from 22:00 to 07:00.")
        assert LaneState.objects.get(pk="cpu").opens_at == time(22)
        assert press("hours:cpu", opens_at="22:00", closes_at="")[0] == "error"
        assert press("hours:cpu", opens_at="late", closes_at="07:00")[0] == "error"
        assert press("hours:cpu", opens_at="", closes_at="") == ("success", "CPU starts jobs at any hour.")

    def test_viewers(self, press: Callable[..., Any]) -> None:
        press("pause-for-viewers:gpu_encode")
        assert LaneState.objects.get(pk="gpu_encode").pauses_for_viewers
        press("ignore-viewers:gpu_encode")
        assert not LaneState.objects.get(pk="gpu_encode").pauses_for_viewers

    def test_pipelines(self, press: Callable[..., Any]) -> None:
        pipeline = services.submit_pipeline([Step("one", "small")], name="One")

        assert press(f"cancel-pipeline:{pipeline.pk}") == ("success", f"Cancelled One #{pipeline.pk}.")
        assert press(f"resume-pipeline:{pipeline.pk}") == ("success", f"Resumed One #{pipeline.pk}.")

    @pytest.mark.parametrize("act", ["cancel:999999999", "retry:999999999", "raise:999999999", "cancel-pipeline:999999999", "pause:disk"])
    def test_what_is_gone_is_said(self, press: Callable[..., Any], act: str) -> None:
        assert press(act)[0] == "error"

    @pytest.mark.parametrize("act", ["", "explode:1", "cancel:abc", "cancel:", f"cancel:{2**70}", "cancel:１"])
    def test_what_no_button_asks_is_refused(self, admin_client: Client, act: str) -> None:
        assert admin_client.post(QUEUE, {"act": act}).status_code == 400

    def test_without_scripts_a_press_comes_back_with_a_message(self, admin_client: Client) -> None:
        job = services.submit("small", {})

        reply = admin_client.post(f"{QUEUE}?lane=cpu", {"act": f"cancel:{job.pk}"}, headers={"Accept": "text/html"}, follow=True)

        assert reply.redirect_chain == [(f"{QUEUE}?lane=cpu", 302)]
        assert f"Cancelled small #{job.pk}." in words(reply.content.decode())


class TestWhoMay:
    @pytest.fixture
    def clerk(self) -> User:
        user = User.objects.create_user("clerk", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_job"), Permission.objects.get(codename="view_pipeline"))
        return user

    def test_a_looker_sees_and_cannot_act(self, client: Client, clerk: User) -> None:
        job = services.submit("small", {})
        client.force_login(clerk)

        page = client.get(QUEUE)

        assert page.status_code == 200
        assert "cancel:" not in page.content.decode() and "Add job" not in page.content.decode()
        assert client.post(QUEUE, {"act": f"cancel:{job.pk}"}).status_code == 403
        assert client.post(f"{QUEUE}{job.pk}/change/", {"act": f"cancel:{job.pk}"}).status_code == 403
        assert client.get(f"{QUEUE}add/").status_code == 403
        assert Job.objects.get(pk=job.pk).status == "queued"

    @pytest.mark.parametrize("address", [QUEUE, STATE, f"{QUEUE}all/", f"{QUEUE}1/change/", f"{QUEUE}1/state/", "/admin/jobs/pipeline/"])
    def test_staff_without_permission_see_nothing(self, client: Client, address: str) -> None:
        client.force_login(User.objects.create_user("other", is_staff=True))

        assert client.get(address).status_code == 403

    def test_media_admins_may_act(self, client: Client) -> None:
        admin = User.objects.create_user("editor", is_staff=True)
        admin.groups.add(Group.objects.get(name="MEDIA_ADMIN"))
        job = services.submit("small", {})
        client.force_login(admin)

        client.post(QUEUE, {"act": f"cancel:{job.pk}"})

        assert Job.objects.get(pk=job.pk).status == "cancelled"
        assert client.get(f"{QUEUE}add/?type=small").status_code == 200

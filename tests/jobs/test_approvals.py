"""Steps that wait for a person: approved, declined, and seen to wait."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from jobs import claims, queue, services
from jobs.models import Job, Lane, Pipeline, WorkerNode
from jobs.pipelines import Step
from tests.jobs.kinds import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

PLAN = [Step("make", "small"), Step("show", "small", needs=("make",), needs_approval=True), Step("tell", "small", needs=("show",))]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("night", password="shift")


@pytest.fixture
def pipeline(cpu_node: WorkerNode) -> Pipeline:
    """Its first step has completed, and its second waits for a person."""
    started = services.submit_pipeline(PLAN)
    claims.complete(claimed(cpu_node, Lane.CPU), result={})
    return started


def step(key: str) -> Job:
    return Job.objects.get(pipeline_step__key=key)


def step_of(pipeline: Pipeline, key: str) -> Job:
    return Job.objects.get(pipeline=pipeline, pipeline_step__key=key)


def states() -> list[str]:
    return list(Job.objects.order_by("pipeline_step__position").values_list("status", flat=True))


def test_a_step_that_needs_approval_waits_when_its_turn_has_come(pipeline: Pipeline, cpu_node: WorkerNode) -> None:
    assert states() == ["completed", "pending", "pending"]
    assert claims.claim(cpu_node, Lane.CPU, "test@here:1") is None
    assert queue.waiting_reasons([step("show")]) == {step("show").pk: "waits for somebody's approval"}


def test_the_front_page_says_how_many_wait_whose_turn_has_come(pipeline: Pipeline, admin_client: Client) -> None:
    later = services.submit_pipeline(PLAN)
    page = admin_client.get("/admin/").content.decode()

    assert "<b>1 step is waiting</b> for somebody’s approval" in page and "/admin/jobs/job/#live-waiting" in page

    services.approve(step_of(pipeline, "show").pk, by=None)
    assert "for somebody’s approval" not in admin_client.get("/admin/").content.decode()
    assert later.status == Pipeline.Status.RUNNING


def test_an_approved_step_starts_and_remembers_who_said_so(pipeline: Pipeline, admin: User) -> None:
    services.approve(step("show").pk, by=admin)

    assert states() == ["completed", "queued", "pending"]
    shown = step("show").pipeline_step
    assert shown is not None and shown.approved_by == admin and shown.approved_at is not None
    assert LogEntry.objects.get().change_message == "Approved."


def test_the_queue_offers_to_approve_or_decline_what_waits_for_it(pipeline: Pipeline, admin_client: Client) -> None:
    waiting, later = step("show"), step("tell")
    page = admin_client.get("/admin/jobs/job/").content.decode()
    offers = [f'value="{verb}:{job.pk}"' for verb in ("approve", "decline") for job in (waiting, later)]
    assert [offer in page for offer in offers] == [True, False, True, False]

    told = admin_client.post("/admin/jobs/job/", {"act": f"approve:{waiting.pk}"}, headers={"Accept": "application/json"}).json()

    assert told["messages"][0]["text"] == f"Approved {waiting}."
    assert step("show").status == Job.Status.QUEUED


def test_a_declined_step_is_cancelled_with_what_needs_it(pipeline: Pipeline, admin: User) -> None:
    services.decline(step("show").pk, by=admin)

    assert states() == ["completed", "cancelled", "cancelled"]
    assert (step("show").error, step("tell").error) == ("Declined by night", "The step show was cancelled")
    pipeline.refresh_from_db()
    assert pipeline.status == "cancelled"


def test_resuming_asks_anew_for_what_was_declined_and_not_for_what_was_approved(pipeline: Pipeline, cpu_node: WorkerNode) -> None:
    services.decline(step("show").pk, by=None)
    services.resume_pipeline(pipeline.pk, by=None)
    assert states() == ["completed", "pending", "pending"]

    services.approve(step("show").pk, by=None)
    claims.fail(claimed(cpu_node, Lane.CPU), error="Broken", error_class="unreadable_media")
    services.resume_pipeline(pipeline.pk, by=None)
    assert states() == ["completed", "queued", "pending"]


@pytest.mark.parametrize("decide", [services.approve, services.decline])
def test_only_a_step_whose_turn_has_come_is_decided_about_and_once(cpu_node: WorkerNode, decide: Any) -> None:
    services.submit_pipeline(PLAN)
    for key in ("make", "show", "tell"):
        with pytest.raises(services.WrongState):
            decide(step(key).pk, by=None)
    alone = services.submit("small")
    with pytest.raises(services.WrongState):
        decide(alone.pk, by=None)
    with pytest.raises(services.JobNotFound):
        decide(10**9, by=None)

    claims.complete(claimed(cpu_node, Lane.CPU), result={})
    decide(step("show").pk, by=None)
    with pytest.raises(services.WrongState):
        decide(step("show").pk, by=None)


def test_a_step_that_waits_for_approval_can_be_cancelled_like_any_other(pipeline: Pipeline) -> None:
    services.cancel_pipeline(pipeline.pk, by=None)
    assert states() == ["completed", "cancelled", "cancelled"]


class TestApi:
    @pytest.fixture
    def api(self, admin: User, client: Client) -> Client:
        client.force_login(admin)
        return client

    def test_a_step_of_ones_own_may_need_approval(self, api: Client, cpu_node: WorkerNode) -> None:
        steps = [{"key": "one", "type": "small", "needsApproval": True}, {"key": "two", "type": "small"}]
        started = api.post("/api/pipelines", {"steps": steps}, content_type="application/json").json()

        assert [(one["needsApproval"], one["approvedAt"], one["status"]) for one in started["steps"]] == [
            (True, None, "pending"),
            (False, None, "queued"),
        ]
        job_id = started["steps"][0]["jobId"]
        assert api.get(f"/api/jobs/{job_id}").json()["waitingReason"] == "waits for somebody's approval"
        assert api.post(f"/api/jobs/{job_id}/approve").json()["status"] == "queued"
        shown = api.get(f"/api/pipelines/{started['id']}").json()
        assert shown["steps"][0]["approvedAt"] is not None

    def test_declining_cancels(self, api: Client, pipeline: Pipeline) -> None:
        declined = api.post(f"/api/jobs/{step('show').pk}/decline").json()
        assert (declined["status"], declined["error"]) == ("cancelled", "Declined by night")

    def test_what_does_not_wait_for_approval_is_a_conflict(self, api: Client, pipeline: Pipeline) -> None:
        for verb in ("approve", "decline"):
            assert api.post(f"/api/jobs/{step('make').pk}/{verb}").status_code == 409
            assert api.post(f"/api/jobs/999999/{verb}").status_code == 404


class TestAdmin:
    @pytest.fixture
    def page(self, admin: User, client: Client) -> Client:
        client.force_login(admin)
        return client

    @pytest.mark.parametrize(("verb", "status"), [("approve", "queued"), ("decline", "cancelled")])
    @pytest.mark.parametrize("of", ["job", "pipeline"])
    def test_the_pages_of_the_job_and_its_pipeline_have_the_buttons(
        self, page: Client, pipeline: Pipeline, verb: str, status: str, of: str
    ) -> None:
        address = f"/admin/jobs/{of}/{(step('show') if of == 'job' else pipeline).pk}/change/"
        act = f"{verb}:{step('show').pk}"
        assert f'value="{act}"' in page.get(address).content.decode()

        page.post(address, {"act": act})

        assert step("show").status == status
        assert f'value="{act}"' not in page.get(address).content.decode()

    def test_the_queue_says_what_waits_for_whom(self, page: Client, pipeline: Pipeline) -> None:
        shown = page.get("/admin/jobs/job/").content.decode()
        assert "Waits for somebody&#x27;s approval" in shown and "waits for approval" in shown

"""The admin's API of jobs, over HTTP."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from jobs import claims, services
from jobs.models import Job, Lane, WorkerNode
from jobs.pipelines import Step
from tests.config.conftest import signed_in
from tests.gallery.rows import video
from tests.jobs.kinds import claimed, worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

ISO_MS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SPECIFIED = {
    "id", "type", "status", "progress", "log", "params", "resourceCategory", "vramRequired", "queuePosition", "waitingReason",
    "priority", "pipelineId", "pipelineStepId", "startedAt", "completedAt", "createdAt",
    "result", "error", "errorClass", "suggestion", "attempt", "worker",
}  # fmt: skip
PAGE_COST = 20  # statements of a page of jobs, however long it is

Post = Callable[..., Any]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("editor")


@pytest.fixture
def api(admin: User) -> Client:
    return signed_in(admin)


@pytest.fixture
def submit(api: Client) -> Post:
    """POST /api/jobs; the job where it was made, else the reply's body."""

    def submit(type: str = "small", params: Any = None, *, status: int = 201, headers: dict[str, str] | None = None, **more: Any) -> Any:
        body = {"type": type, "params": {} if params is None else params, **more}
        reply = api.post("/api/jobs", body, content_type="application/json", headers=headers)
        assert reply.status_code == status, reply.content
        return reply.json()

    return submit


def listed(api: Client, **query: Any) -> list[int]:
    reply = api.get("/api/jobs", query)
    assert reply.status_code == 200, reply.content
    return [job["id"] for job in reply.json()["jobs"]]


def act(api: Client, job_id: int, verb: str, body: Any = None) -> Any:
    return api.post(f"/api/jobs/{job_id}/{verb}", body or {}, content_type="application/json")


def finished(job: Job, node: WorkerNode) -> None:
    claims.complete(claimed(node, job.resource_category), result={"number": 1})


def failed(job: Job, node: WorkerNode, *, error_class: str = "unreadable_media") -> None:
    lease = claimed(node, job.resource_category)
    claims.fail(lease, error="It is no video", error_class=error_class, suggestion="Look at the file.")


class TestSubmitting:
    def test_a_job_is_shown_with_every_column(self, submit: Post) -> None:
        job = submit("small", {"number": 3}, priority=7)

        assert set(job) >= SPECIFIED
        assert (job["type"], job["params"], job["priority"]) == ("small", {"number": 3, "text": ""}, 7)
        assert (job["resourceCategory"], job["vramRequired"], job["progress"], job["attempt"]) == ("cpu", 0, 0, 0)
        assert (job["queuePosition"], job["waitingReason"]) == (1, "no worker serves the lane cpu")
        assert job["submittedBy"] == "editor"
        assert ISO_MS.fullmatch(job["createdAt"])
        assert (job["startedAt"], job["completedAt"], job["error"], job["log"]) == (None, None, None, None)

    def test_a_number_beyond_64_bits_comes_back_as_what_was_sent(self, api: Client, submit: Post) -> None:
        job = submit("fetch", {"url": "https://example.org/film.mp4", "maxSeconds": 1e30}, headers={"Idempotency-Key": "large-1"})

        assert job["params"]["maxSeconds"] == 1e30
        assert api.get(f"/api/jobs/{job['id']}").json()["params"]["maxSeconds"] == 1e30

    def test_the_reply_is_what_a_get_shows(self, api: Client, submit: Post) -> None:
        job = submit()

        assert api.get(f"/api/jobs/{job['id']}").json() == job

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "type"),
            ({"type": "nonsense"}, "type"),
            ({"type": 7}, "type"),
            ({"type": "small", "params": []}, "params"),
            ({"type": "small", "params": {"number": -1}}, "params.number"),
            ({"type": "small", "params": {"number": "1"}}, "params.number"),
            ({"type": "small", "params": {"colour": "red"}}, "params.colour"),
            ({"type": "small", "params": {"text": "\0"}}, "params"),
            ({"type": "small", "priority": 11}, "priority"),
            ({"type": "small", "priority": -1}, "priority"),
            ({"type": "small", "priority": "5"}, "priority"),
            ({"type": "small", "priority": True}, "priority"),
            ({"type": "small", "vramRequired": -1}, "vramRequired"),
            ({"type": "small", "vramRequired": 2**40}, "vramRequired"),
            ({"type": "small", "status": "completed"}, "status"),
            ({"type": "generate_gif"}, "params.videoId"),
            ({"type": "generate_gif", "params": {"videoId": 999_999_999}}, "params.videoId"),
        ],
    )
    def test_what_is_wrong_is_named(self, api: Client, body: dict[str, Any], field: str) -> None:
        reply = api.post("/api/jobs", body, content_type="application/json")

        assert reply.status_code == 400
        assert field in reply.json()["error"]
        assert field in reply.json()["details"]
        assert not Job.objects.exists()

    @pytest.mark.parametrize("body", ["[]", "null", "3", '"small"', "{", ""])
    def test_a_body_that_is_no_object_is_a_clear_400(self, api: Client, body: str) -> None:
        assert api.post("/api/jobs", body, content_type="application/json").status_code == 400

    def test_more_memory_than_any_node_has_is_refused_where_there_is_no_other_path(self, submit: Post, gpu_node: WorkerNode) -> None:
        refused = submit("model", vramRequired=9000, status=400)
        accepted = submit("encode", vramRequired=9000)

        assert "vramRequired" in refused["details"]
        assert accepted["vramRequired"] == 9000

    def test_the_same_key_makes_one_job(self, submit: Post) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}

        first, second = submit(headers=key), submit(headers=key)

        assert first == second
        assert Job.objects.count() == 1

    def test_the_same_key_for_another_job_is_a_conflict(self, submit: Post) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        submit(headers=key)

        submit("small", {"number": 1}, headers=key, status=409)

    def test_a_refused_job_does_not_use_up_the_key(self, submit: Post) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        submit("small", {"number": -1}, headers=key, status=400)

        submit("small", {"number": 1}, headers=key)


class TestTypes:
    def test_they_carry_their_schema(self, api: Client) -> None:
        types = {row["type"]: row for row in api.get("/api/jobs/types").json()["types"]}

        assert {"scan", "public_scan", "small", "model"} <= set(types)
        assert types["model"]["resourceCategory"] == "gpu_ai"
        assert (types["model"]["vramRequired"], types["model"]["hasCpuPath"]) == (6144, False)
        assert types["small"]["description"] == "Does next to nothing."
        assert types["small"]["params"]["properties"]["number"]["minimum"] == 0

    def test_the_openapi_document_has_the_params_of_each_type(self, api: Client) -> None:
        operation = api.get("/api/schema").json()["paths"]["/api/jobs"]["post"]
        bodies = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        by_type = {body["properties"]["type"]["enum"][0]: body for body in bodies}

        assert by_type["generate_gif"]["properties"]["params"]["required"] == ["videoId"]
        assert by_type["generate_gif"]["required"] == ["type", "params"]
        assert by_type["scan"]["required"] == ["type"]
        assert {parameter["name"] for parameter in operation["parameters"]} == {"Idempotency-Key"}


class TestLists:
    def test_the_newest_is_first_and_has_no_log(self, api: Client, submit: Post) -> None:
        first, second = submit()["id"], submit()["id"]

        reply = api.get("/api/jobs").json()

        assert [job["id"] for job in reply["jobs"]] == [second, first]
        assert set(reply["jobs"][0]) >= SPECIFIED - {"log"}
        assert "log" not in reply["jobs"][0]
        assert reply["pagination"] == {
            "total": 2, "totalIsCapped": False, "limit": 50, "offset": 0, "hasMore": False, "nextCursor": None,
        }  # fmt: skip

    def test_filters(self, api: Client, submit: Post) -> None:
        clip = video()
        small, encode = submit("small")["id"], submit("encode")["id"]
        gif = submit("generate_gif", {"videoId": clip.pk})["id"]

        assert listed(api, type="small") == [small]
        assert listed(api, resourceCategory="gpu_encode") == [encode]
        assert listed(api, videoId=clip.pk) == [gif]
        assert listed(api, type="nothing of the kind") == []
        assert listed(api, videoId=2**62) == []
        assert listed(api, pipelineId=1) == []

    def test_pending_is_what_cannot_start_yet(self, api: Client, submit: Post, cpu_node: WorkerNode) -> None:
        walking, other = submit("walk")["id"], submit("walk")["id"]
        small = submit("small")["id"]
        claimed(cpu_node, Lane.CPU)

        assert listed(api, status="running") == [walking]
        assert listed(api, status="pending") == [other]
        assert listed(api, status="queued") == [small]
        services.pause("cpu", by=None)
        assert listed(api, status="pending") == [small, other]
        assert listed(api, status="queued") == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"status": "lost"}, "status"),
            ({"resourceCategory": "disk"}, "resourceCategory"),
            ({"videoId": "abc"}, "videoId"),
            ({"pipelineId": "1.5"}, "pipelineId"),
            ({"videoId": str(2**64)}, "videoId"),
            ({"limit": "0"}, "limit"),
            ({"offset": "-1"}, "offset"),
            ({"cursor": "nonsense"}, "cursor"),
            ({"type": "\0"}, "type"),
        ],
    )
    def test_wrong_parameters_are_named(self, api: Client, query: dict[str, str], field: str) -> None:
        reply = api.get("/api/jobs", query)

        assert reply.status_code == 400
        assert field in reply.json()["error"]

    def test_cursors_lead_through_the_whole_list(self, api: Client, submit: Post) -> None:
        ids = [submit()["id"] for _ in range(5)]
        seen: list[int] = []
        cursor: str | None = ""

        while cursor is not None:
            page = api.get("/api/jobs", {"limit": "2", "cursor": cursor, "resourceCategory": "cpu"}).json()
            seen += [job["id"] for job in page["jobs"]]
            cursor = page["pagination"]["nextCursor"]
            assert page["pagination"]["hasMore"] is (cursor is not None)

        assert seen == ids[::-1]

    def test_a_cursor_belongs_to_its_filters(self, api: Client, submit: Post) -> None:
        submit(), submit()
        cursor = api.get("/api/jobs", {"limit": 1}).json()["pagination"]["nextCursor"]

        assert api.get("/api/jobs", {"limit": 1, "cursor": cursor, "type": "small"}).status_code == 400

    def test_a_page_costs_the_same_for_one_job_and_for_a_hundred(
        self, api: Client, submit: Post, cpu_node: WorkerNode, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        worker(cpu_node, Lane.CPU)
        for _ in range(100):
            services.submit("small", {}, by=None)
        services.submit_pipeline([Step("one", "small"), Step("two", "small", needs=("one",))])

        with django_assert_max_num_queries(PAGE_COST):
            page = api.get("/api/jobs", {"limit": 100}).json()

        assert len(page["jobs"]) == 100
        assert page["pagination"]["total"] == 102


class TestOneJob:
    def test_places_and_reasons_are_worked_out_when_read(self, api: Client, submit: Post, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI)
        holder, second, third = (submit("model")["id"] for _ in range(3))
        claimed(gpu_node, Lane.GPU_AI)

        shown = [api.get(f"/api/jobs/{id}").json() for id in (holder, second, third)]

        assert [job["queuePosition"] for job in shown] == [None, 1, 2]
        assert shown[0]["waitingReason"] is None
        assert shown[1]["waitingReason"] == f"needs 6.0 GB of GPU memory; 2.0 GB free on gpu-1, held by job {holder}"
        assert shown[0]["worker"] == "gpu_ai@gpu-1:1"

    def test_a_failure_says_what_to_do(self, api: Client, cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        failed(job, cpu_node)

        shown = api.get(f"/api/jobs/{job.pk}").json()

        assert (shown["status"], shown["errorClass"]) == ("failed", "unreadable_media")
        assert (shown["error"], shown["suggestion"]) == ("It is no video", "Look at the file.")
        assert ISO_MS.fullmatch(shown["completedAt"])

    @pytest.mark.parametrize("id", ["0", "999999999", "abc", "-1", "1.5", str(2**64), "%00"])
    @pytest.mark.parametrize("verb", ["", "/cancel", "/retry", "/priority"])
    def test_what_cannot_be_there_is_not_found(self, api: Client, id: str, verb: str) -> None:
        body = {"priority": 3} if verb == "/priority" else {}
        reply = api.post(f"/api/jobs/{id}{verb}", body, content_type="application/json") if verb else api.get(f"/api/jobs/{id}")

        assert (reply.status_code, reply.json()) == (404, {"error": "Job not found"})


class TestSteering:
    def test_a_waiting_job_is_cancelled_at_once(self, api: Client, submit: Post) -> None:
        reply = act(api, submit()["id"], "cancel")

        assert (reply.status_code, reply.json()["status"]) == (200, "cancelled")

    def test_a_running_job_is_asked_to_stop(self, api: Client, submit: Post, cpu_node: WorkerNode) -> None:
        job = submit()
        lease = claimed(cpu_node, Lane.CPU)

        reply = act(api, job["id"], "cancel")

        assert (reply.status_code, reply.json()["status"]) == (200, "running")
        assert claims.beat(lease).is_cancelled

    def test_what_has_ended_cannot_be_cancelled(self, api: Client, cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        finished(job, cpu_node)

        reply = act(api, job.pk, "cancel")

        assert (reply.status_code, reply.json()) == (409, {"error": "The job is completed and cannot be cancelled"})

    def test_a_failed_job_is_tried_again(self, api: Client, cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        failed(job, cpu_node)

        reply = act(api, job.pk, "retry").json()

        assert (reply["status"], reply["error"], reply["attempt"]) == ("queued", None, 0)
        assert act(api, job.pk, "retry").status_code == 409

    def test_a_priority_moves_a_job_forwards(self, api: Client, submit: Post) -> None:
        submit(), submit()
        last = submit()["id"]

        moved = act(api, last, "priority", {"priority": 10}).json()

        assert (moved["priority"], moved["queuePosition"]) == (10, 1)

    @pytest.mark.parametrize("body", [{}, {"priority": 11}, {"priority": "9"}, {"priority": None}, {"priority": 5, "status": "running"}])
    def test_a_wrong_priority_is_a_clear_400(self, api: Client, submit: Post, body: Any) -> None:
        assert act(api, submit()["id"], "priority", body).status_code == 400

    def test_a_running_job_has_no_place_to_move_from(self, api: Client, submit: Post, cpu_node: WorkerNode) -> None:
        job = submit()
        claimed(cpu_node, Lane.CPU)

        assert act(api, job["id"], "priority", {"priority": 9}).status_code == 409


class TestLanes:
    def test_a_paused_lane_holds_its_jobs_and_says_so(self, api: Client, submit: Post) -> None:
        paused = api.post("/api/jobs/lanes/cpu/pause", {"reason": "the fan is loud"}, content_type="application/json")
        job = submit()

        assert paused.json()["isPaused"] and not paused.json()["isOpen"]
        assert job["status"] == "pending"
        assert "paused" in job["waitingReason"] and "the fan is loud" in job["waitingReason"]
        resumed = api.post("/api/jobs/lanes/cpu/resume", {}, content_type="application/json")
        assert resumed.json()["isOpen"]
        assert api.get(f"/api/jobs/{job['id']}").json()["status"] == "queued"

    def test_an_unknown_lane_is_not_found(self, api: Client) -> None:
        for verb in ("pause", "resume"):
            assert api.post(f"/api/jobs/lanes/disk/{verb}", {}, content_type="application/json").status_code == 404

    def test_the_summary_counts_by_status_and_names_the_workers(self, api: Client, submit: Post, gpu_node: WorkerNode) -> None:
        worker(gpu_node, Lane.GPU_AI, slots=2)
        submit("model"), submit("model"), submit("small")
        claimed(gpu_node, Lane.GPU_AI)

        lanes = {lane["resourceCategory"]: lane for lane in api.get("/api/jobs/summary").json()["lanes"]}

        assert set(lanes) == {"gpu_ai", "gpu_encode", "cpu"}
        assert lanes["gpu_ai"]["counts"] == {"pending": 0, "queued": 1, "running": 1, "completed": 0, "failed": 0, "cancelled": 0}
        assert lanes["cpu"]["counts"]["queued"] == 1
        (shown,) = lanes["gpu_ai"]["workers"]
        assert (shown["node"], shown["slots"], shown["running"]) == ("gpu-1", 2, 1)
        assert (shown["vramTotal"], shown["vramFree"]) == (8192, 2048)
        assert lanes["cpu"]["workers"] == []


class TestPipelines:
    STEPS = (
        {"key": "first", "type": "small"},
        {"key": "second", "type": "small", "params": {"number": {"$result": "first.number"}}, "needs": ["first"]},
    )

    def start(self, api: Client, body: Any, *, status: int = 201) -> Any:
        reply = api.post("/api/pipelines", body, content_type="application/json")
        assert reply.status_code == status, reply.content
        return reply.json()

    def test_steps_of_ones_own_run_in_order(self, api: Client, cpu_node: WorkerNode) -> None:
        pipeline = self.start(api, {"steps": self.STEPS, "name": "two"})
        claims.complete(claimed(cpu_node, Lane.CPU), result={"number": 4})

        shown = api.get(f"/api/pipelines/{pipeline['id']}").json()

        assert (pipeline["name"], pipeline["status"]) == ("two", "running")
        assert [(step["key"], step["status"]) for step in pipeline["steps"]] == [("first", "queued"), ("second", "pending")]
        assert [(step["key"], step["status"]) for step in shown["steps"]] == [("first", "completed"), ("second", "queued")]
        assert api.get(f"/api/jobs/{shown['steps'][1]['jobId']}").json()["params"]["number"] == 4
        assert listed(api, pipelineId=pipeline["id"]) == [step["jobId"] for step in reversed(shown["steps"])]

    def test_a_recipe_is_started_by_its_name(self, api: Client) -> None:
        recipes = {row["recipe"]: row for row in api.get("/api/pipelines/recipes").json()["recipes"]}

        pipeline = self.start(api, {"recipe": "refresh_library"})

        assert recipes["refresh_library"]["missingTypes"] == []
        assert pipeline["recipe"] == "refresh_library"
        assert [step["type"] for step in pipeline["steps"]][:2] == ["scan", "public_scan"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "recipe"),
            ({"recipe": "cake"}, "recipe"),
            ({"recipe": "refresh_library", "params": {"colour": 1}}, "params.colour"),
            ({"recipe": "refresh_library", "steps": STEPS}, "recipe"),
            ({"steps": []}, "steps"),
            ({"steps": "small"}, "steps"),
            ({"steps": [{"key": "a", "type": "nonsense"}]}, "steps.a.type"),
            ({"steps": [{"key": "a", "type": "small", "params": {"number": -1}}]}, "steps.a.number"),
            ({"steps": [{"key": "a", "type": "small", "needs": ["b"]}]}, "steps.a.needs"),
            ({"steps": [{"key": "a", "type": "small", "needs": ["a"]}]}, "steps.a.needs"),
            ({"steps": STEPS, "priority": 11}, "priority"),
            ({"steps": [{"key": "a", "type": "generate_gif", "params": {"videoId": 999_999_999}}]}, "steps.a.videoId"),
        ],
    )
    def test_what_is_wrong_is_named(self, api: Client, body: Any, field: str) -> None:
        refused = self.start(api, body, status=400)

        assert field in refused["details"]

    def test_cancelling_and_resuming(self, api: Client, cpu_node: WorkerNode) -> None:
        pipeline = self.start(api, {"steps": self.STEPS})
        claims.complete(claimed(cpu_node, Lane.CPU), result={"number": 4})
        address = f"/api/pipelines/{pipeline['id']}"

        cancelled = api.post(f"{address}/cancel", {}, content_type="application/json").json()
        resumed = api.post(f"{address}/resume", {}, content_type="application/json").json()

        assert cancelled["status"] == "cancelled"
        assert [step["status"] for step in cancelled["steps"]] == ["completed", "cancelled"]
        assert resumed["status"] == "running"
        assert [step["status"] for step in resumed["steps"]] == ["completed", "queued"]
        assert api.post(f"{address}/resume", {}, content_type="application/json").status_code == 409

    def test_the_newest_is_first(self, api: Client) -> None:
        ids = [self.start(api, {"steps": self.STEPS})["id"] for _ in range(3)]

        page = api.get("/api/pipelines", {"limit": 2}).json()

        assert [row["id"] for row in page["pipelines"]] == ids[:0:-1]
        assert page["pagination"]["total"] == 3 and page["pagination"]["hasMore"]
        assert api.get("/api/pipelines", {"status": "failed"}).json()["pipelines"] == []

    @pytest.mark.parametrize("verb", ["", "/cancel", "/resume"])
    def test_what_cannot_be_there_is_not_found(self, api: Client, verb: str) -> None:
        address = f"/api/pipelines/999999999{verb}"
        reply = api.post(address, {}, content_type="application/json") if verb else api.get(address)

        assert (reply.status_code, reply.json()) == (404, {"error": "Pipeline not found"})


class TestBulk:
    def post(self, api: Client, body: Any, *, status: int = 200) -> Any:
        reply = api.post("/api/videos/bulk", body, content_type="application/json")
        assert reply.status_code == status, reply.content
        return reply.json()

    def test_a_job_for_each_video(self, api: Client) -> None:
        one, two = video(), video()

        results = self.post(api, {"ids": [two.pk, 999_999, one.pk], "action": "generate_gif", "params": {"width": 320}})["results"]

        assert [(row["id"], row["ok"]) for row in results] == [(two.pk, True), (999_999, False), (one.pk, True)]
        assert results[1]["error"] == "Video not found"
        job = api.get(f"/api/jobs/{results[0]['jobId']}").json()
        assert (job["videoId"], job["params"]["videoId"], job["params"]["width"]) == (two.pk, two.pk, 320)

    def test_a_type_that_is_about_no_video_gets_one_job(self, api: Client) -> None:
        one, two = video(), video()

        results = self.post(api, {"ids": [one.pk, two.pk], "action": "scan"})["results"]

        assert results[0]["jobId"] == results[1]["jobId"]
        assert Job.objects.count() == 1

    def test_wrong_params_submit_nothing(self, api: Client) -> None:
        clip = video()

        refused = self.post(api, {"ids": [clip.pk], "action": "generate_gif", "params": {"width": 1}}, status=400)

        assert "params.width" in refused["details"]
        assert not Job.objects.exists()


def test_a_list_of_many_jobs_is_counted_to_the_cap(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.api.listing.COUNT_LIMIT", 3)
    then = timezone.now() - timedelta(hours=1)
    Job.objects.bulk_create(Job(type="small", status=Job.Status.COMPLETED, created_at=then) for _ in range(5))

    page = api.get("/api/jobs", {"limit": 2}).json()["pagination"]
    last = api.get("/api/jobs", {"limit": 2, "offset": 4}).json()

    assert (page["total"], page["totalIsCapped"], page["hasMore"]) == (3, True, True)
    assert len(last["jobs"]) == 1 and not last["pagination"]["hasMore"]

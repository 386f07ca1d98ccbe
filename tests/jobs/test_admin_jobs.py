"""One job in the admin, the list of all, adding one by a form, and pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from jobs import claims, services
from jobs.models import Job, Lane, Pipeline, WorkerNode
from jobs.pipelines import Step
from tests.gallery.rows import video
from tests.jobs.kinds import claimed
from tests.jobs.test_admin_queue import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

JOBS, PIPELINES = "/admin/jobs/job/", "/admin/jobs/pipeline/"
LIST_COST = 9  # statements


@pytest.fixture
def look(admin_client: Client) -> Callable[..., str]:
    def look(address: str, **query: str) -> str:
        reply = admin_client.get(address, query)
        assert reply.status_code == 200
        return words(reply.content.decode())

    return look


class TestOneJob:
    def test_it_tells_what_failed_and_what_to_do(self, look: Callable[..., str], cpu_node: WorkerNode) -> None:
        job = services.submit("small", {"number": 4})
        lease = claimed(cpu_node, Lane.CPU)
        claims.beat(lease, progress=10, log="one\ntwo")
        claims.fail(lease, error="The disk is full", error_class="no_space", suggestion="Free some space.")

        page = look(f"{JOBS}{job.pk}/change/")

        assert "No space The disk is full Free some space. Retry" in page
        assert "Does next to nothing." in page
        assert "&quot;number&quot;: 4" in page
        assert "one two" in page

    def test_it_shows_the_result(self, look: Callable[..., str], cpu_node: WorkerNode) -> None:
        job = services.submit("small", {})
        claims.complete(claimed(cpu_node, Lane.CPU), result={"number": 12345})

        page = look(f"{JOBS}{job.pk}/change/")

        assert "completed" in page and "&quot;number&quot;: 12345" in page
        assert "Retry" not in page and "Cancel" not in page

    def test_a_waiting_one_shows_its_place_and_takes_a_priority(self, admin_client: Client, look: Callable[..., str]) -> None:
        services.submit("small", {})
        job = services.submit("small", {})

        assert "Place 2 in its lane No worker serves the lane cpu" in look(f"{JOBS}{job.pk}/change/")
        admin_client.post(f"{JOBS}{job.pk}/change/", {"act": f"priority:{job.pk}", "priority": "9"})
        assert "Place 1 in its lane" in look(f"{JOBS}{job.pk}/change/")

    def test_a_type_that_is_gone_can_still_be_looked_at(self, look: Callable[..., str]) -> None:
        job = Job.objects.create(type="gone", status=Job.Status.COMPLETED)

        assert "no longer installed" in look(f"{JOBS}{job.pk}/change/")

    @pytest.mark.parametrize("key", ["0", "abc", "999999999", str(2**70), "1_3B2"])
    def test_what_is_not_there_is_not_found(self, admin_client: Client, key: str) -> None:
        assert admin_client.get(f"{JOBS}{key}/change/").status_code == 404

    def test_nothing_of_it_can_be_edited_or_deleted(self, admin_client: Client) -> None:
        job = services.submit("small", {})

        assert admin_client.post(f"{JOBS}{job.pk}/change/", {"status": "completed"}).status_code == 400
        assert admin_client.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403
        assert Job.objects.get(pk=job.pk).status == "queued"


class TestList:
    def test_it_narrows_by_status_as_shown(self, look: Callable[..., str]) -> None:
        small, model = services.submit("small", {}), services.submit("model", {})
        services.pause("cpu", by=None)

        assert f"#{small.pk}" in look(f"{JOBS}all/", status="pending")
        assert f"#{model.pk}" not in look(f"{JOBS}all/", status="pending")
        assert f"#{small.pk}" in look(f"{JOBS}all/", status="waiting")

    def test_it_narrows_by_error_class(self, look: Callable[..., str], cpu_node: WorkerNode) -> None:
        job, other = services.submit("small", {}), services.submit("small", {})
        claims.fail(claimed(cpu_node, Lane.CPU), error="It is full", error_class="no_space")

        page = look(f"{JOBS}all/", status="failed", error_class="no_space")

        assert f"small #{job.pk}" in page and f"small #{other.pk}" not in page
        assert "Nothing matches" in look(f"{JOBS}all/", error_class="timeout")

    def test_an_empty_one_says_how_to_begin(self, look: Callable[..., str]) -> None:
        assert "No job has been added yet" in look(f"{JOBS}all/")

    def test_a_page_costs_the_same_for_one_job_and_for_fifty(
        self, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        clip = video()
        then = timezone.now() - timedelta(hours=1)
        Job.objects.bulk_create(Job(type="small", status="completed", video=clip, created_at=then) for _ in range(120))

        with django_assert_max_num_queries(LIST_COST):
            page = admin_client.get(f"{JOBS}all/").content.decode()

        assert page.count('class="field-job') == 50


class TestAdding:
    def test_the_types_are_told(self, look: Callable[..., str]) -> None:
        page = look(f"{JOBS}add/")

        assert "generate_gif Make an animated GIF" in page
        assert "encode_part" not in page  # a step that only other jobs start
        assert "model Cannot do without a GPU. GPU: models · 6.0 GB of GPU memory" in page

    def test_the_form_is_made_from_the_params(self, admin_client: Client) -> None:
        form = admin_client.get(f"{JOBS}add/?type=generate_gif").context["form"]

        assert list(form.fields)[:5] == ["videoId", "inPoint", "duration", "width", "fps"]
        assert (form.fields["inPoint"].label, form.fields["width"].initial) == ("In point", 480)
        assert form.fields["width"].help_text.endswith(" · 64 to 1920 · default 480")
        assert form.fields["videoId"].required and not form.fields["width"].required

    def test_an_address_can_begin_the_form(self, admin_client: Client) -> None:
        page = admin_client.get(f"{JOBS}add/?type=generate_gif&videoId=7").content.decode()

        assert 'name="videoId" value="7"' in page

    def test_a_filled_in_form_adds_a_job(self, admin_client: Client) -> None:
        clip = video()
        filled = {"videoId": str(clip.pk), "inPoint": "1.5", "width": "320", "duration": "", "fps": "", "job-priority": "8"}

        reply = admin_client.post(f"{JOBS}add/?type=generate_gif", filled)

        job = Job.objects.get()
        assert reply["Location"] == f"{JOBS}{job.pk}/change/"
        assert job.params.items() >= {"videoId": clip.pk, "inPoint": 1.5, "duration": 3.0, "width": 320, "fps": 12}.items()
        assert (job.priority, job.video, job.submitted_by) == (8, clip, reply.wsgi_request.user)

    @pytest.mark.parametrize(
        ("filled", "said"),
        [
            ({"videoId": "999999999"}, "There is no such video."),
            ({"videoId": ""}, "This field is required."),
            ({"videoId": "1", "width": "1"}, "Ensure this value is greater than or equal to 64."),
            ({"videoId": "1", "width": "wide"}, "Enter a whole number."),
            ({"videoId": "1", "job-priority": "11"}, "Ensure this value is less than or equal to 10."),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, admin_client: Client, filled: dict[str, str], said: str) -> None:
        reply = admin_client.post(f"{JOBS}add/?type=generate_gif", {"job-priority": "5", **filled})

        assert reply.status_code == 200
        assert said in reply.content.decode().replace("&#x27;", "'")
        assert not Job.objects.exists()

    def test_a_video_leads_to_the_types_that_are_about_one_and_to_its_jobs(self, look: Callable[..., str]) -> None:
        clip = video(title="Harbour")
        services.submit("generate_gif", {"videoId": clip.pk}), services.submit("scan", {})

        assert "Add a job · its jobs" in look(f"/admin/media_library/video/{clip.pk}/change/")
        types = look(f"{JOBS}add/", videoId=str(clip.pk))
        assert "generate_gif" in types and "small" not in types
        jobs = look(f"{JOBS}all/", video=str(clip.pk))
        assert "generate_gif #" in jobs and "scan #" not in jobs

    def test_an_unknown_type_is_not_found(self, admin_client: Client) -> None:
        assert admin_client.get(f"{JOBS}add/?type=nonsense").status_code == 404

    def test_a_field_of_json_begins_empty_and_an_id_has_no_largest(self, admin_client: Client) -> None:
        joined = admin_client.get(f"{JOBS}add/?type=compilation").content.decode()
        gif = admin_client.get(f"{JOBS}add/?type=generate_gif").content.decode()

        assert re.search(r'<textarea name="clips"[^>]*>\s*</textarea>', joined)
        assert "the video that it is cut from · at least 1<" in gif

    def test_every_installed_type_has_a_form(self, admin_client: Client) -> None:
        for job_type in admin_client.get("/admin/jobs/job/add/").context["types"]:
            assert admin_client.get(f"{JOBS}add/", {"type": job_type["name"]}).status_code == 200


class TestPipelines:
    def test_one_shows_its_steps(self, look: Callable[..., str], cpu_node: WorkerNode) -> None:
        pipeline = services.submit_pipeline([Step("first", "small"), Step("second", "small", needs=("first",))], name="Two")
        claims.complete(claimed(cpu_node, Lane.CPU), result={"number": 1})

        page = look(f"{PIPELINES}{pipeline.pk}/change/")

        assert "1 of 2 steps completed" in page
        assert "first small completed" in page
        assert "No worker serves the lane cpu queued" in page

    def test_a_failed_one_is_resumed(self, admin_client: Client, cpu_node: WorkerNode) -> None:
        pipeline = services.submit_pipeline([Step("first", "small")], name="One")
        claims.fail(claimed(cpu_node, Lane.CPU), error="It broke", error_class="timeout")
        address = f"{PIPELINES}{pipeline.pk}/change/"

        assert "It broke" in admin_client.get(address).content.decode()
        admin_client.post(address, {"act": f"resume-pipeline:{pipeline.pk}"})

        assert Pipeline.objects.get(pk=pipeline.pk).status == "running"

    def test_a_recipe_says_what_it_costs_before_it_starts(self, admin_client: Client) -> None:
        address = f"{PIPELINES}add/?recipe=refresh_library"

        asked = words(admin_client.post(address, {"job-priority": "5", "cost": "1"}).content.decode())
        assert re.search(r"It takes \d jobs \(\d in cpu\), no GPU memory", asked)
        assert not Pipeline.objects.exists()

        started = admin_client.post(address, {"job-priority": "5", "start": "1"})
        assert started["Location"] == f"{PIPELINES}{Pipeline.objects.get().pk}/change/"

    def test_the_list_shows_the_state_of_each_step(self, look: Callable[..., str]) -> None:
        services.submit_pipeline([Step("first", "small"), Step("second", "small", needs=("first",))], name="Two")

        assert "running first second" in look(PIPELINES)

    @pytest.mark.parametrize("key", ["0", "abc", "999999999"])
    def test_what_is_not_there_is_not_found(self, admin_client: Client, key: str) -> None:
        assert admin_client.get(f"{PIPELINES}{key}/change/").status_code == 404


def test_a_job_without_a_video_is_told_by_what_was_chosen(look: Callable[..., str]) -> None:
    services.submit("compile_random", {"count": 6, "clipLength": 2.5, "fill": "blur", "titleCards": True})

    page = look(JOBS)

    assert all(words in page for words in ("count 6", "clip length 2.5", "fill blur", "title cards")) and "quality" not in page


def test_the_overview_counts_jobs(look: Callable[..., str], cpu_node: WorkerNode) -> None:
    services.submit("small", {})
    claims.fail(claimed(cpu_node, Lane.CPU), error="It broke", error_class="timeout")
    services.submit("small", {}), services.submit("model", {})

    page = look("/admin/")

    assert "0 jobs running 2 waiting 1 failed" in page


def test_numbers_of_a_result_are_read_as_they_are(look: Callable[..., str], cpu_node: WorkerNode) -> None:
    job = services.submit("small", {})
    claims.complete(claimed(cpu_node, Lane.CPU), result={"text": "naïve 👍", "big": 2**60})

    page = look(f"{JOBS}{job.pk}/change/")

    assert "naïve 👍" in page and json.dumps(2**60) in page

"""Pipelines: steps in their order, results passed on, failure, cancel and resume."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from jobs import claims, recipes, registry, services
from jobs.models import Job, Lane, Pipeline, WorkerNode
from jobs.pipelines import Step
from media_library.models import Video
from tests.jobs.kinds import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("job_kinds")]

CHAIN = [
    Step("probe", "small", {"number": 1}),
    Step("double", "small", {"number": {"$result": "probe.number"}}, needs=("probe",)),
    Step("report", "small", {"text": {"$result": "double.words.first"}}, needs=("double",)),
]


def start(plan: list[Step] | None = None, **options: Any) -> Pipeline:
    return services.submit_pipeline(plan or CHAIN, **options)


def states(pipeline: Pipeline) -> dict[str, str]:
    jobs = Job.objects.filter(pipeline=pipeline).order_by("pipeline_step__position")
    return dict(jobs.values_list("pipeline_step__key", "status"))


def status(pipeline: Pipeline) -> str:
    return Pipeline.objects.get(pk=pipeline.pk).status


def finish_next(at: WorkerNode, **result: Any) -> None:
    claims.complete(claimed(at, Lane.CPU), result=result)


def break_next(at: WorkerNode) -> None:
    claims.fail(claimed(at, Lane.CPU), error="Cannot be decoded", error_class="unreadable_media")


class TestOrder:
    def test_a_step_waits_for_those_that_it_needs(self) -> None:
        pipeline = start()

        assert states(pipeline) == {"probe": "queued", "double": "pending", "report": "pending"}
        assert pipeline.status == "running"

    def test_results_are_passed_on(self, cpu_node: WorkerNode) -> None:
        pipeline = start()

        finish_next(cpu_node, number=7)
        assert Job.objects.get(pipeline=pipeline, pipeline_step__key="double").params == {"number": 7, "text": ""}
        finish_next(cpu_node, words={"first": "hello"})
        assert claimed(cpu_node, Lane.CPU).params == {"number": 0, "text": "hello"}

    def test_a_pipeline_has_completed_when_its_last_job_has(self, cpu_node: WorkerNode) -> None:
        pipeline = start()

        finish_next(cpu_node, number=7)
        finish_next(cpu_node, words={"first": "hello"})
        assert status(pipeline) == "running"
        finish_next(cpu_node)

        pipeline.refresh_from_db()
        assert pipeline.status == "completed" and pipeline.completed_at is not None

    def test_steps_that_need_nothing_run_beside_each_other(self, cpu_node: WorkerNode) -> None:
        pipeline = start([Step("a", "small"), Step("b", "small"), Step("join", "small", needs=("a", "b"))])
        first, second = claimed(cpu_node, Lane.CPU), claimed(cpu_node, Lane.CPU)

        claims.complete(first, result={})
        assert states(pipeline)["join"] == "pending"
        claims.complete(second, result={})

        assert states(pipeline)["join"] == "queued"

    def test_a_result_that_is_missing_fails_the_step_that_wants_it(self, cpu_node: WorkerNode) -> None:
        pipeline = start()

        finish_next(cpu_node, colour="red")

        double = Job.objects.get(pipeline=pipeline, pipeline_step__key="double")
        assert (double.status, double.error) == ("failed", "the step probe found no number")
        assert states(pipeline)["report"] == "cancelled"
        assert status(pipeline) == "failed"

    def test_a_result_of_a_wrong_kind_fails_the_step_that_wants_it(self, cpu_node: WorkerNode) -> None:
        pipeline = start()

        finish_next(cpu_node, number="seven")

        double = Job.objects.get(pipeline=pipeline, pipeline_step__key="double")
        assert (double.status, double.error_class) == ("failed", "invalid_params") and "number" in double.error


class TestFailure:
    def test_what_needs_a_failed_step_is_cancelled_and_what_does_not_goes_on(self, cpu_node: WorkerNode) -> None:
        pipeline = start([Step("bad", "small"), Step("other", "small"), Step("after", "small", needs=("bad",))])

        break_next(cpu_node)

        assert states(pipeline) == {"bad": "failed", "other": "queued", "after": "cancelled"}
        assert Job.objects.get(pipeline_step__key="after").error == "The step bad failed"
        assert status(pipeline) == "running"
        finish_next(cpu_node)
        assert status(pipeline) == "failed"

    def test_a_step_that_will_be_tried_again_breaks_nothing(self, cpu_node: WorkerNode) -> None:
        pipeline = start()

        claims.fail(claimed(cpu_node, Lane.CPU), error="slow", error_class="timeout", is_transient=True)

        assert states(pipeline) == {"probe": "pending", "double": "pending", "report": "pending"}
        assert Job.objects.get(pipeline_step__key="probe").run_after is not None
        assert status(pipeline) == "running"

    def test_resuming_starts_from_the_first_step_that_failed(self, cpu_node: WorkerNode) -> None:
        pipeline = start()
        finish_next(cpu_node, number=7)
        break_next(cpu_node)
        assert (status(pipeline), states(pipeline)["report"]) == ("failed", "cancelled")

        services.resume_pipeline(pipeline.pk, by=None)

        assert (status(pipeline), states(pipeline)) == ("running", {"probe": "completed", "double": "queued", "report": "pending"})
        finish_next(cpu_node, words={"first": "hello"})
        finish_next(cpu_node)
        assert status(pipeline) == "completed"

    def test_retrying_a_step_resumes_its_pipeline(self, cpu_node: WorkerNode) -> None:
        pipeline = start()
        break_next(cpu_node)

        services.retry(Job.objects.get(pipeline_step__key="probe").pk, by=None)

        assert (status(pipeline), states(pipeline)["probe"]) == ("running", "queued")

    def test_retrying_a_class_of_failures_resumes_their_pipelines(self, cpu_node: WorkerNode) -> None:
        pipelines = [start(), start()]
        for _ in pipelines:
            break_next(cpu_node)

        assert services.retry_failed("unreadable_media", by=None) == 2

        assert [status(pipeline) for pipeline in pipelines] == ["running", "running"]

    def test_a_pipeline_that_runs_has_nothing_to_resume(self) -> None:
        with pytest.raises(services.WrongState, match="is running"):
            services.resume_pipeline(start().pk, by=None)


class TestCancelling:
    def test_cancelling_a_step_cancels_what_needs_it(self) -> None:
        pipeline = start()

        services.cancel(Job.objects.get(pipeline_step__key="probe").pk, by=None)

        assert set(states(pipeline).values()) == {"cancelled"}
        assert status(pipeline) == "cancelled"

    def test_cancelling_a_running_step_cancels_what_needs_it_once_it_has_stopped(self, cpu_node: WorkerNode) -> None:
        pipeline = start()
        lease = claimed(cpu_node, Lane.CPU)

        services.cancel(lease.job_id, by=None)
        assert states(pipeline)["double"] == "pending"
        claims.cancelled(lease)

        assert set(states(pipeline).values()) == {"cancelled"}

    def test_cancelling_a_pipeline_stops_everything_in_it(self, cpu_node: WorkerNode) -> None:
        admin = User.objects.create_superuser("night", password="shift")
        pipeline = start()
        lease = claimed(cpu_node, Lane.CPU)

        services.cancel_pipeline(pipeline.pk, by=admin)

        assert states(pipeline) == {"probe": "running", "double": "cancelled", "report": "cancelled"}
        assert claims.beat(lease).is_cancelled
        claims.cancelled(lease)
        assert status(pipeline) == "cancelled"
        assert LogEntry.objects.get().change_message == "Cancelled."

    def test_a_cancelled_pipeline_can_be_resumed(self) -> None:
        pipeline = start()
        services.cancel_pipeline(pipeline.pk, by=None)

        services.resume_pipeline(pipeline.pk, by=None)

        assert states(pipeline) == {"probe": "queued", "double": "pending", "report": "pending"}

    def test_a_pipeline_that_has_ended_cannot_be_cancelled(self) -> None:
        pipeline = start()
        services.cancel_pipeline(pipeline.pk, by=None)

        with pytest.raises(services.WrongState, match="is cancelled"):
            services.cancel_pipeline(pipeline.pk, by=None)

    def test_there_must_be_such_a_pipeline(self) -> None:
        for act in (services.cancel_pipeline, services.resume_pipeline):
            with pytest.raises(services.PipelineNotFound):
                act(10**6, by=None)


class TestPlans:
    @pytest.mark.parametrize(
        ("plan", "field"),
        [
            ([], "steps"),
            ([Step("a", "small")] * 2, "steps.a.key"),
            ([Step("a b", "small")], "steps.a b.key"),
            ([Step("a", "nonsense")], "steps.a.type"),
            ([Step("a", "small", {"number": -1})], "steps.a.number"),
            ([Step("a", "small", needs=("b",)), Step("b", "small")], "steps.a.needs"),
            ([Step("a", "small", needs=("a",))], "steps.a.needs"),
            ([Step("a", "small", priority=11)], "steps.a.priority"),
            ([Step("a", "small"), Step("b", "small", {"number": {"$result": "a.number"}})], "steps.b.params"),
            ([Step("a", "small"), Step("b", "small", {"number": {"$result": "a"}}, needs=("a",))], "steps.b.params"),
            ([Step("a", "small"), Step("b", "small", {"nonsense": {"$result": "a.number"}}, needs=("a",))], "steps.b.nonsense"),
            ([Step(f"s{number}", "small") for number in range(101)], "steps"),
        ],
    )
    def test_a_plan_that_could_never_work_is_refused_before_anything_starts(self, plan: list[Step], field: str) -> None:
        with pytest.raises(services.Refused) as refusal:
            services.submit_pipeline(plan)

        assert field in refusal.value.details
        assert not Pipeline.objects.exists()

    def test_results_of_earlier_steps_are_there_too(self) -> None:
        assert start([*CHAIN[:2], Step("last", "small", {"number": {"$result": "probe.number"}}, needs=("double",))])

    def test_steps_take_the_pipelines_priority_or_their_own(self) -> None:
        start([Step("a", "small"), Step("b", "small", priority=9)], priority=2)

        assert list(Job.objects.order_by("pk").values_list("priority", flat=True)) == [2, 9]


def params_of(recipe: recipes.Recipe) -> dict[str, Any]:
    """Some that the recipe takes."""
    some = {
        "videoId": Video.objects.create(path="inbox/a.mp4", directory_type="inbox").pk,
        "category": "sea",
        "url": "https://example.com/",
    }
    return {name: value for name, value in some.items() if name in recipe.params.model_json_schema(by_alias=True).get("properties", {})}


class TestRecipes:
    def test_a_recipe_starts_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recipe = recipes.Recipe("count", "Count", "Counts.", recipes.NoParams, ("small",), lambda _: [Step("one", "small")])
        monkeypatch.setattr(recipes, "RECIPES", (recipe,))

        pipeline = services.submit_pipeline("count", by=None)

        assert (pipeline.name, pipeline.recipe, pipeline.status) == ("Count", "count", "running")

    def test_a_recipe_whose_types_are_not_installed_says_which(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recipe = recipes.Recipe("dream", "Dream", "Dreams.", recipes.NoParams, ("small", "dream"), lambda _: [Step("one", "dream")])
        monkeypatch.setattr(recipes, "RECIPES", (recipe,))

        assert recipe.missing_types() == ["dream"]
        with pytest.raises(services.RecipeUnavailable, match="dream"):
            services.submit_pipeline("dream")

    def test_an_unknown_recipe_is_refused(self) -> None:
        with pytest.raises(services.UnknownRecipe):
            services.submit_pipeline("nonsense")

    @pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda recipe: recipe.name)
    def test_a_built_in_recipe_names_every_type_that_it_is_made_of(self, recipe: recipes.Recipe) -> None:
        params = params_of(recipe)
        plan = recipe.steps(registry.parse(recipe.params, params))

        assert {step.type for step in plan} == set(recipe.types)

    @pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda recipe: recipe.name)
    def test_a_built_in_recipe_starts_or_says_what_is_missing(self, recipe: recipes.Recipe) -> None:
        params = params_of(recipe)

        if recipe.missing_types():
            with pytest.raises(services.RecipeUnavailable, match=recipe.missing_types()[0]):
                services.submit_pipeline(recipe.name, params)
        else:
            assert services.submit_pipeline(recipe.name, params).status == "running"

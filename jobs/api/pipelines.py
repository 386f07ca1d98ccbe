"""Pipelines: recipes, list, start, show, cancel, resume."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import idempotency
from config.api.paging import paging_of
from jobs import recipes, services
from jobs.api import schema
from jobs.api.callers import admin_of
from jobs.api.errors import refusals
from jobs.api.jobs import DEFAULT_PRIORITY, PAGING
from jobs.api.listing import page_of_pipelines
from jobs.api.rows import pipeline_detail, pipeline_rows
from jobs.api.shapes import PipelinePage, PipelineQuery, PipelineRequest, PipelineRow
from jobs.api.shapes import Recipes as RecipesReply
from jobs.pipelines import Step


class Recipes(APIView):
    @extend_schema(responses=RecipesReply, operation_id="list_recipes", tags=["pipelines"])
    def get(self, request: Request) -> Response:
        """The built-in pipelines with the JSON schema of their params."""
        return Response({"recipes": [_recipe_row(recipe) for recipe in recipes.all_recipes()]})


class Pipelines(APIView):
    @extend_schema(parameters=[PipelineQuery], responses=PipelinePage, operation_id="list_pipelines", tags=["pipelines"])
    def get(self, request: Request) -> Response:
        """Pipelines with their steps, the newest first."""
        query = PipelineQuery.read(request.query_params)
        filters = {name: value for name, value in query.items() if name not in PAGING}
        with refusals():
            page = page_of_pipelines(filters, paging_of(query, default_limit=20))
        return Response({"pipelines": pipeline_rows(page.ids), "pagination": page.pagination})

    @extend_schema(
        parameters=[idempotency.KEY_PARAMETER],
        request={"application/json": schema.pipeline()},
        responses={201: PipelineRow},
        operation_id="start_pipeline",
        tags=["pipelines"],
    )
    @idempotency.once
    def post(self, request: Request) -> Response:
        """Start a built-in recipe, or steps of your own: jobs that wait for one another."""
        body = PipelineRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with refusals():
            pipeline = services.submit_pipeline(
                asked["recipe"] if "recipe" in asked else [_step(step) for step in asked["steps"]],
                asked.get("params"),
                name=asked["name"],
                priority=asked.get("priority", DEFAULT_PRIORITY),
                by=admin_of(request),
            )
        return Response(pipeline_detail(pipeline.pk), status=201)


class OnePipeline(APIView):
    @extend_schema(responses=PipelineRow, operation_id="get_pipeline", tags=["pipelines"])
    def get(self, request: Request, pipeline_id: int) -> Response:
        """One pipeline with the state of its steps."""
        return Response(pipeline_detail(pipeline_id))


class CancelPipeline(APIView):
    @extend_schema(request=None, responses=PipelineRow, operation_id="cancel_pipeline", tags=["pipelines"])
    def post(self, request: Request, pipeline_id: int) -> Response:
        """Cancel every step that has not ended."""
        with refusals():
            services.cancel_pipeline(pipeline_id, by=admin_of(request))
        return Response(pipeline_detail(pipeline_id))


class ResumePipeline(APIView):
    @extend_schema(request=None, responses=PipelineRow, operation_id="resume_pipeline", tags=["pipelines"])
    def post(self, request: Request, pipeline_id: int) -> Response:
        """Go on from the first step that failed; what has completed stays done."""
        with refusals():
            services.resume_pipeline(pipeline_id, by=admin_of(request))
        return Response(pipeline_detail(pipeline_id))


def _step(asked: dict[str, Any]) -> Step:
    return Step(asked["key"], asked["type"], asked["params"], tuple(asked["needs"]), asked.get("priority"), asked["needsApproval"])


def _recipe_row(recipe: recipes.Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "title": recipe.title,
        "description": recipe.description,
        "params": recipe.params.model_json_schema(by_alias=True),
        "missingTypes": recipe.missing_types(),
    }

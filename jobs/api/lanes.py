"""The three lanes: how much waits and runs in each, who works there; pausing and resuming."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.fields import camel_row
from jobs import queue, services
from jobs.api.callers import admin_of
from jobs.api.errors import refusals
from jobs.api.shapes import LaneRow, PauseRequest
from jobs.api.shapes import Summary as SummaryReply


class Summary(APIView):
    @extend_schema(responses=SummaryReply, operation_id="summarise_jobs", tags=["jobs"])
    def get(self, request: Request) -> Response:
        """Each lane: jobs by status, whether it starts any, and its workers with their GPU memory."""
        return Response({"lanes": [lane_row(lane) for lane in queue.summary()]})


class Pause(APIView):
    @extend_schema(request=PauseRequest, responses=LaneRow, operation_id="pause_lane", tags=["jobs"])
    def post(self, request: Request, category: str) -> Response:
        """Start no more jobs of this lane; those that run finish."""
        body = PauseRequest(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            services.pause(category, by=admin_of(request), reason=body.validated_data["reason"])
        return Response(_lane(category))


class Resume(APIView):
    @extend_schema(request=None, responses=LaneRow, operation_id="resume_lane", tags=["jobs"])
    def post(self, request: Request, category: str) -> Response:
        """Start jobs of this lane again."""
        with refusals():
            services.resume(category, by=admin_of(request))
        return Response(_lane(category))


def lane_row(lane: queue.LaneSummary) -> dict[str, Any]:
    return {
        "resourceCategory": lane.lane,
        "isPaused": lane.is_paused,
        "isOpen": lane.is_open,
        "reason": lane.reason,
        "counts": lane.counts,
        "workers": [camel_row(asdict(worker)) for worker in lane.workers],
    }


def _lane(category: str) -> dict[str, Any]:
    return next(lane_row(lane) for lane in queue.summary() if lane.lane == category)

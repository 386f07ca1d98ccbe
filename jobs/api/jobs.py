"""Jobs: types, list, submit, show, steer. Each view validates, calls one service, and shows what became of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api import idempotency
from config.api.paging import paging_of
from jobs import registry, services
from jobs.api import schema
from jobs.api.callers import admin_of
from jobs.api.errors import refusals
from jobs.api.listing import page_of_jobs
from jobs.api.rows import job_detail, job_rows
from jobs.api.shapes import JobDetail, JobPage, JobQuery, JobTypes, PriorityChange, Submission
from jobs.models import Job

DEFAULT_PRIORITY = 5
PAGING = ("limit", "offset", "cursor")


class Types(APIView):
    @extend_schema(responses=JobTypes, operation_id="list_job_types", tags=["jobs"])
    def get(self, request: Request) -> Response:
        """Every job type with what it does, where it runs, and the JSON schema of its params."""
        return Response({"types": [_type_row(job_type) for job_type in registry.all_types()]})


class Jobs(APIView):
    @extend_schema(parameters=[JobQuery], responses=JobPage, operation_id="list_jobs", tags=["jobs"])
    def get(self, request: Request) -> Response:
        """Jobs, the newest first, without their logs. Totals are counted to 100,000."""
        query = JobQuery.read(request.query_params)
        filters = {name: value for name, value in query.items() if name not in PAGING}
        with refusals():
            page = page_of_jobs(filters, paging_of(query, default_limit=50))
        return Response({"jobs": job_rows(page.ids), "pagination": page.pagination})

    @extend_schema(
        parameters=[idempotency.KEY_PARAMETER],
        request={"application/json": schema.submission()},
        responses={201: JobDetail},
        operation_id="submit_job",
        tags=["jobs"],
    )
    @idempotency.once
    def post(self, request: Request) -> Response:
        """Submit a job; params are checked against its type."""
        body = Submission(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            job = _submit(body.validated_data, request)
        return Response(job_detail(job.pk), status=201)


class OneJob(APIView):
    @extend_schema(responses=JobDetail, operation_id="get_job", tags=["jobs"])
    def get(self, request: Request, job_id: int) -> Response:
        """One job with its log, its place in the queue, and why it waits."""
        return Response(job_detail(job_id))


class Cancel(APIView):
    @extend_schema(request=None, responses=JobDetail, operation_id="cancel_job", tags=["jobs"])
    def post(self, request: Request, job_id: int) -> Response:
        """Cancel a job: at once while it waits, within seconds while it runs. The next steps of its pipeline are cancelled too."""
        with refusals():
            services.cancel(job_id, by=admin_of(request))
        return Response(job_detail(job_id))


class Retry(APIView):
    @extend_schema(request=None, responses=JobDetail, operation_id="retry_job", tags=["jobs"])
    def post(self, request: Request, job_id: int) -> Response:
        """Queue a failed or cancelled job again."""
        with refusals():
            services.retry(job_id, by=admin_of(request))
        return Response(job_detail(job_id))


class Approve(APIView):
    @extend_schema(request=None, responses=JobDetail, operation_id="approve_job", tags=["jobs"])
    def post(self, request: Request, job_id: int) -> Response:
        """Let a step of a pipeline start that waits for approval."""
        with refusals():
            services.approve(job_id, by=admin_of(request))
        return Response(job_detail(job_id))


class Decline(APIView):
    @extend_schema(request=None, responses=JobDetail, operation_id="decline_job", tags=["jobs"])
    def post(self, request: Request, job_id: int) -> Response:
        """Cancel a step of a pipeline that waits for approval, and the steps that need it."""
        with refusals():
            services.decline(job_id, by=admin_of(request))
        return Response(job_detail(job_id))


class Priority(APIView):
    @extend_schema(request=PriorityChange, responses=JobDetail, operation_id="set_job_priority", tags=["jobs"])
    def post(self, request: Request, job_id: int) -> Response:
        """Move a waiting job forwards or back."""
        body = PriorityChange(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            services.set_priority(job_id, body.validated_data["priority"], by=admin_of(request))
        return Response(job_detail(job_id))


def _submit(body: dict[str, Any], request: Request) -> Job:
    return services.submit(
        body["type"],
        body["params"],
        priority=body.get("priority", DEFAULT_PRIORITY),
        vram_required=body.get("vramRequired"),
        by=admin_of(request),
    )


def _type_row(job_type: registry.JobType) -> dict[str, Any]:
    return {
        "type": job_type.name,
        "resourceCategory": job_type.lane,
        "vramRequired": job_type.vram,
        "hasCpuPath": job_type.has_cpu_path,
        "description": job_type.description,
        "params": job_type.params_schema(),
    }

"""A job that does nothing, for `queue.py`: `celery -A benchmarks.nothing worker -Q cpu` runs it beside the product's own."""

from __future__ import annotations

from typing import Any

import django

from config.celery import app

django.setup()

from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type

__all__ = ["app"]


class NoParams(Params):
    pass


@job_type("nothing", lane=Lane.CPU, params=NoParams)
def nothing(context: JobContext, params: NoParams) -> dict[str, Any]:
    """Does nothing."""
    return {}

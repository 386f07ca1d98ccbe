"""Whether the process answers and whether it can serve; for load balancers and container platforms."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.api.errors import database_down
from config.api.rendering import dumps


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is looked at, since restarting it would mend nothing else."""
    return HttpResponse(dumps({"status": "ok"}), content_type="application/json")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Requests can be served: the database answers."""
    return HttpResponse(dumps({"status": "ok"}), content_type="application/json") if database_answers() else database_down(request)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True

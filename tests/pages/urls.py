"""The product's addresses, and some that end in each error that has a page."""

from __future__ import annotations

from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.api.throttling import too_often
from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

REASONS = {400: BadRequest(), 403: PermissionDenied(), 500: ZeroDivisionError(), 503: OperationalError()}


def error(request: HttpRequest, status: int) -> HttpResponse:
    if status == 429:
        return too_often(request, 40)
    raise REASONS[status]


urlpatterns = [path("errors/<int:status>", error), *urlpatterns]

"""The OpenAPI document and the page that shows it."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from config.api.rendering import dumps


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3 document, in JSON whatever is asked for."""
    return HttpResponse(_document(), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The API in a browser, to read and to try."""
    return render(request, "api/docs.html")


@cache
def _document() -> bytes:
    """Made once a process: it takes a third of a second and depends on the code alone."""
    return dumps(SchemaGenerator().get_schema(public=True))  # type: ignore[no-untyped-call]

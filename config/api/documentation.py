"""The OpenAPI document and the page that shows it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from config.api.schema import document


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3 document, in JSON whatever is asked for."""
    return HttpResponse(document(), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The API in a browser, to read and to try."""
    return render(request, "api/docs.html")

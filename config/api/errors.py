"""Every error of the API, whatever layer it comes from, as JSON: `{"error": sentence}`, for validation with `details`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.encoding import force_str
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.response import Response

logger = logging.getLogger(__name__)

API_PREFIXES = ("/api/", "/thumbnails/", "/healthz", "/readyz", "/metrics")
DATABASE_RETRY_AFTER = 5  # seconds
DATABASE_DOWN = "The database cannot be reached; please try again in a moment"
SENTENCES = {
    400: "This request cannot be understood",
    403: "You may not do this",
    404: "Not found",
    405: "This method is not allowed here",
    413: "The request is too large",
    500: "Something went wrong on our side; it has been logged",
}


class Conflict(exceptions.APIException):
    """The thing is in a state that forbids this: 409."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This is not possible in the current state"
    default_code = "conflict"


class PayloadTooLarge(exceptions.APIException):
    """The body is larger than we read: 413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = SENTENCES[413]
    default_code = "payload_too_large"


class Unavailable(exceptions.APIException):
    """A part that this request needs is down: 503, to be tried again after `wait` seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = DATABASE_DOWN
    default_code = "unavailable"
    wait = DATABASE_RETRY_AFTER


def is_api(request: HttpRequest) -> bool:
    """Whether the caller expects JSON rather than a page."""
    return request.path_info == "/api" or request.path_info.startswith(API_PREFIXES)


def error_response(status_code: int, sentence: str, *, retry_after: int | None = None) -> HttpResponse:
    """An error as plain Django answers it, outside Django REST framework."""
    response = HttpResponse(orjson.dumps({"error": sentence}), content_type="application/json", status=status_code)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Django REST framework's hook: what a view or its floor raised, as our JSON. None re-raises: a bug, answered with 500."""
    known = _as_api_exception(exception)
    if known is None:
        return None
    response = Response(_body(known), status=known.status_code)
    if challenge := getattr(known, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if (wait := getattr(known, "wait", None)) is not None:
        response["Retry-After"] = str(max(1, int(-(-wait // 1))))
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return error_response(413, SENTENCES[413])
    if is_api(request):
        return error_response(400, SENTENCES[400])
    return defaults.bad_request(request, exception or Exception())


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_api(request):
        return error_response(403, SENTENCES[403])
    return defaults.permission_denied(request, exception or PermissionDenied())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_api(request):
        return error_response(404, SENTENCES[404])
    return defaults.page_not_found(request, exception or Http404())


def server_error(request: HttpRequest) -> HttpResponse:
    """The last net; Django calls it while the exception is being handled, so that it can be looked at."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return database_down(request)
    if is_api(request):
        return error_response(500, SENTENCES[500])
    return defaults.server_error(request)


def database_down(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return error_response(503, DATABASE_DOWN, retry_after=DATABASE_RETRY_AFTER)
    response = defaults.server_error(request, template_name="503.html")
    response.status_code = 503
    response["Retry-After"] = str(DATABASE_RETRY_AFTER)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if is_api(request):
        return error_response(403, f"CSRF check failed: {reason}" if reason else "CSRF check failed")
    return defaults.permission_denied(request, PermissionDenied(reason), template_name="403.html")


def _as_api_exception(exception: Exception) -> exceptions.APIException | None:
    match exception:
        case exceptions.APIException():
            return exception
        case Http404():
            return exceptions.NotFound(str(exception) or None)
        case PermissionDenied():
            return exceptions.PermissionDenied(str(exception) or None)
        case RequestDataTooBig():
            return PayloadTooLarge()
        case DataError():
            # A value that the database's types cannot hold; validation should have caught it, so we want to know.
            logger.warning("A value reached the database that it cannot hold: %s", type(exception.__cause__).__name__)
            return exceptions.ParseError(SENTENCES[400])
        case OperationalError() | InterfaceError():
            logger.warning("The database cannot be reached: %s", exception)
            return Unavailable()
    return None


def _body(exception: exceptions.APIException) -> dict[str, Any]:
    if not isinstance(exception, exceptions.ValidationError):
        detail: Any = exception.detail
        return {"error": _sentence(next(_leaves(detail))[1])}
    leaves = list(_leaves(exception.detail))
    path, first = leaves[0]
    if not path:
        return {"error": _sentence(first)}
    details: dict[str, list[str]] = {}
    for field, text in leaves:
        details.setdefault(field, []).append(str(text))
    return {"error": _naming(path, first), "details": details}


def _leaves(detail: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each message with the dotted path of its field; messages about the whole body have an empty path."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else force_str(key)
            yield from _leaves(value, ".".join(filter(None, (path, name))))
    elif isinstance(detail, list | tuple):
        for value in detail:
            yield from _leaves(value, path)
    else:
        yield path, detail


def _naming(field: str, message: Any) -> str:
    if getattr(message, "code", None) in ("required", "blank", "null", "empty"):
        return f"{field} is required"
    text = _sentence(message)
    return text if text.startswith(field) else f"{field}: {text[:1].lower()}{text[1:]}"


def _sentence(message: Any) -> str:
    return force_str(message).rstrip(".")

"""What holds for every request and reply, whichever view answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import SplitResult

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from config.api.errors import SENTENCES, database_down, error_response, is_api
from config.content_security import DATA_POLICY, PAGE_POLICY

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

DISABLED = "Media features are disabled"
ALWAYS_ON = re.compile(r"/(?:admin|static|api/auth)/.*|/(?:admin|api/schema|api/docs|api/videos/health|healthz|readyz)", re.DOTALL)

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate", "Content-Range", "Vary", "Access-Control-Allow-Origin")


class ExactOrigins(CorsMiddleware):
    """Cross-origin headers for the origins of `CORS_ORIGINS` to the letter: the library compares scheme and host alone."""

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        return origin in settings.CORS_ALLOWED_ORIGINS


class JsonErrors:
    """Turns whatever error a layer answers an API request with into JSON: the net below the exception handler.

    A database that is out of reach is a 503 for pages too, and one line in the log instead of a traceback each time.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not is_api(request) or response.get("Content-Type") == "application/json":
            return response
        sentence = SENTENCES.get(response.status_code, response.reason_phrase)
        replacement = error_response(response.status_code, sentence)
        for name in KEPT_HEADERS:
            if name in response.headers:
                replacement[name] = response[name]
        return replacement

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.warning("The database cannot be reached: %s", exception)
        return database_down(request)


def security_headers(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponseBase]:
    """Add the content security policy, unless the view has set its own, and keep private replies out of shared caches."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        if response.status_code != 304:  # its headers replace those of the page that the browser has kept
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
        if is_api(request):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return answer


def media_features(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer every media endpoint and page with 503 unless `ENABLE_MEDIA_FEATURES` is set."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if settings.ENABLE_MEDIA_FEATURES or ALWAYS_ON.fullmatch(request.path_info):
            return get_response(request)
        if is_api(request):
            return error_response(503, DISABLED, retry_after=3600)
        return _disabled_page(request)

    return answer


def _disabled_page(request: HttpRequest) -> HttpResponse:
    response = render(request, "503.html", {"reason": DISABLED}, status=503)
    response["Retry-After"] = "3600"
    return response

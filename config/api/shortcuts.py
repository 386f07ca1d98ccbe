"""A way around Django for the few requests that most of the traffic consists of.

A shortcut knows one kind of address, how to answer it with success, and perhaps the commonest refusals, and no more. Whatever
it does not know goes through Django as always, whose view has the last word. The headers of its replies are Django's too:
they are copied from Django's own reply of that status to the first such request of the same host, scheme and origin.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol, TypeAlias

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.http import parse_etags
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException

from config.api.errors import DATABASE_DOWN, DATABASE_RETRY_AFTER
from config.api.rendering import dumps

LONGEST_QUERY = 512  # characters
MOST_KINDS = 1000  # of callers and statuses whose headers are remembered
PLAIN_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
OK, NOT_MODIFIED, FORBIDDEN, NOT_FOUND = "200 OK", "304 Not Modified", "403 Forbidden", "404 Not Found"
OF_EACH_REPLY = frozenset({"etag", "content-length"})  # headers that are not copied

logger = logging.getLogger(__name__)

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
Headers: TypeAlias = list[tuple[str, str]]


class NotForUs(Exception):
    """Django has to answer this request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A body, with its validator where it is what a GET reads."""

    body: bytes
    etag: str = ""
    status: str = OK

    @classmethod
    def refusal(cls, status: str, sentence: str) -> Reply:
        return cls(dumps({"error": sentence}), status=status)

    @classmethod
    def to_a_get(cls, facts: Any) -> Reply:
        """JSON with the validator that Django's ConditionalGetMiddleware gives it."""
        body = dumps(facts)
        return cls(body, f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')

    @property
    def headers(self) -> Headers:
        """Those that are its own."""
        etag = [("ETag", self.etag)] if self.etag else []
        return [*etag, ("Content-Length", str(len(self.body)))]


class Shortcut(Protocol):
    method: str  # GET or POST
    path: re.Pattern[str]

    def answer(self, environ: Environ, *parts: str) -> Reply:
        """Answer a request, given the groups of its path; raises `NotForUs`, or what the view would, where it has no reply.

        What it refuses it has not done: the first such request is Django's to refuse.
        """


def is_signed_in(environ: Environ) -> bool:
    """Whether the caller may be somebody, who sees what they have just changed, and never a cached reply."""
    return "HTTP_AUTHORIZATION" in environ or ("HTTP_COOKIE" in environ and f"{settings.SESSION_COOKIE_NAME}=" in environ["HTTP_COOKIE"])


def json_body(environ: Environ, at_most: int) -> bytes:
    """The body of a request, which Django can still read; raises `NotForUs` unless it is plain JSON of so many bytes."""
    length = environ.get("CONTENT_LENGTH") or "0"
    is_plain = environ.get("CONTENT_TYPE", "").lower() in PLAIN_JSON and "HTTP_CONTENT_ENCODING" not in environ
    if not (is_plain and length.isdecimal() and 0 < int(length) <= at_most):
        raise NotForUs
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(body)
    return body


class Shortcuts:
    """WSGI application: the shortcuts, and Django behind them."""

    def __init__(self, django: Callable[[Environ, StartResponse], Any]) -> None:
        self._django = django
        self._shortcuts: list[Shortcut] = [import_string(name)() for name in settings.SHORTCUTS if settings.ENABLE_MEDIA_FEATURES]
        self._headers: dict[tuple[Hashable, str], Headers] = {}  # of Django, by kind of caller and status
        self._origins = frozenset(settings.CORS_ALLOWED_ORIGINS)
        self._scheme_header = settings.SECURE_PROXY_SSL_HEADER[0] if settings.SECURE_PROXY_SSL_HEADER else ""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = self._shortcut_for(environ)
        if found is None:
            return _in_one_piece(self._django(environ, start_response))
        shortcut, parts = found
        kind = self._kind_of_caller(environ, shortcut)
        if_none_match = environ.get("HTTP_IF_NONE_MATCH")
        success = self._headers.get((kind, OK))
        if success is None or (if_none_match and (kind, NOT_MODIFIED) not in self._headers):
            return self._learn(kind, environ, start_response, OK, NOT_MODIFIED)
        try:
            reply = shortcut.answer(environ, *parts)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database cannot be reached: %s", error)
            return _unavailable(success, start_response)
        except (NotForUs, APIException, SuspiciousOperation, DatabaseError):
            return _in_one_piece(self._django(environ, start_response))
        if if_none_match and reply.etag and _matches(if_none_match, reply.etag):
            start_response(NOT_MODIFIED, [*self._headers[kind, NOT_MODIFIED], ("ETag", reply.etag)])
            return []
        headers = self._headers.get((kind, reply.status))
        if headers is None:
            return self._learn(kind, environ, start_response, reply.status)
        start_response(reply.status, [*headers, *reply.headers])
        return [reply.body]

    def _shortcut_for(self, environ: Environ) -> tuple[Shortcut, Sequence[str]] | None:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        is_conditional = "HTTP_IF_MATCH" in environ or (method != "GET" and "HTTP_IF_NONE_MATCH" in environ)
        if is_conditional or len(environ.get("QUERY_STRING", "")) > LONGEST_QUERY:
            return None
        for shortcut in self._shortcuts:
            if shortcut.method == method and (address := shortcut.path.fullmatch(path)):
                return shortcut, address.groups()
        return None

    def _kind_of_caller(self, environ: Environ, shortcut: Shortcut) -> Hashable:
        """All that Django's headers and refusals depend on; an origin that is not allowed is treated like none."""
        origin = environ.get("HTTP_ORIGIN")
        scheme = environ["wsgi.url_scheme"], environ.get(self._scheme_header)
        return shortcut, scheme, environ.get("HTTP_HOST"), origin if origin in self._origins else None

    def _learn(self, kind: Hashable, environ: Environ, start_response: StartResponse, *statuses: str) -> Iterable[bytes]:
        """Let Django answer, and remember its headers for the next such request if it answers with one of these statuses."""

        def remember(status: str, headers: Headers, *more: Any) -> Any:
            lasting = [(name, value) for name, value in headers if name.lower() not in OF_EACH_REPLY]
            if status in statuses and not any(name.lower() == "set-cookie" for name, _ in lasting):
                if len(self._headers) >= MOST_KINDS:
                    self._headers.clear()
                self._headers[kind, status] = lasting
            return start_response(status, headers, *more)

        return _in_one_piece(self._django(environ, remember))


def _matches(if_none_match: str, etag: str) -> bool:
    sent = parse_etags(if_none_match)
    return sent == ["*"] or etag.removeprefix("W/") in (each.removeprefix("W/") for each in sent)


def _in_one_piece(response: Any) -> Iterable[bytes]:
    """The reply of Django as a list, which the server sends much sooner than what it has to iterate over."""
    if getattr(response, "streaming", True):  # a server's own file wrapper says nothing of it
        streamed: Iterable[bytes] = response
        return streamed
    body = [response.content]
    response.close()
    return body


def _unavailable(headers: Headers, start_response: StartResponse) -> Iterable[bytes]:
    body = dumps({"error": DATABASE_DOWN})
    start_response("503 Service Unavailable", [*headers, ("Retry-After", str(DATABASE_RETRY_AFTER)), ("Content-Length", str(len(body)))])
    return [body]

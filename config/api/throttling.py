"""How often somebody may do something; counted in Redis, in windows of a minute that start with the first request.

When Redis is down each process counts for itself: limits then hold per process instead of not at all, and nobody
is shut out.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from redis import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config import redis
from config.clients import client_address, client_network

WINDOW = 60  # seconds
LARGEST_LOCAL_TABLE = 10_000  # windows that one process remembers while Redis is down

logger = logging.getLogger(__name__)
_local: dict[Hashable, tuple[float, int]] = {}
_local_lock = Lock()


def seconds_to_wait(scope: str, who: str, *, limit: int) -> int | None:
    """Count one request of `who`; None while it is within `limit` a minute, else the seconds until it may come again."""
    key = f"throttle:{scope}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    try:
        count, wait = _count_in_redis(key)
    except RedisError as error:
        logger.warning("Redis cannot be reached, so this process counts requests for itself: %s", type(error).__name__)
        count, wait = _count_here(key)
    return max(wait, 1) if count > limit else None


class _Throttle(BaseThrottle):
    """One limit; subclasses say whom it counts."""

    scope: str
    wait_seconds: int | None = None

    def limit(self) -> int:
        raise NotImplementedError

    def who(self, request: Request) -> str | None:
        """Whom to count this request for; None: nobody."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        who = self.who(request)
        self.wait_seconds = seconds_to_wait(self.scope, who, limit=self.limit()) if who else None
        return self.wait_seconds is None

    def wait(self) -> float | None:
        return self.wait_seconds


class SignInThrottle(_Throttle):
    """Sign-ins of one account from one address, so that nobody elsewhere can lock an account's owner out."""

    scope = "sign-in"

    def limit(self) -> int:
        return settings.SIGN_INS_PER_MINUTE

    def who(self, request: Request) -> str | None:
        username = request.data.get("username") if isinstance(request.data, dict) else None
        return sign_in_identity(request, username) if isinstance(username, str) else None


class AddressWriteThrottle(_Throttle):
    """Public writes of one address, whatever sessions it invents."""

    scope = "address"

    def limit(self) -> int:
        return settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE

    def who(self, request: Request) -> str | None:
        return None if request.method in SAFE_METHODS else client_network(request)


class SessionWriteThrottle(_Throttle):
    """Public writes of one signed-in user, or of one visitor's session."""

    scope = "session"

    def limit(self) -> int:
        return settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE

    def who(self, request: Request) -> str | None:
        if request.method in SAFE_METHODS:
            return None
        if request.user.is_authenticated:
            return f"user {request.user.get_username()}"
        body = request.data if isinstance(request.data, dict) else {}
        session = body.get("sessionId") or request.query_params.get("sessionId")
        return f"session {session}" if session and isinstance(session, str) else None


PUBLIC_WRITE_THROTTLES = [AddressWriteThrottle, SessionWriteThrottle]


def throttled_sign_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Limit a sign-in page as the API's sign-in is limited, in one count with it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **options)
        who = sign_in_identity(request, request.POST.get("username", ""))
        wait = seconds_to_wait(SignInThrottle.scope, who, limit=settings.SIGN_INS_PER_MINUTE)
        if wait is None:
            return view(request, *args, **options)
        return _too_often(request, wait)

    return answer


def sign_in_identity(request: HttpRequest | Request, username: str) -> str:
    return f"{client_address(request)} {username.casefold()}"


def _too_often(request: HttpRequest, wait: int) -> HttpResponse:
    response = render(request, "429.html", {"seconds": wait}, status=429)
    response["Retry-After"] = str(wait)
    return response


def _count_in_redis(key: str) -> tuple[int, int]:
    with redis.client().pipeline(transaction=False) as pipe:
        pipe.incr(key)
        pipe.expire(key, WINDOW, nx=True)
        pipe.ttl(key)
        count, _, wait = pipe.execute()
    return count, wait


def _count_here(key: str) -> tuple[int, int]:
    now = time.monotonic()
    with _local_lock:
        if len(_local) >= LARGEST_LOCAL_TABLE:
            _local.clear()
        ends, count = _local.get(key, (0.0, 0))
        ends, count = (ends, count + 1) if ends > now else (now + WINDOW, 1)
        _local[key] = ends, count
    return count, round(ends - now)

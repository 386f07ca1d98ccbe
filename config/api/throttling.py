"""How often somebody may do something; counted in Redis, in windows of a minute that start with the first request.

When Redis is down each process counts for itself: limits then hold per process instead of not at all, and nobody
is shut out.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
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

COUNT = """
    local counted = {}
    for _, key in ipairs(KEYS) do
        local count = redis.call('INCR', key)
        if count == 1 then redis.call('EXPIRE', key, ARGV[1]) end
        table.insert(counted, count)
        table.insert(counted, redis.call('TTL', key))
    end
    return counted
"""

logger = logging.getLogger(__name__)
_local: dict[Hashable, tuple[float, int]] = {}
_local_lock = Lock()


@dataclass(frozen=True)
class Limit:
    """How many requests of somebody a minute may have."""

    scope: str
    who: str
    most: int

    @property
    def key(self) -> str:
        return f"throttle:{self.scope}:{hashlib.sha256(self.who.encode()).hexdigest()[:32]}"


def seconds_to_wait(*limits: Limit) -> int | None:
    """Count one request against each limit; None while it is within all, else the seconds until it may come again."""
    keys = [limit.key for limit in limits]
    try:
        counted = _count_in_redis(keys)
    except RedisError as error:
        logger.warning("Redis cannot be reached, so this process counts requests for itself: %s", type(error).__name__)
        counted = [_count_here(key) for key in keys]
    return max((max(wait, 1) for limit, (count, wait) in zip(limits, counted, strict=True) if count > limit.most), default=None)


class _Throttle(BaseThrottle):
    """Limits that are counted together; subclasses say which hold for a request."""

    wait_seconds: int | None = None

    def limits(self, request: Request) -> list[Limit]:
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        limits = self.limits(request)
        self.wait_seconds = seconds_to_wait(*limits) if limits else None
        return self.wait_seconds is None

    def wait(self) -> float | None:
        return self.wait_seconds


class AddressWriteThrottle(_Throttle):
    """Public writes of one address, whatever sessions it invents."""

    def limits(self, request: Request) -> list[Limit]:
        if request.method in SAFE_METHODS:
            return []
        return [address_limit(request)]


class PublicWriteThrottle(AddressWriteThrottle):
    """Public writes of one address, and of one signed-in user or one visitor's session."""

    def limits(self, request: Request) -> list[Limit]:
        limits = super().limits(request)
        if limits and (writer := _writer(request)):
            limits.append(writer_limit(writer))
        return limits


class SignInThrottle(_Throttle):
    """Sign-ins of one account from one address, so that nobody elsewhere can lock an account's owner out."""

    def limits(self, request: Request) -> list[Limit]:
        username = request.data.get("username") if isinstance(request.data, dict) else None
        return [sign_in_limit(request, username)] if isinstance(username, str) else []


PUBLIC_WRITE_THROTTLES = [PublicWriteThrottle]


def throttled_sign_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Limit a sign-in page as the API's sign-in is limited, in one count with it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **options)
        wait = seconds_to_wait(sign_in_limit(request, request.POST.get("username", "")))
        if wait is None:
            return view(request, *args, **options)
        return _too_often(request, wait)

    return answer


def refused_write(request: HttpRequest, *, session: str) -> HttpResponse | None:
    """The page that refuses a form which comes too often, in one count with the API's writes; None where it may go on."""
    user = request.user
    writer = f"user {user.get_username()}" if user.is_authenticated else f"session {session}"
    wait = seconds_to_wait(address_limit(request), writer_limit(writer))
    return None if wait is None else _too_often(request, wait)


def address_limit(request: HttpRequest | Request) -> Limit:
    return Limit("address", client_network(request), settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE)


def writer_limit(writer: str) -> Limit:
    return Limit("session", writer, settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE)


def sign_in_limit(request: HttpRequest | Request, username: str) -> Limit:
    return Limit("sign-in", f"{client_address(request)} {username.casefold()}", settings.SIGN_INS_PER_MINUTE)


def _writer(request: Request) -> str | None:
    if request.user.is_authenticated:
        return f"user {request.user.get_username()}"
    body = request.data if isinstance(request.data, dict) else {}
    session = body.get("sessionId") or request.query_params.get("sessionId")
    return f"session {session}" if session and isinstance(session, str) else None


def _too_often(request: HttpRequest, wait: int) -> HttpResponse:
    response = render(request, "429.html", {"seconds": wait}, status=429)
    response["Retry-After"] = str(wait)
    return response


def _count_in_redis(keys: Sequence[str]) -> list[tuple[int, int]]:
    """Of each key how often it has been counted in its window, and the seconds until that ends; in one round trip."""
    answer = redis.client().register_script(COUNT)(keys=keys, args=[WINDOW])
    return list(zip(answer[::2], answer[1::2], strict=True))


def _count_here(key: str) -> tuple[int, int]:
    now = time.monotonic()
    with _local_lock:
        if len(_local) >= LARGEST_LOCAL_TABLE:
            _local.clear()
        ends, count = _local.get(key, (0.0, 0))
        ends, count = (ends, count + 1) if ends > now else (now + WINDOW, 1)
        _local[key] = ends, count
    return count, round(ends - now)

"""How often somebody may do something; counted in Redis, in windows that start with the first request.

When Redis is down each process counts for itself: limits then hold per process instead of not at all, and nobody
is shut out.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from redis import RedisError
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config import redis
from config.clients import client_network

MINUTE, HOUR = 60, 3600  # seconds
LARGEST_LOCAL_TABLE = 10_000  # windows that one process remembers while Redis is down

COUNT = """
    local counted = {}
    for number, key in ipairs(KEYS) do
        local count = redis.call('INCR', key)
        if count == 1 then redis.call('EXPIRE', key, ARGV[number]) end
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
    """How many requests of somebody a window may have."""

    scope: str
    who: str
    most: int
    window: int = MINUTE  # seconds

    @property
    def key(self) -> str:
        return f"throttle:{self.scope}:{hashlib.sha256(self.who.encode()).hexdigest()[:32]}"


def seconds_to_wait(*limits: Limit) -> int | None:
    """Count one request against each limit; None while it is within all, else the seconds until it may come again."""
    return seconds_to_wait_of_each([limits])[0]


def seconds_to_wait_of_each(requests: Sequence[Sequence[Limit]]) -> list[int | None]:
    """`seconds_to_wait` of several requests in one round trip."""
    try:
        counted = _count_in_redis(requests)
    except RedisError as error:
        logger.warning("Redis cannot be reached, so this process counts requests for itself: %s", type(error).__name__)
        counted = [[_count_here(limit) for limit in limits] for limits in requests]
    return [
        max((max(wait, 1) for limit, (count, wait) in zip(limits, counts, strict=True) if count > limit.most), default=None)
        for limits, counts in zip(requests, counted, strict=True)
    ]


class AddressWriteThrottle(BaseThrottle):
    """Public writes of one address, whatever sessions it invents; subclasses add limits, counted in the same round trip."""

    wait_seconds: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        try:
            more = self.more_limits(request, view)
        except APIException:  # a body that nobody can read counts too, and is refused as such while it may come
            if self._is_allowed(address_limit(request.META)):
                raise
            return False
        return self._is_allowed(address_limit(request.META), *more)

    def more_limits(self, request: Request, view: Any) -> list[Limit]:
        """Raises what reading the body raises."""
        return []

    def wait(self) -> float | None:
        return self.wait_seconds

    def _is_allowed(self, *limits: Limit) -> bool:
        self.wait_seconds = seconds_to_wait(*limits)
        return self.wait_seconds is None


class PublicWriteThrottle(AddressWriteThrottle):
    """Public writes of one address, and of one signed-in user or one visitor's session."""

    def more_limits(self, request: Request, view: Any) -> list[Limit]:
        writer = _writer_limit(request)
        return [writer] if writer else []


class VoteThrottle(PublicWriteThrottle):
    """Public writes, and votes of one address for one medium: a session of its own for each vote costs nobody anything."""

    def more_limits(self, request: Request, view: Any) -> list[Limit]:
        votes = [vote_limit(request.META, view.kwargs["media_id"])] if request.method == "POST" else []
        return super().more_limits(request, view) + votes


class SignInThrottle(AddressWriteThrottle):
    """Sign-ins of one address, and of one account from there, so that nobody elsewhere can lock an account's owner out."""

    def more_limits(self, request: Request, view: Any) -> list[Limit]:
        username = request.data.get("username") if isinstance(request.data, dict) else None
        return [sign_in_limit(request.META, username)] if isinstance(username, str) else []


PUBLIC_WRITE_THROTTLES = [PublicWriteThrottle]


def throttled_sign_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Limit a sign-in page as the API's sign-in is limited, in one count with it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **options)
        wait = seconds_to_wait(address_limit(request.META), sign_in_limit(request.META, request.POST.get("username", "")))
        if wait is None:
            return view(request, *args, **options)
        return too_often(request, wait)

    return answer


def refused_write(request: HttpRequest, *more: Limit, session: str) -> HttpResponse | None:
    """The page that refuses a form which comes too often, in one count with the API's writes; None where it may go on."""
    writer = user_limit(request.user) if request.user.is_authenticated else session_limit(session)
    wait = seconds_to_wait(address_limit(request.META), writer, *more)
    return None if wait is None else too_often(request, wait)


def too_often(request: HttpRequest, wait: int) -> HttpResponse:
    """The page that asks to come back in `wait` seconds."""
    response = render(request, "429.html", {"seconds": wait}, status=429)
    response["Retry-After"] = str(wait)
    return response


def address_limit(meta: Mapping[str, Any]) -> Limit:
    return Limit("address", client_network(meta), settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE)


def user_limit(user: AbstractBaseUser) -> Limit:
    return Limit("session", f"user {user.get_username()}", settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE)


def session_limit(session: str) -> Limit:
    return Limit("session", f"session {session}", settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE)


def vote_limit(meta: Mapping[str, Any], media_id: int) -> Limit:
    return Limit("votes", f"{client_network(meta)} {media_id}", settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR, window=HOUR)


def sign_in_limit(meta: Mapping[str, Any], username: str) -> Limit:
    return Limit("sign-in", f"{client_network(meta)} {username.casefold()}", settings.SIGN_INS_PER_MINUTE)


def sign_up_limit(meta: Mapping[str, Any]) -> Limit:
    return Limit("sign-up", client_network(meta), settings.SIGN_UPS_PER_ADDRESS_PER_HOUR, window=HOUR)


def _writer_limit(request: Request) -> Limit | None:
    if request.user.is_authenticated:
        return user_limit(request.user)
    body = request.data if isinstance(request.data, dict) else {}
    session = body.get("sessionId") or request.query_params.get("sessionId")
    return session_limit(session) if session and isinstance(session, str) else None


def _count_in_redis(requests: Sequence[Sequence[Limit]]) -> list[list[tuple[int, int]]]:
    """Of each limit of each request how often it has been counted in its window, and the seconds until that ends; in one round trip."""
    limits = [limit for request in requests for limit in request]
    answer = iter(redis.client().register_script(COUNT)(keys=[limit.key for limit in limits], args=[limit.window for limit in limits]))
    return [[(next(answer), next(answer)) for _ in request] for request in requests]


def _count_here(limit: Limit) -> tuple[int, int]:
    now = time.monotonic()
    with _local_lock:
        if len(_local) >= LARGEST_LOCAL_TABLE:
            _local.clear()
        ends, count = _local.get(limit.key, (0.0, 0))
        ends, count = (ends, count + 1) if ends > now else (now + limit.window, 1)
        _local[limit.key] = ends, count
    return count, round(ends - now)

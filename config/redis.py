"""The Redis connection that requests share; it gives up quickly, because nothing that a visitor needs depends on it."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def client() -> Redis:
    """A pooled client; a command against a Redis that is down raises `redis.RedisError` within half a second."""
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.25, socket_timeout=0.5)

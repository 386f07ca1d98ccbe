"""Whether somebody watches at the moment: heavy work is kind to viewers."""

from __future__ import annotations

import time

from django.conf import settings
from redis import RedisError

from config.redis import client

KEY = "viewers"  # there while somebody watches
FEWEST_SECONDS_BETWEEN_NOTES = 5.0  # of one process: a player asks for a video in many parts

_noted_at = float("-inf")


def note_viewer() -> None:
    """Remember that somebody asks for a part of a video; costs nothing most of the time, and nothing fails without Redis."""
    global _noted_at
    now = time.monotonic()
    if now - _noted_at < min(FEWEST_SECONDS_BETWEEN_NOTES, settings.VIEWERS_SECONDS / 4):
        return
    _noted_at = now
    try:
        client().set(KEY, 1, px=max(int(settings.VIEWERS_SECONDS * 1000), 1))
    except RedisError:
        return


def somebody_watches() -> bool:
    """Whether a video was asked for within VIEWERS_SECONDS; False where Redis cannot say."""
    try:
        return bool(client().exists(KEY))
    except RedisError:
        return False

"""Lanes: paused, resumed, and open at some hours only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from jobs import lanes
from jobs.lanes import Opening
from jobs.models import Lane, LaneState
from jobs.registry import InvalidParams
from media_library.audit import note_rows


class UnknownLane(LookupError):
    """There is no such lane."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no lane {name[:100]!r}; there are {', '.join(Lane.values)}")


def pause(lane: str, *, by: User | None, reason: str = "") -> Opening:
    """Start no more jobs of a lane; those that run go on. Raises `UnknownLane`."""
    changes = {"paused_at": Now(), "paused_by": by, "paused_reason": reason, "resumes_at": None}
    return _change_lane(lane, changes, f"Paused: {reason}" if reason else "Paused.", by=by)


def resume(lane: str, *, by: User | None) -> Opening:
    """Let a paused lane start jobs again. Raises `UnknownLane`."""
    changes = {"paused_at": None, "paused_by": None, "paused_reason": "", "resumes_at": None}
    return _change_lane(lane, changes, "Resumed.", by=by)


def set_hours(lane: str, opens_at: time | None, closes_at: time | None, *, by: User | None) -> Opening:
    """Start jobs of a lane only within these hours, in TIME_ZONE; both None: always. Raises `UnknownLane` or `InvalidParams`."""
    if (opens_at is None) != (closes_at is None):
        raise InvalidParams({"closesAt" if closes_at is None else "opensAt": ["Hours have a start and an end."]})
    if opens_at is not None and opens_at == closes_at:
        raise InvalidParams({"closesAt": ["Hours end at another time than they begin."]})
    hours = f"Open from {opens_at:%H:%M} to {closes_at:%H:%M}." if opens_at and closes_at else "Open at all hours."
    return _change_lane(lane, {"opens_at": opens_at, "closes_at": closes_at}, hours, by=by)


def set_pauses_for_viewers(lane: str, pauses: bool, *, by: User | None) -> Opening:
    """Whether a lane starts nothing while somebody watches. Raises `UnknownLane`."""
    message = "Pauses while somebody watches." if pauses else "Goes on while somebody watches."
    return _change_lane(lane, {"pauses_for_viewers": pauses}, message, by=by)


def _change_lane(lane: str, changes: Mapping[str, Any], message: str, *, by: User | None) -> Opening:
    if lane not in Lane.values:
        raise UnknownLane(lane)
    with transaction.atomic():
        state, _ = LaneState.objects.get_or_create(lane=lane)
        LaneState.objects.filter(pk=state.pk).update(**changes)
        note_rows([state], message, by=by)
        lanes.wake(lane)
    return lanes.opening(lane)

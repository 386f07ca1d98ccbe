"""The three lanes: who is woken when one has work, and whether one starts jobs at the moment."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from kombu.connection import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers
from redis import RedisError

from config.celery import app
from config.database import read
from gallery.viewers import somebody_watches
from jobs.models import Lane, LaneState

logger = logging.getLogger(__name__)

WORK = "jobs.tasks.work"  # the one Celery task, by name: what decides does not import what executes
MESSAGE_LIFE = 60  # seconds; workers look by themselves, so an old message says nothing new
PATIENCE = 0.5  # seconds with a broker that does not answer
DISK_FULL = "the disk is full"


STATES = """
    SELECT state.lane, state.paused_at IS NOT NULL AND (state.resumes_at IS NULL OR state.resumes_at > statement_timestamp()),
           person.username, state.paused_reason, state.resumes_at, state.opens_at, state.closes_at, state.pauses_for_viewers,
           statement_timestamp()
    FROM lane_states AS state LEFT JOIN auth_user AS person ON person.id = state.paused_by_id
    WHERE state.lane = ANY(%s)
"""


@dataclass(frozen=True)
class Opening:
    """Whether a lane starts jobs now, and the sentence that says why not."""

    lane: Lane
    is_open: bool
    reason: str | None
    is_paused: bool  # by a person, or for a while by a full disk
    paused_by: str | None
    resumes_at: datetime | None
    opens_at: time | None
    closes_at: time | None
    pauses_for_viewers: bool


class _State(NamedTuple):
    """A row of `STATES`: read before every claim, and so without the ORM."""

    lane: str
    is_paused: bool
    paused_by: str | None
    paused_reason: str
    resumes_at: datetime | None
    opens_at: time | None
    closes_at: time | None
    pauses_for_viewers: bool
    now: datetime  # by the database's clock


@dataclass(frozen=True)
class _Wake:
    """Tells a worker of a lane that it has work; a broker that is away costs a log line, for workers also look by themselves."""

    lane: str
    passes: int | None = None  # how often workers that are busy may pass it on; None: until all have heard it

    def __call__(self) -> None:
        try:
            with producers[_broker()].acquire(block=True, timeout=PATIENCE) as producer:
                options = {"queue": self.lane, "expires": MESSAGE_LIFE, "ignore_result": True, "retry": False}
                app.send_task(WORK, args=[self.lane, self.passes], producer=producer, **options)
        except (OperationalError, LimitExceeded, RedisError, OSError) as error:
            logger.warning("%s has work, but no message could be sent: %s", self.lane, error)


@cache
def _broker() -> Connection:
    """The broker, asked by those who cannot wait: a worker's own connection waits for messages as long as it takes."""
    broker: Connection = app.connection_for_write(
        transport_options={
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            "max_retries": 1,
            "interval_start": 0.0,
            "interval_step": 0.0,
        }
    )
    return broker


def wake(lane: Lane | str) -> None:
    """Tell a worker of the lane after the commit that there is work; once for all the work of a transaction."""
    hook = _Wake(str(lane))
    if not any(waiting == hook for _, waiting, *_ in connection.run_on_commit):
        transaction.on_commit(hook)


def tell_another(lane: Lane | str, *, passes: int) -> None:
    """Tell another worker of the lane, from one that has its hands full: what comes to it now would wait for it."""
    _Wake(str(lane), passes)()


def limit(lane: Lane | str) -> int | None:
    """How many jobs of the lane this node runs at once; None: as many as its workers take."""
    return settings.JOBS_PER_NODE.get(str(lane))


def openings() -> dict[Lane, Opening]:
    """Whether each lane starts jobs now."""
    states = {state.lane: state for state in map(_State._make, read(STATES, [Lane.values]))}
    return {lane: _opening(lane, states.get(lane)) for lane in Lane}


def open_lanes() -> list[Lane]:
    """The lanes that start jobs now."""
    return [lane for lane, opening in openings().items() if opening.is_open]


def opening(lane: Lane | str) -> Opening:
    """Whether one lane starts jobs now."""
    rows = read(STATES, [[str(lane)]])
    return _opening(Lane(lane), _State._make(rows[0]) if rows else None)


def pause_for_full_disk(lane: Lane | str) -> None:
    """Stop a lane until the disk may have room again; a person's pause stays what it is."""
    state, _ = LaneState.objects.get_or_create(lane=lane)
    nobody_paused = Q(paused_at=None) | Q(resumes_at__isnull=False)
    stop = timedelta(seconds=settings.DISK_FULL_PAUSE_SECONDS)
    LaneState.objects.filter(nobody_paused, pk=state.pk).update(
        paused_at=Now(), paused_by=None, paused_reason=DISK_FULL, resumes_at=Now() + stop
    )


def is_within_hours(now: time, *, opens_at: time | None, closes_at: time | None) -> bool:
    """Whether a lane with these hours is open at `now`; hours that end before they begin last over midnight."""
    if opens_at is None or closes_at is None:
        return True
    if opens_at < closes_at:
        return opens_at <= now < closes_at
    return now >= opens_at or now < closes_at


def _opening(lane: Lane, state: _State | None) -> Opening:
    if state is None:
        return Opening(lane, True, None, False, None, None, None, None, False)
    reason = _pause(state) if state.is_paused else _closed_by_itself(state)
    return Opening(
        lane=lane,
        is_open=reason is None,
        reason=reason,
        is_paused=state.is_paused,
        paused_by=state.paused_by if state.is_paused else None,
        resumes_at=state.resumes_at if state.is_paused else None,
        opens_at=state.opens_at,
        closes_at=state.closes_at,
        pauses_for_viewers=state.pauses_for_viewers,
    )


def _pause(state: _State) -> str:
    by = f" by {state.paused_by}" if state.paused_by else ""
    until = f" until {timezone.localtime(state.resumes_at):%H:%M:%S}" if state.resumes_at else ""
    reason = f": {state.paused_reason}" if state.paused_reason else ""
    return f"the lane {state.lane} is paused{by}{until}{reason}"


def _closed_by_itself(state: _State) -> str | None:
    if not is_within_hours(timezone.localtime(state.now).time(), opens_at=state.opens_at, closes_at=state.closes_at):
        return f"the lane {state.lane} opens at {state.opens_at:%H:%M}"
    if state.pauses_for_viewers and somebody_watches():
        return f"the lane {state.lane} is paused while somebody watches"
    return None

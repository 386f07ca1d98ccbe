"""The heartbeat of a process's jobs: leases renewed, progress written, cancellations heard.

One thread with a connection of its own beats for all jobs of the process, so that nothing that a handler does delays it.
Whether the lease still stands, the handler's own thread tells by its clock: a database that answers nobody must not keep a
job running that another worker may have by now.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Lock, Thread
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections

from jobs import claims
from jobs.claims import Lease, LeaseLost
from jobs.failures import AWAY_DATABASE, JobCancelled, LeaseExpired, WorkerStops
from jobs.models import Job

LOOK_SECONDS = 1.0  # between two looks for cancelled jobs, and between two writes of progress
SECONDS_BETWEEN_TRIES = 1.0  # to write something, while the database is away
MOST_REFUSALS = 5  # by a database that is there, of one piece of work
LOG_SECONDS = 5.0  # between two writes of a log that grows
LONGEST_LOG = 64 * 1024  # characters kept of a job's log, the last ones
LONGEST_LINE = 2000  # characters
_NO_PROGRESS: tuple[int, float | None] = (0, None)  # percent, seconds of video a second
_ANSI = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[@-Z\\\\-_])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Pulse:
    """One running job, as its handler's thread and the heart's share it."""

    def __init__(self, lease: Lease, *, claimed_at: float) -> None:
        self.lease = lease
        self._lock = Lock()
        self._held_until = claimed_at + settings.LEASE_SECONDS  # of the monotonic clock
        self._beat_at = self._wrote_log_at = claimed_at
        self._progress = self._written_progress = _NO_PROGRESS
        self._log = self._written_log = ""
        self._is_lost = self._is_cancelled = False
        self._stopping = Event()

    # --- For the handler's thread

    def check(self) -> None:
        """Raise `LeaseLost`, `JobCancelled` or `WorkerStops` where the handler has to end."""
        if self._is_lost:
            raise LeaseLost(self.lease.job_id)
        if time.monotonic() > self._held_until:  # nobody told us so, but somebody else may have the job
            raise LeaseExpired(f"The lease of job {self.lease.job_id} could not be renewed in time")
        if self._is_cancelled:
            raise JobCancelled
        if self._stopping.is_set():
            raise WorkerStops

    def report(self, progress: float, speed: float | None = None) -> None:
        """Note progress, 0 to 100; it never falls."""
        with self._lock:
            percent, known_speed = self._progress
            self._progress = max(percent, min(int(progress), claims.UNFINISHED)), known_speed if speed is None else speed

    def say(self, text: str) -> None:
        """Add lines to the job's log."""
        lines = "".join(f"{line[:LONGEST_LINE]}\n" for line in clean(text).splitlines())
        with self._lock:
            self._log = (self._log + lines)[-LONGEST_LOG:]

    @property
    def unwritten_log(self) -> str | None:
        """The log, where not all of it is written yet."""
        return self._log if self._log != self._written_log else None

    def persist(self, work: Callable[[], T], *, check: Callable[[], None] = lambda: None) -> T:
        """Do some work on the database as soon as it is there: one that restarts costs a job nothing.

        `check` is called before each further try and may raise. Raises what the database says where the worker stops
        meanwhile, or where the database is there and refuses again and again.
        """
        refusals = 0
        while True:
            try:
                return work()
            except AWAY_DATABASE as error:
                refusals += is_refusal(error)
                if connection.in_atomic_block or self._stopping.is_set() or refusals >= MOST_REFUSALS:
                    raise
                connections.close_all()
                self._stopping.wait(SECONDS_BETWEEN_TRIES)
                check()

    # --- For the heart

    def is_due(self, now: float) -> bool:
        since = now - self._beat_at
        return since >= settings.BEAT_SECONDS or (self._progress != self._written_progress and since >= LOOK_SECONDS)

    def beat(self) -> None:
        """Renew the lease, with what is new; raises `django.db.Error`."""
        now = time.monotonic()
        progress, log = self._progress, self._log if self._is_log_due(now) else None
        beat = claims.beat(self.lease, progress=progress[0], speed=progress[1], log=log)
        if not beat.is_held:
            self._is_lost = True
        if not beat.is_renewed:
            return
        self._held_until = now + settings.LEASE_SECONDS
        self._beat_at, self._written_progress = now, progress
        self._is_cancelled = self._is_cancelled or beat.is_cancelled
        if log is not None:
            self._wrote_log_at, self._written_log = now, log

    def lose(self) -> None:
        self._is_lost = True

    def cancel(self) -> None:
        self._is_cancelled = True

    def stop(self) -> None:
        self._stopping.set()

    def _is_log_due(self, now: float) -> bool:
        """Whether it has grown and was not written for a while: it is longer than all the rest."""
        return self.unwritten_log is not None and now - self._wrote_log_at >= min(LOG_SECONDS, settings.BEAT_SECONDS)


class Heart:
    """The thread that beats for all pulses of a process."""

    def __init__(self) -> None:
        self._pulses: list[Pulse] = []
        self._changing = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    @contextmanager
    def beating(self, pulse: Pulse) -> Iterator[None]:
        """Keep the lease of a job while the block runs."""
        with self._changing:
            self._pulses.append(pulse)
        try:
            yield
        finally:
            with self._changing:
                self._pulses.remove(pulse)

    @property
    def pulses(self) -> list[Pulse]:
        """Of the jobs that run now."""
        with self._changing:
            return list(self._pulses)

    def _run(self) -> None:
        tick = min(LOOK_SECONDS, settings.BEAT_SECONDS)
        while not self._stopping.wait(tick):
            pulses = self.pulses
            if pulses and attempt("the heart", partial(_look, pulses)):
                now = time.monotonic()
                for pulse in pulses:
                    if pulse.is_due(now):
                        attempt(f"the pulse of job {pulse.lease.job_id}", pulse.beat)


def attempt(name: str, act: Callable[[], None]) -> bool:
    """Whether it went well; gives the thread's database connection back.

    Nothing that `act` raises ends the thread: a process without a heart or a keeper holds jobs that nobody runs.
    """
    try:
        act()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("%s does not reach the database: %s", name, error)
    except Exception:
        logger.exception("%s stumbles", name)
    else:
        return True
    finally:
        connections.close_all()
    return False


def clean(text: str) -> str:
    """What a program says as text that the database keeps and a terminal obeys nothing of."""
    return _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def is_refusal(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database is there and says no: a deadlock, a lock that was not had; and not that it is away or goes."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state is not None and not state.startswith(("08", "57P"))


def _look(pulses: list[Pulse]) -> None:
    """One question about all jobs: which are cancelled, which are no longer ours?"""
    running = Job.objects.filter(pk__in=[pulse.lease.job_id for pulse in pulses], status=Job.Status.RUNNING)
    rows = {token: cancel for token, cancel in running.values_list("lease_token", "cancel_requested_at")}
    for pulse in pulses:
        if pulse.lease.token not in rows:
            pulse.lose()
        elif rows[pulse.lease.token] is not None:
            pulse.cancel()

"""The heartbeat of a process's jobs: leases renewed, progress written, cancellations heard.

One thread with a connection of its own beats for all jobs of the process, so that nothing that a handler does delays it.
Whether the lease still stands, the handler's own thread tells by its clock: a database that answers nobody must not keep a
job running that another worker may have by now.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from jobs import claims
from jobs.claims import Lease, LeaseLost
from jobs.failures import JobCancelled, WorkerStops
from jobs.models import Job

LOOK_SECONDS = 1.0  # between two looks for cancelled jobs, and between two writes of progress
LOG_SECONDS = 5.0  # between two writes of a log that grows
LONGEST_LOG = 64 * 1024  # characters kept of a job's log, the last ones
LONGEST_LINE = 2000  # characters
_ANSI = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[@-Z\\\\-_])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

logger = logging.getLogger(__name__)


class Pulse:
    """One running job, as its handler's thread and the heart's share it."""

    def __init__(self, lease: Lease, *, claimed_at: float) -> None:
        self.lease = lease
        self._lock = Lock()
        self._held_until = claimed_at + settings.LEASE_SECONDS  # of the monotonic clock
        self._beat_at = self._wrote_log_at = claimed_at
        self._progress = 0
        self._speed: float | None = None
        self._log = ""
        self._has_progress = self._has_log = False  # that is not written yet
        self._is_lost = self._is_cancelled = self._must_stop = False

    # --- For the handler's thread

    def check(self) -> None:
        """Raise `LeaseLost`, `JobCancelled` or `WorkerStops` where the handler has to end."""
        if self.is_lost:
            raise LeaseLost(self.lease.job_id)
        if self._is_cancelled:
            raise JobCancelled
        if self._must_stop:
            raise WorkerStops

    @property
    def is_lost(self) -> bool:
        """Whether somebody else may have the job: we were told so, or could not renew the lease in time."""
        return self._is_lost or time.monotonic() > self._held_until

    def report(self, progress: float, speed: float | None = None) -> None:
        """Note progress, 0 to 100; it never falls."""
        with self._lock:
            if int(progress) > self._progress or (speed is not None and speed != self._speed):
                self._progress = max(self._progress, min(int(progress), claims.UNFINISHED))
                self._speed = speed if speed is not None else self._speed
                self._has_progress = True

    def say(self, text: str) -> None:
        """Add lines to the job's log."""
        lines = "".join(f"{line[:LONGEST_LINE]}\n" for line in clean(text).splitlines())
        with self._lock:
            self._log = (self._log + lines)[-LONGEST_LOG:]
            self._has_log = bool(self._log)

    # --- For the heart

    def is_due(self, now: float) -> bool:
        since = now - self._beat_at
        return since >= settings.BEAT_SECONDS or (self._has_progress and since >= LOOK_SECONDS)

    def beat(self) -> None:
        """Renew the lease, with what is new; raises `django.db.Error`."""
        now = time.monotonic()
        with self._lock:
            progress, speed, self._has_progress = self._progress, self._speed, False
        beat = claims.beat(self.lease, progress=progress, speed=speed, log=self._take_log(now))
        self._beat_at = now
        if not beat.is_held:
            self._is_lost = True
            return
        self._held_until = now + settings.LEASE_SECONDS
        self._is_cancelled = self._is_cancelled or beat.is_cancelled

    @property
    def unwritten_log(self) -> str | None:
        """The log, where not all of it is written yet."""
        return self._log if self._has_log else None

    def write_log(self) -> None:
        """Write what of the log is not written yet; raises `LeaseLost` or `django.db.Error`."""
        if self._has_log and not claims.beat(self.lease, log=self._log).is_held:
            raise LeaseLost(self.lease.job_id)
        self._has_log = False

    def lose(self) -> None:
        self._is_lost = True

    def cancel(self) -> None:
        self._is_cancelled = True

    def stop(self) -> None:
        self._must_stop = True

    def _take_log(self, now: float) -> str | None:
        """The log where it has grown and was not written for a while: it is longer than all the rest."""
        with self._lock:
            if not self._has_log or now - self._wrote_log_at < min(LOG_SECONDS, settings.BEAT_SECONDS):
                return None
            self._wrote_log_at, self._has_log = now, False
            return self._log


class Heart:
    """The thread that beats for all pulses of a process."""

    def __init__(self) -> None:
        self._pulses: set[Pulse] = set()
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
            self._pulses.add(pulse)
        try:
            yield
        finally:
            with self._changing:
                self._pulses.discard(pulse)

    @property
    def pulses(self) -> list[Pulse]:
        """Of the jobs that run now."""
        with self._changing:
            return list(self._pulses)

    def _run(self) -> None:
        tick = min(LOOK_SECONDS, settings.BEAT_SECONDS)
        while not self._stopping.wait(tick):
            if not (pulses := self.pulses):
                continue
            try:
                _look(pulses)
                now = time.monotonic()
                for pulse in pulses:
                    if pulse.is_due(now):
                        pulse.beat()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the heartbeat of %d jobs does not reach the database: %s", len(pulses), error)
                connections.close_all()
        connections.close_all()


def clean(text: str) -> str:
    """What a program says as text that the database keeps and a terminal obeys nothing of."""
    return _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _look(pulses: list[Pulse]) -> None:
    """One question about all jobs: which are cancelled, which are no longer ours?"""
    running = Job.objects.filter(pk__in=[pulse.lease.job_id for pulse in pulses], status=Job.Status.RUNNING)
    rows = {token: cancel for token, cancel in running.values_list("lease_token", "cancel_requested_at")}
    for pulse in pulses:
        if pulse.lease.token not in rows:
            pulse.lose()
        elif rows[pulse.lease.token] is not None:
            pulse.cancel()

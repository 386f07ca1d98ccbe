"""The process that runs jobs: so many slots for each of its lanes, a heart, and a keeper for all that comes round.

Slots are threads: what is heavy runs in processes of its own, ffmpeg and the inspectors. A slot looks for work when its lane is
woken, when it has just ended a job, and every POLL_SECONDS; so nothing depends on a message, or on a broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Event, Lock, Semaphore, Thread
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections

from jobs import claims, lanes, nodes, periodic, reaper, runner
from jobs.claims import LeaseLost
from jobs.heartbeat import Heart, Pulse, attempt
from jobs.models import Lane, Worker, WorkerNode
from media_library.ffmpeg.encoders import working_encoders
from media_library.ffmpeg.errors import FfmpegFailed
from media_library.ffmpeg.run import SECONDS_TO_STOP

if TYPE_CHECKING:
    from config.postgresql.base import DatabaseWrapper

KEEPER_TICK = 0.5  # seconds
PASSES_PER_WORKER = 3  # the broker may give a message back to who has just passed it on

logger = logging.getLogger(__name__)


class Bell:
    """Wakes one slot of a lane for each ring, and never more than there are."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._rings = Semaphore(slots)  # at first everybody looks once
        self._listening = 0
        self._lock = Lock()

    def ring(self) -> bool:
        """Returns whether a slot listens; else the next one to end its job looks, as it would anyway."""
        with self._lock:
            if self._rings._value < self._slots:
                self._rings.release()
            return self._listening > 0

    def wait(self, seconds: float) -> None:
        with self._lock:
            self._listening += 1
        self._rings.acquire(timeout=seconds)
        with self._lock:
            self._listening -= 1


class WorkerProcess:
    """Everything that a worker does, between `start` and `stop`."""

    def __init__(self, slots: Mapping[Lane, int]) -> None:
        """`slots`: how many jobs of each lane run at once."""
        self._slots = dict(slots)
        self._bells = {lane: Bell(count) for lane, count in slots.items()}
        self._heart = Heart()
        self._node: WorkerNode | None = None
        self._workers: dict[Lane, Worker] = {}
        self._others: dict[Lane, int] = {}
        self._unheard: set[Lane] = set()  # lanes that may have work for other workers: told every tick, not with each job
        self._stopping = Event()
        self._threads = [
            Thread(target=self._work, args=(lane,), name=f"{lane}-{number}", daemon=True)
            for lane, count in slots.items()
            for number in range(1, count + 1)
        ]
        self._keeper = Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to take jobs as soon as the database is there; returns at once."""
        _make_room(sum(self._slots.values()))
        self._heart.start()
        self._keeper.start()

    def wake(self, lane: Lane) -> bool:
        """Have the lane looked after now; False where all its slots are busy."""
        bell = self._bells.get(lane)
        return bell is None or bell.ring()

    def passes(self, lane: Lane) -> int:
        """How often a message is passed on until the lane's other workers have most likely heard it."""
        return PASSES_PER_WORKER * self._others.get(lane, 0)

    def stop(self, *, grace: float) -> None:
        """Take no more jobs, let those that end within `grace` seconds end, and put the others back into the queue."""
        self._stopping.set()
        for lane, count in self._slots.items():
            for _ in range(count):
                self._bells[lane].ring()
        self._await_slots(grace)
        for pulse in self._heart.pulses:
            pulse.stop()
        self._await_slots(SECONDS_TO_STOP + 2.0)
        for pulse in self._heart.pulses:
            _give_back(pulse)
        self._heart.stop()
        self._leave()

    # --- Slots

    def _work(self, lane: Lane) -> None:
        while not self._stopping.is_set():
            self._bells[lane].wait(settings.POLL_SECONDS)
            try:
                while not self._stopping.is_set() and self._work_once(lane):
                    pass
            except (DatabaseError, InterfaceError, WorkerNode.DoesNotExist) as error:
                logger.warning("%s cannot look for work: %s", lane, error)
                self._stopping.wait(min(1.0, settings.POLL_SECONDS))
            except Exception:
                logger.exception("%s cannot look for work", lane)
                self._stopping.wait(settings.POLL_SECONDS)
            finally:
                connections.close_all()  # back to the pool, for the next look

    def _work_once(self, lane: Lane) -> bool:
        """Claim a job and run it; False when there is none."""
        node, worker = self._node, self._workers.get(lane)
        if node is None or worker is None:
            return False
        now = time.monotonic()
        lease = claims.claim(node, lane, worker.name)
        if lease is None:
            return False
        if not self._bells[lane].ring():  # where there was one there may be more
            self._unheard.add(lane)
        pulse = Pulse(lease, claimed_at=now)
        with self._heart.beating(pulse):
            runner.perform(lease, pulse)
        return True

    def _await_slots(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    # --- The keeper

    def _keep(self) -> None:
        """Register, start the slots, then say that we live, reap and run what is periodic, for as long as we live."""
        if not self._register():
            return
        for thread in self._threads:
            thread.start()
        rounds = {self._beat: settings.BEAT_SECONDS, _reap: settings.REAPER_SECONDS, _run_periodic: settings.REAPER_SECONDS}
        due = dict.fromkeys(rounds, time.monotonic())
        while not self._stopping.wait(KEEPER_TICK):
            for act, interval in rounds.items():
                if time.monotonic() >= due[act]:
                    due[act] = time.monotonic() + interval
                    attempt("the keeper", act)
            if self._unheard:
                attempt("the keeper", self._tell_others)

    def _register(self) -> bool:
        """Write down this machine and what it can, however long the database is away; False when we stop before."""
        while not self._stopping.is_set():
            if attempt("the keeper", self._write_down):
                return True
            self._stopping.wait(settings.POLL_SECONDS)
        return False

    def _write_down(self) -> None:
        encoders = _encoders()
        node = nodes.register(encoders=encoders)
        self._workers = {lane: nodes.start_worker(node, lane, slots=count) for lane, count in self._slots.items()}
        self._node = node
        logger.info("%s takes jobs: %s; encoders: %s", node, _shown(self._slots), ", ".join(encoders) or "none")

    def _beat(self) -> None:
        if self._node is None or not WorkerNode.objects.filter(pk=self._node.pk).exists():
            self._register()
        for worker in self._workers.values():
            nodes.beat_worker(worker)
        self._others = nodes.others_than(self._workers.values())

    def _tell_others(self) -> None:
        for lane in [lane for lane in self._slots if lane in self._unheard]:
            self._unheard.discard(lane)
            if passes := self.passes(lane):
                lanes.tell_another(lane, passes=passes - 1)

    def _leave(self) -> None:
        self._keeper.join(SECONDS_TO_STOP)
        with suppress(DatabaseError, InterfaceError):
            for worker in self._workers.values():
                nodes.stop_worker(worker)
        connections.close_all()


def _make_room(slots: int) -> None:
    """Have the pool hold a connection for each slot, and those of the heart, the keeper and one to spare."""
    pool = cast("DatabaseWrapper", connection).pool
    if pool and pool.max_size < slots + 3:
        pool.resize(pool.min_size, slots + 3)


def _reap() -> None:
    reaper.reap()


def _run_periodic() -> None:
    periodic.run_due()


def _give_back(pulse: Pulse) -> None:
    """Take a job out of the hands of a handler that does not listen: whatever it still writes, it writes for nobody."""
    pulse.lose()
    with suppress(LeaseLost, DatabaseError, InterfaceError):
        claims.give_back(pulse.lease)


def _encoders() -> list[str]:
    try:
        return working_encoders(settings.FFMPEG_BINARY)
    except FfmpegFailed as error:
        logger.error("%s", error)
        return []


def _shown(slots: Mapping[Lane, int]) -> str:
    return ", ".join(f"{count} of {lane}" for lane, count in slots.items())

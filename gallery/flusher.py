"""The thread of a web process that flushes buffered views about once a second, while there are any.

It starts with the first view that its process counts, so a forked worker gets one of its own, and no worker
process is needed for views to arrive. Several processes take turns by the advisory lock in `counters.flush`.
"""

from __future__ import annotations

import logging
import os
import time
from threading import Event, Lock, Thread

from django.db import DatabaseError, connections
from redis import RedisError

from gallery import counters

INTERVAL = 1.0  # seconds from a view to its flush
BUSY_INTERVAL = 0.2  # seconds until the next try while another process flushes
RETRY_INTERVAL = 2.0  # seconds until the next try after a failure

logger = logging.getLogger(__name__)


class Flusher:
    """Flushes after `wake`, from one thread of this process."""

    def __init__(self) -> None:
        self._wanted = Event()
        self._starting = Lock()
        self._thread: Thread | None = None

    def wake(self) -> None:
        """Ask for a flush within the interval; never blocks."""
        if not self._wanted.is_set():
            self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="view flusher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = INTERVAL
        while True:
            self._wanted.wait()
            time.sleep(pause)
            self._wanted.clear()
            pause = self._flush()

    def _flush(self) -> float:
        """Flush once; returns the seconds to wait before the next time."""
        try:
            if counters.flush() is not counters.Flush.BUSY:
                return INTERVAL
            self._wanted.set()
            return BUSY_INTERVAL
        except (RedisError, DatabaseError) as error:
            logger.warning("Views wait in Redis: %s", error)
            self._wanted.set()
            return RETRY_INTERVAL
        finally:
            connections.close_all()  # back to the pool


_flusher = Flusher()


def wake() -> None:
    """Have this process flush within the interval; never blocks."""
    _flusher.wake()


def _start_afresh() -> None:
    """Threads do not survive a fork, and the parent's lock may be held for ever."""
    global _flusher
    _flusher = Flusher()


os.register_at_fork(after_in_child=_start_afresh)

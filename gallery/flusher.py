"""The thread that writes what this process has counted, about a second after it was counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread, main_thread

from django.db import Error, connections

INTERVAL = 1.0  # seconds from a count to its flush, and from a failed flush to the next

logger = logging.getLogger(__name__)


class Flusher:
    """Calls `flush` while `has_work`, from a thread that is started when there is some and ends when there is none.

    The thread is no daemon: a process that ends in order waits for it, and nothing is lost.
    """

    def __init__(self, flush: Callable[[], object], *, has_work: Callable[[], bool]) -> None:
        self._flush = flush
        self._has_work = has_work
        self._lock = Lock()
        self._thread: Thread | None = None

    def wake(self) -> None:
        """Have what was counted before this call flushed within the interval; never blocks."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                # Said aloud, because a thread takes after the one that starts it, and a server's are daemons.
                self._thread = Thread(target=self._run, name="flusher", daemon=False)
                self._thread.start()

    def _run(self) -> None:
        while self._goes_on():
            time.sleep(INTERVAL)
            try:
                self._flush()
            except Error as error:
                if not main_thread().is_alive():
                    logger.error("Counts of the last second or more are lost, for the process ends without its database: %s", error)
                    return
                logger.warning("Counts wait in memory: %s", error)
            finally:
                connections.close_all()  # back to the pool

    def _goes_on(self) -> bool:
        """Whether to flush again; inside the lock, so that nobody relies on a thread that has just decided to end."""
        with self._lock:
            if not self._has_work():
                self._thread = None
            return self._thread is not None

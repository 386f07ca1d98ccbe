"""The worker that runs jobs beside the web server; one that dies is started again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from launcher import processes
from launcher.processes import Child, Command
from launcher.progress import say
from launcher.settings import REPOSITORY
from launcher.site import Site

LANES = "cpu,gpu_encode,gpu_ai"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before it is started again; doubles while it keeps dying
LONG_LIFE = 120.0  # seconds after which a death is a new one


class Worker:
    """One Celery worker for all lanes, and its next one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pause = FIRST_PAUSE
        self._due: float | None = None
        self._child = self._start()

    def mend(self) -> None:
        """Start it again where it has died and its pause is over; called once in a while."""
        if self._child.is_running:
            return
        now = time.monotonic()
        if self._due is None:
            self._pause = FIRST_PAUSE if now - self._started_at > LONG_LIFE else min(2 * self._pause, LONGEST_PAUSE)
            self._due = now + self._pause
            say(f"The worker has stopped by itself and is started again: {self._child.last_words()} (log: {self._child.log})")
        elif now >= self._due:
            self._child = self._start()

    def stop(self) -> None:
        self._child.stop()

    def _start(self) -> Child:
        self._started_at, self._due = time.monotonic(), None
        command: Command = [self._site.python, "-m", "celery", "--app", "config", "worker", "--queues", LANES]
        return processes.start("The worker", command, env=self._site.env, cwd=REPOSITORY, log=self._site.logs / "worker.log")


@contextlib.contextmanager
def working(site: Site) -> Iterator[Worker]:
    """Run jobs until the block ends."""
    worker = Worker(site)
    try:
        yield worker
    finally:
        worker.stop()

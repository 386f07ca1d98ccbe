"""What Celery knows of us: one task that says "this lane has work", and a worker that is ours inside its own.

Celery runs no job. Its messages may be lost, repeated and reordered, its broker may be away: rows and leases are the truth.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.celery import app
from jobs import lanes
from jobs.models import Lane
from jobs.worker import WorkerProcess

logger = logging.getLogger(__name__)

_process: WorkerProcess | None = None


@app.task(name=lanes.WORK, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def work(lane: str, passes: int | None = None) -> None:
    """Have this process look for work in a lane; where all its slots are busy, another one, so many times at most."""
    if not _process or lane not in Lane.values or _process.wake(Lane(lane)):
        return
    passes = _process.passes(Lane(lane)) if passes is None else passes
    if passes > 0:
        lanes.tell_another(lane, passes=passes - 1)


class Jobs(bootsteps.StartStopStep):  # type: ignore[misc]  # as above
    """Runs jobs of the lanes whose queues the Celery worker consumes; starts and works without a broker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._lanes = [Lane(name) for name in parent.app.amqp.queues.consume_from]
        if not parent.pool_cls.__module__.endswith(("thread", "solo")):
            raise ImproperlyConfigured("Jobs run in threads of the worker: leave --pool out")

    def start(self, parent: Any) -> None:
        global _process
        if not settings.ENABLE_MEDIA_FEATURES:
            logger.warning("media features are disabled: this worker takes no jobs")
            return
        _process = WorkerProcess(dict.fromkeys(self._lanes, parent.concurrency))
        _process.start()

    def stop(self, parent: Any) -> None:
        self._stop(grace=settings.STOP_GRACE_SECONDS)

    def terminate(self, parent: Any) -> None:
        self._stop(grace=0.0)

    def _stop(self, *, grace: float) -> None:
        global _process
        process, _process = _process, None
        if process:
            process.stop(grace=grace)


app.steps["worker"].add(Jobs)

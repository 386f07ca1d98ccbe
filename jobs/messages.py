"""How a worker hears messages: as Celery does, but for what it makes of faults."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer


class SteadyConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Connects anew after any fault: by itself Celery ends the process, and its jobs, at one that the transport has no name for.

    Kombu has had such faults when a broker was restarted. Connecting over and over, it waits a second between two times.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connection_errors = (Exception,)

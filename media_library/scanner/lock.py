"""One scan at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

SCAN_LOCK = 0x5CA4_11B8  # an advisory lock of this database


@contextmanager
def one_at_a_time(*, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the scan lock, waiting for the scan that holds it; a killed process lets go with its connection."""
    own = connection.copy()  # a connection of its own: the scan's transactions come and go beside it
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [SCAN_LOCK])
            if not cursor.fetchone()[0]:
                on_wait()
                cursor.execute("SELECT pg_advisory_lock(%s)", [SCAN_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [SCAN_LOCK])
    finally:
        own.close()

"""One scan at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper

SCAN_LOCK = 0x5CA4_11B8  # an advisory lock of this database
SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def one_at_a_time(*, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the scan lock, waiting for the scan that holds it; a killed process lets go with its connection.

    `on_wait` is called for as long as it waits, and may raise to give up.
    """
    own = connection.copy()  # a connection of its own: the scan's transactions come and go beside it
    try:
        with own.cursor() as cursor:
            while not _is_taken(cursor):
                on_wait()
                time.sleep(SECONDS_BETWEEN_TRIES)
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [SCAN_LOCK])
    finally:
        own.close()


def _is_taken(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [SCAN_LOCK])
    return bool(cursor.fetchone()[0])

"""A database that goes away under a running job, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import psycopg
from django.db import OperationalError, connection

from tests.chaos.workers import wait_for


class Outage:
    """Ends the test database's connections and refuses new ones, as a restart of PostgreSQL does."""

    def __init__(self, beside: psycopg.Connection, database: str) -> None:
        self._beside, self._database = beside, database

    def begin(self, *, seconds: float | None = None) -> None:
        """Take the database away, for so long or until `end`."""
        self._allow(False)
        self._beside.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [self._database]
        )
        if seconds is not None:
            Timer(seconds, self.end).start()

    def end(self) -> None:
        self._allow(True)

    def _allow(self, is_there: bool) -> None:
        name = psycopg.sql.Identifier(self._database)
        self._beside.execute(psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, psycopg.sql.Literal(is_there)))


@contextmanager
def outage() -> Iterator[Outage]:
    """Of the test's database; over at the end of the block."""
    known = connection.settings_dict
    place: dict[str, Any] = {
        name: str(known[key])
        for name, key in (("host", "HOST"), ("port", "PORT"), ("user", "USER"), ("password", "PASSWORD"))
        if known[key]
    }
    with psycopg.connect(dbname="postgres", autocommit=True, **place) as beside:
        found = Outage(beside, str(known["NAME"]))
        try:
            yield found
        finally:
            found.end()
            wait_for(_answers, "the database to be back")


def _answers() -> bool:
    """Whether it does; each dead connection of the pool is given back, and so forgotten, until one lives."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        connection.close()
        return False
    return True

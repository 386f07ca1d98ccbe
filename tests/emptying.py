"""A database that a test has written in, emptied in milliseconds: Django truncates every table and makes its content types anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase
from psycopg.errors import DeadlockDetected

LASTING = frozenset({"auth_permission", "django_content_type", "django_migrations"})  # the same before and after any test
TOTALS = frozenset({"media_totals", "video_totals"})  # kept by triggers, so emptied when what they count has gone
FEW = 300  # rows that are sooner deleted one by one than their tables made anew; what has been deleted stays in the way for a while

_deleted = FEW  # rows since the tables were made anew; nobody knows how many others have come and gone before


@contextmanager
def quickly_emptied_databases() -> Iterator[None]:
    """While this lasts, what empties the database after a test is ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: empty_database())
        yield


def empty_database() -> None:
    """Remove every row but those that last.

    A page that a browser has just left may still be writing. We wait for it; where it waits for us too, PostgreSQL ends
    one of the two, and we begin again.
    """
    try:
        with transaction.atomic():
            _empty([name for name in connection.introspection.table_names() if name not in LASTING])
    except OperationalError as error:
        if not isinstance(error.__cause__, DeadlockDetected):
            raise
        empty_database()


def _empty(tables: Sequence[str]) -> None:
    global _deleted
    names = {table: connection.ops.quote_name(table) for table in tables}
    counts = [f"SELECT '{table}', count(*) FROM (SELECT FROM {name} LIMIT {FEW}) AS first" for table, name in names.items()]
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(names.values())} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"SELECT * FROM ({' UNION ALL '.join(counts)}) AS counted (name, rows) WHERE rows > 0")
        rows: dict[str, int] = dict(cursor.fetchall())
        _deleted += sum(rows.values())
        if _deleted >= FEW:
            _deleted = 0
            cursor.execute(f"TRUNCATE {', '.join(names.values())}")
            return
        for table in [*(rows.keys() - TOTALS), *TOTALS]:
            cursor.execute(f"DELETE FROM {names[table]}")

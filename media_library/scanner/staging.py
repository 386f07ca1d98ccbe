"""The temporary tables that a scan compares files and rows in: a million of them cost this process nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

TABLES = {
    # Files without a row, and files that are not what their row says (then with its id).
    "scan_arrivals": "path text COLLATE \"C\" PRIMARY KEY, size bigint, mtime_ns bigint, video_id bigint",
    # Rows whose content is not at their path any more.
    "scan_displaced": "video_id bigint PRIMARY KEY, path text, is_gone boolean",
    # Rows that were missed and are back where they were.
    "scan_returned": "video_id bigint",
    # What a look into those arrivals showed that may be displaced content.
    "scan_identities": "path text COLLATE \"C\" PRIMARY KEY, oshash text, duration integer, width integer, height integer, sha256 text",
    # Which arrival is which row; a row at its own path was only touched.
    "scan_moves": "path text COLLATE \"C\" PRIMARY KEY, video_id bigint UNIQUE",
}  # fmt: skip
ROWS_PER_COPY = 10_000


@contextmanager
def tables() -> Iterator[None]:
    """Make the tables, for this connection alone, and drop them again."""
    names = ", ".join(TABLES)
    execute(f"DROP TABLE IF EXISTS {names}")
    for name, columns in TABLES.items():
        execute(f"CREATE TEMPORARY TABLE {name} ({columns})")
    try:
        yield
    finally:
        if connection.is_usable():
            execute(f"DROP TABLE IF EXISTS {names}")


def execute(statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def number(statement: str, parameters: Sequence[Any] = ()) -> int:
    """The one number that a statement returns."""
    return int(rows(statement, parameters)[0][0])


def copy(table: str, records: Iterable[Sequence[Any]]) -> None:
    """Append rows by COPY."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as stream:
        for record in records:
            stream.write_row(record)


class Buffer:
    """Rows on their way into a table, written in large pieces."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._records: list[Sequence[Any]] = []

    def add(self, *values: Any) -> None:
        self._records.append(values)
        if len(self._records) >= ROWS_PER_COPY:
            self.flush()

    def flush(self) -> None:
        if self._records:
            copy(self._table, self._records)
            self._records.clear()

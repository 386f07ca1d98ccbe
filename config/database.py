"""One statement and its rows, without all that stands between Django's ORM and the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import connection
from psycopg import ClientCursor, Connection, Cursor

from config.batching import Batched

if TYPE_CHECKING:
    from config.postgresql.base import DatabaseWrapper

LARGEST_ID = 2**63 - 1  # what a bigint column holds


def read(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows that one statement answers with; raises `django.db.DatabaseError`.

    The statement is prepared: planned once for each connection, whatever the values. So what its plan depends on must
    stand in its text, a limit above all.
    """
    with connection.wrap_database_errors, _lent(statement) as lent:
        return Cursor(lent).execute(statement, values, prepare=True, binary=True).fetchall()


def read_planned(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """`read` for a statement whose best plan depends on the values, as that of a search does on what is sought."""
    with connection.wrap_database_errors, _lent(statement) as lent:
        return ClientCursor(lent).execute(statement, values).fetchall()


def read_together(*statements: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements, sent at once and answered at once, in one transaction; raises `django.db.DatabaseError`.

    Each sees what was committed before it began, so one may lock what the next reads. Where the caller has no transaction
    PostgreSQL makes one of what it is sent together.
    """
    with connection.wrap_database_errors, _lent(*(statement for statement, _ in statements)) as lent:
        with lent.pipeline():
            cursors = [Cursor(lent).execute(statement, values, prepare=True, binary=True) for statement, values in statements]
        return [cursor.fetchall() for cursor in cursors]


def by_id(statement: str) -> Callable[[int], list[tuple[Any, ...]]]:
    """A function that gives the rows of an id: those that the statement, given a list of ids, answers with this id at first.

    Concurrent calls are answered by one statement, but those in a transaction, which sees what others do not.
    """

    def rows_of(ids: Sequence[int]) -> list[list[tuple[Any, ...]]]:
        found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for id, *values in read(statement, [list(set(ids))]):
            found[id].append(tuple(values))
        return [found[id] for id in ids]

    together = Batched(rows_of)
    return lambda id: rows_of([id])[0] if connection.in_atomic_block else together(id)


def narrowed(value: Any) -> Any:
    """The same with floats for the integers of more than 64 bits, as which PostgreSQL gives back large floats of its JSON."""
    match value:
        case int():
            return value if -LARGEST_ID <= value <= LARGEST_ID else float(value)
        case Mapping():
            return {name: narrowed(inner) for name, inner in value.items()}
        case list() | tuple():
            return [narrowed(inner) for inner in value]
    return value


def now() -> datetime:
    """The time by the database's clock, which is everybody's."""
    at: datetime = read("SELECT statement_timestamp()", ())[0][0]
    return at


@contextmanager
def _lent(*statements: str) -> Iterator[Connection[Any]]:
    """The connection that this thread has, with its transaction; else one of the pool, for just these statements."""
    if connection.queries_logged:
        connection.queries_log.extend({"sql": statement, "time": ""} for statement in statements)
    pool = cast("DatabaseWrapper", connection).pool
    if connection.connection is not None or pool is None:
        connection.ensure_connection()
        yield connection.connection
        return
    pool.open()
    lent = pool.getconn()
    try:
        yield lent
    finally:
        pool.putconn(lent)

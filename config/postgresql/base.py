"""Django's backend for PostgreSQL with fewer round trips and less planning.

Django's asks before every request whether the server is still there; this one only on a connection that has rested. And it
lets `config.database` prepare statements, which are planned once, whatever the values; Django's own cursors prepare none.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool

TRUSTED_FOR = 1.0  # seconds: a restart takes PostgreSQL longer, so it costs the requests under way and hardly one more

STANDSTILL = 300.0  # seconds in a transaction after which PostgreSQL takes the locks of a machine that froze, or lost its network

_looked_at: WeakKeyDictionary[Connection[Any], float] = WeakKeyDictionary()  # by the monotonic clock


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        ours = f"-c plan_cache_mode=force_generic_plan -c idle_in_transaction_session_timeout={STANDSTILL * 1000:.0f}"
        options = f"{parameters.get('options', '')} {ours}"
        return parameters | {"prepare_threshold": 5, "options": options.strip()}

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        pool: ConnectionPool[Any] | None = super().pool
        if pool is not None and pool._check is ConnectionPool.check_connection:
            pool._check = partial(check_after_rest, pool)  # Django passes its own and takes no other
        return pool


def check_after_rest(pool: ConnectionPool[Any], connection: Connection[Any]) -> None:
    """Raise when the server has gone, at most a second after it answered on this connection last.

    Its other connections have gone with it, so they are let go of at once: the pool would find out about one after the
    other, and rest for a second, then two, before it looked at the next.
    """
    now = monotonic()
    if now - _looked_at.get(connection, 0.0) <= TRUSTED_FOR:
        return
    try:
        ConnectionPool.check_connection(connection)
    except Error:
        pool.drain()
        raise
    _looked_at[connection] = now

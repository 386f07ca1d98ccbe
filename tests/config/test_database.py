"""Reading on lent connections, and a pool that notices a server which has gone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction

from config.database import read
from config.postgresql import base
from media_library.models import Video
from tests.gallery.rows import video

MANY = 10  # connections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def short_standstill(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(base, "STANDSTILL", 0.3)
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def no_connection_of_this_thread() -> None:
    connection.close()


def end_all_other_connections() -> None:
    """What a restart of the server does to them."""
    with somebody_else() as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def somebody_else() -> psycopg.Connection[Any]:
    """A connection that is not Django's."""
    settings = connection.settings_dict
    return psycopg.connect(
        host=settings["HOST"], port=settings["PORT"], user=settings["USER"], password=settings["PASSWORD"], dbname=settings["NAME"]
    )


def test_a_statement_reads_rows_and_keeps_no_connection() -> None:
    clip = video(title="Élan")

    rows = read("SELECT id, title, created_at FROM videos WHERE id = ANY(%s)", [[clip.pk]])

    connection.close()
    assert rows == [(clip.pk, "Élan", Video.objects.get().created_at)]
    connection.close()
    read("SELECT 1", [])
    assert connection.connection is None


def test_within_a_transaction_it_reads_what_the_transaction_wrote() -> None:
    with transaction.atomic():
        clip = video()

        assert read("SELECT id FROM videos", []) == [(clip.pk,)]


def test_what_the_database_refuses_is_an_error_of_djangos() -> None:
    with pytest.raises(ProgrammingError):
        read("SELECT nothing", [])


def test_a_server_that_was_restarted_costs_nobody_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "TRUSTED_FOR", 0.0)
    before = read("SELECT pg_backend_pid()", [])

    end_all_other_connections()

    assert read("SELECT pg_backend_pid()", []) != before
    assert Video.objects.count() == 0


def test_a_server_that_was_restarted_costs_nobody_a_request_however_many_connections_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "TRUSTED_FOR", 0.0)
    together = Barrier(MANY)

    def read_at_once() -> int:
        together.wait(30)
        (row,) = read("SELECT pg_backend_pid() FROM pg_sleep(0.1)", [])
        return int(row[0])

    with ThreadPoolExecutor(MANY) as pool:
        before = {asked.result(30) for asked in [pool.submit(read_at_once) for _ in range(MANY)]}
    assert len(before) > 5

    end_all_other_connections()

    assert read("SELECT pg_backend_pid()", [])[0][0] not in before


def test_threads_read_on_connections_of_their_own() -> None:
    seen: list[int] = []

    def look() -> None:
        seen.extend(row[0] for _ in range(20) for row in read("SELECT 1", []))

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert seen == [1] * 80


@pytest.mark.usefixtures("short_standstill")
def test_whoever_stands_still_in_a_transaction_loses_its_locks() -> None:
    clip = video(title="Élan")

    with pytest.raises(DatabaseError), transaction.atomic(), somebody_else() as other:
        Video.objects.select_for_update().get(pk=clip.pk)
        other.execute("SET lock_timeout = '30s'")
        other.execute("SELECT FROM videos WHERE id = %s FOR UPDATE", [clip.pk])
        Video.objects.get(pk=clip.pk)

"""Reading on lent connections, and a pool that notices a server which has gone."""

from __future__ import annotations

from threading import Thread

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction

from config.database import read
from config.postgresql import base
from media_library.models import Video
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_connection_of_this_thread() -> None:
    connection.close()


def end_all_other_connections() -> None:
    """What a restart of the server does to them."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"], port=settings["PORT"], user=settings["USER"], password=settings["PASSWORD"], dbname="postgres"
    ) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [settings["NAME"]])


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

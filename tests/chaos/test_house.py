"""What a house of its own can be put through before anything else is asked of it."""

from __future__ import annotations

import signal

import pytest

from tests.chaos.conftest import House
from tests.chaos.workers import wait_for


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_the_site_comes_back_with_its_database_without_a_restart(house: House, how: signal.Signals) -> None:
    web = house.web(workers=1)
    assert web.status("/api/media/public") == 200

    house.stop_postgres(how)
    assert web.status("/api/media/public") == 503
    assert web.status("/healthz") == 200
    house.start_postgres()

    wait_for(lambda: web.status("/api/media/public") == 200, "the gallery answers again")


def test_the_site_serves_while_redis_is_away(house: House) -> None:
    web = house.web(workers=1)

    house.stop_redis()

    assert web.status("/api/media/public") == 200

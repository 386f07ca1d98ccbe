"""Nights on which the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from jobs import lanes, periodic
from jobs.models import Lane, LaneState

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = timedelta(minutes=15)
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)  # the clocks change in the night after


@pytest.fixture(autouse=True)
def _in_berlin(settings: Settings) -> Iterator[None]:
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override(BERLIN):
        yield


def open_from_to(day: datetime, opens_at: time, closes_at: time) -> tuple[str, str, timedelta]:
    """When a lane with these hours opens and closes in the day after this noon, on a wall's clock, and how long it was open."""
    moments = [day + number * QUARTER for number in range(24 * 4)]
    hours = {"opens_at": opens_at, "closes_at": closes_at}
    is_open = [moment for moment in moments if lanes.is_within_hours(timezone.localtime(moment).time(), **hours)]
    first, end = is_open[0], is_open[-1] + QUARTER
    assert end - first == len(is_open) * QUARTER, "it closes in between"
    return f"{timezone.localtime(first):%H:%M}", f"{timezone.localtime(end):%H:%M}", end - first


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 8), (AUTUMN, 10), (SPRING - timedelta(days=7), 9)])
def test_a_lane_opens_and_closes_by_the_clock_on_the_wall(day: datetime, hours: int) -> None:
    assert open_from_to(day, time(22), time(7)) == ("22:00", "07:00", timedelta(hours=hours))


def test_hours_that_begin_in_the_hour_that_is_left_out_begin_after_it() -> None:
    assert open_from_to(SPRING, time(2, 30), time(4)) == ("03:00", "04:00", timedelta(hours=1))


@pytest.mark.django_db
def test_hours_are_held_against_the_databases_clock_in_the_time_zone_of_the_settings() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now = timezone.localtime(cursor.fetchone()[0])
    an_hour = timedelta(hours=1)
    state = LaneState.objects.create(lane=Lane.CPU, opens_at=(now - an_hour).time(), closes_at=(now + an_hour).time())

    assert lanes.opening(Lane.CPU).is_open
    state.opens_at, state.closes_at = state.closes_at, state.opens_at
    state.save()
    assert not lanes.opening(Lane.CPU).is_open


@pytest.mark.django_db
@pytest.mark.parametrize("at", ["03:30", "04:00", "02:30"])
def test_what_is_nightly_is_due_once_every_night_of_the_year(at: str) -> None:
    due = periodic.nightly(at).replace("now()", "moment")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT moment, {due} FROM generate_series('2026-01-01 00:00Z', '2027-01-01 00:00Z', interval '20 minutes') AS moment"
        )
        dues = cursor.fetchall()

    assert all(timedelta(0) < due - moment <= timedelta(hours=25) for moment, due in dues)
    nights = {timezone.localtime(due).date() for _, due in dues}
    assert len({due for _, due in dues}) == len(nights) == 366  # one of them in the next year
    late = {timezone.localtime(due).strftime("%H:%M") for _, due in dues} - {at}
    assert late == ({"03:30"} if at == "02:30" else set())  # in spring there is no such time

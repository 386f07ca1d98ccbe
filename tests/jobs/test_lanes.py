"""The hours of a lane."""

from __future__ import annotations

from datetime import time

import pytest

from jobs.lanes import is_within_hours

NIGHT = {"opens_at": time(22), "closes_at": time(7)}
DAY = {"opens_at": time(9), "closes_at": time(17, 30)}


@pytest.mark.parametrize(
    ("hours", "open_at", "closed_at"),
    [
        (DAY, [time(9), time(12), time(17, 29, 59)], [time(8, 59, 59), time(17, 30), time(0)]),
        (NIGHT, [time(22), time(23, 59), time(0), time(6, 59)], [time(7), time(12), time(21, 59, 59)]),
    ],
)
def test_hours_begin_and_end_and_may_last_over_midnight(hours: dict[str, time], open_at: list[time], closed_at: list[time]) -> None:
    assert all(is_within_hours(now, **hours) for now in open_at)
    assert not any(is_within_hours(now, **hours) for now in closed_at)


def test_a_lane_without_hours_is_always_open() -> None:
    assert is_within_hours(time(3), opens_at=None, closes_at=None)

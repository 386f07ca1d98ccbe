from __future__ import annotations

import pytest

from media_library.timecodes import precise_clock, precise_seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("7.5", 7.5), ("1:25,4", 85.4), ("1:02:03.004", 3723.004), ("90:00", 5400), ("0:00", 0)],
)
def test_a_moment_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert precise_seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:2:3:4", "1e9", "nan", "٣", "1:", "9" * 7, "7 "])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert precise_seconds_of(text) is None


@pytest.mark.parametrize("seconds", [0.0, 7.0, 7.5, 59.999, 59.9999, 85.4, 3723.004])
def test_what_is_written_is_read_again(seconds: float) -> None:
    assert precise_seconds_of(precise_clock(seconds)) == pytest.approx(seconds, abs=0.0005)


def test_idle_zeros_are_left_out() -> None:
    assert [precise_clock(seconds) for seconds in (7.0, 7.5, 59.9999, 3723.04)] == ["0:07", "0:07.5", "1:00", "1:02:03.04"]

"""Which parts of a video a stretch of watching covered."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from gallery.retention import MOST_PARTS, part_count, parts_watched


@pytest.mark.parametrize(("duration", "parts"), [(0, 1), (1, 1), (7, 7), (200, 200), (201, 200), (7200, 200)])
def test_a_video_has_a_part_for_each_second_and_at_most_200(duration: int, parts: int) -> None:
    assert part_count(duration) == parts


@pytest.mark.parametrize(
    ("until", "seconds", "duration", "covered"),
    [
        (5, 5, 60, range(5)),
        (60, 10, 60, range(50, 60)),
        (3, 10, 60, range(3)),  # claimed more than lies before
        (65, 10, 60, range(55, 60)),  # past the end, as rounded durations are
        (10**9, 60, 60, range(60, 60)),
        (0, 10, 60, range(0)),
        (30, 0, 60, range(30, 30)),
        (18, 18, 3600, range(1)),
        (8, 8, 3600, range(0)),  # has not come to the middle of its part
        (30, 30, 0, range(0)),
    ],
)
def test_a_part_is_covered_when_its_middle_is(until: int, seconds: int, duration: int, covered: range) -> None:
    assert list(parts_watched(until=until, seconds=seconds, duration=duration)) == list(covered)


@pytest.mark.parametrize("duration", [1, 2, 59, 199, 200, 201, 333, 5400])
def test_whoever_watches_all_covers_each_part_once_however_often_they_report(duration: int) -> None:
    dice = random.Random(duration)
    cuts = sorted({0, duration, *(dice.randint(0, duration) for _ in range(40))})

    covered = [part for start, end in pairwise(cuts) for part in parts_watched(until=end, seconds=end - start, duration=duration)]

    assert covered == list(range(part_count(duration)))
    assert len(covered) <= MOST_PARTS

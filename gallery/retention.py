"""How far visitors watch: a video in equal parts, and which of them a stretch of watching covered."""

from __future__ import annotations

MOST_PARTS = 200


def part_count(duration: int) -> int:
    """How many equal parts a video of `duration` seconds is looked at in: one for each second, 200 at most."""
    return max(1, min(MOST_PARTS, duration))


def parts_watched(*, until: int, seconds: int, duration: int) -> range:
    """The parts, counted from 0, whose middle lies in the `seconds` of the video that end at second `until`.

    Going by the middle, stretches that follow one another count each part once, however they cut it; so a part's
    count says how often it was played, in a clip of seconds and in a film whose parts are longer than a report.
    """
    return range(_middles_before(until - seconds, duration), _middles_before(until, duration))


def _middles_before(second: int, duration: int) -> int:
    """How many parts have their middle at `second` or before."""
    if duration < 1:
        return 0
    parts = part_count(duration)
    return max(0, min(parts, (2 * second * parts + duration) // (2 * duration)))

"""How jobs are told to a person: on the admin's pages and in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs import registry
from jobs.models import Job, Lane
from media_library.labels import long_time, plain

MIB_PER_GB = 1024
LONGEST_ABOUT = 200  # characters
CAPITAL = re.compile(r"[A-Z]")  # in the middle of a param's name
LEAST_SHARE = 2  # percent; below it nobody can say how long the rest takes


def gigabytes(mib: int) -> str:
    return f"{mib / MIB_PER_GB:.1f} GB"


def speed(job: Job) -> str:
    """How fast video goes through the job, as a multiple of playing it; empty where that means nothing."""
    return f"{job.speed:.{1 if job.speed >= 0.1 else 2}f}×" if job.speed else ""


def seconds_left(job: Job, *, now: datetime) -> float | None:
    """Seconds that the rest takes if it goes on as it began; None while nobody can say."""
    if job.started_at is None or job.progress < LEAST_SHARE:
        return None
    elapsed = max(0.0, (now - job.started_at).total_seconds())
    return elapsed * (100 - job.progress) / job.progress


def time_left(job: Job, *, now: datetime) -> str:
    left = seconds_left(job, now=now)
    if left is None:
        return f"began {ago(job.started_at, now=now)}" if job.started_at else "beginning"
    return f"{long_time(round(left))} left" if left >= 1 else "nearly done"


def took(job: Job) -> str:
    """How long an ended job ran; empty for one that never did."""
    if job.started_at is None or job.completed_at is None:
        return ""
    return long_time(max(0, round((job.completed_at - job.started_at).total_seconds())))


def ago(at: datetime, *, now: datetime) -> str:
    """Write how long ago something was, in its largest unit."""
    seconds = max(0, round((now - at).total_seconds()))
    return f"{roughly(seconds)} ago" if seconds >= 1 else "just now"


def roughly(seconds: int) -> str:
    """Write a duration in its largest unit: 3 d, 2 h, 5 min, 40 s."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds} s"


def lane_name(lane: str) -> str:
    return Lane(lane).label if lane in Lane.values else lane


def about(job: Job) -> str:
    """What the job works on: its video, else the params that somebody chose; needs `video` selected."""
    if job.video is not None:
        return plain(job.video.title or job.video.filename)
    try:
        return given(registry.get(job.type).chosen(job.params))
    except registry.UnknownJobType:  # of another release
        return given(job.params)


def given(params: Mapping[str, Any]) -> str:
    """The params that say something, in a line: "clip length 2, fill blur, needs approval"."""
    said = [_said(name, value) for name, value in params.items() if value not in (None, "", [], {}, False)]
    return plain(", ".join(said))[:LONGEST_ABOUT]


def _said(name: str, value: Any) -> str:
    """A param in words; of a list of objects how many there are."""
    words = CAPITAL.sub(lambda letter: f" {letter[0].lower()}", name).removesuffix(" id")
    if value is True:
        return words
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return f"{words} ({len(value)})"
    return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"


def error_class(name: str) -> str:
    """`no_space` as a heading: "No space"."""
    return name.replace("_", " ").capitalize() or "Other failures"


def plain_lines(text: str) -> str:
    """Text of several lines whose other control characters are shown."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.split("\n"))

"""Moments of a video as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Every `1:02:03` and `11:25` of a text, but no part of a longer number.
CLOCK = re.compile(r"(?<![\d:.])(?:(\d{1,3}):)?(\d{1,3}):([0-5]\d)(?![\d:])", re.ASCII)
_PRECISE = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{0,6})?)", re.ASCII)


def clock(seconds: int) -> str:
    """`0:07`, `11:25`, `1:02:03`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def webvtt(cues: Iterable[tuple[float, float, str]]) -> str:
    """A WebVTT file of texts, each with the seconds from and to which it stands."""
    return "\n\n".join(["WEBVTT", *(f"{_stamp(start)} --> {_stamp(end)}\n{text}" for start, end, text in cues)]) + "\n"


def seconds_of(text: str) -> int | None:
    """The moment that a person means by `1:25` or `85`; None for anything else."""
    if found := CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else None


def precise_clock(seconds: float) -> str:
    """`0:07`, `11:25.4`, `1:02:03.004`: to the millisecond, without idle zeros."""
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return clock(whole) + (f".{rest:03}".rstrip("0") if rest else "")


def precise_seconds_of(text: str) -> float | None:
    """The moment that a person means by `1:25.4`, `85.4` or `85`; None for anything else."""
    found = _PRECISE.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))


def _stamp(seconds: float) -> str:
    """`01:02:03.004`."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"

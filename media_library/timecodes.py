"""Moments of a video as people write them."""

from __future__ import annotations


def clock(seconds: int) -> str:
    """`0:07`, `11:25`, `1:02:03`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

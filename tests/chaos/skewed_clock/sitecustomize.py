"""A wrong clock: every Python that starts with this folder on its PYTHONPATH is CLOCK_SKEW seconds ahead of the world."""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import Any

AHEAD = float(os.environ["CLOCK_SKEW"])
_time, _time_ns, _datetime, _date = time.time, time.time_ns, dt.datetime, dt.date


class _SameAs(type):
    """What was made before or elsewhere is one of these, too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


class _Datetime(_datetime, metaclass=_SameAs):  # type: ignore[valid-type,misc]
    def __new__(cls, *parts: Any, **named: Any) -> Any:
        return _datetime(*parts, **named)

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _datetime.fromtimestamp(time.time(), tz)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(dt.UTC).replace(tzinfo=None)


class _Date(_date, metaclass=_SameAs):  # type: ignore[valid-type,misc]
    def __new__(cls, *parts: Any) -> Any:
        return _date(*parts)

    @classmethod
    def today(cls) -> Any:
        return _Datetime.now().date()


time.time = lambda: _time() + AHEAD
time.time_ns = lambda: _time_ns() + int(AHEAD * 1e9)
dt.datetime, dt.date = _Datetime, _Date  # type: ignore[misc,assignment]

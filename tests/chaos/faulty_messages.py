"""Imported by workers in which the first message meets a fault that is none of the broker's."""

from __future__ import annotations

from itertools import count
from typing import Any

from kombu.transport.redis import Transport

_messages = count()
_read = Transport.on_readable


def _read_all_but_the_first(self: Transport, fileno: int) -> Any:
    if next(_messages) == 0:
        raise AttributeError("a fault of the transport's own")
    return _read(self, fileno)  # type: ignore[no-untyped-call]


Transport.on_readable = _read_all_but_the_first  # type: ignore[method-assign]

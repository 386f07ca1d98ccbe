"""Cursors of the gallery's lists: the sort key of a page's last row, signed and bound to the list that it came from."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.utils.crypto import salted_hmac

LONGEST = 512  # characters
SIGNATURE_LENGTH = 12  # bytes


class InvalidCursor(ValueError):
    """The text is no cursor of ours, or one of a list with another order or other filters."""


def write_cursor(key: Sequence[Any], *, scope: str) -> str:
    """The sort key (integers and times) as opaque text, for the list that `scope` describes."""
    payload = orjson.dumps(key)
    return base64.urlsafe_b64encode(_signature(payload, scope) + payload).decode().rstrip("=")


def read_cursor(cursor: str, *, scope: str) -> list[Any]:
    """The sort key that `write_cursor` wrote for the same scope; raises `InvalidCursor`."""
    if len(cursor) > LONGEST:
        raise InvalidCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    signature, payload = raw[:SIGNATURE_LENGTH], raw[SIGNATURE_LENGTH:]
    if not hmac.compare_digest(signature, _signature(payload, scope)):
        raise InvalidCursor
    return [datetime.fromisoformat(value) if isinstance(value, str) else value for value in orjson.loads(payload)]


def _signature(payload: bytes, scope: str) -> bytes:
    return salted_hmac(f"gallery.cursors:{scope}", payload, algorithm="sha256").digest()[:SIGNATURE_LENGTH]

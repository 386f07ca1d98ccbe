"""What tests ask of replies, and whom requests come from."""

from __future__ import annotations

import secrets
from typing import Any


def body(reply: Any) -> bytes:
    """All bytes of a reply, streamed or not."""
    return b"".join(reply.streaming_content) if reply.streaming else bytes(reply.content)


def fresh_address() -> str:
    """An address that no other test comes from: limits count by address, and Redis does not roll back."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"

"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

UNKNOWN_ADDRESS = "0.0.0.0"  # behind a Unix socket without a proxy nobody says who is calling
LONGEST_ADDRESS = 64  # characters: IPv6 with a zone
WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([^\]]+)\](?::[0-9]+)?", re.ASCII)  # as some proxies write an address


def client_address(meta: Mapping[str, Any]) -> str:
    """The caller's address in its canonical form, from what the server knows of a request.

    `X-Forwarded-For` counts only as far as `TRUSTED_PROXY_COUNT` proxies wrote it: whatever stands to the
    left of their entries is the caller's own invention.
    """
    trusted = settings.TRUSTED_PROXY_COUNT
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if trusted else []
    claimed = hops[-trusted] if 0 < trusted <= len(hops) else meta.get("REMOTE_ADDR", "")
    return _parse(claimed.strip()) or _parse(meta.get("REMOTE_ADDR", "")) or UNKNOWN_ADDRESS


def client_network(meta: Mapping[str, Any]) -> str:
    """What one caller can hardly leave: its IPv4 address, or the /64 network of its IPv6 address."""
    address = client_address(meta)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _parse(text: str) -> str | None:
    if len(text) > LONGEST_ADDRESS:
        return None
    with_port = WITH_PORT.fullmatch(text)
    return _canonical(with_port[1] or with_port[2] if with_port else text)


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)

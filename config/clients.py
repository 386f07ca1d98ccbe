"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

UNKNOWN_ADDRESS = "0.0.0.0"  # behind a Unix socket without a proxy nobody says who is calling


def client_address(request: HttpRequest | Request) -> str:
    """The caller's address in its canonical form.

    `X-Forwarded-For` counts only as far as `TRUSTED_PROXY_COUNT` proxies wrote it: whatever stands to the
    left of their entries is the caller's own invention.
    """
    trusted = settings.TRUSTED_PROXY_COUNT
    hops = request.headers.get("X-Forwarded-For", "").split(",") if trusted else []
    claimed = hops[-trusted] if 0 < trusted <= len(hops) else request.META.get("REMOTE_ADDR", "")
    parsed = _parse(claimed.strip()) or _parse(request.META.get("REMOTE_ADDR", ""))
    return str(parsed) if parsed else UNKNOWN_ADDRESS


def client_network(request: HttpRequest | Request) -> str:
    """What one caller can hardly leave: its IPv4 address, or the /64 network of its IPv6 address."""
    address = client_address(request)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address

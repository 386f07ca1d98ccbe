"""What stops a scan."""

from __future__ import annotations


class ScanRefused(Exception):
    """A guard stopped the scan before it wrote anything; `str(error)` is the reason, for a person."""

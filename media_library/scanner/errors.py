"""What stops a scan."""

from __future__ import annotations


class ScanRefused(Exception):
    """A guard stopped the scan before it wrote anything; `str(error)` is the reason, for a person."""


class ScanInterrupted(Exception):
    """Whoever follows the progress wants the scan to end; what was written so far stays."""

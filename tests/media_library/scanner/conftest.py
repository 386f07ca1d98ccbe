"""Scanning a small library in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media_library.models import ScanReport
from media_library.scanner import scan
from tests.conftest import Clips, variant

Scan = Callable[..., ScanReport]


@pytest.fixture
def scan_library(library: Path) -> Scan:
    """Scan the library with one reading process; nothing waits for having settled unless asked for."""

    def scan_now(**options: Any) -> ScanReport:
        return scan(library, **{"settle": 0.0, "workers": 1} | options)

    return scan_now


@pytest.fixture
def add(library: Path, clips: Clips) -> Callable[..., Path]:
    """Put a small valid video at a path of the library; the same content for the same `number`."""

    def add_video(path: str, number: int = 0) -> Path:
        return variant(clips.plain, library / path, number)

    return add_video


def findings(report: ScanReport, kind: str) -> dict[str, str]:
    """The report's lines of one kind: path to detail."""
    return {line["path"]: line["detail"] for line in report.findings if line["kind"] == kind}

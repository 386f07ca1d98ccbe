"""A small library that is scanned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from media_library.models import Video
from media_library.scanner import scan
from tests.conftest import Clips, aged, variant


@pytest.fixture
def add(library: Path, clips: Clips, settings: Settings) -> Callable[..., Path]:
    """Put a small valid video at a path of the library; the same content for the same `number`."""
    settings.SCAN_WORKERS = 1
    settings.NODE_VRAM_MB = 0

    def add_video(path: str, number: int = 0) -> Path:
        return variant(clips.plain, library / path, number)

    return add_video


@pytest.fixture
def video(db: None, library: Path, clips: Clips, settings: Settings) -> Video:
    """A scanned video of three seconds, 320 × 180."""
    settings.NODE_VRAM_MB = 0
    path = library / "videos" / "-rf %03d 'it''s'.mp4"
    path.parent.mkdir()
    path.write_bytes(clips.make(duration=3.0).read_bytes())
    scan(library, workers=1) if aged(path) else None
    return Video.objects.get()

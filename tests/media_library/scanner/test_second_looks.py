"""A look that was cut short is no verdict: the machine may have been slow, and a video must not pay for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from gallery.models import PublicMedia
from gallery.services import mark_invalid, publish, refresh
from media_library.models import ScanReport, Video
from tests.conftest import Clips, aged, variant
from tests.media_library.scanner.conftest import Scan, findings

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]


@pytest.fixture
def scan_in_haste(scan_library: Scan, settings: Settings) -> Scan:
    """A scan in which reading any file takes too long."""

    def scan_now(**options: Any) -> ScanReport:
        patience, settings.PROBE_TIMEOUT_SECONDS = settings.PROBE_TIMEOUT_SECONDS, 1e-9
        try:
            return scan_library(on_changed=refresh, **options)
        finally:
            settings.PROBE_TIMEOUT_SECONDS = patience

    return scan_now


def test_a_touched_file_that_could_not_be_read_stays_as_it_was_in_the_gallery(
    library: Path, scan_library: Scan, scan_in_haste: Scan, add: Add
) -> None:
    add("a.mp4")
    scan_library()
    publish([Video.objects.get().pk], category="sea", by=None)
    os.utime(library / "a.mp4")
    before = Video.objects.values().get()

    failures = [scan_in_haste(), scan_in_haste()]

    assert [findings(report, "failed").keys() for report in failures] == [{"a.mp4"}, {"a.mp4"}]
    assert (Video.objects.values().get(), PublicMedia.objects.count()) == (before, 1)
    assert scan_library().unchanged_count == 1
    assert Video.objects.get().file_mtime_ns == (library / "a.mp4").stat().st_mtime_ns


def test_a_new_file_that_could_not_be_read_is_read_once_more(scan_library: Scan, scan_in_haste: Scan, add: Add) -> None:
    add("a.mp4")

    failure = scan_in_haste()

    assert (failure.new_count, failure.failed_count) == (1, 1)
    assert not Video.objects.get().is_valid
    assert "took more than" in Video.objects.get().invalid_reason
    scan_library()
    assert (Video.objects.get().is_valid, Video.objects.get().invalid_reason) == (True, "")


def test_a_file_that_two_scans_could_not_read_rests_until_it_changes(
    library: Path, scan_library: Scan, scan_in_haste: Scan, add: Add
) -> None:
    add("a.mp4")
    scan_in_haste()
    scan_in_haste()

    resting = scan_library()

    assert (resting.unchanged_count, Video.objects.get().is_valid) == (1, False)
    aged(library / "a.mp4", seconds=60)
    scan_library()
    assert Video.objects.get().is_valid


def test_a_removed_video_stays_removed_when_its_file_changes(library: Path, scan_library: Scan, add: Add, clips: Clips) -> None:
    add("a.mp4")
    scan_library()
    mark_invalid([Video.objects.get().pk], reason="not ours", by=None)
    variant(clips.make(size="640x360", duration=2), library / "a.mp4")

    scan_library()

    video = Video.objects.get()
    assert (video.width, video.is_valid, video.invalid_reason) == (640, False, "not ours")


def test_a_file_that_was_damaged_becomes_valid_when_it_is_mended(library: Path, scan_library: Scan, clips: Clips) -> None:
    (library / "a.mp4").write_bytes(b"damaged")
    scan_library(settle=0.0)
    variant(clips.plain, library / "a.mp4")

    scan_library()

    assert (Video.objects.get().is_valid, Video.objects.get().invalid_reason) == (True, "")

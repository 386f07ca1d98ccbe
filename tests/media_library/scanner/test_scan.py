"""What a scan makes of new, unchanged, changed, missing and returning files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media_library.models import Rendition, ScanReport, Video
from media_library.renditions import keep_ladder, keep_mp4
from tests.conftest import Clips, aged, variant
from tests.media_library.scanner.conftest import Scan, findings

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]


def test_a_new_file_becomes_a_row_with_its_metadata_and_a_poster(library: Path, clips: Clips, scan_library: Scan, tmp_path: Path) -> None:
    variant(clips.make(size="1280x720", duration=2, sound=True), library / "holiday" / "beach_day.mp4")

    report = scan_library()

    assert (report.status, report.new_count, report.failed_count) == (ScanReport.Status.COMPLETED, 1, 0)
    video = Video.objects.get()
    assert (video.path, video.filename, video.title) == ("holiday/beach_day.mp4", "beach_day.mp4", "Beach day")
    assert (video.width, video.height, video.quality, video.orientation) == (1280, 720, "720p", "landscape")
    assert (video.duration_seconds, video.has_audio, video.video_codec, video.audio_codec) == (2, True, "h264", "aac")
    assert (video.frame_rate, video.directory_type, video.is_valid) == ("25/1", "videos", True)
    assert video.file_hash is None
    assert (tmp_path / "thumbnails" / str(video.thumbnail_path)).read_bytes()[8:12] == b"WEBP"


def test_a_second_scan_reads_no_unchanged_file(scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b/c.mp4", 2)
    scan_library()
    before = list(Video.objects.order_by("id").values())

    report = scan_library()

    assert (report.unchanged_count, report.new_count, report.changed_count) == (2, 0, 0)
    assert list(Video.objects.order_by("id").values()) == before


def test_a_changed_file_keeps_its_row_and_is_read_again(library: Path, scan_library: Scan, add: Add, clips: Clips) -> None:
    add("a.mp4")
    scan_library()
    Video.objects.update(title="Mine", tags=["kept"], file_hash="0" * 64)
    variant(clips.make(size="640x360", duration=2), library / "a.mp4")

    report = scan_library()

    assert report.changed_count == 1
    video = Video.objects.get()
    assert (video.width, video.title, video.tags, video.file_hash) == (640, "Mine", ["kept"], None)


def test_what_was_made_for_players_of_a_changed_file_is_shown_no_more(
    library: Path, scan_library: Scan, add: Add, clips: Clips, django_capture_on_commit_callbacks: Any
) -> None:
    add("a.mp4", 1)
    add("playback/a-1.mp4", 2)
    (library / "playback/a-2-hls").mkdir()
    scan_library()
    video, encoded = Video.objects.order_by("path")
    keep_mp4(video, encoded)
    keep_ladder(video, "playback/a-2-hls", height=90, bit_rate=1000, size=1)
    os.utime(library / "a.mp4")
    scan_library()
    assert Rendition.objects.count() == 2

    variant(clips.make(size="640x360", duration=2), library / "a.mp4")
    with django_capture_on_commit_callbacks(execute=True):
        scan_library()

    assert not Rendition.objects.exists()
    assert [path.name for path in (library / "playback").iterdir()] == ["a-1.mp4"]
    assert Video.objects.present_on_disk().filter(pk=encoded.pk).exists()


def test_a_touched_file_is_unchanged(library: Path, scan_library: Scan, add: Add) -> None:
    aged(add("a.mp4"))
    scan_library()
    Video.objects.update(file_hash=None)
    os.utime(library / "a.mp4")

    reports = [scan_library(), scan_library()]

    assert [(report.unchanged_count, report.changed_count) for report in reports] == [(1, 0), (1, 0)]
    assert Video.objects.get().file_mtime_ns == (library / "a.mp4").stat().st_mtime_ns


def test_a_file_is_missing_after_two_scans_and_never_deleted(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b.mp4", 2)
    scan_library()
    (library / "a.mp4").unlink()

    scan_library()
    first = Video.objects.get(path="a.mp4")
    report = scan_library()
    second = Video.objects.get(path="a.mp4")

    assert first.absent_at is not None
    assert first.missing_since is None
    assert second.missing_since is not None
    assert report.missing_count == 1
    assert findings(report, "missing").keys() == {"a.mp4"}


def test_a_file_that_returns_is_no_longer_missing(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("b.mp4", 2)
    scan_library()
    (library / "a.mp4").rename(library / "away")
    scan_library()
    scan_library()
    (library / "away").rename(library / "a.mp4")

    report = scan_library()

    video = Video.objects.get(path="a.mp4")
    assert (video.absent_at, video.missing_since, report.returned_count) == (None, None, 1)


def test_a_trashed_video_is_not_missing(scan_library: Scan, add: Add, library: Path) -> None:
    add("a.mp4", 1)
    add("b.mp4", 2)
    scan_library()
    (library / ".trash").mkdir()
    (library / "a.mp4").rename(library / ".trash" / "a.mp4")
    Video.objects.filter(path="a.mp4").update(path=".trash/a.mp4", trashed_at="2026-01-01T00:00:00Z")

    report = scan_library()

    assert (report.missing_count, report.seen_count) == (0, 1)
    assert Video.objects.get(path=".trash/a.mp4").absent_at is None


def test_hidden_files_and_folders_are_passed_over(scan_library: Scan, add: Add) -> None:
    for path in (".hidden.mp4", ".git/a.mp4", "@eaDir/a.mp4", "a/.trash/b.mp4", "lost+found/a.mp4", ".5.token.part.mp4"):
        add(path)
    add("seen.mp4")

    report = scan_library()

    assert (report.seen_count, report.skipped_count) == (1, 0)


@pytest.mark.parametrize("name", ["A.MP4", "b.Mov", "c.AVI", "d.mkv", "e.WebM", "f.m4v", "g.FLV", "h.ts", "i.ogv", "j.GIF"])
def test_extensions_are_recognised_in_any_case(scan_library: Scan, add: Add, name: str) -> None:
    add(name)

    assert scan_library().seen_count == 1


def test_only_the_asked_part_is_scanned(scan_library: Scan, add: Add) -> None:
    add("studios/acme/a.mp4", 1)
    add("studios/acme2/b.mp4", 2)
    add("videos/c.mp4", 3)

    report = scan_library(scope="studios/acme")

    assert (report.seen_count, [video.path for video in Video.objects.all()]) == (1, ["studios/acme/a.mp4"])


def test_files_elsewhere_are_not_missing_when_a_part_is_scanned(scan_library: Scan, add: Add, library: Path) -> None:
    add("a/a.mp4", 1)
    add("b/b.mp4", 2)
    scan_library()
    (library / "b" / "b.mp4").unlink()

    assert scan_library(scope="a").missing_count == 0


@pytest.mark.parametrize("scope", ["..", "a/../..", "/etc", "a//b", "a/.", "a\0b", "nowhere"])
def test_a_part_that_is_no_folder_of_the_library_is_refused(scan_library: Scan, scope: str) -> None:
    report = scan_library(scope=scope)

    assert report.status == ScanReport.Status.REFUSED
    assert report.reason


def test_a_dry_run_tells_and_writes_nothing(library: Path, scan_library: Scan, add: Add, tmp_path: Path) -> None:
    add("new.mp4")

    report = scan_library(dry_run=True)

    assert report.new_count == 1
    assert report._state.adding
    assert not Video.objects.exists()
    assert not ScanReport.objects.exists()
    assert [path.name for path in library.iterdir()] == ["new.mp4"]
    assert not (tmp_path / "thumbnails").exists()


def test_a_dry_run_foretells_moves(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    (library / "a.mp4").rename(library / "b.mp4")

    report = scan_library(dry_run=True)

    assert (report.moved_count, report.new_count, report.missing_count) == (1, 0, 0)
    assert Video.objects.get().path == "a.mp4"


def test_a_fresh_file_waits_for_the_next_scan(scan_library: Scan, add: Add) -> None:
    os.utime(add("fresh.mp4"))
    add("old.mp4", 2)

    report = scan_library(settle=60.0)

    assert (report.unsettled_count, [video.path for video in Video.objects.all()]) == (1, ["old.mp4"])
    assert findings(report, "unsettled").keys() == {"fresh.mp4"}


def test_a_file_from_the_far_future_does_not_wait_for_ever(scan_library: Scan, add: Add) -> None:
    aged(add("future.mp4"), seconds=-10 * 24 * 3600)

    assert scan_library(settle=60.0).new_count == 1


def test_changed_ids_are_told_after_they_are_written(scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    told: list[int] = []

    scan_library(on_changed=told.extend)

    assert told == [Video.objects.get().pk]


@pytest.mark.django_db(transaction=True)
def test_what_a_dying_scan_did_not_tell_the_next_one_tells(scan_library: Scan, add: Add, library: Path) -> None:
    add("holiday.mp4", 1)
    scan_library()
    (library / "private").mkdir()
    (library / "holiday.mp4").rename(library / "private" / "holiday.mp4")
    told: list[int] = []

    def die(ids: list[int]) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        scan_library(on_changed=die)
    scan_library(on_changed=told.extend)
    assert told == [Video.objects.get(path="private/holiday.mp4").pk]

    scan_library(on_changed=told.extend)
    assert len(told) == 1


def test_equal_files_are_duplicates_and_both_stand(scan_library: Scan, add: Add) -> None:
    add("a.mp4", 1)
    add("other.mp4", 2)
    scan_library()
    add("b.mp4", 1)
    add("c.mp4", 1)

    report = scan_library()

    assert (report.new_count, report.duplicate_count) == (2, 2)
    hashes = dict(Video.objects.values_list("path", "file_hash"))
    assert hashes["a.mp4"] == hashes["b.mp4"] == hashes["c.mp4"] != None  # noqa: E711 - a chain
    assert hashes["other.mp4"] is None


def test_equal_size_ends_and_fingerprint_alone_make_no_duplicate(library: Path, clips: Clips, scan_library: Scan) -> None:
    clip = clips.make(size="1280x720", duration=2).read_bytes() + (400_000).to_bytes(4, "big") + b"free" + bytes(399_992)
    middle = len(clip) - 200_000
    (library / "a.mp4").write_bytes(clip)
    (library / "b.mp4").write_bytes(clip[:middle] + b"x" + clip[middle + 1 :])

    report = scan_library()

    first, second = Video.objects.order_by("path")
    assert first.oshash == second.oshash
    assert first.file_hash != second.file_hash
    assert report.duplicate_count == 0


def test_hard_links_are_one_row_per_path(library: Path, scan_library: Scan, add: Add) -> None:
    os.link(add("a.mp4"), library / "b.mp4")

    report = scan_library()

    assert (Video.objects.count(), report.duplicate_count) == (2, 1)
    assert Video.objects.values("file_hash").distinct().count() == 1


def test_places_tell_directory_type_and_producer(scan_library: Scan, add: Add) -> None:
    places = {
        "studios/Acme_Films/a.mp4": ("studios", "Acme Films"),
        "private/b.mp4": ("private", None),
        "public/nature/c.mp4": (None, None),
        "public/d.mp4": ("videos", None),
        "holiday/e.mp4": ("videos", None),
        "studios.mp4": ("videos", None),
    }
    for number, path in enumerate(places):
        add(path, number)

    scan_library()

    assert {path: (kind, producer) for path, kind, producer in Video.objects.values_list("path", "directory_type", "producer")} == places

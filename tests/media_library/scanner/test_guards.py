"""A scan stops where going on could cost something; nothing that it does can lose a row or a file."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from media_library.models import LibraryRoot, ScanReport, Video
from media_library.scanner import Progress, Stage, scan
from media_library.scanner.lock import one_at_a_time
from tests.media_library.scanner.conftest import Scan, findings

pytestmark = pytest.mark.django_db

Add = Callable[..., Path]
NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Permissions count for nothing as root, so be somebody else for a while, to whom the database's socket may be closed."""
    connect_ahead()
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


def connect_ahead() -> None:
    """Have connections lie ready for a scan's threads."""
    pool: Any = connection.pool  # type: ignore[attr-defined]
    if pool is not None:
        pool.open()
        lent = [pool.getconn() for _ in range(3)]
        for ready in lent:
            pool.putconn(ready)


@pytest.fixture
def open_library(library: Path) -> Path:
    """The library, which everybody may reach and change."""
    ours = takewhile(lambda folder: folder != Path(tempfile.gettempdir()), (library, *library.parents))  # deeper under xdist
    for folder in ours:
        folder.chmod(0o777)
    return library


def rows() -> list[Any]:
    return list(Video.objects.order_by("pk").values())


def test_the_first_scan_leaves_the_librarys_identity_and_nothing_else(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    before = (library / "a.mp4").stat()

    scan_library()

    assert sorted(path.name for path in library.iterdir()) == [".library-id", "a.mp4"]
    assert uuid.UUID((library / ".library-id").read_text().strip()) == LibraryRoot.objects.get().identity
    assert (library / "a.mp4").stat().st_mtime_ns == before.st_mtime_ns


def emptied(library: Path) -> None:
    """What is there when the library's disk goes: the folder that it was mounted on."""
    library.rename(library.with_name("unmounted"))
    library.mkdir()


def stripped(library: Path) -> None:
    for path in library.rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize("goes", [emptied, stripped])
def test_a_library_that_goes_while_it_is_looked_through_changes_nothing(
    library: Path, add: Add, settings: Settings, goes: Callable[[Path], None]
) -> None:
    for number in range(3):
        add(f"{number}.mp4", number)
    scan(library, workers=1)
    (library / "0.mp4").rename(library / "moved.mp4")  # so that there is something to match after the walk
    before = rows()

    def follow(progress: Progress) -> None:
        if progress.stage == Stage.MATCHING and (library / "1.mp4").exists():
            goes(library)

    report = scan(library, workers=1, settle=0, on_progress=follow)

    assert (report.status, rows()) == (ScanReport.Status.REFUSED, before)
    assert "while it was looked through" in report.reason and "Is the disk mounted?" in report.reason


def test_an_unmounted_library_changes_nothing(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    before = rows()
    library.rename(library.with_name("elsewhere"))

    gone = scan_library()
    library.mkdir()
    empty = scan_library()

    assert gone.status == empty.status == ScanReport.Status.REFUSED
    assert "no folder" in gone.reason
    assert ".library-id" in empty.reason
    assert rows() == before


def test_another_disk_at_the_same_place_changes_nothing(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    before = rows()
    (library / ".library-id").write_text(str(uuid.uuid4()))

    report = scan_library()

    assert (report.status, rows()) == (ScanReport.Status.REFUSED, before)
    assert "another library" in report.reason


def test_a_library_at_another_place_is_known_by_its_identity(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    moved = library.rename(library.with_name("moved"))

    report = scan(moved, settle=0.0)

    assert (report.status, report.unchanged_count) == (ScanReport.Status.COMPLETED, 1)
    assert LibraryRoot.objects.get().path == str(moved)


def test_a_read_only_library_is_known_by_device_and_inode(open_library: Path, scan_library: Scan, add: Add) -> None:
    status = add("a.mp4").stat()
    Video.objects.create(path="a.mp4", filename="a.mp4", file_size=status.st_size, file_mtime_ns=status.st_mtime_ns)
    open_library.chmod(0o555)
    with as_nobody():
        first, second = scan_library(), scan_library()
    open_library.rename(open_library.with_name("kept"))
    open_library.mkdir()

    other = scan_library()

    assert [first.status, second.status, other.status] == ["completed", "completed", "refused"]
    assert not LibraryRoot.objects.get().has_marker


def test_an_emptied_library_changes_nothing(library: Path, scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    before = rows()
    (library / "a.mp4").unlink()

    report = scan_library()

    assert (report.status, rows()) == (ScanReport.Status.REFUSED, before)


def test_half_a_library_gone_stops_the_scan_unless_it_is_allowed(library: Path, scan_library: Scan, add: Add) -> None:
    for number in range(30):
        add(f"{'here' if number % 2 else 'there'}/{number}.mp4", number)
    scan_library()
    before = rows()
    (library / "there").rename(library / ".unmounted")

    refused = scan_library()
    after_refusal = rows()
    allowed = scan_library(allow_missing=True)
    confirmed = scan_library()

    assert "15 of 30 files are gone" in refused.reason
    assert after_refusal == before
    assert (allowed.status, allowed.missing_count) == ("completed", 15)
    assert (confirmed.status, Video.objects.exclude(missing_since=None).count()) == ("completed", 15)
    assert Video.objects.count() == 30


def test_a_moved_half_is_not_gone(library: Path, scan_library: Scan, add: Add) -> None:
    for number in range(20):
        add(f"old/{number}.mp4", number)
    scan_library()
    (library / "old").rename(library / "new")

    assert (scan_library().status, Video.objects.filter(path__startswith="new/").count()) == ("completed", 20)


def test_an_unreadable_folder_stops_the_scan(open_library: Path, scan_library: Scan, add: Add) -> None:
    add("closed/a.mp4", 1)
    add("open/b.mp4", 2)
    scan_library()
    before = rows()
    (open_library / "closed").chmod(0)
    with as_nobody():
        report = scan_library()

    (open_library / "closed").chmod(0o755)
    assert (report.status, rows()) == (ScanReport.Status.REFUSED, before)
    assert "closed" in report.reason


def test_an_unreadable_file_is_a_line_in_the_report(open_library: Path, scan_library: Scan, add: Add) -> None:
    add("open.mp4", 1)
    scan_library()
    add("closed.mp4", 2).chmod(0)
    with as_nobody():
        report = scan_library()

    assert (report.status, report.unchanged_count, report.new_count, report.failed_count) == ("completed", 1, 0, 1)
    assert findings(report, "failed") == {"closed.mp4": "Permission denied"}


def test_a_thumbnail_store_that_takes_nothing_fails_the_scan_with_one_reason(scan_library: Scan, add: Add, settings: Settings) -> None:
    add("a.mp4", 1)
    Path(settings.THUMBNAIL_ROOT).write_text("a file where the folder should be")

    report = scan_library()

    assert (report.status, Video.objects.count()) == (ScanReport.Status.FAILED, 0)
    assert "Posters cannot be kept" in report.reason


def test_a_report_that_a_killed_process_left_running_becomes_interrupted(scan_library: Scan, add: Add) -> None:
    add("a.mp4")
    scan_library()
    left = ScanReport.objects.create(root=LibraryRoot.objects.get())

    scan_library()

    left.refresh_from_db()
    assert left.status == ScanReport.Status.INTERRUPTED


def test_a_scan_stopped_by_hand_says_so_and_keeps_what_it_has(scan_library: Scan, add: Add) -> None:
    add("a.mp4")

    def stop(progress: Progress) -> None:
        if progress.stage is Stage.READING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_library(on_progress=stop)

    assert ScanReport.objects.get().status == ScanReport.Status.INTERRUPTED
    assert scan_library().new_count == 1


@pytest.mark.django_db(transaction=True)
def test_a_second_scan_waits_for_the_first(library: Path, add: Add) -> None:
    add("a.mp4")
    stages: list[Stage] = []

    def second() -> None:
        scan(library, settle=0.0, workers=1, on_progress=lambda progress: stages.append(progress.stage))
        connection.close()

    with one_at_a_time(on_wait=lambda: None):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 10
        while Stage.WAITING not in stages and time.monotonic() < deadline:
            time.sleep(0.01)
        rows_while_waiting = Video.objects.count()
    thread.join(20)

    assert stages[0] is Stage.WAITING
    assert (rows_while_waiting, Video.objects.count()) == (0, 1)

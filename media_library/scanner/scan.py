"""The scan, from the walk to the report. It never deletes a row or a file, and never changes a file of the library."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Min
from django.db.models.functions import Now

from media_library.ffmpeg.errors import InspectorsUnavailable
from media_library.ffmpeg.inspectors import Inspectors, Limits
from media_library.ffmpeg.untrusted import Bounds
from media_library.models import LibraryRoot, ScanReport, Video
from media_library.moves import recover_moves
from media_library.paths import FOLDER_FLAGS, decode_path, open_beneath
from media_library.scanner import applying, matching, roots, staging
from media_library.scanner.comparing import Comparison, compare, known_files
from media_library.scanner.entries import entry_of, let_rest, write
from media_library.scanner.errors import ScanInterrupted, ScanRefused
from media_library.scanner.findings import Findings
from media_library.scanner.lock import one_at_a_time
from media_library.scanner.reading import Arrival, Reader, Reading, StoreUnusable
from media_library.scanner.twins import find_twins
from media_library.scanner.walk import UnreadableFolder, walk

logger = logging.getLogger(__name__)

FEWEST_ALARMING = 10  # files gone
ALARMING_PART = 0.10  # of the files that were there
ROWS_PER_WRITE = 500
SECONDS_PER_WRITE = 2.0


class Stage(StrEnum):
    WAITING = "waiting"  # for another scan to end
    LOOKING = "looking"  # walking the folders
    MATCHING = "matching"  # reading what may have moved
    READING = "reading"  # reading what is new or changed


@dataclass(frozen=True)
class Progress:
    """Where a scan stands; `total` None while nobody knows."""

    stage: Stage
    done: int = 0
    total: int | None = None


OnProgress = Callable[[Progress], None]
OnChanged = Callable[[list[int]], object]


def scan(
    root: Path,
    *,
    scope: str = "",
    settle: float | None = None,
    dry_run: bool = False,
    allow_missing: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    on_changed: OnChanged | None = None,
) -> ScanReport:
    """Make the rows follow the files under `root`, or under its folder `scope`; returns the report, which says if it was refused or failed.

    `settle`: younger files than so many seconds wait for the next scan. `dry_run` writes nothing, not even the report.
    `allow_missing` goes on where a guard would stop: many files gone, another folder than before. `on_changed` gets the
    ids of the rows of each batch after it is committed; where a scan dies in between, the next one says them again.
    `on_progress` ends the scan by raising ScanInterrupted, which goes on to the caller.
    """
    order = _Order(
        root=root,
        scope=scope,
        settle=settings.SCAN_SETTLE_SECONDS if settle is None else settle,
        dry_run=dry_run,
        allow_missing=allow_missing,
        workers=workers or settings.SCAN_WORKERS or os.cpu_count() or 1,
        on_progress=on_progress or (lambda _: None),
        on_changed=on_changed or (lambda _: None),
    )
    report = ScanReport(scope=scope, status=ScanReport.Status.RUNNING)
    with one_at_a_time(on_wait=lambda: order.on_progress(Progress(Stage.WAITING))):
        started = time.monotonic()
        try:
            _check_scope(scope)
            descriptor = roots.open_root(root)
            try:
                _scan_root(descriptor, order, report)
            finally:
                os.close(descriptor)
            report.status = ScanReport.Status.COMPLETED
        except ScanRefused as refusal:
            report.status, report.reason = ScanReport.Status.REFUSED, str(refusal)
        except (StoreUnusable, InspectorsUnavailable) as error:
            report.status, report.reason = ScanReport.Status.FAILED, str(error)
        except KeyboardInterrupt:
            report.status, report.reason = ScanReport.Status.INTERRUPTED, "Stopped by the person who started it"
            raise
        except ScanInterrupted as stop:
            report.status, report.reason = ScanReport.Status.INTERRUPTED, str(stop)
            raise
        except Exception as error:
            report.status, report.reason = ScanReport.Status.FAILED, f"{type(error).__name__}: {error}"[:1000]
            raise
        finally:
            report.files_per_second = round(report.seen_count / max(time.monotonic() - started, 1e-3), 1)
            _finish(report)
    return report


@dataclass(frozen=True)
class _Order:
    """What was asked for."""

    root: Path
    scope: str
    settle: float
    dry_run: bool
    allow_missing: bool
    workers: int
    on_progress: OnProgress
    on_changed: OnChanged


def _check_scope(scope: str) -> None:
    parts = PurePosixPath(scope).parts
    if scope.startswith("/") or ".." in parts or "\0" in scope or str(PurePosixPath(*parts)) != (scope or "."):
        raise ScanRefused(f"The part to scan must be a folder inside the library, such as studios/acme, not {scope!r}")


def _check_folder(root: int, scope: str) -> None:
    try:
        os.close(open_beneath(root, decode_path(scope).parts, FOLDER_FLAGS))
    except OSError as error:
        raise ScanRefused(f"{scope} is no folder of the library that can be read: {error.strerror}") from error


def _scan_root(descriptor: int, order: _Order, report: ScanReport) -> None:
    _check_folder(descriptor, order.scope)
    root = roots.recognise(descriptor, order.root, accept_another=order.allow_missing)
    if not order.dry_run:
        roots.register(root, descriptor)
        untold = _untold_changes(root)
        _begin(report, root)
        for start in range(0, len(untold), ROWS_PER_WRITE):
            order.on_changed(untold[start : start + ROWS_PER_WRITE])
        recover_moves()  # first, or a file that a crash left between two places would seem to be missing
    else:
        report.root = root
    findings = Findings()
    try:
        with staging.tables(), _inspectors(order.workers) as inspectors:
            reader = Reader(descriptor, inspectors=inspectors, store=Path(settings.THUMBNAIL_ROOT))
            _follow(descriptor, root, order, report, findings, reader)
    finally:
        report.findings = findings.lines
    if not order.dry_run:
        LibraryRoot.objects.filter(pk=root.pk).update(last_scanned_at=Now())


def _follow(descriptor: int, root: LibraryRoot, order: _Order, report: ScanReport, findings: Findings, reader: Reader) -> None:
    comparison = _look(descriptor, order, report, findings)
    _guard(matching.count_hopeless(), comparison, order)
    possible = matching.possible_moves()
    total = matching.count_possible()
    matching.identify(_told(reader.read_all(possible, with_posters=False), order, Stage.MATCHING, total))
    matching.match(reader, workers=order.workers)
    _guard(matching.count_vanished(), comparison, order)
    roots.require_still_there(root, descriptor, order.root)  # what seems gone may have gone with its disk, just now
    report.missing_count = applying.count_missing()
    if order.dry_run:
        _foretell(report, findings)
        return
    _apply(order, report, findings)
    _read(order, report, findings, reader)


def _look(descriptor: int, order: _Order, report: ScanReport, findings: Findings) -> Comparison:
    """Walk the library and compare it with the rows."""
    expected = staging.number("SELECT coalesce(sum(count), 0) FROM video_totals WHERE NOT is_trashed") or None

    def on_beat(seen: int) -> None:
        order.on_progress(Progress(Stage.LOOKING, seen, expected if expected and seen <= expected else None))

    found = walk(descriptor, order.scope, on_oddity=lambda path, oddity: findings.add("skipped", path, oddity))
    try:
        comparison = compare(found, known_files(order.scope), settle=order.settle, findings=findings, on_beat=on_beat)
    except UnreadableFolder as error:
        raise ScanRefused(f"A folder cannot be read, {error}. What lies in it is unknown, so nothing was changed") from error
    report.seen_count, report.unchanged_count = comparison.seen, comparison.unchanged
    report.unsettled_count = comparison.unsettled
    report.skipped_count = findings.counts["skipped"]
    return comparison


def _guard(vanished: int, comparison: Comparison, order: _Order) -> None:
    if order.allow_missing or not vanished:
        return
    if not comparison.seen:
        raise ScanRefused(f"No video is there any more, where {comparison.expected:,} were. Is the disk mounted? {_OVERRIDE}")
    if vanished >= FEWEST_ALARMING and vanished > ALARMING_PART * comparison.expected:
        raise ScanRefused(f"{vanished:,} of {comparison.expected:,} files are gone. Is part of the library not mounted? {_OVERRIDE}")


_OVERRIDE = "If they were removed on purpose: --allow-missing"


def _foretell(report: ScanReport, findings: Findings) -> None:
    """What a dry run can say without writing."""
    for video_path, path in staging.rows("SELECT v.path, m.path FROM scan_moves m JOIN videos v ON v.id = m.video_id ORDER BY m.path"):
        if video_path == path:
            report.unchanged_count += 1
        else:
            findings.add("moved", path, f"from {video_path}")
    report.moved_count = findings.counts["moved"]
    report.returned_count = staging.number("SELECT count(*) FROM scan_returned")
    applying.settle_arrivals()
    for arrival in matching.remaining_arrivals():
        findings.add("new" if arrival.video_id is None else "changed", arrival.file.path)
    report.new_count, report.changed_count = findings.counts["new"], findings.counts["changed"]


def _apply(order: _Order, report: ScanReport, findings: Findings) -> None:
    with transaction.atomic():
        moved = applying.apply_moves(findings)
        report.unchanged_count += applying.apply_touches()
        returned = applying.apply_returns(findings)
        missing = applying.apply_absences(findings)
    report.moved_count, report.returned_count = len(moved), len(returned)
    report.save()
    applying.settle_arrivals()
    if changed := [*moved, *returned, *missing]:
        order.on_changed(changed)


def _read(order: _Order, report: ScanReport, findings: Findings, reader: Reader) -> None:
    """Read what is new or changed, and write it in batches."""
    total = staging.number("SELECT count(*) FROM scan_arrivals")
    readings = _told(reader.read_all(matching.remaining_arrivals(), with_posters=True), order, Stage.READING, total)
    for batch in _batches(readings):
        ids = _store(batch, report, findings, reader, workers=order.workers)
        report.findings = findings.lines
        report.save()
        if ids:
            order.on_changed(ids)


def _store(batch: list[Reading], report: ScanReport, findings: Findings, reader: Reader, *, workers: int) -> list[int]:
    twins = find_twins(batch, reader, workers=workers)
    entries, unread = [], []
    for reading in batch:
        path = reading.arrival.file.path
        if reading.is_unsettled:
            findings.add("unsettled", path, reading.problem)
        elif path in twins.waiting:
            findings.add(
                "unsettled", path, f"Same content as {twins.waiting[path]}, which has just gone: a move, as the next scan will see"
            )
        elif reading.problem:
            findings.add("failed", path, reading.problem)
        elif reading.arrival.video_id is not None and not reading.inspection.is_conclusive:
            findings.add("failed", path, reading.inspection.reason)
            unread.append(reading.arrival)
        else:
            entries.append(entry_of(reading, file_hash=twins.hashes.get(path)))
            _count(reading.arrival, reading.inspection.reason, twins.duplicate_of.get(path), findings)
    report.new_count, report.changed_count = findings.counts["new"], findings.counts["changed"]
    report.failed_count, report.duplicate_count = findings.counts["failed"], findings.counts["duplicate"]
    report.unsettled_count = findings.counts["unsettled"]
    let_rest(unread)
    return write(entries) if entries else []


def _count(arrival: Arrival, reason: str, twin: str | None, findings: Findings) -> None:
    path = arrival.file.path
    findings.add("new" if arrival.video_id is None else "changed", path)
    if reason:
        findings.add("failed", path, reason)
    if twin:
        findings.add("duplicate", path, f"Same content as {twin}")


def _batches(readings: Iterator[Reading]) -> Iterator[list[Reading]]:
    """Batches for one write: full, or as many as came in two seconds."""
    batch: list[Reading] = []
    began = time.monotonic()
    for reading in readings:
        batch.append(reading)
        if len(batch) >= ROWS_PER_WRITE or time.monotonic() - began >= SECONDS_PER_WRITE:
            yield batch
            batch, began = [], time.monotonic()
    if batch:
        yield batch


def _told(readings: Iterator[Reading], order: _Order, stage: Stage, total: int) -> Iterator[Reading]:
    """The readings, with a word about each."""
    for done, reading in enumerate(readings, start=1):
        order.on_progress(Progress(stage, done, total))
        yield reading


def _begin(report: ScanReport, root: LibraryRoot) -> None:
    """Save the report as the running one; what a killed process left running is told to be interrupted."""
    ScanReport.objects.filter(root=root, status=ScanReport.Status.RUNNING).update(
        status=ScanReport.Status.INTERRUPTED, reason="Its process ended without a word", finished_at=Now()
    )
    report.root = root
    report.save()
    report.refresh_from_db(fields=["started_at"])


def _untold_changes(root: LibraryRoot) -> list[int]:
    """The rows changed since the first scan that has not completed: it may have died before it told anybody of them."""
    completed = ScanReport.objects.filter(root=root, status=ScanReport.Status.COMPLETED).aggregate(last=Max("pk"))["last"] or 0
    began = ScanReport.objects.filter(root=root, pk__gt=completed).aggregate(first=Min("started_at"))["first"]
    return list(Video.objects.filter(updated_at__gte=began).order_by("pk").values_list("pk", flat=True)) if began else []


def _finish(report: ScanReport) -> None:
    if report.pk is None:
        return
    report.finished_at = Now()
    try:
        report.save()
        report.refresh_from_db(fields=["finished_at"])
    except DatabaseError:
        logger.exception("%s could not be saved", report)


def _inspectors(count: int) -> Inspectors:
    bounds = Bounds(pixels=settings.MAX_VIDEO_PIXELS, streams=settings.MAX_VIDEO_STREAMS)
    limits = Limits(timeout=settings.PROBE_TIMEOUT_SECONDS, memory=settings.PROBE_MEMORY_MB * 1024 * 1024, bounds=bounds)
    return Inspectors(count, limits=limits)

"""A scan as the work of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from jobs.claims import LeaseLost
from jobs.context import JobContext
from jobs.failures import JobCancelled, JobFailed, WorkerStops
from media_library.models import ScanReport
from media_library.paths import encode_path
from media_library.scanner import OnChanged, Progress, Stage, scan
from media_library.scanner.errors import ScanInterrupted

LIBRARY = "library"  # what no two jobs scan at once
COUNTS = ("seen", "new", "moved", "changed", "returned", "missing", "duplicate", "unsettled", "failed")
SPANS = {Stage.WAITING: (0, 0), Stage.LOOKING: (0, 20), Stage.MATCHING: (20, 30), Stage.READING: (30, 99)}  # percent


def run_scan(context: JobContext, *, scope: str, allow_missing: bool, on_changed: OnChanged) -> ScanReport:
    """Scan the folder `scope` of the library; raises `JobFailed` with the reason where a guard refuses."""

    def follow(progress: Progress) -> None:
        try:
            context.report(_percent(progress))
        except (JobCancelled, LeaseLost, WorkerStops) as stop:
            raise ScanInterrupted("Its job was stopped") from stop

    try:
        report = scan(
            Path(settings.LIBRARY_ROOT), scope=encode_path(scope), allow_missing=allow_missing, on_progress=follow, on_changed=on_changed
        )
    except ScanInterrupted as interrupted:
        raise interrupted.__cause__ or interrupted from None
    _require_success(report)
    context.log(", ".join(f"{name} {getattr(report, f'{name}_count')}" for name in COUNTS))
    return report


def as_result(report: ScanReport) -> dict[str, Any]:
    return {"scanReportId": report.pk, **{name: getattr(report, f"{name}_count") for name in COUNTS}}


def _percent(progress: Progress) -> float:
    low, high = SPANS[progress.stage]
    return low + (high - low) * (progress.done / progress.total if progress.total else 0.0)


def _require_success(report: ScanReport) -> None:
    if report.status == ScanReport.Status.REFUSED:
        suggestion = "Look whether the disk is mounted. If the files were removed on purpose, scan with allowMissing."
        raise JobFailed("scan_refused", report.reason, suggestion=suggestion)
    if report.status == ScanReport.Status.FAILED:
        raise JobFailed("scan_failed", report.reason, suggestion="The scan report tells the rest.", is_transient=True)

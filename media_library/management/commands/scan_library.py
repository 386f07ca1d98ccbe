"""Scan the library's folder and make its rows follow its files."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gallery.services import refresh
from media_library.models import ScanReport
from media_library.paths import encode_path, shown
from media_library.scanner import Progress, Stage, scan
from media_library.status_line import StatusLine, bar

SHOWN_PER_KIND = 20
LABELS = {
    Stage.WAITING: "Waiting for the scan that is running",
    Stage.LOOKING: "Looking",
    Stage.MATCHING: "Matching moved files",
    Stage.READING: "Reading",
}
COUNTS = ("seen", "unchanged", "new", "moved", "changed", "returned", "missing", "duplicate", "unsettled", "skipped", "failed")
QUIET_KINDS = ("new",)  # counted, not listed


class Command(BaseCommand):
    help = "Scans the library: finds new, moved, changed and missing files. Deletes nothing, changes no file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--path", default="", metavar="PART", help="only this folder, relative to the library")
        parser.add_argument("--dry-run", action="store_true", help="say what a scan would do; write nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON on standard output, and nothing else")
        parser.add_argument("--settle", type=float, metavar="SECONDS", help="younger files wait for the next scan; 0: none waits")
        parser.add_argument("--allow-missing", action="store_true", help="go on though many files are gone or the folder is another one")
        parser.add_argument("--workers", type=int, metavar="N", help="reading processes; default: one per CPU")

    def handle(self, *args: Any, **options: Any) -> None:
        meter = _Meter(self) if not options["json"] else None
        try:
            report = scan(
                Path(settings.LIBRARY_ROOT),
                scope=encode_path(options["path"].rstrip("/")),
                settle=options["settle"],
                dry_run=options["dry_run"],
                allow_missing=options["allow_missing"],
                workers=options["workers"],
                on_progress=meter.show if meter else None,
                on_changed=refresh,
            )
        except KeyboardInterrupt:
            raise CommandError("Stopped. What was read so far is kept; the next scan goes on from there.", returncode=130) from None
        if meter:
            meter.clear()
        self.stdout.write(json.dumps(as_dict(report), indent=2) if options["json"] else as_text(report, is_dry=options["dry_run"]))
        if report.status != ScanReport.Status.COMPLETED:
            raise CommandError(report.reason)


def as_dict(report: ScanReport) -> dict[str, Any]:
    return {
        "id": report.pk,
        "status": report.status,
        "reason": report.reason,
        "scope": report.scope,
        "startedAt": report.started_at.isoformat() if report.pk else None,
        "finishedAt": report.finished_at.isoformat() if report.finished_at else None,
        "filesPerSecond": report.files_per_second,
        "counts": {name: getattr(report, f"{name}_count") for name in COUNTS},
        "findings": report.findings,
    }


def as_text(report: ScanReport, *, is_dry: bool = False) -> str:
    """The report for a person: counts that are not zero, then the lines of each kind."""
    counts = ", ".join(f"{name} {count:,}" for name in COUNTS if (count := getattr(report, f"{name}_count")) or name == "seen")
    head = f"{'Dry run, nothing written. ' if is_dry else ''}Scan {report.status}: {counts} ({report.files_per_second:,.0f} files/s)"
    lines = [head]
    for kind in dict.fromkeys(line["kind"] for line in report.findings):
        if kind in QUIET_KINDS and not is_dry:
            continue
        of_kind = [line for line in report.findings if line["kind"] == kind]
        lines += [
            f"  {kind}: {_shown(line['path'])}{'  ' + _shown(line['detail']) if line['detail'] else ''}"
            for line in of_kind[:SHOWN_PER_KIND]
        ]
        if len(of_kind) > SHOWN_PER_KIND:
            lines.append(f"  {kind}: and {len(of_kind) - SHOWN_PER_KIND} more, see the scan report in the admin")
    return "\n".join(lines)


def _shown(text: str) -> str:
    """A text with paths on one line of a terminal that obeys no characters from a file name."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown(text))


class _Meter:
    """The progress, with its speed since the stage began."""

    def __init__(self, command: BaseCommand) -> None:
        self._line = StatusLine(command)
        self._stage: Stage | None = None
        self._began = 0.0

    def show(self, progress: Progress) -> None:
        now, is_first = time.monotonic(), progress.stage is not self._stage
        if is_first:
            self._stage, self._began = progress.stage, now
        self._line.show(_line(progress, seconds=now - self._began), at_once=is_first or progress.done == progress.total)

    def clear(self) -> None:
        self._line.clear()


def _line(progress: Progress, *, seconds: float) -> str:
    label = LABELS[progress.stage]
    if progress.stage is Stage.WAITING:
        return label
    rate = progress.done / seconds if seconds > 0.5 else 0.0
    speed = f"  {rate:,.0f} files/s" if rate else ""
    if not progress.total:
        return f"{label}  {progress.done:,} files{speed}"
    left = f"  {_duration((progress.total - progress.done) / rate)} left" if rate and progress.done < progress.total else ""
    return f"{label}  {bar(progress.done, progress.total)}  {progress.done:,}/{progress.total:,}{speed}{left}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"

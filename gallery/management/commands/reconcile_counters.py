"""Recount the gallery's counters: `manage.py reconcile_counters [--dry-run]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from gallery.models import DriftReport
from gallery.reconciliation import reconcile


class Command(BaseCommand):
    help = "Recounts votes, comments, finishes, views, watch time and totals, and corrects what has drifted, while visitors go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what has drifted; write nothing")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        is_terminal = self.stderr.isatty()
        report = reconcile(dry_run=dry_run, on_progress=self._show if is_terminal else None)
        if is_terminal:
            self.stderr.write("\r\x1b[K", ending="")
        self.stdout.write(as_text(report, is_dry=dry_run))

    def _show(self, done: int, total: int) -> None:
        self.stderr.write(f"\rRecounting  {done:,} of {total:,} media", ending="")
        self.stderr.flush()


def as_text(report: DriftReport, *, is_dry: bool = False) -> str:
    """The report as a table: each counter that has drifted, how often, and the worst of them."""
    seconds = (report.finished_at - report.started_at).total_seconds()
    lines = [f"{'Dry run, nothing written. ' if is_dry else ''}Looked at the counters of {report.media_count:,} media in {seconds:.1f} s."]
    if report.opened_count:
        verb = "have no opening balance yet: their counters will be" if is_dry else "had no opening balance: their counters were"
        lines.append(f"{report.opened_count:,} media {verb} taken as they stand.")
    if not report.drifts:
        return "\n".join([*lines, "Every counter was right." if not is_dry else "Every counter is right."])
    width = max(len(drift["counter"]) for drift in report.drifts)
    lines.append(f"\n{'counter':{width}}  {'wrong':>9}  the worst: whose, what it said, what is true")
    for drift in report.drifts:
        worst = ", ".join(f"{example['of']}: {example['kept']:,} → {example['true']:,}" for example in drift["examples"][:3])
        lines.append(f"{drift['counter']:{width}}  {drift['count']:>9,}  {worst}")
    return "\n".join(lines)

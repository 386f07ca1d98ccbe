"""Recounting what is counted as it happens: finds counters that have drifted from their rows and days, and corrects them.

It runs while visitors vote and watch, and loses nothing of theirs. Each part looks first, in one statement and without
a lock; of what differs it then holds the counters' rows, which every writer moves before it commits, and counts again:
whoever was faster is counted, whoever comes later adds to the corrected value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.auth.models import User
from django.utils import timezone

from gallery import ledger
from gallery.ledger import Scope
from gallery.models import DriftReport, MediaStats
from gallery.reconciliation import counters, days, totals
from gallery.reconciliation.drift import Drifts

__all__ = ["reconcile"]

BATCH = 20_000  # media that one statement looks at

OnProgress = Callable[[int, int], None]  # media done, of how many


def reconcile(*, dry_run: bool = False, by: User | None = None, on_progress: OnProgress | None = None) -> DriftReport:
    """Recount all counters of the gallery and correct those that have drifted; returns the report.

    A medium that is looked at for the first time gets its opening balance instead: what its rows and days do not
    explain then is taken as brought along. A dry run writes nothing, the report neither.
    """
    report = DriftReport(started_at=timezone.now(), by=by, media_count=MediaStats.objects.count())
    report.opened_count = _open_balances(dry_run=dry_run)
    drifts = Drifts()
    done = 0
    for scope, size in _batches():
        counters.reconcile(scope, drifts, dry_run=dry_run)
        days.reconcile(scope, drifts, dry_run=dry_run)
        done += size
        if on_progress:
            on_progress(done, max(done, report.media_count))
    days.reconcile_gallery(drifts, dry_run=dry_run)
    totals.reconcile(drifts, dry_run=dry_run)
    report.drifts, report.finished_at = drifts.told(), timezone.now()
    if not dry_run:
        report.save()
    return report


def _open_balances(*, dry_run: bool) -> int:
    """Write the opening balances that are missing, and tell the planner of them: it would join new rows one by one."""
    opened = sum((ledger.unopened if dry_run else ledger.open_balances)(scope) for scope, _ in _batches())
    if opened and not dry_run:
        ledger.analyze()
    return opened


def _batches() -> Iterator[tuple[Scope, int]]:
    """All media that are or were public in ranges of ids, each with how many it holds."""
    last = 0
    while ids := list(MediaStats.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield ledger.between(ids[0], ids[-1]), len(ids)
        last = ids[-1]

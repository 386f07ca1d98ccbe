"""`reconcile_counters`: recount what visitors did."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gallery.reconciliation import reconcile
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type


class ReconcileParams(Params):
    dry_run: bool = Field(False, description="say what has drifted; write nothing")


@job_type("reconcile_counters", lane=Lane.CPU, params=ReconcileParams, exclusive=lambda params: "counters")
def reconcile_counters(context: JobContext, params: ReconcileParams) -> dict[str, Any]:
    """Recount votes, comments, finishes, views and watch time, correct what has drifted, and report it."""
    report = reconcile(dry_run=params.dry_run, on_progress=lambda done, total: context.report(100 * done / max(total, 1)))
    context.log(f"Looked at {report.media_count:,} media, {len(report.drifts)} counters had drifted.")
    return {"driftReportId": report.pk, "media": report.media_count, "drifts": report.drifts}

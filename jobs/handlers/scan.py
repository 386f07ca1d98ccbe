"""`scan`: make the library's rows follow its files."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gallery.services import refresh
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type
from jobs.scans import LIBRARY, as_result, run_scan


class ScanParams(Params):
    path: str = Field("", max_length=4096, description="only this folder, relative to the library; empty: all of it")
    allow_missing: bool = Field(False, description="go on though many files are gone, or the folder is another one than before")


@job_type("scan", lane=Lane.CPU, params=ScanParams, exclusive=lambda params: LIBRARY)
def scan(context: JobContext, params: ScanParams) -> dict[str, Any]:
    """Find new, moved, changed and missing files of the library. Deletes nothing and changes no file."""
    report = run_scan(context, scope=params.path.rstrip("/"), allow_missing=params.allow_missing, on_changed=refresh)
    return as_result(report)

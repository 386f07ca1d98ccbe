"""`public_scan`: what lies in `public/<category>/` is published in that category."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import Field

from gallery.services import InvalidCategory, clean_category, publish, refresh
from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type
from jobs.scans import LIBRARY, as_result, run_scan
from media_library.models import Video
from media_library.relocation import UnsafePath, file_at

PUBLIC = "public"
BATCH = 1000  # videos published in one transaction


class PublicScanParams(Params):
    category: str | None = Field(None, pattern="^[a-z0-9-]{1,64}$", description="only this category; none: all of them")


@job_type("public_scan", lane=Lane.CPU, params=PublicScanParams, exclusive=lambda params: LIBRARY)
def public_scan(context: JobContext, params: PublicScanParams) -> dict[str, Any]:
    """Scan the folders public/<category>/ and publish what is new in them, or has moved there, in that category.

    What an admin has unpublished stays unpublished until its file changes.
    """
    scope = f"{PUBLIC}/{params.category}" if params.category else PUBLIC
    if not _is_there(scope):
        context.log(f"There is no folder {scope}/ in the library.")
        return {"published": 0}
    changed: list[int] = []

    def note(ids: list[int]) -> None:
        refresh(ids)
        changed.extend(ids)

    report = run_scan(context, scope=scope, allow_missing=False, on_changed=note)
    return as_result(report) | {"published": _publish(context, scope, changed)}


def _is_there(scope: str) -> bool:
    try:
        return file_at(Path(settings.LIBRARY_ROOT), Path(scope)) is not None
    except UnsafePath:
        return False


def _publish(context: JobContext, scope: str, changed: list[int]) -> int:
    """Publish what the scan found, and what an earlier one that was cut short had found."""
    below = Video.objects.valid().present_on_disk().filter(path__startswith=f"{scope}/")
    never_public = below.filter(public=None, moved_from_public_at=None)
    wanted = (never_public | below.filter(pk__in=changed)).order_by("pk").values_list("pk", "path")
    by_category: dict[str, list[int]] = {}
    for video_id, path in wanted.iterator():
        if category := _category(path):
            by_category.setdefault(category, []).append(video_id)
    return sum(_publish_in(context, category, ids) for category, ids in by_category.items())


def _category(path: str) -> str | None:
    """The folder below public/ that a file lies in; None where it lies in none."""
    folders = path.split("/")[1:-1]
    return folders[0] if folders else None


def _publish_in(context: JobContext, category: str, ids: list[int]) -> int:
    try:
        clean_category(category)
    except InvalidCategory as error:
        context.log(f"public/{category}/ is passed over, {len(ids)} videos: {error}")
        return 0
    published = 0
    for start in range(0, len(ids), BATCH):
        context.check()
        published += len(publish(ids[start : start + BATCH], category=category, by=None).done)
    context.log(f"Published {published} in {category}.")
    return published

"""The scenes of a video, and what else one look through it has found: rows, a contact sheet, and the text that makes chapters of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from media_library.ffmpeg.findings import Findings
from media_library.models import Digest, Scene, Video
from media_library.store import put_as, remove
from media_library.timecodes import webvtt


def digest_of(video_id: int) -> Digest | None:
    """What was found in the file that the video has now."""
    same_file = Digest.objects.filter(source_size=F("video__file_size"), source_mtime_ns=F("video__file_mtime_ns"))
    return same_file.filter(pk=video_id).first()


def scenes_of(video_id: int) -> QuerySet[Scene]:
    """In their order; none where the video's file has changed since."""
    same_file = {"video__digest__source_size": F("video__file_size"), "video__digest__source_mtime_ns": F("video__file_mtime_ns")}
    return Scene.objects.filter(video_id=video_id, **same_file).order_by("order")


def put_sheet(video: Video, findings: Findings, *, store: Path) -> str | None:
    """Put the contact sheet, where there is one, into the store, where nothing names it yet; raises OSError."""
    return put_as(f"{video.pk}.webp", findings.sheet, store=store) if findings.sheet else None


@transaction.atomic
def write(video: Video, findings: Findings, sheet_path: str | None, *, store: Path) -> None:
    """Have rows say what was found in the video's file; what they said before is forgotten.

    A look for scenes alone leaves what a digest of the same file has found. A sheet that is named no more is removed after commit.
    """
    before = Digest.objects.filter(pk=video.pk).select_for_update().first()
    source = {"source_size": video.file_size, "source_mtime_ns": video.file_mtime_ns}
    is_same_file = before and (before.source_size, before.source_mtime_ns) == (video.file_size, video.file_mtime_ns)
    kept = {} if is_same_file and not findings.curves else _of_digest(findings, sheet_path)
    after, _ = Digest.objects.update_or_create(pk=video.pk, defaults={**kept, **source, "duration": findings.duration, "made_at": Now()})
    Scene.objects.filter(video=video).delete()
    Scene.objects.bulk_create(Scene(video=video, order=order, start=start, end=end) for order, (start, end) in enumerate(findings.scenes))
    if before and before.sheet_path and before.sheet_path != after.sheet_path:
        superseded = before.sheet_path
        transaction.on_commit(lambda: remove([superseded], store=store))


def chapters(scenes: QuerySet[Scene]) -> str:
    """WebVTT: a chapter for each scene."""
    return webvtt((scene.start, scene.end, f"Scene {scene.order + 1}") for scene in scenes)


def _of_digest(findings: Findings, sheet_path: str | None) -> dict[str, Any]:
    """The columns that only a digest fills."""
    return {
        "curves": asdict(findings.curves) if findings.curves else None,
        "keyframes": [asdict(keyframe) for keyframe in findings.keyframes],
        "sheet_path": sheet_path,
        "tile_width": findings.tile_width or None,
        "tile_height": findings.tile_height or None,
    }

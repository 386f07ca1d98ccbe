"""The scenes of a video, and what else one look through it has found: rows, a contact sheet, and the text that makes chapters of them."""

from __future__ import annotations

from django.db.models import F, QuerySet

from media_library.models import Digest, Scene
from media_library.timecodes import stamp


def digest_of(video_id: int) -> Digest | None:
    """What was found in the file that the video has now."""
    same_file = Digest.objects.filter(source_size=F("video__file_size"), source_mtime_ns=F("video__file_mtime_ns"))
    return same_file.filter(pk=video_id).first()


def scenes_of(video_id: int) -> QuerySet[Scene]:
    """In their order; none where the video's file has changed since."""
    same_file = {"video__digest__source_size": F("video__file_size"), "video__digest__source_mtime_ns": F("video__file_mtime_ns")}
    return Scene.objects.filter(video_id=video_id, **same_file).order_by("order")


def chapters(scenes: QuerySet[Scene]) -> str:
    """WebVTT: a chapter for each scene."""
    return "\n\n".join(["WEBVTT", *(_cue(scene) for scene in scenes)]) + "\n"


def _cue(scene: Scene) -> str:
    return f"{stamp(scene.start)} --> {stamp(scene.end)}\nScene {scene.order + 1}"

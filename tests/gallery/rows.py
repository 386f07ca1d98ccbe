"""Videos as a scan writes them, for tests of the gallery's services."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.conf import settings

from gallery.models import MediaTotal, PublicMedia
from media_library.models import Video
from media_library.paths import decode_path

_numbers = count(1)


def video(**columns: Any) -> Video:
    """A valid landscape video that nobody has published; no file is made."""
    return video_list(1, **columns)[0]


def video_list(how_many: int, **columns: Any) -> list[Video]:
    return Video.objects.bulk_create(_unsaved(columns) for _ in range(how_many))


def with_file(video: Video, content: bytes) -> Video:
    """Put the video's file into the library."""
    path = settings.LIBRARY_ROOT / decode_path(video.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    Video.objects.filter(pk=video.pk).update(file_size=len(content))
    return video


def kept_totals() -> dict[tuple[str, str], int]:
    """The totals that triggers keep, by category and orientation, without empty ones."""
    return {(row.category, row.orientation): row.count for row in MediaTotal.objects.exclude(count=0)}


def true_totals() -> dict[tuple[str, str], int]:
    """The same, counted."""
    totals: dict[tuple[str, str], int] = {}
    for category, orientation in PublicMedia.objects.open_to_the_public().values_list("category", "orientation"):
        totals[category, orientation or ""] = totals.get((category, orientation or ""), 0) + 1
    return totals


def _unsaved(columns: dict[str, Any]) -> Video:
    number = next(_numbers)
    defaults = {
        "path": f"videos/clip-{number}.mp4",
        "filename": f"clip-{number}.mp4",
        "title": f"Clip {number}",
        "duration_seconds": 60,
        "quality": "1080p",
        "orientation": "landscape",
        "width": 1920,
        "height": 1080,
        "file_size": 1_000_000,
        "thumbnail_path": f"ab/cd/{number:064x}.webp",
        "directory_type": "videos",
    }
    return Video(**(defaults | columns))

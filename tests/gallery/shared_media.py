"""Media for the tests of the public pages: rows as a scan writes them, published as an admin does it."""

from __future__ import annotations

from itertools import count
from typing import Any

from gallery import services
from media_library.models import Video

POSTER_HASH = "ab12cd34ef56" + "0" * 52
_numbers = count(1)


def share(title: str | None = "Harbour at first light", *, category: str = "demo", **columns: Any) -> int:
    """Publish a new video; returns its id."""
    number = next(_numbers)
    defaults = {
        "path": f"{number}.mp4",
        "filename": f"{number}.mp4",
        "title": title,
        "duration_seconds": 65,
        "quality": "720p",
        "orientation": "landscape",
        "width": 1280,
        "height": 720,
        "file_size": 5_000_000,
        "thumbnail_path": f"ab/12/{POSTER_HASH}.webp",
    }
    video = Video.objects.create(**(defaults | columns))
    services.publish([video.pk], category=category, by=None)
    return video.pk

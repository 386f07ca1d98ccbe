"""Small pictures of what a job would use, for people who look before they run it."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.context import JobContext
from media_library.ffmpeg.commands import stills
from media_library.ffmpeg.commands.inputs import Source
from media_library.models import DirectoryType

PER_PART = 4
LARGEST = 4096  # bytes of one, as it stands in a result


def thumbnails(context: JobContext, part: Source, count: int = PER_PART) -> list[dict[str, Any]]:
    """`count` moments of a stretch, evenly spread: `time` (seconds of the source) and `picture` (a data URI, None: none to be had)."""
    assert part.duration is not None
    step = part.duration / count
    times = [part.in_point + step * (number + 0.5) for number in range(count)]
    return [{"time": round(time, 3), "picture": thumbnail(context, replace(part, in_point=time, duration=None))} for time in times]


def thumbnail(context: JobContext, moment: Source) -> str | None:
    """The picture at the in point of `moment` as a data URI of at most `LARGEST` bytes."""
    draft = context.draft(Path(DirectoryType.GIFS) / "thumbnail.jpg")
    context.run(stills.thumbnail(moment, draft))
    picture = draft.read_bytes() if draft.exists() else b""
    uri = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    return uri if picture and len(uri) <= LARGEST else None

"""Encodes that take the place of their video where visitors watch it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.outputs import Output
from media_library.lineage import Cut
from media_library.models import Video
from media_library.paths import encode_path
from media_library.renditions import FileReplaced, keep_mp4


def register(context: JobContext, video: Video, output: Output, *, is_shown: bool) -> None:
    """Have the library know an encode of a whole video once the job completes, and players take it where it is shown."""
    context.register(output, title=str(video), made_from=[Cut(video.pk)])
    if is_shown:
        context.with_completion(lambda: _keep(video, output))


@contextmanager
def unless_replaced() -> Iterator[None]:
    """Have the job tried again where what it has encoded is no longer the video's file."""
    try:
        yield
    except FileReplaced as error:
        raise JobFailed("file_changed", str(error), suggestion="Retry.", is_transient=True) from error


def _keep(video: Video, output: Output) -> dict[str, Any]:
    with unless_replaced():
        keep_mp4(video, Video.objects.get(path=encode_path(str(output.path))))
    return {}

"""The processes in which a worker has strangers' files read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from threading import Lock

from django.conf import settings

from jobs.failures import JobFailed
from media_library.ffmpeg.inspectors import DIGESTER, Inspectors, Limits
from media_library.ffmpeg.untrusted import Bounds
from media_library.models import Video
from media_library.paths import decode_path
from media_library.relocation import NotAFile, UnsafePath, open_file

DIGESTER_MEMORY_MB = 512  # more: OpenCV, and the pictures that are kept
AT_ONCE = 32  # processes; as many as a worker has slots, so that no output waits to be verified while others look through whole videos


def one_for_all(make: Callable[[], Inspectors]) -> Callable[[], Inspectors]:
    """Make it once: of threads that ask for the first time together, `cache` alone would let each make one."""
    made, making = cache(make), Lock()

    @wraps(make)
    def get() -> Inspectors:
        with making:
            return made()

    return get


@one_for_all
def inspectors() -> Inspectors:
    """Started when first needed, and kept."""
    return Inspectors(AT_ONCE, limits=_limits(settings.PROBE_MEMORY_MB))


@one_for_all
def digesters() -> Inspectors:
    """Those that look through whole videos; started when first needed, and kept."""
    return Inspectors(AT_ONCE, limits=_limits(settings.PROBE_MEMORY_MB + DIGESTER_MEMORY_MB), program=DIGESTER)


def _limits(memory: int) -> Limits:
    """`memory`: MiB."""
    bounds = Bounds(pixels=settings.MAX_VIDEO_PIXELS, streams=settings.MAX_VIDEO_STREAMS)
    return Limits(timeout=settings.PROBE_TIMEOUT_SECONDS, memory=memory * 2**20, bounds=bounds)


def open_file_of(video: Video) -> int:
    """A descriptor of the video's file. Raises `JobFailed` where there is none, OSError where the disk cannot be read."""
    try:
        return open_file(Path(settings.LIBRARY_ROOT), decode_path(video.path))
    except (UnsafePath, NotAFile) as error:
        raise JobFailed("file_missing", f"What lies at the path of {video} is no file", suggestion="Scan the library.") from error
    except FileNotFoundError as error:
        suggestion = "Bring it back, scan the library and retry."
        raise JobFailed("file_missing", f"The file of {video} is gone", suggestion=suggestion) from error


@contextmanager
def opened(video: Video) -> Iterator[int]:
    """The video's file, which must be the one that the library knows, now and at the end of the block.

    Raises `JobFailed` where it is gone, or another one; OSError where the disk cannot be read.
    """
    descriptor = open_file_of(video)
    try:
        _require_same(video, descriptor)
        yield descriptor
        _require_same(video, descriptor)
    finally:
        os.close(descriptor)


def _require_same(video: Video, descriptor: int) -> None:
    status = os.fstat(descriptor)
    is_same_time = video.file_mtime_ns is None or status.st_mtime_ns == video.file_mtime_ns  # None: the last scan was not sure of it
    if status.st_size != video.file_size or not is_same_time:
        raise JobFailed("file_changed", f"The file of {video} has changed since the last scan", suggestion="Scan the library and retry.")

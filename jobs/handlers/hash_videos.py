"""`hash_videos`: the SHA-256 of files, which scans leave to the background."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from jobs.context import JobContext
from jobs.models import Lane
from jobs.registry import Params, job_type
from media_library.identity import sha256
from media_library.models import Video
from media_library.paths import decode_path
from media_library.relocation import NotAFile, UnsafePath, open_file


class HashParams(Params):
    pass


@job_type("hash_videos", lane=Lane.CPU, params=HashParams, exclusive=lambda params: "hashes")
def hash_videos(context: JobContext, params: HashParams) -> dict[str, Any]:
    """Read every file that nobody has hashed yet, so that duplicates are found and moves are told with certainty."""
    unhashed = Video.objects.valid().present_on_disk().filter(file_hash=None)
    total = unhashed.aggregate(bytes=Sum("file_size"))["bytes"] or 0
    read, hashed, passed_over = 0, 0, 0

    def follow(count: int) -> None:
        nonlocal read
        read += count
        context.report(100 * read / max(total, 1))

    last = 0
    while video := _next(unhashed, after=last):
        last = video.pk
        digest = _hash(context, video, follow)
        hashed += bool(digest and _keep(video, digest))
        passed_over += digest is None
    return {"hashed": hashed, "passedOver": passed_over}


def _next(unhashed: QuerySet[Video], *, after: int) -> Video | None:
    return unhashed.filter(pk__gt=after).order_by("pk").only("pk", "path", "file_size", "file_mtime_ns").first()


def _hash(context: JobContext, video: Video, on_block: Callable[[int], None]) -> str | None:
    """None where the file is gone, unreadable, or not the one that the scan saw."""
    try:
        descriptor = open_file(Path(settings.LIBRARY_ROOT), decode_path(video.path))
    except (OSError, UnsafePath, NotAFile) as error:
        context.log(f"{video.path}: {getattr(error, 'strerror', None) or error}")
        return None
    try:
        before = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (video.file_size, video.file_mtime_ns):
            context.log(f"{video.path}: changed since the last scan")
            return None
        digest = sha256(descriptor, on_block=on_block)
        return digest if os.fstat(descriptor).st_mtime_ns == before.st_mtime_ns else None
    finally:
        os.close(descriptor)


def _keep(video: Video, digest: str) -> bool:
    """Write the hash where the row still means the file that was read."""
    same = Video.objects.same_file_as(video).filter(path=video.path)
    return bool(same.update(file_hash=digest))

"""A whole upload is looked at, moved into the inbox, and scanned.

Each step can be done again: the row says where the file is about to be, and which file it is, before it is moved.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from media_library.ffmpeg.errors import InspectorsUnavailable
from media_library.ffmpeg.inspectors import Inspectors, Limits
from media_library.ffmpeg.untrusted import Bounds
from media_library.models import Upload, Video
from media_library.paths import decode_path, encode_path
from media_library.relocation import file_at, numbered, open_file, relocate
from media_library.uploads.errors import Held, NoVideo, StorageAway, WrongUploadState
from media_library.uploads.parts import INBOX, library_root, part_of, remove_part, storage
from media_library.uploads.querysets import HOLD, UploadQuerySet
from media_library.uploads.receiving import lend_connection

Scan = Callable[[User | None], int]
"""Have the inbox scanned; gives the id of the job."""


def finish(held: UploadQuerySet, *, scan: Scan) -> Upload:
    """Finish the whole upload that the caller holds; raises `NoVideo` where it is none, and `NoRoom` or `StorageAway`."""
    upload = held.first()
    if upload is None or not held.keep(offset=upload.length, seconds=2 * settings.PROBE_TIMEOUT_SECONDS + HOLD):
        raise Held
    lend_connection()
    with storage():
        if not _is_moved(upload):
            _look(upload, held)
            _move(upload, held)
    with transaction.atomic():
        if not held.finish(job_id=scan(upload.uploaded_by)):
            raise Held
    return Upload.objects.get(pk=upload.pk)


def _is_moved(upload: Upload) -> bool:
    there = file_at(library_root(), decode_path(upload.path)) if upload.path else None
    return there is not None and there.st_ino == upload.inode


def _look(upload: Upload, held: UploadQuerySet) -> None:
    """Refuse what is no video, where a stranger's file can do no harm."""
    descriptor = open_file(library_root(), part_of(upload.pk))
    bounds = Bounds(pixels=settings.MAX_VIDEO_PIXELS, streams=settings.MAX_VIDEO_STREAMS)
    limits = Limits(timeout=settings.PROBE_TIMEOUT_SECONDS, memory=settings.PROBE_MEMORY_MB * 2**20, bounds=bounds)
    try:
        with Inspectors(1, limits=limits) as inspectors:
            inspection = inspectors.inspect(descriptor, with_poster=False)
    except InspectorsUnavailable as error:
        raise StorageAway(str(error)) from error
    finally:
        os.close(descriptor)
    if inspection.probe is None:
        reason = f"{upload.filename} is no video that the library takes: {inspection.reason}"
        held.refuse(reason)
        remove_part(upload.pk)
        raise NoVideo(reason)


def _move(upload: Upload, held: UploadQuerySet) -> None:
    """Move the part to its name, or the next free number of it: one that no file has, nor a video whose file is away."""
    root, part = library_root(), part_of(upload.pk)
    status = _settle(part)
    for target in numbered(INBOX / upload.filename):
        if file_at(root, target) or Video.objects.filter(path=encode_path(target)).exists():
            continue
        if not held.place(encode_path(target), inode=status.st_ino):
            raise Held
        try:
            return relocate(root, part, target)
        except FileExistsError:
            continue
    raise WrongUploadState(f"{upload.filename} and all numbers of that name are taken")


def _settle(part: Path) -> os.stat_result:
    """Have the file look left alone: nobody writes to it any more, so the scan need not wait."""
    descriptor = open_file(library_root(), part)
    try:
        then = time.time() - settings.SCAN_SETTLE_SECONDS - 1
        os.utime(descriptor, (then, then))
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)

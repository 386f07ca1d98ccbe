"""Pieces of an upload, written to its part as they come.

The row says how much is on the disk for certain; what lies behind that in the part is cut off by the next writer. A writer
that was silent for half of its hold asks the row before it writes again, so that it never writes beside another.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.db import DatabaseError, connection

from media_library.models import Upload
from media_library.uploads.errors import (
    EXPIRED,
    ChecksumMismatch,
    Held,
    TooLarge,
    UploadGone,
    UploadNotFound,
    WrongOffset,
    WrongUploadState,
)
from media_library.uploads.parts import opened_part, part_size, require_library, require_room, storage
from media_library.uploads.querysets import HOLD, UploadQuerySet

KEPT_EVERY = 16 * 2**20  # bytes after which what has come is put on the disk and written down
CHECKSUMS = ("sha1", "sha256", "sha512", "md5")


@dataclass(frozen=True)
class Checksum:
    """What a piece must hash to."""

    algorithm: str  # one of `CHECKSUMS`
    digest: bytes


class Writer:
    """Whoever writes to the part; made by `written`."""

    def __init__(self, upload: Upload, token: uuid.UUID, descriptor: int) -> None:
        self.offset = upload.offset  # bytes that have come
        self._length = upload.length
        self._descriptor = descriptor
        self._row = Upload.objects.filter(pk=upload.pk).held_by(token)
        self._kept = upload.offset
        self._held_at = time.monotonic()
        os.ftruncate(descriptor, upload.offset)
        os.lseek(descriptor, upload.offset, os.SEEK_SET)

    @property
    def left(self) -> int:
        """Bytes that are still to come."""
        return self._length - self.offset

    def receive(self, pieces: Iterable[bytes], checksum: Checksum | None = None) -> None:
        """Write what comes until nothing more does; with a checksum all of it, or nothing of it.

        Raises `TooLarge`, `NoRoom`, `StorageAway`, `ChecksumMismatch`, or `UploadNotFound` when somebody has terminated it.
        """
        hashed = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        for piece in pieces:
            self.write(piece, keeps_on_the_way=hashed is None)
            if hashed:
                hashed.update(piece)
        if hashed and checksum and hashed.digest() != checksum.digest:
            raise ChecksumMismatch
        self.keep()

    def write(self, piece: bytes, *, keeps_on_the_way: bool = True) -> None:
        if len(piece) > self.left:
            raise TooLarge(f"It was announced to have {self._length} bytes")
        if time.monotonic() - self._held_at > HOLD / 2:
            self._hold()
        with storage():
            _write_all(self._descriptor, piece)
        self.offset += len(piece)
        if keeps_on_the_way and self.offset - self._kept >= KEPT_EVERY:
            self.keep()

    def keep(self) -> None:
        """Put what has come on the disk, and write down how much it is."""
        with storage():
            os.fsync(self._descriptor)
        self._kept = self.offset
        self._hold()
        if self.left:
            with storage():
                require_room(0)

    def _hold(self) -> None:
        asked_at = time.monotonic()
        if not self._row.keep(offset=self._kept):
            raise UploadNotFound
        self._held_at = asked_at
        lend_connection()


@contextmanager
def written(upload_id: int, *, offset: int) -> Iterator[tuple[Writer, UploadQuerySet]]:
    """Hold an upload that stands at `offset`: a writer, and the row while it is held.

    Raises `WrongOffset`, `Held`, `UploadNotFound`, `UploadGone`, `WrongUploadState` or `StorageAway`.
    """
    require_library()
    token = uuid.uuid4()
    this = Upload.objects.filter(pk=upload_id)
    if not this.hold(token, offset=offset):
        raise _why_not(upload_id, offset)
    held = this.held_by(token)
    try:
        upload = this.get()
        if part_size(upload_id) < offset:
            held.update(offset=part_size(upload_id))
            raise WrongOffset(f"Only {part_size(upload_id)} bytes are there")
        lend_connection()
        with opened_part(upload_id) as descriptor:
            yield Writer(upload, token, descriptor), held
    finally:
        with suppress(DatabaseError):  # then the hold ends by itself
            held.release()


def lend_connection() -> None:
    """Somebody may send for hours; the database connection goes back to the pool meanwhile."""
    if not connection.in_atomic_block:
        connection.close()


def _why_not(upload_id: int, offset: int) -> Exception:
    """Why an upload could not be held at an offset."""
    upload = Upload.objects.filter(pk=upload_id).first()
    if upload is None:
        return UploadNotFound()
    if upload.status == Upload.Status.REFUSED:
        return UploadGone(upload.reason)
    if upload.status == Upload.Status.FINISHED:
        return WrongUploadState("The upload is finished")
    if not Upload.objects.receiving().filter(pk=upload_id).exists():
        return UploadGone(EXPIRED)
    if upload.offset != offset and Upload.objects.free().filter(pk=upload_id).exists():
        return WrongOffset(f"The upload stands at {upload.offset}")
    return Held()


def _write_all(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]

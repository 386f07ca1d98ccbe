"""A file in a form, which becomes an upload while it comes: nothing of it lies in memory or in /tmp."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from config.roles import is_media_admin
from media_library.models import Upload
from media_library.uploads.creating import create
from media_library.uploads.errors import BadForm, UploadProblem
from media_library.uploads.finishing import Scan, finish
from media_library.uploads.healing import terminate
from media_library.uploads.querysets import UploadQuerySet
from media_library.uploads.receiving import Writer, written


class FormFile(FileUploadHandler):
    """Takes the one file of a form.

    The form is read before anybody knows that it is meant, for a field of it says so: `finish` is what counts.
    """

    chunk_size = 256 * 2**10  # bytes

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._http = request
        self._held_open = ExitStack()
        self._upload: Upload | None = None
        self._writer: Writer
        self._held: UploadQuerySet
        self._is_whole = False

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        user = self._http.user
        if not isinstance(user, User) or not is_media_admin(user):
            raise PermissionDenied("This needs an administrator of the library")
        if self._upload:
            raise BadForm("Send one file at a time")
        self._upload = create(file_name, length=int(self._http.META["CONTENT_LENGTH"]), by=user)
        self._writer, self._held = self._held_open.enter_context(written(self._upload.pk, offset=0))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._writer.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """Called where the form goes on behind the file: one that breaks off never gets there."""
        self._writer.keep()
        self._held.shrink()
        self._is_whole = True

    def finish(self, *, scan: Scan) -> Upload:
        """Move the file into the inbox; raises `BadForm` where none came, or what `finishing.finish` raises."""
        if not self._is_whole:
            raise BadForm("A file is required, in a field of the form, sent to its end")
        with self._held_open:
            return finish(self._held, scan=scan)

    def discard(self) -> None:
        """Forget what has come and did not become a video."""
        self._held_open.close()
        if self._upload:
            with suppress(UploadProblem):  # it is in the inbox, or the disk is away: then it expires
                terminate(self._upload.pk)

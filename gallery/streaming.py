"""Files over HTTP: ranges, validators, fixed types, and no way out of the folder that they lie in."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import ExitStack
from pathlib import Path, PurePath
from threading import BoundedSemaphore
from typing import Self
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date

from gallery.ranges import ByteRange, UnsatisfiableRange, parse_range
from media_library.paths import shown
from media_library.relocation import NotAFile, UnsafePath, open_file

CHUNK = 256 * 1024  # bytes read at a time
CONTENT_TYPES = {  # by extension; what a file says of itself is not asked
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/mp4",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".ogv": "video/ogg",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
FILE_POLICY = "sandbox; default-src 'none'"  # opened by itself, a file runs nothing

_CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f]")
_streams = BoundedSemaphore(settings.STREAMS_PER_PROCESS)


class FileMissing(LookupError):
    """There is no such file below the root, or none that we serve: a link, a pipe, a folder."""


class FileUnreadable(OSError):
    """The disk does not let us read the file, or it has become shorter while it was sent."""


class TooManyStreams(Exception):
    """This process sends as many files as it may; the rest of its threads are for everything else."""


def content_type(filename: str) -> str:
    """What we say a file is, by its extension."""
    return CONTENT_TYPES.get(PurePath(filename).suffix.lower(), "application/octet-stream")


def file_response(request: HttpRequest, path: Path, *, root: Path, filename: str) -> HttpResponseBase:
    """Answer a GET or HEAD with the file at `path` below `root`: 200, 206, 304, 412 or 416.

    `filename` is what the visitor's browser will call it; its extension decides the type. The file is opened once,
    and only that descriptor is looked at and sent. Raises `FileMissing`, `FileUnreadable` or `TooManyStreams`.
    """
    with ExitStack() as open_files:
        descriptor = _open(root, path)
        open_files.callback(os.close, descriptor)
        if settings.X_ACCEL_LIBRARY and root == settings.LIBRARY_ROOT:
            response: HttpResponseBase = HttpResponse(headers={"X-Accel-Redirect": settings.X_ACCEL_LIBRARY + quote(bytes(path))})
        else:
            response = _answer(request, os.fstat(descriptor), descriptor, open_files)
    response["Content-Type"] = content_type(filename)
    response["Content-Disposition"] = content_disposition_header(False, _CONTROL_CHARACTERS.sub("_", shown(filename))) or "inline"
    response["Content-Security-Policy"] = FILE_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"  # kept, but asked for again each time: a lock shows at once
    return response


def _open(root: Path, path: Path) -> int:
    try:
        return open_file(root, path)
    except (FileNotFoundError, NotAFile, UnsafePath) as error:
        raise FileMissing from error
    except OSError as error:
        raise FileUnreadable(error.errno, error.strerror) from error


def _answer(request: HttpRequest, file: os.stat_result, descriptor: int, open_files: ExitStack) -> HttpResponseBase:
    """The status, its headers and the bytes; a reply that sends bytes takes over the open file."""
    etag = _etag(file)
    unchanged = get_conditional_response(request, etag=etag, last_modified=int(file.st_mtime))
    try:
        response = unchanged or _content(request, file, descriptor, open_files)
    except UnsatisfiableRange:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.st_size}"})
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Last-Modified"] = http_date(file.st_mtime)
    return response


def _content(request: HttpRequest, file: os.stat_result, descriptor: int, open_files: ExitStack) -> HttpResponseBase:
    wanted = _wanted(request, file)
    part = wanted or ByteRange(0, file.st_size)
    headers = {"Content-Length": str(part.length)}
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    if wanted:
        headers["Content-Range"] = wanted.content_range(file.st_size)
    return StreamingHttpResponse(Sending.taking(open_files, descriptor, part), status=206 if wanted else 200, headers=headers)


def _etag(file: os.stat_result) -> str:
    """A strong validator of size and time, hashed so that it says nothing else; never the inode."""
    return '"' + hashlib.blake2b(f"{file.st_size} {file.st_mtime_ns}".encode(), digest_size=12).hexdigest() + '"'


def _wanted(request: HttpRequest, file: os.stat_result) -> ByteRange | None:
    """The range to send; None for the whole file. Raises `UnsatisfiableRange`."""
    asked, condition = request.headers.get("Range"), request.headers.get("If-Range")
    if asked is None or request.method != "GET":
        return None
    if condition is not None and condition.strip() not in (_etag(file), http_date(file.st_mtime)):
        return None  # the visitor has parts of an older file
    return parse_range(asked, size=file.st_size)


class Sending:
    """The bytes of a part of an open file, in chunks; closes the file when it is read, closed or forgotten.

    While a large part is on its way, its slow reader holds a thread of the server: so only `STREAMS_PER_PROCESS` may be.
    """

    def __init__(self, descriptor: int, part: ByteRange, open_files: ExitStack) -> None:
        self._descriptor, self._position, self._stop, self._open_files = descriptor, part.start, part.stop, open_files

    @classmethod
    def taking(cls, open_files: ExitStack, descriptor: int, part: ByteRange) -> Self:
        """Take over the caller's open file; raises `TooManyStreams`."""
        if part.length > CHUNK:
            if not _streams.acquire(blocking=False):
                raise TooManyStreams
            open_files.callback(_streams.release)
        return cls(descriptor, part, open_files.pop_all())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._position >= self._stop:
            self.close()
            raise StopIteration
        chunk = os.pread(self._descriptor, min(CHUNK, self._stop - self._position), self._position)
        if not chunk:
            # Its length is promised already: breaking off is the only way to tell the visitor.
            self.close()
            raise FileUnreadable("The file became shorter while it was sent")
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        self._open_files.close()

    def __del__(self) -> None:
        self.close()

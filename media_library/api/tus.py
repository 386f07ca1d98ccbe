"""The headers of tus 1.0.0, https://tus.io/protocols/resumable-upload: read as they are meant, and written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from django.utils.http import http_date
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType

from config.api.fields import parse_decimal
from media_library.models import Upload
from media_library.uploads.creating import largest
from media_library.uploads.receiving import CHECKSUMS, Checksum

VERSION = "1.0.0"
EXTENSIONS = ("creation", "termination", "checksum", "expiration")
PIECE = "application/offset+octet-stream"
LONGEST_METADATA = 4096  # characters
_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without the comma


class VersionNotSpoken(APIException):
    """Another version of the protocol: 412."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = f"Tus-Resumable must be {VERSION}"


def require_version(headers: Mapping[str, str]) -> None:
    version = headers.get("Tus-Resumable")
    if version is None:
        raise ParseError(f"Tus-Resumable: {VERSION} is required; to send a file in one request, POST it to /api/videos/upload")
    if version != VERSION:
        raise VersionNotSpoken


def require_piece(headers: Mapping[str, str]) -> None:
    sent = headers.get("Content-Type", "")
    if sent.split(";")[0].strip().lower() != PIECE:
        raise UnsupportedMediaType(sent, f"Pieces of an upload are sent as {PIECE}")


def length_of(headers: Mapping[str, str]) -> int:
    """The length that is announced, 1 byte at least."""
    if "Upload-Defer-Length" in headers:
        raise ParseError("Upload-Defer-Length: the length has to be known when the upload is created")
    length = _number(headers, "Upload-Length")
    if not length:
        raise ParseError("Upload-Length: an empty file is no video")
    return length


def offset_of(headers: Mapping[str, str]) -> int:
    return _number(headers, "Upload-Offset")


def filename_of(metadata: str) -> str:
    """The file's name in Upload-Metadata: pairs of a key and, after a space, a value in base64, with commas between them."""
    if len(metadata) > LONGEST_METADATA:
        raise ParseError(f"Upload-Metadata: at most {LONGEST_METADATA} characters")
    values: dict[str, bytes] = {}
    for pair in metadata.split(",") if metadata.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in values:
            raise ParseError("Upload-Metadata: each key is visible ASCII and comes once")
        values[key] = _base64("Upload-Metadata", value)
    try:
        name = values.get("filename", values.get("name", b"")).decode()
    except UnicodeDecodeError as error:
        raise ParseError("Upload-Metadata: the filename is no UTF-8") from error
    if not name:
        raise ParseError("Upload-Metadata: a filename is required")
    return name


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """What the piece must hash to: `sha1 <base64>`; None where the client does not say."""
    if "Upload-Checksum" not in headers:
        return None
    algorithm, _, encoded = headers["Upload-Checksum"].partition(" ")
    if algorithm not in CHECKSUMS:
        raise ParseError(f"Upload-Checksum: the algorithm is one of {', '.join(CHECKSUMS)}")
    digest = _base64("Upload-Checksum", encoded)
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise ParseError(f"Upload-Checksum: this is no digest of {algorithm}")
    return Checksum(algorithm, digest)


def abilities() -> dict[str, str]:
    """What the server says of itself."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(largest()),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def progress(upload: Upload) -> dict[str, str]:
    """How far an upload is, and what has come of it."""
    expires = {} if upload.status == Upload.Status.FINISHED else {"Upload-Expires": http_date(upload.expires_at.timestamp())}
    job = {} if upload.job_id is None else {"Upload-Job": str(upload.job_id)}
    return {"Upload-Offset": str(upload.offset), **expires, **job}


def description(upload: Upload) -> dict[str, str]:
    metadata = {"Upload-Metadata": upload.metadata} if upload.metadata else {}
    return {**progress(upload), "Upload-Length": str(upload.length), **metadata}


def _number(headers: Mapping[str, str], name: str) -> int:
    number = parse_decimal(headers.get(name, ""))
    if number is None:
        raise ParseError(f"{name}: a plain decimal number of at most 64 bits is needed")
    return number


def _base64(name: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ParseError(f"{name}: this is not valid base64") from error

"""JSON out and in: orjson for replies, and a parser that refuses what could mean two things."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from config.api.errors import PayloadTooLarge
from config.database import narrowed

OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


def iso_time(moment: dt.datetime) -> str:
    """A moment as every reply writes it: UTC, milliseconds, `2026-02-11T15:50:00.000Z`."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def dumps(data: Any) -> bytes:
    """JSON as every reply writes it; aware datetimes become `iso_time`, and whole numbers of more than 64 bits floats."""
    try:
        return orjson.dumps(data, default=_plain, option=OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps(narrowed(data), default=_plain, option=OPTIONS)


class OrjsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None) -> bytes:
        return b"" if data is None else dumps(data)


class StrictJSONParser(BaseParser):
    """Reads a JSON body of at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes.

    Beside broken JSON it refuses NaN, lone surrogates, nesting too deep for the stack and repeated keys, whose
    meaning depends on the reader. A whole number of more than 64 bits is read as a float, as most readers do.
    """

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        if media_type and "charset" in media_type.lower() and "utf-8" not in media_type.lower():
            raise UnsupportedMediaType(media_type, "JSON is sent as UTF-8")
        headers = parser_context["request"].META if parser_context else {}
        if headers.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            raise UnsupportedMediaType(headers["HTTP_CONTENT_ENCODING"], "JSON is sent uncompressed")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        announced = int(headers.get("CONTENT_LENGTH") or 0)
        body = stream.read(limit + 1) if announced <= limit else b""
        if max(announced, len(body)) > limit:
            raise PayloadTooLarge(f"The request is larger than {limit} bytes")
        try:
            orjson.loads(body)  # the stricter of the two: NaN, surrogates, invalid UTF-8, depth
            return json.loads(body, object_pairs_hook=_unique_keys, parse_int=_whole_number)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error


class AlwaysJSON(BaseContentNegotiation):
    """Replies in JSON whatever the caller accepts: it is the one thing that we speak, errors included."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        content_type = request.content_type.split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a key appears twice")
    return read


def _whole_number(digits: str) -> int | float:
    """An integer where a column and a reply can hold it, so that no view meets one that they cannot."""
    number: int | float = narrowed(int(digits))
    return number


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return iso_time(value)
    return str(value)

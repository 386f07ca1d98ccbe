"""`limit`, `offset` and `cursor` of every list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api.fields import QueryIntegerField, QuerySerializer, StrictTextField

LARGEST_LIMIT = 100


@dataclass(frozen=True)
class Paging:
    """Which rows of a list are asked for; a cursor, where given, takes the place of the offset."""

    limit: int
    offset: int
    cursor: str | None = None


class PagingQuery(QuerySerializer):
    """The paging parameters of a list; subclasses add its filters."""

    limit = QueryIntegerField(required=False, min_value=1, help_text=f"rows in the reply; above {LARGEST_LIMIT} counts as {LARGEST_LIMIT}")
    offset = QueryIntegerField(required=False, default=0, min_value=0, help_text="rows to skip")
    cursor = StrictTextField(required=False, max_length=512, help_text="`nextCursor` of the previous reply; takes the place of `offset`")


def parse_paging(parameters: QueryDict, *, default_limit: int = 50) -> Paging:
    """Read the paging of a list; raises `ValidationError` naming the parameter that is wrong."""
    return paging_of(PagingQuery.read(parameters), default_limit=default_limit)


def paging_of(query: dict[str, Any], *, default_limit: int) -> Paging:
    """The paging among the validated parameters of a `PagingQuery`."""
    limit = min(query.get("limit", default_limit), LARGEST_LIMIT)
    return Paging(limit=limit, offset=query["offset"], cursor=query.get("cursor"))


class PaginationSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    hasMore = serializers.BooleanField()
    nextCursor = serializers.CharField(allow_null=True)
    totalIsCapped = serializers.BooleanField(required=False)


def encode_cursor(values: Sequence[Any]) -> str:
    """The sort key of a page's last row as opaque text."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def decode_cursor(cursor: str, *, kinds: Sequence[type]) -> list[Any]:
    """Read back a sort key; raises `ValidationError` when it is none of a list sorted by values of `kinds`."""
    try:
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValidationError({"cursor": "This is no cursor of this list."}) from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise ValidationError({"cursor": "This is no cursor of this list."})
    return values

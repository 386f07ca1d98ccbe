"""`limit`, `offset` and `cursor` of every list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

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
    cursor = StrictTextField(
        required=False, allow_blank=True, max_length=512, help_text="`nextCursor` of the previous reply; takes the place of `offset`"
    )


def paging_of(query: dict[str, Any], *, default_limit: int) -> Paging:
    """The paging among the validated parameters of a `PagingQuery`."""
    limit = min(query.get("limit", default_limit), LARGEST_LIMIT)
    return Paging(limit=limit, offset=query["offset"], cursor=query.get("cursor") or None)


class PaginationSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    hasMore = serializers.BooleanField()
    nextCursor = serializers.CharField(allow_null=True)
    totalIsCapped = serializers.BooleanField(required=False)

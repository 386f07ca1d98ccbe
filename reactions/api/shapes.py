"""What the API of reactions takes and answers with, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.fields import empty

from config.api.fields import IdField, QueryIntegerField, QuerySerializer, StrictIntegerField, StrictSerializer
from config.api.paging import PagingQuery
from reactions.listing import MOST_BUCKETS
from reactions.models import ReactionType

LONGEST_VIDEO = 2**31 - 1  # seconds that the column holds
INVALID_TYPE = "Invalid reaction type"


class ReactionTypeField(serializers.ChoiceField):
    """A type of reaction; whatever else is there, or nothing, is refused in the specification's own words."""

    def run_validation(self, data: Any = empty) -> ReactionType:
        if not isinstance(data, str) or data not in ReactionType.values:
            raise ParseError(INVALID_TYPE)
        return ReactionType(data)


class ReactionRequest(StrictSerializer):
    mediaId = IdField(help_text="the id of a public medium")
    reactionType = ReactionTypeField(choices=ReactionType.choices)
    videoTimestamp = StrictIntegerField(min_value=0, max_value=LONGEST_VIDEO, help_text="whole seconds from the start, to the duration")


class ReactionsQuery(PagingQuery):
    mediaId = QueryIntegerField(required=False, help_text="of this medium only")
    userId = QueryIntegerField(required=False, help_text="of this user only")


class TimelineQuery(QuerySerializer):
    mediaId = QueryIntegerField()


class ReactionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    mediaId = serializers.IntegerField()
    userId = serializers.IntegerField()
    reactionType = serializers.ChoiceField(choices=ReactionType.choices)
    videoTimestamp = serializers.IntegerField(help_text="seconds from the start")
    emoji = serializers.CharField()
    formattedTime = serializers.CharField(help_text="the moment as people write it: 0:27, 1:01:01")
    createdAt = serializers.DateTimeField()


class ReactionsPage(serializers.Serializer[Any]):
    reactions = ReactionShape(many=True)
    limit = serializers.IntegerField()
    nextCursor = serializers.CharField(allow_null=True)


class ReactionReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    reaction = ReactionShape()


class ReactionKind(serializers.Serializer[Any]):
    type = serializers.CharField()
    emoji = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # shadows what fields are labelled with; nothing reads that


class ReactionConfig(serializers.Serializer[Any]):
    reactions = ReactionKind(many=True)


class ReactionDeleted(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class TimelineBucket(serializers.Serializer[Any]):
    start = serializers.IntegerField(help_text="seconds")
    total = serializers.IntegerField()
    like = serializers.IntegerField()
    love = serializers.IntegerField()
    laugh = serializers.IntegerField()
    wow = serializers.IntegerField()
    sad = serializers.IntegerField()
    angry = serializers.IntegerField()


class TimelineReply(serializers.Serializer[Any]):
    mediaId = serializers.IntegerField()
    bucketSeconds = serializers.IntegerField(help_text="the length of each bucket")
    buckets = TimelineBucket(many=True, help_text=f"from start to end without a gap, at most {MOST_BUCKETS}")

"""What the gallery's API takes and answers with, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.api.fields import QueryIntegerField, QuerySerializer, SearchField, SessionIdField, StrictSerializer, StrictTextField
from config.api.paging import LARGEST_LIMIT, PaginationSerializer, PagingQuery
from gallery.listing import ORIENTATIONS, SORTS

LONGEST_REASON = 500  # characters


class MediaQuery(PagingQuery):
    category = serializers.RegexField(
        r"^[a-z0-9-]{1,64}\Z",
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="a slug; one that no medium carries finds nothing",
    )
    search = SearchField(help_text="literal text in filename, category or title, in any case")
    sort = serializers.ChoiceField(choices=SORTS, default="recent")
    orientation = serializers.ChoiceField(choices=ORIENTATIONS, required=False)
    offset = QueryIntegerField(
        required=False,
        default=0,
        min_value=0,
        help_text="rows to skip; from 10,000 on as counted up to ten seconds ago: `cursor` is exact, and alone finds what "
        "a search has beyond its first 1,000 hits",
    )


class DetailQuery(QuerySerializer):
    sessionId = SessionIdField(required=False, allow_blank=True, help_text="the visitor's session, for unique views")


class RelatedQuery(QuerySerializer):
    limit = QueryIntegerField(default=12, min_value=1, help_text=f"above {LARGEST_LIMIT} counts as {LARGEST_LIMIT}")


class LockRequest(StrictSerializer):
    reason = StrictTextField(default="", allow_blank=True, max_length=LONGEST_REASON, help_text="for the other admins")


class MediaCard(serializers.Serializer[Any]):
    """A medium in a list."""

    id = serializers.IntegerField()
    filename = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    category = serializers.CharField()
    durationSeconds = serializers.IntegerField(allow_null=True)
    quality = serializers.CharField(allow_null=True)
    orientation = serializers.CharField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    thumbnailPath = serializers.CharField(allow_null=True, help_text="a path on this server")
    viewCount = serializers.IntegerField()
    upvoteCount = serializers.IntegerField()
    commentCount = serializers.IntegerField()
    isLocked = serializers.BooleanField()
    createdAt = serializers.DateTimeField()


class MediaDetail(MediaCard):
    path = serializers.CharField(help_text="made from category and filename; says nothing of the disk")
    fileSize = serializers.IntegerField(allow_null=True, help_text="bytes")
    uniqueViewCount = serializers.IntegerField(help_text="a visitor counts once in 30 minutes")
    finishCount = serializers.IntegerField()
    totalWatchTime = serializers.IntegerField(help_text="seconds")
    updatedAt = serializers.DateTimeField()


class AdminMediaDetail(MediaDetail):
    lockedAt = serializers.DateTimeField(allow_null=True)
    lockedReason = serializers.CharField(allow_null=True)


class MediaPage(serializers.Serializer[Any]):
    videos = MediaCard(many=True)
    pagination = PaginationSerializer()


class RelatedMedia(serializers.Serializer[Any]):
    videos = MediaCard(many=True)


class CategoryCount(serializers.Serializer[Any]):
    category = serializers.CharField()
    count = serializers.IntegerField()


class Categories(serializers.Serializer[Any]):
    categories = CategoryCount(many=True)

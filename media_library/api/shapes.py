"""What the API of videos takes and answers with, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.api.fields import (
    IdField,
    ObjectField,
    RowSerializer,
    SearchField,
    StrictBooleanField,
    StrictIntegerField,
    StrictSerializer,
    StrictTextField,
)
from config.api.paging import PagingQuery
from gallery.api.shapes import AdminMediaDetail
from gallery.services import InvalidCategory, is_category
from jobs import registry
from media_library.api.listing import ORDERS
from media_library.models import DirectoryType, Orientation, Quality
from media_library.services import LONGEST_TAG, MOST_TAGS

MOST_IDS = 1000  # of one bulk request
LONGEST_TITLE = 500  # characters
ACTIONS = ("lock", "unlock", "publish", "unpublish", "delete", "restore", "tag")


class VideoQuery(PagingQuery):
    search = SearchField(help_text="literal text in title or filename, in any case")
    directoryType = serializers.ChoiceField(choices=DirectoryType.choices, required=False)
    orientation = serializers.ChoiceField(choices=Orientation.choices, required=False)
    quality = serializers.ChoiceField(choices=Quality.choices, required=False)
    isValid = StrictBooleanField(required=False)
    producer = StrictTextField(required=False, max_length=LONGEST_TITLE)
    tag = StrictTextField(required=False, max_length=LONGEST_TAG)
    published = StrictBooleanField(required=False)
    sort = serializers.ChoiceField(choices=sorted(ORDERS), default="recent")


class VideoRow(RowSerializer):
    """A video in a list."""

    id = serializers.IntegerField()
    title = serializers.CharField(allow_null=True)
    filename = serializers.CharField()
    duration = serializers.IntegerField(source="duration_seconds", allow_null=True, help_text="whole seconds")
    fileSize = serializers.IntegerField(source="file_size", allow_null=True, help_text="bytes")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    quality = serializers.CharField(allow_null=True)
    orientation = serializers.CharField(allow_null=True)
    producer = serializers.CharField(allow_null=True)
    directoryType = serializers.CharField(source="directory_type", allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    isValid = serializers.BooleanField(source="is_valid")
    missingSince = serializers.DateTimeField(source="missing_since", allow_null=True)
    trashedAt = serializers.DateTimeField(source="trashed_at", allow_null=True)
    category = serializers.CharField(source="public__category", allow_null=True, help_text="where it is published; null: it is not")
    isLocked = serializers.BooleanField(source="public__is_locked", allow_null=True, help_text="null: not published")
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")


class VideoDetail(VideoRow):
    """A video with every column."""

    path = serializers.CharField(help_text="relative to the library root")
    durationSeconds = serializers.IntegerField(source="duration_seconds", allow_null=True, help_text="the same as `duration`")
    creator = serializers.CharField(allow_null=True)
    hasAudio = serializers.BooleanField(source="has_audio", allow_null=True)
    fileHash = serializers.CharField(source="file_hash", allow_null=True, help_text="SHA-256; null until the background has hashed it")
    lastValidated = serializers.DateTimeField(source="last_validated", allow_null=True)
    invalidReason = serializers.CharField(source="invalid_reason")
    thumbnailPath = serializers.CharField(source="thumbnail_path", allow_null=True)
    publicViewCount = serializers.IntegerField(source="public_view_count", allow_null=True)
    publicUpvoteCount = serializers.IntegerField(source="public_upvote_count", allow_null=True)
    publicCommentCount = serializers.IntegerField(source="public_comment_count", allow_null=True)
    publicCompletionCount = serializers.IntegerField(source="public_completion_count", allow_null=True)
    publicTotalWatchTime = serializers.IntegerField(source="public_total_watch_time", allow_null=True, help_text="seconds")
    movedFromPublicAt = serializers.DateTimeField(source="moved_from_public_at", allow_null=True)
    originalFilename = serializers.CharField(source="original_filename", allow_null=True)
    originalPath = serializers.CharField(source="original_path", allow_null=True)
    standardizedAt = serializers.DateTimeField(source="standardized_at", allow_null=True)
    videoCodec = serializers.CharField(source="video_codec", allow_null=True)
    audioCodec = serializers.CharField(source="audio_codec", allow_null=True)
    frameRate = serializers.CharField(source="frame_rate", allow_null=True, help_text="frames a second, as a fraction")
    bitRate = serializers.IntegerField(source="bit_rate", allow_null=True, help_text="bits a second")


class VideoPage(serializers.Serializer[Any]):
    videos = VideoRow(many=True)
    total = serializers.IntegerField()
    totalIsCapped = serializers.BooleanField(help_text="a search with more than 1,000 hits says 1,000")
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    nextCursor = serializers.CharField(allow_null=True)


class TagsField(serializers.ListField):
    child = StrictTextField(max_length=LONGEST_TAG)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MOST_TAGS, **options)


class VideoEdit(StrictSerializer):
    title = StrictTextField(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_TITLE)
    producer = StrictTextField(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_TITLE)
    creator = StrictTextField(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_TITLE)
    tags = TagsField(required=False)


class RemovalQuery(serializers.Serializer[Any]):
    file = serializers.ChoiceField(choices=["trash"], required=False, help_text="also move the file to the library's trash")


class CategoryField(StrictTextField):
    """The slug of a category, whether or not there is one of this name yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=64, **options)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[a-z0-9-]+$"}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_category(text):
            raise ValidationError(str(InvalidCategory()))
        return text


class Publication(StrictSerializer):
    category = CategoryField(help_text="lower-case letters, digits and hyphens")


class BulkRequest(StrictSerializer):
    ids = serializers.ListField(child=IdField(), min_length=1, max_length=MOST_IDS)
    action = serializers.ChoiceField(choices=[*ACTIONS, *(kind.name for kind in registry.all_types())], help_text="or a job type")
    category = CategoryField(required=False, help_text="for `publish`")
    reason = StrictTextField(required=False, default="", allow_blank=True, max_length=500, help_text="for `lock`")
    tags = TagsField(required=False, help_text="for `tag`; they join those that each video has")
    file = serializers.ChoiceField(choices=["trash"], required=False, help_text="for `delete`: also move the files to the library's trash")
    params = ObjectField(required=False, help_text="for a job type: its params but for the video")
    priority = StrictIntegerField(required=False, min_value=0, max_value=10, help_text="for a job type: higher first")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {"publish": "category", "tag": "tags"}.get(attrs["action"])
        if needed and not attrs.get(needed):
            raise serializers.ValidationError({needed: "This field is required."}, code="required")
        return attrs


class BulkResult(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ok = serializers.BooleanField()
    error = serializers.CharField(required=False)
    jobId = serializers.IntegerField(required=False, help_text="the job that was submitted")


class BulkReply(serializers.Serializer[Any]):
    results = BulkResult(many=True)


class Published(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    media = AdminMediaDetail()

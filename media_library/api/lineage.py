"""What a video was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from media_library import lineage
from media_library.models import Derivation, Video
from media_library.services import VIDEO_NOT_FOUND


class StretchRow(serializers.Serializer[Any]):
    """A stretch of one video that another shows."""

    videoId = serializers.IntegerField(help_text="the other video")
    title = serializers.CharField(help_text="the other video's title, or its file's name")
    inPoint = serializers.FloatField(allow_null=True, help_text="seconds of the source; null: from its start")
    outPoint = serializers.FloatField(allow_null=True, help_text="seconds of the source; null: to its end")
    jobId = serializers.IntegerField(allow_null=True, help_text="the job that made it")
    jobType = serializers.CharField()


class Lineage(serializers.Serializer[Any]):
    madeFrom = StretchRow(many=True)
    usedIn = StretchRow(many=True, help_text="the newest first, at most 1,000")


class VideoLineage(APIView):
    @extend_schema(responses=Lineage, operation_id="get_lineage", tags=["videos"])
    def get(self, request: Request, video_id: int) -> Response:
        """The stretches of other videos that this one shows, and those of this one that others show."""
        if not Video.objects.filter(pk=video_id).exists():
            raise NotFound(VIDEO_NOT_FOUND)
        sources = ((stretch, stretch.source) for stretch in lineage.made_from(video_id))
        derived = ((stretch, stretch.derived) for stretch in lineage.used_in(video_id))
        return Response({"madeFrom": _rows(sources), "usedIn": _rows(derived)})


def _rows(stretches: Iterable[tuple[Derivation, Video]]) -> list[dict[str, Any]]:
    return [
        {
            "videoId": other.pk,
            "title": str(other),
            "inPoint": stretch.in_point,
            "outPoint": stretch.out_point,
            "jobId": stretch.job_id,
            "jobType": stretch.job_type,
        }
        for stretch, other in stretches
    ]

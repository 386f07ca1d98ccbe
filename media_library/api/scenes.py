"""What a look through a video has found, for admins: its scenes and, of a digest, its curves and its contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gallery.api.chapters import NO_SCENES
from gallery.api.errors import refusals
from gallery.api.files import answers
from gallery.streaming import file_response
from media_library.models import Video
from media_library.scenes import digest_of, scenes_of
from media_library.services import VIDEO_NOT_FOUND


class SceneRow(serializers.Serializer[Any]):
    start = serializers.FloatField(help_text="seconds")
    end = serializers.FloatField(help_text="seconds: where the next one begins")


class CurvesRow(serializers.Serializer[Any]):
    hop = serializers.FloatField(help_text="seconds that a point stands for")
    motion = serializers.ListField(child=serializers.FloatField(), help_text="0 to 1")
    loudness = serializers.ListField(child=serializers.FloatField(), help_text="dBFS; empty: it has no sound")


class KeyframeRow(serializers.Serializer[Any]):
    """The picture that stands for a scene; all but `time` are 0 to 1 or as said."""

    time = serializers.FloatField(help_text="seconds")
    light = serializers.FloatField()
    contrast = serializers.FloatField()
    saturation = serializers.FloatField()
    sharpness = serializers.FloatField()
    colour = serializers.CharField(help_text="#rrggbb: the mean")
    fingerprint = serializers.CharField(help_text="64 bits as hexadecimal digits; pictures that look alike share most")


class SceneList(serializers.Serializer[Any]):
    duration = serializers.FloatField(help_text="seconds that were looked through")
    madeAt = serializers.DateTimeField()
    scenes = SceneRow(many=True)
    curves = CurvesRow(allow_null=True, help_text="null until there is a digest")
    keyframes = KeyframeRow(many=True, help_text="the tiles of `contact-sheet`, ten in a row")


class VideoScenes(APIView):
    @extend_schema(responses=SceneList, operation_id="get_scenes", tags=["videos"])
    def get(self, request: Request, video_id: int) -> Response:
        """The scenes of a video and, once `digest` has run, its curves; 404 until `scene_extract` or `digest` has looked for them."""
        if not Video.objects.filter(pk=video_id).exists():
            raise NotFound(VIDEO_NOT_FOUND)
        digest = digest_of(video_id)
        if digest is None:
            raise NotFound(NO_SCENES)
        return Response(
            {
                "duration": digest.duration,
                "madeAt": digest.made_at,
                "scenes": [{"start": scene.start, "end": scene.end} for scene in scenes_of(video_id)],
                "curves": digest.curves,
                "keyframes": digest.keyframes,
            }
        )


class ContactSheet(APIView):
    @extend_schema(responses=answers("image/webp"), operation_id="get_contact_sheet", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """A picture of each scene, ten in a row; 404 until `digest` has made it."""
        digest = digest_of(video_id)
        if digest is None or digest.sheet_path is None:
            raise NotFound("This video has no contact sheet")
        with refusals():
            path, root = Path(digest.sheet_path), settings.THUMBNAIL_ROOT
            return file_response(request._request, path, root=root, filename=f"{video_id}.webp")

"""The original and the picture of any video, for admins, whatever its state."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from gallery.api.errors import refusals
from gallery.api.files import answers, send_poster, send_video
from gallery.files import MediaFiles, video_files
from gallery.listing import MediaNotFound
from media_library.services import VIDEO_NOT_FOUND


class VideoStream(APIView):
    @extend_schema(responses=answers("video/*"), operation_id="stream_video", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """The original file, whole or the range that is asked for."""
        with refusals():
            return send_video(request, _files(video_id))


class VideoThumbnail(APIView):
    @extend_schema(responses=answers("image/webp"), operation_id="get_video_thumbnail", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """The video's poster."""
        with refusals():
            return send_poster(request, _files(video_id))


def _files(video_id: int) -> MediaFiles:
    try:
        return video_files(video_id)
    except MediaNotFound as error:
        raise NotFound(VIDEO_NOT_FOUND) from error

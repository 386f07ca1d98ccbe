"""The original, the picture and the previews of any video, for admins, whatever its state."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from gallery.api.chapters import send_chapters
from gallery.api.errors import refusals
from gallery.api.files import answers, send_poster, send_video
from gallery.api.previews import VTT, send_hover, send_sprite, send_storyboard
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


class VideoPreview(APIView):
    @extend_schema(responses=answers("video/mp4"), operation_id="preview_video", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """Some seconds of the video without sound; 404 until `generate_previews` has made them."""
        with refusals():
            return send_hover(request, video_id)


class VideoSprite(APIView):
    @extend_schema(responses=answers("image/webp"), operation_id="get_video_sprite", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """9 × 9 pictures of the video in one, which `storyboard.vtt` tells apart."""
        with refusals():
            return send_sprite(request, video_id)


class VideoStoryboard(APIView):
    @extend_schema(responses=VTT, operation_id="get_video_storyboard", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """Which part of the sprite shows which part of the video, as WebVTT with `#xywh`."""
        return send_storyboard(request, video_id, sprite_url=f"/api/videos/{video_id}/sprite")


class VideoChapters(APIView):
    @extend_schema(responses=VTT, operation_id="get_video_chapters", tags=["videos"])
    def get(self, request: Request, video_id: int) -> HttpResponseBase:
        """The scenes of the video as WebVTT chapters; 404 until `scene_extract` or `digest` has found them."""
        return send_chapters(request, video_id)


def _files(video_id: int) -> MediaFiles:
    try:
        return video_files(video_id)
    except MediaNotFound as error:
        raise NotFound(VIDEO_NOT_FOUND) from error

"""What shows a medium before it is played: the sprite along its bar, and the seconds that its card plays."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from gallery.api.errors import refusals
from gallery.api.files import answers
from gallery.api.media import PublicView
from gallery.listing import open_medium
from gallery.streaming import file_response
from media_library import previews
from media_library.models import Preview

NO_PREVIEWS = "This video has no previews"
VTT = {(200, "text/vtt"): OpenApiTypes.STR}


class HoverPreview(PublicView):
    @extend_schema(responses=answers("video/mp4"), operation_id="preview_media", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """Some seconds of a medium without sound, for its card; 404 until `generate_previews` has made them."""
        with refusals():
            open_medium(media_id)
            return send_hover(request, media_id)


class Sprite(PublicView):
    @extend_schema(responses=answers("image/webp"), operation_id="get_sprite", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """9 × 9 pictures of a medium in one, which `storyboard.vtt` tells apart; 404 until they are made."""
        with refusals():
            open_medium(media_id)
            return send_sprite(request, media_id)


class Storyboard(PublicView):
    @extend_schema(responses=VTT, operation_id="get_storyboard", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """Which part of the sprite shows which part of the medium, as WebVTT with `#xywh`; 404 until there is one."""
        with refusals():
            open_medium(media_id)
            return send_storyboard(request, media_id, sprite_url=f"/api/media/public/{media_id}/sprite")


def send_hover(request: Request, video_id: int) -> HttpResponseBase:
    return _send(request, _preview(video_id).hover_path, name=f"{video_id}.mp4")


def send_sprite(request: Request, video_id: int) -> HttpResponseBase:
    return _send(request, _preview(video_id).sprite_path, name=f"{video_id}.webp")


def send_storyboard(request: Request, video_id: int, *, sprite_url: str) -> HttpResponseBase:
    preview = _preview(video_id)
    if preview.sprite_path is None:
        raise NotFound(NO_PREVIEWS)
    etag = f'"{Path(preview.sprite_path).name[:24]}"'
    unchanged = get_conditional_response(request._request, etag=etag)
    response = unchanged or HttpResponse(previews.storyboard(preview, sprite_url=sprite_url), content_type="text/vtt; charset=utf-8")
    response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)  # kept, but asked for again each time: a lock shows at once
    return response


def _preview(video_id: int) -> Preview:
    preview = previews.preview_of(video_id)
    if preview is None:
        raise NotFound(NO_PREVIEWS)
    return preview


def _send(request: Request, path: str | None, *, name: str) -> HttpResponseBase:
    if path is None:
        raise NotFound(NO_PREVIEWS)
    return file_response(request._request, Path(path), root=settings.THUMBNAIL_ROOT, filename=name)

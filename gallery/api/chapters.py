"""Where a medium's scenes begin, as chapters for a player."""

from __future__ import annotations

import hashlib

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from gallery.api.errors import refusals
from gallery.api.media import PublicView
from gallery.api.previews import VTT
from gallery.listing import open_medium
from media_library.scenes import chapters, scenes_of

NO_SCENES = "Nobody has looked for scenes in this video"


class Chapters(PublicView):
    @extend_schema(responses=VTT, operation_id="get_chapters", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """The scenes of a medium as WebVTT chapters; 404 until `scene_extract` or `digest` has found them."""
        with refusals():
            open_medium(media_id)
            return send_chapters(request, media_id)


def send_chapters(request: Request, video_id: int) -> HttpResponseBase:
    scenes = scenes_of(video_id)
    if not scenes:
        raise NotFound(NO_SCENES)
    text = chapters(scenes)
    etag = f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
    response = get_conditional_response(request._request, etag=etag) or HttpResponse(text, content_type="text/vtt; charset=utf-8")
    response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)  # kept, but asked for again each time: a lock shows at once
    return response

"""The files of the gallery: originals and posters, for visitors while the medium is open to them, for admins always."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from config.roles import is_media_admin
from gallery.api.errors import refusals
from gallery.api.media import PublicView
from gallery.files import MediaFiles, hls_file, playable_files, public_files, video_files
from gallery.listing import MediaLocked, MediaNotFound
from gallery.streaming import FileMissing, file_response
from gallery.viewers import note_viewer
from media_library.posters import smaller_poster


def answers(content_type: str) -> dict[Any, Any]:
    """What `file_response` answers with, for the OpenAPI document."""
    return {
        (200, content_type): OpenApiTypes.BINARY,
        (206, content_type): OpenApiResponse(OpenApiTypes.BINARY, description="The range that was asked for"),
        304: OpenApiResponse(description="The file is the one of `If-None-Match` or `If-Modified-Since`"),
        412: OpenApiResponse(description="The file is not the one of `If-Match` or `If-Unmodified-Since`"),
        416: OpenApiResponse(description="The file ends before the range; `Content-Range` says its size"),
    }


class Stream(PublicView):
    @extend_schema(responses=answers("video/*"), operation_id="stream_media", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """The original file, whole or the range that is asked for."""
        with refusals():
            return send_video(request, public_files(media_id))


class Playback(PublicView):
    @extend_schema(responses=answers("video/*"), operation_id="play_media", tags=["gallery"])
    def get(self, request: Request, media_id: int) -> HttpResponseBase:
        """What a player takes: the MP4 that was made to play everywhere, where there is one, else the original."""
        with refusals():
            *made, original = playable_files(media_id)
            for files in made:
                with suppress(FileMissing):
                    return send_video(request, files)
            return send_video(request, original)


class Hls(PublicView):
    @extend_schema(responses=answers("application/vnd.apple.mpegurl"), operation_id="play_media_by_hls", tags=["gallery"])
    def get(self, request: Request, media_id: int, name: str) -> HttpResponseBase:
        """A playlist of the medium, `master.m3u8` first, or the media that one names."""
        with refusals():
            return send_video(request, hls_file(media_id, name))


class Thumbnail(APIView):
    permission_classes = (AllowAny,)

    @extend_schema(responses=answers("image/webp"), operation_id="get_thumbnail", tags=["gallery"])
    def get(self, request: Request, media_id: str, poster_hash: str) -> HttpResponseBase:
        """The poster of a medium, at its `thumbnailPath`."""
        return _poster(request, media_id, poster_hash)


class SmallThumbnail(APIView):
    permission_classes = (AllowAny,)

    @extend_schema(responses=answers("image/webp"), operation_id="get_small_thumbnail", tags=["gallery"])
    def get(self, request: Request, media_id: str, poster_hash: str, side: str) -> HttpResponseBase:
        """The poster of a medium no larger than 320 or 480 pixels: `-320` or `-480` stands before the `.webp` of its `thumbnailPath`."""
        return _poster(request, media_id, poster_hash, side=int(side))


def _poster(request: Request, media_id: str, poster_hash: str, *, side: int | None = None) -> HttpResponseBase:
    with refusals():
        files = _visible_files(request, int(media_id))
        if files.poster_hash != poster_hash:
            raise MediaNotFound
        return send_poster(request, files, side=side)


def send_video(request: Request, files: MediaFiles) -> HttpResponseBase:
    """A file as it lies in the library; raises what `file_response` raises."""
    note_viewer()
    if not connection.in_atomic_block:
        connection.close()  # somebody may watch for hours; the database connection goes back to the pool now
    return file_response(request._request, files.path, root=settings.LIBRARY_ROOT, filename=files.filename)


def send_poster(request: Request, files: MediaFiles, *, side: int | None = None) -> HttpResponseBase:
    """The picture of a video, its longer side at most so many pixels; raises what `file_response` raises."""
    if files.poster is None:
        raise FileMissing
    store, poster = Path(settings.THUMBNAIL_ROOT), files.poster
    with suppress(OSError):  # a full disk, above all: the poster itself does as well
        poster = smaller_poster(poster, side, store=store) if side else poster
    return file_response(request._request, poster, root=store, filename=files.poster.name)


def _visible_files(request: Request, media_id: int) -> MediaFiles:
    try:
        return public_files(media_id)
    except (MediaNotFound, MediaLocked):
        if is_media_admin(request.user):
            return video_files(media_id)
        raise

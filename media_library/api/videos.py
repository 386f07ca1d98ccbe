"""Videos: list, show, edit, remove, publish. Each view validates, calls one service, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.errors import Conflict
from config.api.fields import camel_row
from config.api.paging import paging_of
from config.api.sign_in import SuccessSerializer
from gallery import listing as gallery_listing
from gallery import services as gallery
from gallery.api.errors import refusals
from media_library import services
from media_library.api.bulk_jobs import submit_for
from media_library.api.listing import page_of
from media_library.api.shapes import (
    BulkReply,
    BulkRequest,
    Publication,
    Published,
    RemovalQuery,
    VideoDetail,
    VideoEdit,
    VideoPage,
    VideoQuery,
    VideoRow,
)
from media_library.models import Video
from media_library.outcomes import Outcome

REMOVED = "Removed by an administrator"
NOT_FOUND = (gallery.VIDEO_NOT_FOUND, gallery.MEDIA_NOT_FOUND)


class Videos(APIView):
    @extend_schema(parameters=[VideoQuery], responses=VideoPage, operation_id="list_videos", tags=["videos"])
    def get(self, request: Request) -> Response:
        """Videos of the library, whatever their state."""
        query = VideoQuery.read(request.query_params)
        paging = paging_of(query, default_limit=50)
        filters = {name: value for name, value in query.items() if name not in ("limit", "offset", "cursor", "sort")}
        with refusals():
            page = page_of(filters, paging, sort=query["sort"])
        rows = {row["id"]: row for row in VideoRow.rows(Video.objects.filter(pk__in=page.ids))}
        return Response(
            {
                "videos": [rows[id] for id in page.ids if id in rows],
                "total": page.total,
                "totalIsCapped": page.total_is_capped,
                "limit": paging.limit,
                "offset": paging.offset,
                "nextCursor": page.next_cursor,
            }
        )


class OneVideo(APIView):
    @extend_schema(responses=VideoDetail, operation_id="get_video", tags=["videos"])
    def get(self, request: Request, video_id: int) -> Response:
        """One video with every column."""
        return Response(_detail(video_id))

    @extend_schema(request=VideoEdit, responses=VideoDetail, operation_id="edit_video", tags=["videos"])
    def patch(self, request: Request, video_id: int) -> Response:
        """Change title, producer, creator or tags; an empty text clears it."""
        edit = VideoEdit(data=request.data)
        edit.is_valid(raise_exception=True)
        changes = {name: value or None for name, value in edit.validated_data.items()}
        if "tags" in changes:
            changes["tags"] = services.clean_tags(edit.validated_data["tags"])
        if not services.edit(video_id, changes, by=_admin(request)):
            raise NotFound(gallery.VIDEO_NOT_FOUND)
        gallery.refresh([video_id])
        return Response(_detail(video_id))

    @extend_schema(
        parameters=[RemovalQuery], request=None, responses={200: SuccessSerializer}, operation_id="remove_video", tags=["videos"]
    )
    def delete(self, request: Request, video_id: int) -> Response:
        """Hide a video and mark it invalid; its file stays, or moves to the library's trash."""
        query = RemovalQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        _insist(_remove([video_id], query.validated_data, _admin(request)))
        return Response({"success": True})


class Restore(APIView):
    @extend_schema(request=None, responses=SuccessSerializer, operation_id="restore_video", tags=["videos"])
    def post(self, request: Request, video_id: int) -> Response:
        """Undo a removal; a file in the trash goes back to its place."""
        _insist(gallery.restore([video_id], by=_admin(request)))
        return Response({"success": True})


class Publish(APIView):
    @extend_schema(request=Publication, responses=Published, operation_id="publish_video", tags=["videos"])
    def post(self, request: Request, video_id: int) -> Response:
        """Show a video in a category of the gallery, or move it there."""
        body = Publication(data=request.data)
        body.is_valid(raise_exception=True)
        _insist(_publish([video_id], body.validated_data, _admin(request)))
        return Response({"success": True, "media": camel_row(gallery_listing.detail(video_id))})


class Unpublish(APIView):
    @extend_schema(request=None, responses=SuccessSerializer, operation_id="unpublish_video", tags=["videos"])
    def post(self, request: Request, video_id: int) -> Response:
        """Take a video out of the gallery; its counters are kept."""
        _insist(gallery.unpublish([video_id], by=_admin(request)))
        return Response({"success": True})


class Bulk(APIView):
    @extend_schema(request=BulkRequest, responses=BulkReply, operation_id="change_videos", tags=["videos"])
    def post(self, request: Request) -> Response:
        """Do the same to many videos, or submit a job for each; each id has its own answer, in the order asked."""
        body = BulkRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by = body.validated_data, _admin(request)
        if asked["action"] not in ACTIONS:
            return Response({"results": submit_for(asked["ids"], asked, by=by)})
        outcome = ACTIONS[asked["action"]](asked["ids"], asked, by)
        return Response({"results": [_result(id, outcome) for id in asked["ids"]]})


def _publish(ids: list[int], body: dict[str, Any], by: User) -> Outcome:
    return gallery.publish(ids, category=body["category"], by=by)


def _remove(ids: list[int], body: dict[str, Any], by: User) -> Outcome:
    if body.get("file") == "trash":
        return gallery.trash(ids, by=by)
    return gallery.mark_invalid(ids, reason=REMOVED, by=by)


ACTIONS: dict[str, Callable[[list[int], dict[str, Any], User], Outcome]] = {
    "lock": lambda ids, body, by: gallery.lock(ids, reason=body["reason"], by=by),
    "unlock": lambda ids, body, by: gallery.unlock(ids, by=by),
    "publish": _publish,
    "unpublish": lambda ids, body, by: gallery.unpublish(ids, by=by),
    "delete": _remove,
    "restore": lambda ids, body, by: gallery.restore(ids, by=by),
    "tag": lambda ids, body, by: services.retag(ids, body["tags"], by=by),
}


def _admin(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission let nobody else in
    return request.user


def _detail(video_id: int) -> dict[str, Any]:
    for row in VideoDetail.rows(Video.objects.filter(pk=video_id)):
        return row
    raise NotFound(gallery.VIDEO_NOT_FOUND)


def _insist(outcome: Outcome) -> None:
    """Raise what stopped the change of a single video: 404 where there is none, else 409."""
    for reason in outcome.skipped.values():
        raise NotFound(reason) if reason in NOT_FOUND else Conflict(reason)


def _result(video_id: int, outcome: Outcome) -> dict[str, Any]:
    reason = outcome.skipped.get(video_id)
    return {"id": video_id, "ok": reason is None} | ({"error": reason} if reason else {})

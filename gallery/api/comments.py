"""Comments as JSON: writing, listing and deleting them, and what moderators do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.errors import Conflict
from config.api.fields import (
    IdField,
    QueryIntegerField,
    QuerySerializer,
    SessionIdField,
    StrictIntegerField,
    StrictSerializer,
    StrictTextField,
    camel_rows,
)
from config.api.idempotency import KEY_PARAMETER, once
from config.api.paging import PaginationSerializer, PagingQuery, paging_of
from config.api.throttling import PUBLIC_WRITE_THROTTLES
from config.roles import is_media_admin
from gallery import services
from gallery.api.errors import refusals
from gallery.api.media import PublicView
from gallery.comments import (
    LATEST_MOMENT,
    LONGEST_COMMENT,
    LONGEST_NAME,
    Commenter,
    CommentNotFound,
    comment_page,
    has_controls,
    is_blank,
    is_one_line,
    remarks,
)
from gallery.counters import visitor
from gallery.listing import open_medium
from gallery.models import Comment
from media_library.outcomes import Outcome
from media_library.timecodes import clock

NOT_YOURS = "This comment is somebody else’s"
ALREADY_WRITTEN = "You have written this here already"
OUTSIDE = "This moment is after the end of the video."


class PlainTextField(StrictTextField):
    """Text that a person has typed: no control characters, and something to see."""

    default_error_messages: ClassVar[Any] = {"controls": "Control characters cannot be part of it."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if has_controls(text):
            self.fail("controls")
        if text and is_blank(text):
            self.fail("blank")
        return text


class NameField(PlainTextField):
    default_error_messages: ClassVar[Any] = {"lines": "A name is one line."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_one_line(text):
            self.fail("lines")
        return text


class CommentRequest(StrictSerializer):
    mediaId = IdField()
    content = PlainTextField(max_length=LONGEST_COMMENT, help_text="plain text; spaces around it are taken off")
    sessionId = SessionIdField(required=False, allow_blank=True, allow_null=True, help_text="the visitor's session; needed without a token")
    authorName = NameField(default="", allow_blank=True, allow_null=True, max_length=LONGEST_NAME, help_text="what to call the author")
    videoTimestamp = StrictIntegerField(
        default=None, allow_null=True, min_value=0, max_value=LATEST_MOMENT, help_text="whole seconds from the start, at most the duration"
    )
    parentId = IdField(default=None, allow_null=True, help_text="the visible comment of the same medium that this one answers")

    def validate(self, attributes: dict[str, Any]) -> dict[str, Any]:
        if not self.context["is_signed_in"] and not attributes.get("sessionId"):
            raise ValidationError({"sessionId": "This field is required."}, code="required")
        return attributes


class CommentQuery(PagingQuery):
    mediaId = QueryIntegerField()
    sessionId = SessionIdField(required=False, allow_blank=True, help_text="the visitor's session, to see its own held comments too")


class AuthorQuery(QuerySerializer):
    sessionId = SessionIdField(required=False, allow_blank=True, help_text="the session that wrote it; needed without a token")


class CommentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    mediaId = serializers.IntegerField()
    parentId = serializers.IntegerField(allow_null=True, help_text="the comment that it answers, which may be gone")
    userId = serializers.IntegerField(allow_null=True)
    authorName = serializers.CharField(allow_null=True)
    content = serializers.CharField(help_text="plain text: escape it")
    videoTimestamp = serializers.IntegerField(allow_null=True, help_text="whole seconds from the start")
    formattedTime = serializers.CharField(allow_null=True, help_text="the same as `11:25`")
    status = serializers.ChoiceField(choices=["visible", "held"], help_text="a held one is shown to its author and to moderators alone")
    createdAt = serializers.DateTimeField()


class CommentReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    comment = CommentSerializer()


class CommentList(serializers.Serializer[Any]):
    comments = CommentSerializer(many=True)
    pagination = PaginationSerializer()


class Remark(serializers.Serializer[Any]):
    videoTimestamp = serializers.IntegerField(help_text="whole seconds from the start")
    excerpt = serializers.CharField(help_text="how the newest comment there begins, plain text: escape it")
    count = serializers.IntegerField(help_text="comments there")


class RemarkList(serializers.Serializer[Any]):
    remarks = Remark(many=True)


class DeletedReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class RemovedReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    removedCount = serializers.IntegerField()


def _still_open(request: Request) -> None:
    """Raise when the medium that a comment was written below has been closed to the public since."""
    with refusals():
        open_medium(cast(dict[str, Any], request.data)["mediaId"])


class Comments(APIView):
    permission_classes = (AllowAny,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    @extend_schema(parameters=[CommentQuery], responses=CommentList, operation_id="list_comments", tags=["comments"])
    def get(self, request: Request) -> Response:
        """The comments of one medium, the newest first, with the held ones of whoever asks."""
        query = CommentQuery.read(request.query_params)
        paging = paging_of(query, default_limit=50)
        reader = _reader(request, query.get("sessionId"))
        with refusals():
            page = comment_page(query["mediaId"], reader=reader, limit=paging.limit, offset=paging.offset, cursor=paging.cursor)
        pagination = {
            "total": page.total,
            "limit": paging.limit,
            "offset": paging.offset,
            "hasMore": page.has_more,
            "nextCursor": page.next_cursor,
        }
        return Response({"comments": [_shown(comment) for comment in page.comments], "pagination": pagination})

    @extend_schema(
        parameters=[KEY_PARAMETER], request=CommentRequest, responses=CommentReply, operation_id="write_comment", tags=["comments"]
    )
    @partial(once, still_open=_still_open)
    def post(self, request: Request) -> Response:
        """Write a comment, signed in or with a session. One with a link, a watched word, or too many in a minute is held."""
        is_signed_in = request.user.is_authenticated
        body = CommentRequest(data=request.data, context={"is_signed_in": is_signed_in})
        body.is_valid(raise_exception=True)
        said = body.validated_data
        author = Commenter(user_id=request.user.pk) if is_signed_in else Commenter(session=visitor(said["sessionId"]))
        with _refusals():
            comment = services.post_comment(
                said["mediaId"],
                author,
                content=said["content"],
                author_name=said["authorName"] or "",
                video_timestamp=said["videoTimestamp"],
                parent_id=said["parentId"],
            )
        return Response({"success": True, "comment": _shown(comment)})


class Remarks(PublicView):
    @extend_schema(responses=RemarkList, operation_id="list_remarks", tags=["comments"])
    def get(self, request: Request, media_id: int) -> Response:
        """All that is said at moments of a medium, for a line along it: at most 300 places, of each the newest comment."""
        with refusals():
            return Response({"remarks": camel_rows(remarks(media_id))})


class OneComment(APIView):
    permission_classes = (AllowAny,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    @extend_schema(parameters=[AuthorQuery], responses={200: DeletedReply}, operation_id="delete_comment", tags=["comments"])
    def delete(self, request: Request, comment_id: int) -> Response:
        """Delete one's own comment; an administrator, any."""
        author = _reader(request, AuthorQuery.read(request.query_params).get("sessionId"))
        if author.is_moderator:
            return _removed(services.remove_comments([comment_id], by=_admin(request)))
        if author == Commenter():
            raise ValidationError({"sessionId": "This field is required."}, code="required")
        with _refusals():
            services.withdraw_comment(comment_id, author)
        return Response({"success": True})


class Hold(APIView):
    @extend_schema(request=None, responses=CommentReply, operation_id="hold_comment", tags=["comments"])
    def post(self, request: Request, comment_id: int) -> Response:
        """Hide a comment from everybody but its author until it is approved or deleted."""
        return _moderated(services.hold_comments([comment_id], by=_admin(request)), status=Comment.Status.HELD)


class Approve(APIView):
    @extend_schema(request=None, responses=CommentReply, operation_id="approve_comment", tags=["comments"])
    def post(self, request: Request, comment_id: int) -> Response:
        """Show a held comment to everybody, or bring back one that an administrator has deleted."""
        return _moderated(services.approve_comments([comment_id], by=_admin(request)), status=Comment.Status.VISIBLE)


class RemoveSession(APIView):
    @extend_schema(request=None, responses=RemovedReply, operation_id="remove_comments_of_session", tags=["comments"])
    def post(self, request: Request, comment_id: int) -> Response:
        """Delete all that the session, or the user, that wrote this comment has written."""
        if not Comment.objects.filter(pk=comment_id).exists():
            raise NotFound(services.COMMENT_NOT_FOUND)
        removed = services.remove_all_by_authors_of([comment_id], by=_admin(request))
        return Response({"success": True, "removedCount": len(removed.done)})


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer with 400, 403, 404 or 409 what the services refuse inside."""
    try:
        with refusals():
            yield
    except services.OutsideTheVideo as error:
        raise ValidationError({"videoTimestamp": OUTSIDE}) from error
    except services.NotTheAuthor as error:
        raise PermissionDenied(NOT_YOURS) from error
    except CommentNotFound as error:
        raise NotFound(services.COMMENT_NOT_FOUND) from error
    except services.AlreadyWritten as error:
        raise Conflict(ALREADY_WRITTEN) from error


def _reader(request: Request, session_id: str | None) -> Commenter:
    """Who asks: the signed-in user, the session, or both."""
    return Commenter(
        user_id=request.user.pk if request.user.is_authenticated else None,
        session=visitor(session_id) if session_id else None,
        is_moderator=is_media_admin(request.user),
    )


def _shown(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.pk,
        "mediaId": comment.media_id,
        "parentId": comment.parent_id,
        "userId": comment.user_id,
        "authorName": comment.author_name or None,
        "content": comment.content,
        "videoTimestamp": comment.video_timestamp,
        "formattedTime": None if comment.video_timestamp is None else clock(comment.video_timestamp),
        "status": comment.status,
        "createdAt": comment.created_at,
    }


def _moderated(outcome: Outcome, *, status: str) -> Response:
    """The comment that a moderator has given this status; one that had it already is answered just the same."""
    (comment_id,) = {*outcome.done, *outcome.skipped}
    comment = Comment.objects.filter(pk=comment_id).first()
    if comment is None:
        raise NotFound(services.COMMENT_NOT_FOUND)
    if comment.status != status:
        raise Conflict(outcome.skipped[comment_id])
    return Response({"success": True, "comment": _shown(comment)})


def _removed(outcome: Outcome) -> Response:
    if outcome.skipped:
        raise NotFound(services.COMMENT_NOT_FOUND)
    return Response({"success": True})


def _admin(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission has let nobody else through
    return request.user

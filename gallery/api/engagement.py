"""What visitors give a medium: votes, finishes, watch time; each of a session of theirs, nobody signs in for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from config.api.fields import QuerySerializer, SessionIdField, StrictIntegerField, StrictSerializer
from config.api.throttling import PUBLIC_WRITE_THROTTLES, VoteThrottle
from gallery.api.errors import refusals
from gallery.api.media import PublicView
from gallery.counters import visitor
from gallery.services import engagement

LONGEST_REPORT = 3600  # seconds of watching in one request
LAST_SECOND = 2**31 - 1  # of any video


class _OfASession(serializers.Serializer[Any]):
    """Says that a session is missing in one sentence and no more, as the specification has it."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("sessionId") in (None, ""):
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: ["sessionId is required"]})
        return super().to_internal_value(data)


class SessionRequest(_OfASession, StrictSerializer):
    sessionId = SessionIdField(help_text="the visitor's session, which the page makes up")

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """The validated body, with the session's keyed hash as `session` in its stead."""
        body = cls(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        return {"session": visitor(values.pop("sessionId")), **values}


class WatchTimeRequest(SessionRequest):
    seconds = StrictIntegerField(min_value=1, max_value=LONGEST_REPORT, help_text="watched since the last report")
    position = StrictIntegerField(
        required=False, allow_null=True, min_value=0, max_value=LAST_SECOND, help_text="second of the video up to which was watched"
    )


class SessionQuery(_OfASession, QuerySerializer):
    sessionId = SessionIdField(help_text="the session that voted")


class UpvoteReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    upvoted = serializers.BooleanField(help_text="whether this session's vote counts now")
    upvoteCount = serializers.IntegerField()


def upvoted(count: int) -> dict[str, Any]:
    """`UpvoteReply` to somebody whose vote counts now."""
    return {"success": True, "upvoted": True, "upvoteCount": count}


class FinishReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    finishCount = serializers.IntegerField()


class WatchTimeReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    totalWatchTime = serializers.IntegerField(help_text="seconds, of all visitors")


class Engagement(PublicView):
    throttle_classes = PUBLIC_WRITE_THROTTLES


class Upvote(Engagement):
    throttle_classes = [VoteThrottle]

    @extend_schema(request=SessionRequest, responses=UpvoteReply, operation_id="upvote_media", tags=["gallery"])
    def post(self, request: Request, media_id: int) -> Response:
        """Vote for a medium; a session has one vote for each."""
        given = SessionRequest.read(request)
        with refusals():
            count = engagement.give_upvote(media_id, **given)
        return Response(upvoted(count))

    @extend_schema(parameters=[SessionQuery], responses={200: UpvoteReply}, operation_id="take_upvote_back", tags=["gallery"])
    def delete(self, request: Request, media_id: int) -> Response:
        """Take a vote back; without one, nothing changes."""
        session_id = SessionQuery.read(request.query_params)["sessionId"]
        with refusals():
            count = engagement.take_upvote_back(media_id, session=visitor(session_id))
        return Response({"success": True, "upvoted": False, "upvoteCount": count})


class Finish(Engagement):
    @extend_schema(request=SessionRequest, responses=FinishReply, operation_id="finish_media", tags=["gallery"])
    def post(self, request: Request, media_id: int) -> Response:
        """Say that a medium was watched to its end; counts once a session."""
        given = SessionRequest.read(request)
        with refusals():
            count = engagement.finish(media_id, **given)
        return Response({"success": True, "finishCount": count})


class WatchTime(Engagement):
    @extend_schema(request=WatchTimeRequest, responses=WatchTimeReply, operation_id="report_watch_time", tags=["gallery"])
    def post(self, request: Request, media_id: int) -> Response:
        """Report time spent watching; what is more than the clock or twice the duration allows is left out, not refused."""
        given = WatchTimeRequest.read(request)
        with refusals():
            total = engagement.add_watch_time(media_id, **given)
        return Response({"success": True, "totalWatchTime": total})

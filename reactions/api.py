"""Reactions as JSON: give one, take it back, read them, and see them over the length of a video."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied, ValidationError
from rest_framework.fields import empty
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.fields import QueryIntegerField, QuerySerializer, StrictIntegerField, StrictSerializer
from config.api.idempotency import KEY_PARAMETER, once
from config.api.paging import PagingQuery, paging_of
from config.api.throttling import PUBLIC_WRITE_THROTTLES
from config.roles import TEMP, role_of
from gallery.api.errors import refusals
from gallery.api.media import PublicView
from media_library.services import VIDEO_NOT_FOUND
from media_library.timecodes import clock
from reactions import listing, services
from reactions.models import ReactionType

DEFAULT_LIMIT = 50
LONGEST_VIDEO = 2**31 - 1  # seconds that the column holds
INVALID_TYPE = "Invalid reaction type"
CONFIG = {"reactions": [{"type": kind.value, "emoji": kind.emoji, "label": kind.label} for kind in ReactionType]}
EMOJI = {kind.value: kind.emoji for kind in ReactionType}


class MayReact(BasePermission):
    """Everybody who is signed in but `TEMP`; reading is open to all."""

    message = "Temporary users may not react"

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method != "POST" or role_of(request.user) not in (None, TEMP)


class ReactionTypeField(serializers.ChoiceField):
    """A type of reaction; whatever else is there, or nothing, is refused in the specification's own words."""

    def run_validation(self, data: Any = empty) -> ReactionType:
        if not isinstance(data, str) or data not in EMOJI:
            raise ParseError(INVALID_TYPE)
        return ReactionType(data)


class ReactionRequest(StrictSerializer):
    mediaId = StrictIntegerField(help_text="the id of a public medium")
    reactionType = ReactionTypeField(choices=ReactionType.choices)
    videoTimestamp = StrictIntegerField(min_value=0, max_value=LONGEST_VIDEO, help_text="whole seconds from the start, to the duration")


class ReactionsQuery(PagingQuery):
    mediaId = QueryIntegerField(required=False, help_text="of this medium only")
    userId = QueryIntegerField(required=False, help_text="of this user only")


class TimelineQuery(QuerySerializer):
    mediaId = QueryIntegerField()


class ReactionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    mediaId = serializers.IntegerField()
    userId = serializers.IntegerField()
    reactionType = serializers.ChoiceField(choices=ReactionType.choices)
    videoTimestamp = serializers.IntegerField(help_text="seconds from the start")
    emoji = serializers.CharField()
    formattedTime = serializers.CharField(help_text="the moment as people write it: 0:27, 1:01:01")
    createdAt = serializers.DateTimeField()


class ReactionsPage(serializers.Serializer[Any]):
    reactions = ReactionShape(many=True)
    limit = serializers.IntegerField()
    nextCursor = serializers.CharField(allow_null=True)


class ReactionReply(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    reaction = ReactionShape()


class ReactionKind(serializers.Serializer[Any]):
    type = serializers.CharField()
    emoji = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # shadows what fields are labelled with; nothing reads that


class ReactionConfig(serializers.Serializer[Any]):
    reactions = ReactionKind(many=True)


class ReactionDeleted(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class TimelineBucket(serializers.Serializer[Any]):
    start = serializers.IntegerField(help_text="seconds")
    total = serializers.IntegerField()
    like = serializers.IntegerField()
    love = serializers.IntegerField()
    laugh = serializers.IntegerField()
    wow = serializers.IntegerField()
    sad = serializers.IntegerField()
    angry = serializers.IntegerField()


class TimelineReply(serializers.Serializer[Any]):
    mediaId = serializers.IntegerField()
    bucketSeconds = serializers.IntegerField(help_text="the length of each bucket")
    buckets = TimelineBucket(many=True, help_text=f"from start to end without a gap, at most {listing.MOST_BUCKETS}")


class Reactions(APIView):
    permission_classes = (MayReact,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    def perform_authentication(self, request: Request) -> None:
        """Readers are not asked who they are; the permission to write asks."""

    @extend_schema(parameters=[ReactionsQuery], responses=ReactionsPage, operation_id="list_reactions", tags=["reactions"], auth=[])
    def get(self, request: Request) -> Response:
        """The reactions to media that are open to the public, the newest first."""
        query = ReactionsQuery.read(request.query_params)
        paging = paging_of(query, default_limit=DEFAULT_LIMIT)
        with refusals():
            page = listing.reactions_page(
                listing.ReactionQuery(
                    media_id=query.get("mediaId"),
                    user_id=query.get("userId"),
                    limit=paging.limit,
                    offset=paging.offset,
                    cursor=paging.cursor,
                )
            )
        return Response({"reactions": [_shown(*row) for row in page.rows], "limit": paging.limit, "nextCursor": page.next_cursor})

    @extend_schema(
        parameters=[KEY_PARAMETER], request=ReactionRequest, responses=ReactionReply, operation_id="add_reaction", tags=["reactions"]
    )
    @once
    def post(self, request: Request) -> Response:
        """React to a second of a video; the same again is the same reaction."""
        body = ReactionRequest(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        try:
            with refusals():
                reaction = services.react(
                    _user(request), media_id=given["mediaId"], reaction_type=given["reactionType"], at=given["videoTimestamp"]
                )
        except services.VideoNotFound as error:
            raise NotFound(VIDEO_NOT_FOUND) from error
        except services.BeyondTheEnd as error:
            raise ValidationError({"videoTimestamp": f"The video ends at {error.duration} seconds."}) from error
        shown = _shown(
            reaction.pk, reaction.media_id, reaction.user_id, reaction.reaction_type, reaction.video_timestamp, reaction.created_at
        )
        return Response({"success": True, "reaction": shown})


class OneReaction(APIView):
    permission_classes = (IsAuthenticated,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    @extend_schema(responses={200: ReactionDeleted}, operation_id="delete_reaction", tags=["reactions"])
    def delete(self, request: Request, reaction_id: int) -> Response:
        """Take back a reaction of one's own; an admin takes back any."""
        try:
            with refusals():
                services.withdraw(reaction_id, by=_user(request))
        except services.ReactionNotFound as error:
            raise NotFound("Reaction not found") from error
        except services.NotYourReaction as error:
            raise PermissionDenied("This reaction is somebody else's") from error
        return Response({"success": True})


class Config(PublicView):
    @extend_schema(responses=ReactionConfig, operation_id="get_reaction_types", tags=["reactions"])
    def get(self, request: Request) -> Response:
        """The types of reactions, with their emoji."""
        return Response(CONFIG)


class Timeline(PublicView):
    @extend_schema(parameters=[TimelineQuery], responses=TimelineReply, operation_id="get_reaction_timeline", tags=["reactions"])
    def get(self, request: Request) -> Response:
        """How many reactions of each type came in each part of a video."""
        media_id = TimelineQuery.read(request.query_params)["mediaId"]
        with refusals():
            timeline = listing.timeline(media_id)
        starts = range(0, len(timeline.buckets) * timeline.bucket_seconds, timeline.bucket_seconds)
        buckets = [
            {"start": start, "total": sum(counts.values()), **counts} for start, counts in zip(starts, timeline.buckets, strict=True)
        ]
        return Response({"mediaId": media_id, "bucketSeconds": timeline.bucket_seconds, "buckets": buckets})


def _shown(id: int, media_id: int, user_id: int, reaction_type: str, at: int, created_at: dt.datetime) -> dict[str, Any]:
    """A reaction as replies show it."""
    return {
        "id": id,
        "mediaId": media_id,
        "userId": user_id,
        "reactionType": reaction_type,
        "videoTimestamp": at,
        "emoji": EMOJI[reaction_type],
        "formattedTime": clock(at),
        "createdAt": created_at,
    }


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission has let nobody else through
    return request.user

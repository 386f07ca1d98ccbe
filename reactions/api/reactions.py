"""Reactions as JSON: give one, take it back, read them, and see them over the length of a video."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.idempotency import KEY_PARAMETER, once
from config.api.paging import paging_of
from config.api.throttling import PUBLIC_WRITE_THROTTLES
from config.roles import TEMP, role_of
from gallery.api.errors import refusals
from gallery.api.media import PublicView
from media_library.services import VIDEO_NOT_FOUND
from media_library.timecodes import clock
from reactions import listing, services
from reactions.api.shapes import (
    ReactionConfig,
    ReactionDeleted,
    ReactionReply,
    ReactionRequest,
    ReactionsPage,
    ReactionsQuery,
    TimelineQuery,
    TimelineReply,
)
from reactions.models import ReactionType

DEFAULT_LIMIT = 50
CONFIG = {"reactions": [{"type": kind.value, "emoji": kind.emoji, "label": kind.label} for kind in ReactionType]}
EMOJI = {kind.value: kind.emoji for kind in ReactionType}


class MayReact(BasePermission):
    """Everybody who is signed in but `TEMP`; reading is open to all."""

    message = "Temporary users may not react"

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method != "POST" or role_of(request.user) not in (None, TEMP)


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer with 400, 403 or 404 what the services refuse inside."""
    try:
        with refusals():
            yield
    except services.VideoNotFound as error:
        raise NotFound(VIDEO_NOT_FOUND) from error
    except services.BeyondTheEnd as error:
        raise ValidationError({"videoTimestamp": f"The video ends at {error.duration} seconds."}) from error
    except services.ReactionNotFound as error:
        raise NotFound("Reaction not found") from error
    except services.NotYourReaction as error:
        raise PermissionDenied("This reaction is somebody else's") from error


def _still_open(request: Request) -> None:
    """Raise when the video that somebody reacted to has been closed to them since."""
    with _refusals():
        services.duration_for(_user(request), cast(dict[str, Any], request.data)["mediaId"])


class Reactions(APIView):
    permission_classes = (MayReact,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    def perform_authentication(self, request: Request) -> None:
        """Readers are not asked who they are; the permission to write asks."""

    @extend_schema(parameters=[ReactionsQuery], responses=ReactionsPage, operation_id="list_reactions", tags=["reactions"], auth=[])
    def get(self, request: Request) -> Response:
        """The reactions to media that are open to the public, the newest first."""
        asked = ReactionsQuery.read(request.query_params)
        paging = paging_of(asked, default_limit=DEFAULT_LIMIT)
        query = listing.ReactionQuery(
            media_id=asked.get("mediaId"), user_id=asked.get("userId"), limit=paging.limit, offset=paging.offset, cursor=paging.cursor
        )
        with refusals():
            return Response(page_reply(query))

    @extend_schema(
        parameters=[KEY_PARAMETER], request=ReactionRequest, responses=ReactionReply, operation_id="add_reaction", tags=["reactions"]
    )
    @partial(once, still_open=_still_open)
    def post(self, request: Request) -> Response:
        """React to a second of a video; the same again is the same reaction."""
        body = ReactionRequest(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        with _refusals():
            reaction = services.react(
                _user(request), media_id=given["mediaId"], reaction_type=given["reactionType"], at=given["videoTimestamp"]
            )
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
        with _refusals():
            services.withdraw(reaction_id, by=_user(request))
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


def page_reply(query: listing.ReactionQuery) -> dict[str, Any]:
    """A page as replies show it; raises `InvalidCursor`."""
    page = listing.reactions_page(query)
    return {"reactions": [_shown(*row) for row in page.rows], "limit": query.limit, "nextCursor": page.next_cursor}


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

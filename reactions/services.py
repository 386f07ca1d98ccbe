"""Reacting to a moment of a video, and taking a reaction back."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from config.roles import is_media_admin
from gallery.listing import MediaLocked
from gallery.models import PublicMedia
from media_library.models import Video
from reactions.models import ReactionType, VideoReaction

SAME_REACTION = ["user", "media", "reaction_type", "video_timestamp"]

HOLD_MEDIUM = "SELECT id, is_locked, duration_seconds FROM public_media WHERE id = %s FOR SHARE"


class VideoNotFound(LookupError):
    """There is no such video, or this user may not see it."""


class ReactionNotFound(LookupError):
    """There is no such reaction."""


class NotYourReaction(Exception):
    """Only its user, or an admin, takes a reaction back."""


class BeyondTheEnd(ValueError):
    """The video ends before the moment of the reaction; `duration` is its length in whole seconds."""

    def __init__(self, duration: int) -> None:
        super().__init__(f"The video ends at {duration} s")
        self.duration = duration


@transaction.atomic
def react(user: User, *, media_id: int, reaction_type: ReactionType, at: int) -> VideoReaction:
    """Write a reaction at a second of a public video; the same again is the same reaction.

    An admin reacts to any video that is not locked. Raises `VideoNotFound`, `MediaLocked` or `BeyondTheEnd`.
    """
    duration = duration_for(user, media_id)
    if duration is not None and at > duration:
        raise BeyondTheEnd(duration)
    given = VideoReaction(user=user, media_id=media_id, reaction_type=reaction_type, video_timestamp=at)
    # The update changes nothing; without one PostgreSQL would not return a row that was there before.
    (reaction,) = VideoReaction.objects.bulk_create(
        [given], update_conflicts=True, unique_fields=SAME_REACTION, update_fields=["video_timestamp"]
    )
    return reaction


@transaction.atomic
def withdraw(reaction_id: int, *, by: User) -> None:
    """Delete a reaction of one's own, or as an admin any; while its medium is locked only an admin does.

    Raises `ReactionNotFound`, `NotYourReaction` or `MediaLocked`.
    """
    reaction = VideoReaction.objects.filter(pk=reaction_id).first()
    if reaction is None:
        raise ReactionNotFound
    if not is_media_admin(by):
        if reaction.user_id != by.pk:
            raise NotYourReaction
        _held_medium(reaction.media_id)
    reaction.delete()


def duration_for(user: User, media_id: int) -> int | None:
    """The length of a video that the user may react to, in seconds; None where nobody knows it.

    Whoever locks or unpublishes it waits until the caller's transaction ends. Raises `VideoNotFound` or `MediaLocked`.
    """
    if medium := _held_medium(media_id):
        return medium.duration_seconds
    video = Video.objects.filter(pk=media_id).only("duration_seconds").first()
    if video is None or not is_media_admin(user):
        raise VideoNotFound
    return video.duration_seconds


def _held_medium(media_id: int) -> PublicMedia | None:
    """The medium where it is public; whoever locks or unpublishes it waits until the transaction ends. Raises `MediaLocked`."""
    medium = next(iter(PublicMedia.objects.raw(HOLD_MEDIUM, [media_id])), None)
    if medium and medium.is_locked:
        raise MediaLocked
    return medium

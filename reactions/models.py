"""Emoji reactions of signed-in users at a second of a video."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from media_library.models import Video


class ReactionType(models.TextChoices):
    LIKE = "like", "Like"
    LOVE = "love", "Love"
    LAUGH = "laugh", "Laugh"
    WOW = "wow", "Wow"
    SAD = "sad", "Sad"
    ANGRY = "angry", "Angry"

    @property
    def emoji(self) -> str:
        return EMOJI[self]


EMOJI = {
    ReactionType.LIKE: "👍",
    ReactionType.LOVE: "❤️",  # with the selector that asks for the coloured heart
    ReactionType.LAUGH: "😂",
    ReactionType.WOW: "😮",
    ReactionType.SAD: "😢",
    ReactionType.ANGRY: "😠",
}


class VideoReaction(models.Model):
    """One user's reaction of one type in one second of a video; the same again is the same reaction."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="reactions")
    media = models.ForeignKey(Video, on_delete=models.PROTECT, db_index=False, related_name="reactions")
    reaction_type = models.TextField(choices=ReactionType)
    video_timestamp = models.IntegerField(help_text="whole seconds from the start")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "video_reactions"
        indexes = (
            models.Index(fields=["media", "video_timestamp"], name="idx_video_reactions_media_timestamp", include=["reaction_type"]),
            models.Index("media", F("created_at").desc(), F("id").desc(), name="idx_video_reactions_media"),
            models.Index("user", F("created_at").desc(), F("id").desc(), name="idx_video_reactions_user"),
            models.Index(F("created_at").desc(), F("id").desc(), name="idx_video_reactions_created"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["user", "media", "reaction_type", "video_timestamp"], name="idx_video_reactions_user_media_type"
            ),
            models.CheckConstraint(condition=Q(reaction_type__in=ReactionType.values), name="video_reactions_type_is_known"),
            models.CheckConstraint(condition=Q(video_timestamp__gte=0), name="video_reactions_timestamp_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.reaction_type} at {self.video_timestamp} s"

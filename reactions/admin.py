"""Reactions of users, to be looked at: the newest first, of one type, user or medium."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from media_library import labels
from media_library.admin.filters import ChoiceFilter, SortFilter, WordFilter
from media_library.admin.paging import LargeModelAdmin
from reactions.models import ReactionType, VideoReaction

ID_LENGTH = 18  # digits that fit the column whatever they are


class TypeFilter(ChoiceFilter):
    title = "type"
    parameter_name = "reaction_type"
    options = ReactionType.choices


class UserFilter(WordFilter):
    """By the whole name, as it is signed in with."""

    title = "user"
    parameter_name = "user"

    def suggestions(self) -> Sequence[str]:
        return ()

    def narrow(self, rows: QuerySet[VideoReaction], word: str) -> QuerySet[VideoReaction]:
        user_id = User.objects.filter(username=word).values_list("pk", flat=True).first()  # by its number there is an index
        return rows.filter(user=user_id) if user_id else rows.none()


class MediumFilter(WordFilter):
    """By its number, as the address of its page has it."""

    title = "video (number)"
    parameter_name = "media"

    def suggestions(self) -> Sequence[str]:
        return ()

    def narrow(self, rows: QuerySet[VideoReaction], word: str) -> QuerySet[VideoReaction]:
        return rows.filter(media=int(word)) if word.isascii() and word.isdecimal() and len(word) <= ID_LENGTH else rows.none()


@admin.register(VideoReaction)
class VideoReactionAdmin(LargeModelAdmin):
    list_title = "Reactions"
    list_display = ("reaction", "moment", "video", "by", "given")
    list_display_links = None
    list_select_related = ("user", "media")
    list_filter = (SortFilter, TypeFilter, UserFilter, MediumFilter)
    orders = {
        "newest": (F("created_at").desc(), F("id").desc()),
        "oldest": (F("created_at").asc(), F("id").asc()),
    }
    actions = None

    def known_total(self, request: HttpRequest) -> int | None:
        return None

    def has_change_permission(self, request: HttpRequest, obj: VideoReaction | None = None) -> bool:
        return False

    @admin.display(description="Reaction")
    def reaction(self, reaction: VideoReaction) -> str:
        kind = ReactionType(reaction.reaction_type)
        return f"{kind.emoji} {kind.label}"

    @admin.display(description="At")
    def moment(self, reaction: VideoReaction) -> str:
        return labels.clock(reaction.video_timestamp)

    @admin.display(description="Video")
    def video(self, reaction: VideoReaction) -> SafeString:
        page = reverse("admin:media_library_video_change", args=[reaction.media_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', page, labels.plain(str(reaction.media)))

    @admin.display(description="User")
    def by(self, reaction: VideoReaction) -> SafeString:
        return format_html("<bdi>{}</bdi>", labels.plain(reaction.user.username))

    @admin.display(description="Given")
    def given(self, reaction: VideoReaction) -> str:
        return labels.moment(reaction.created_at)

"""Reactions of visitors, to be looked at."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from reactions.models import VideoReaction


@admin.register(VideoReaction)
class VideoReactionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes no parameter at run time
    list_display = ("created_at", "reaction_type", "video_timestamp", "user", "media")
    list_select_related = ("user", "media")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-created_at", "-pk")
    sortable_by = ()
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: VideoReaction | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: VideoReaction | None = None) -> bool:
        return False

"""The words that hold a comment for a moderator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from gallery.models import WatchedWord
from gallery.moderation import LONGEST_WORD, comparable


class WatchedWordForm(forms.ModelForm):  # type: ignore[type-arg]  # takes no parameter at run time
    word = forms.CharField(
        max_length=LONGEST_WORD,
        widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True, "autocomplete": "off"}),
        help_text="A word or a phrase. Upper and lower case are the same; it is found as a whole word, not inside another. "
        "It holds comments that come from now on.",
    )

    class Meta:
        model = WatchedWord
        fields = ("word",)

    def clean_word(self) -> str:
        """The word in the form in which comments are compared with it."""
        word = comparable(self.cleaned_data["word"])
        if not word:
            raise forms.ValidationError("There is nothing to see in this word.")
        return word


@admin.register(WatchedWord)
class WatchedWordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes no parameter at run time
    form = WatchedWordForm
    list_display = ("word", "added")
    list_display_links = None
    list_per_page = 200
    search_fields = ("word",)
    search_help_text = "Part of a word"
    show_full_result_count = False
    sortable_by = ()

    class Media:
        css = {"all": ("admin_house/comments.css",)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        limits = {
            "title": "Watched words",
            "comments_per_minute": settings.COMMENTS_PER_MINUTE,
            "writes_per_session": settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE,
            "writes_per_address": settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE,
            "votes_per_address": settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR,
        }
        return super().changelist_view(request, {**limits, **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: WatchedWord | None = None) -> bool:
        return False

    @admin.display(description="Added")
    def added(self, word: WatchedWord) -> str:
        return f"{word.created_at:%Y-%m-%d}"

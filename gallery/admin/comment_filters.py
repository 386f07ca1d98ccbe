"""Filters of the list of comments: their state, and whose or below which video, where a link asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from config.api.fields import parse_decimal
from gallery.models import Comment
from media_library.admin.filters import ChoiceFilter
from media_library.models import Video

NAME_LENGTH = 40  # characters of a name in the list of filters
STATES = {"visible": ("visible",), "gone": ("removed", "withdrawn")}


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = (("visible", "Visible"), ("gone", "Removed"), ("all", "All"))
    without = "Waiting"

    def narrow(self, rows: QuerySet[Comment], choice: str | None) -> QuerySet[Comment]:
        if choice == "all":
            return rows
        return rows.filter(status="held") if choice is None else rows.filter(status__in=STATES[choice])


class LinkedFilter(admin.SimpleListFilter):
    """What a link has narrowed the list to; listed only while it does, so that it can be taken off."""

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        value = self.value()
        return ((value, self.name(value)),) if value else ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Comment]) -> QuerySet[Comment]:
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset

    def name(self, value: str) -> str:
        raise NotImplementedError


class SessionFilter(LinkedFilter):
    title = "visitor"
    parameter_name = "session_id"

    def value(self) -> str | None:
        return (super().value() or "").replace("\0", "")[:64] or None

    def name(self, value: str) -> str:
        return session_name(value)


class NumberedFilter(LinkedFilter):
    """One row of another table, by its id."""

    def value(self) -> str | None:
        value = super().value()
        if value and parse_decimal(value) is None:
            raise IncorrectLookupParameters(f"{value!r} is no id")
        return value


class UserFilter(NumberedFilter):
    title = "user"
    parameter_name = "user_id"

    def name(self, value: str) -> str:
        user = User.objects.filter(pk=value).first()
        return user.get_username()[:NAME_LENGTH] if user else f"user {value}"


class VideoFilter(NumberedFilter):
    title = "video"
    parameter_name = "media_id"

    def name(self, value: str) -> str:
        video = Video.objects.filter(pk=value).first()
        return str(video)[:NAME_LENGTH] if video else f"video {value}"


def session_name(session: str) -> str:
    """How a session is called: by the beginning of its hash, which says nothing of who it is."""
    return f"visitor {session[:6]}"

"""What an admin does to many public media at once; each action calls one service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from gallery import services
from gallery.models import PublicMedia
from media_library.admin.forms import CategoryForm
from media_library.admin.locking import ask_to_lock
from media_library.admin.set_actions import Question, admin_of, ask, carry_out

MOVE = Question(title="Move to category", explanation="A category that does not exist yet is made.", form=CategoryForm)


@admin.action(description="Lock…", permissions=["change"])
def lock(page: admin.ModelAdmin[Any], request: HttpRequest, media: QuerySet[PublicMedia]) -> HttpResponse | None:
    return ask_to_lock(page, request, media)


@admin.action(description="Unlock", permissions=["change"])
def unlock(page: admin.ModelAdmin[Any], request: HttpRequest, media: QuerySet[PublicMedia]) -> HttpResponse | None:
    return carry_out(request, media, done="Unlocked {}", change=lambda ids: services.unlock(ids, by=admin_of(request)))


@admin.action(description="Unpublish", permissions=["change"])
def unpublish(page: admin.ModelAdmin[Any], request: HttpRequest, media: QuerySet[PublicMedia]) -> HttpResponse | None:
    return carry_out(request, media, done="Unpublished {}", change=lambda ids: services.unpublish(ids, by=admin_of(request)))


@admin.action(description="Move to category…", permissions=["change"])
def move_to_category(page: admin.ModelAdmin[Any], request: HttpRequest, media: QuerySet[PublicMedia]) -> HttpResponse | None:
    return ask(
        page, request, media, question=MOVE, done="Moved {}",
        change=lambda ids, answer: services.move_to_category(ids, category=answer["category"], by=admin_of(request)),
    )  # fmt: skip

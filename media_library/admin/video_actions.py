"""What an admin does to many videos at once; each action calls one service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gallery import services as gallery
from jobs import services as jobs
from jobs.compilations import MOST_CLIPS
from media_library import services as library
from media_library.admin.forms import CategoryForm, ReasonForm, TagsForm
from media_library.admin.locking import ask_to_lock
from media_library.admin.set_actions import Question, admin_of, ask, carry_out
from media_library.models import Video
from media_library.outcomes import Outcome

MOST_LOOKS = 500  # jobs that one action queues
NO_FILE = "The file is missing or in the trash."

PUBLISH = Question(
    title="Publish",
    explanation="Visitors see them at once. One that is published already moves to the category.",
    form=CategoryForm,
)
INVALIDATE = Question(
    title="Mark invalid",
    explanation="They leave the gallery and cannot be published until they are restored. The files stay.",
    form=ReasonForm,
    is_grave=True,
)
TRASH = Question(
    title="Move to trash",
    explanation="They leave the gallery, and their files move to the library's trash. “Restore” brings them back.",
    is_grave=True,
)
TAG = Question(title="Add tags", explanation="They join the tags that each video has.", form=TagsForm)


@admin.action(description="Publish…", permissions=["gallery"])
def publish(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=PUBLISH, done="Published {}",
        change=lambda ids, answer: gallery.publish(ids, category=answer["category"], by=admin_of(request)),
    )  # fmt: skip


@admin.action(description="Unpublish", permissions=["gallery"])
def unpublish(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return carry_out(request, videos, done="Unpublished {}", change=lambda ids: gallery.unpublish(ids, by=admin_of(request)))


@admin.action(description="Lock…", permissions=["gallery"])
def lock(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask_to_lock(page, request, videos)


@admin.action(description="Unlock", permissions=["gallery"])
def unlock(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return carry_out(request, videos, done="Unlocked {}", change=lambda ids: gallery.unlock(ids, by=admin_of(request)))


@admin.action(description="Add tags…", permissions=["change"])
def add_tags(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=TAG, done="Tagged {}",
        change=lambda ids, answer: library.retag(ids, answer["tags"], by=admin_of(request)),
    )  # fmt: skip


@admin.action(description="Suggest tags", permissions=["film"])
def suggest_tags(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    """Queue a look at each, whether or not the network has seen it before."""
    if videos[: MOST_LOOKS + 1].count() > MOST_LOOKS:
        messages.error(request, f"Select {MOST_LOOKS} videos at most. One job of the type tag_generation goes through all the library.")
        return None

    def look_at(ids: list[int]) -> Outcome:
        there = set(Video.objects.present_on_disk().filter(pk__in=ids).values_list("pk", flat=True))
        seen = [pk for pk in ids if pk in there]
        for pk in seen:
            jobs.submit("tag_generation", {"videoId": pk}, by=admin_of(request))
        return Outcome(done=tuple(seen), skipped={pk: NO_FILE for pk in ids if pk not in there})

    return carry_out(request, videos, done="Queued a look for tags at {}", change=look_at)


@admin.action(description="Mark invalid…", permissions=["change"])
def mark_invalid(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=INVALIDATE, done="Marked {} invalid",
        change=lambda ids, answer: gallery.mark_invalid(ids, reason=answer["reason"], by=admin_of(request)),
    )  # fmt: skip


@admin.action(description="Move to trash…", permissions=["trash"])
def trash(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=TRASH, done="Moved {} to the trash",
        change=lambda ids, answer: gallery.trash(ids, by=admin_of(request)),
    )  # fmt: skip


@admin.action(description="Restore", permissions=["trash"])
def restore(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return carry_out(request, videos, done="Restored {}", change=lambda ids: gallery.restore(ids, by=admin_of(request)))


@admin.action(description="Compile…", permissions=["film"])
def compile(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    """Lay them on the studio's table, in the order of the list."""
    ids = list(videos.values_list("pk", flat=True)[: MOST_CLIPS + 1])
    if len(ids) > MOST_CLIPS:
        messages.error(request, f"A compilation has {MOST_CLIPS} clips at most. Select fewer videos.")
        return None
    return HttpResponseRedirect(f"{reverse('admin:jobs_studio')}?videos={','.join(map(str, ids))}")


@admin.action(description="GIF…", permissions=["film"])
def gif(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    """Ask which part of the one video becomes a GIF."""
    ids = list(videos.values_list("pk", flat=True)[:2])
    if len(ids) != 1:
        messages.error(request, "A GIF is made of one video. Select one.")
        return None
    return HttpResponseRedirect(f"{reverse('admin:jobs_job_add')}?type=generate_gif&videoId={ids[0]}")

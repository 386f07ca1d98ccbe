"""What a moderator does to many comments at once; each action calls one service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from gallery import services
from gallery.models import Comment
from media_library import labels
from media_library.admin.paging import COUNT_LIMIT
from media_library.admin.set_actions import Question, admin_of, ask, carry_out


@admin.action(description="Approve", permissions=["change"])
def approve(page: admin.ModelAdmin[Any], request: HttpRequest, comments: QuerySet[Comment]) -> HttpResponse | None:
    return carry_out(
        request, comments, done="Approved {}", noun="comment", change=lambda ids: services.approve_comments(ids, by=admin_of(request))
    )


@admin.action(description="Hold", permissions=["change"])
def hold(page: admin.ModelAdmin[Any], request: HttpRequest, comments: QuerySet[Comment]) -> HttpResponse | None:
    return carry_out(
        request, comments, done="Held {}", noun="comment", change=lambda ids: services.hold_comments(ids, by=admin_of(request))
    )


@admin.action(description="Remove", permissions=["change"])
def remove(page: admin.ModelAdmin[Any], request: HttpRequest, comments: QuerySet[Comment]) -> HttpResponse | None:
    return carry_out(
        request, comments, done="Removed {}", noun="comment", change=lambda ids: services.remove_comments(ids, by=admin_of(request))
    )


@admin.action(description="Remove all of their authors…", permissions=["change"])
def remove_all_of_authors(page: admin.ModelAdmin[Any], request: HttpRequest, comments: QuerySet[Comment]) -> HttpResponse | None:
    return ask(
        page, request, comments, question=_removal_of_all(comments), done="Removed {}", noun="comment",
        change=lambda ids, _: services.remove_all_by_authors_of(ids, by=admin_of(request)),
    )  # fmt: skip


def _removal_of_all(comments: QuerySet[Comment]) -> Question:
    authors = services.authors_of(comments.values_list("pk", flat=True)[:COUNT_LIMIT])
    count = Comment.objects.standing().filter(authors).order_by()[: COUNT_LIMIT + 1].count()
    told = f"more than {COUNT_LIMIT:,} comments" if count > COUNT_LIMIT else "1 comment" if count == 1 else f"{count:,} comments"
    return Question(
        title="Remove all of their authors’ comments",
        explanation=f"Whoever wrote these has {told} in all that visitors or moderators see. All of them are removed, below every video.",
        is_grave=True,
        caption=lambda comment: labels.moment(comment.created_at),
    )

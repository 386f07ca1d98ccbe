"""Tags that a machine suggests, on the page of their video and for many videos at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from media_library.admin.filters import ChoiceFilter
from media_library.admin.set_actions import Question, admin_of, ask, tell
from media_library.models import TagSuggestion, Video
from media_library.tagging import suggestions

CHOSEN = "chosen"  # what the buttons say that mean the ticked ones


class ScoreForm(forms.Form):
    least_score = forms.FloatField(
        label="At least",
        initial=0.8,
        min_value=0,
        max_value=1,
        help_text="0 to 1: tags of which the machine was less sure stay suggested.",
        widget=forms.NumberInput(attrs={"step": "0.05", "autofocus": True}),
    )


def tags_suggested_for(video: Video) -> str:
    """What a question shows beside the video: its suggestions with their scores."""
    return ", ".join(f"{one.tag} {one.score:.2f}" for one in suggestions.open_suggestions(video.pk)) or "nothing suggested"


APPROVE = Question(
    title="Approve suggested tags",
    explanation="The tags that a machine suggests for them become theirs.",
    form=ScoreForm,
    caption=tags_suggested_for,
)
REJECT = Question(
    title="Reject suggested tags",
    explanation="What is suggested for them now is not suggested again.",
    is_grave=True,
    caption=tags_suggested_for,
)


class SuggestionFilter(ChoiceFilter):
    title = "suggested tags"
    parameter_name = "suggested_tags"
    options = (("yes", "To be decided"),)

    def narrow(self, rows: QuerySet[Video], choice: str | None) -> QuerySet[Video]:
        undecided = TagSuggestion.objects.filter(video=OuterRef("pk"), state=TagSuggestion.State.SUGGESTED)
        return rows if choice is None else rows.filter(Exists(undecided))


@admin.action(description="Approve suggested tags…", permissions=["change"])
def approve_tags(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=APPROVE, done="Approved the tags suggested for {}",
        change=lambda ids, answer: suggestions.approve(ids, by=admin_of(request), least_score=answer["least_score"]),
    )  # fmt: skip


@admin.action(description="Reject suggested tags…", permissions=["change"])
def reject_tags(page: admin.ModelAdmin[Any], request: HttpRequest, videos: QuerySet[Video]) -> HttpResponse | None:
    return ask(
        page, request, videos, question=REJECT, done="Rejected the tags suggested for {}",
        change=lambda ids, answer: suggestions.reject(ids, by=admin_of(request)),
    )  # fmt: skip


@require_POST
def decide(request: HttpRequest, video_id: int) -> HttpResponse:
    """Approve or reject one suggested tag of a video, or the ticked ones: `approve` or `reject` is a suggestion's id or `chosen`."""
    video = get_object_or_404(Video, pk=video_id)
    if not request.user.has_perm("media_library.change_video"):
        raise PermissionDenied
    is_approval = "approve" in request.POST
    button = request.POST.get("approve" if is_approval else "reject", "")
    ids = [int(id) for id in (request.POST.getlist("suggestion") if button == CHOSEN else [button]) if id.isdecimal() and len(id) < 19]
    if not ids:
        messages.error(request, "Tick the tags that you mean; nothing was changed.")
    elif is_approval:
        tell(request, suggestions.approve([video.pk], by=admin_of(request), only=ids), done="Approved suggested tags of {}")
    else:
        tell(request, suggestions.reject([video.pk], by=admin_of(request), only=ids), done="Rejected suggested tags of {}")
    return HttpResponseRedirect(reverse("admin:media_library_video_change", args=[video.pk]) + "#suggested-tags")

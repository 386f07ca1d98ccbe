"""The queue of comments that wait for a moderator, all other comments, and the page of one."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gallery import services
from gallery.admin import comment_actions
from gallery.admin.comment_filters import SessionFilter, StateFilter, UserFilter, VideoFilter, session_name
from gallery.models import Comment
from gallery.querysets import CommentQuerySet
from media_library import labels
from media_library.admin.filters import SortFilter
from media_library.admin.paging import COUNT_LIMIT, LargeModelAdmin
from media_library.timecodes import clock

OTHERS_SHOWN = 20  # comments of the same author on a comment's page
VERBS = {  # what a moderator can do with a comment as it stands: action, label, whether it is the one to expect
    Comment.Status.HELD: (("approve", "Approve", "first"), ("remove", "Remove", "grave")),
    Comment.Status.VISIBLE: (("hold", "Hold", ""), ("remove", "Remove", "grave")),
    Comment.Status.REMOVED: (("approve", "Bring back", ""),),
    Comment.Status.WITHDRAWN: (),
}


@admin.register(Comment)
class CommentAdmin(LargeModelAdmin):
    list_title = "Comments"
    list_display = ("video", "said", "state", "verbs")
    list_display_links = None
    list_select_related = ("media__public", "user")
    list_filter = (SortFilter, StateFilter, SessionFilter, UserFilter, VideoFilter)
    list_per_page = list_max_show_all = 50
    orders = {
        "newest": (F("created_at").desc(), F("id").desc()),
        "oldest": (F("created_at").asc(), F("id").asc()),
    }
    search_fields = ("content",)  # shows the box; `get_search_results` says what it searches
    search_help_text = "Part of a comment or its author’s name"
    actions = (comment_actions.approve, comment_actions.hold, comment_actions.remove, comment_actions.remove_all_of_authors)
    fields = ()

    class Media:
        css = {"all": ("admin_house/comments.css",)}

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self.list_display if self.has_change_permission(request) else self.list_display[:-1]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Comment], search_term: str) -> tuple[QuerySet[Comment], bool]:
        text = search_term.replace("\0", "").strip()[:200]
        return (cast(CommentQuerySet, queryset).searched(text, most=COUNT_LIMIT) if text else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"single_verbs": self._single_verbs(request), **(extra_context or {})})

    def known_total(self, request: HttpRequest) -> int | None:
        return None

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        comment: Comment = kwargs["obj"]
        verbs = VERBS[Comment.Status(comment.status)] if self.has_change_permission(request) else ()
        told = {"title": "Comment", "subtitle": None, "verbs": verbs, "single_verbs": self._single_verbs(request), **self._told_of(comment)}
        return super().render_change_form(request, {**context, **told}, *args, **kwargs)

    @admin.display(description="Video")
    def video(self, comment: Comment) -> SafeString:
        """The poster, which leads to the moment that the comment is about."""
        moment = "" if comment.video_timestamp is None else format_html('<span class="at">at {}</span>', clock(comment.video_timestamp))
        title = labels.plain(str(comment.media))
        return format_html('<a href="{}">{}<bdi class="title">{}</bdi>{}</a>', place(comment), labels.poster(comment.media), title, moment)

    @admin.display(description="Comment")
    def said(self, comment: Comment) -> SafeString:
        page = reverse("admin:gallery_comment_change", args=[comment.pk])
        return format_html(
            '<p class="by">{} · <a href="{}"><time datetime="{}">{}</time></a></p><bdi class="words">{}</bdi>',
            author(comment), page, comment.created_at.isoformat(), labels.moment(comment.created_at), legible(comment.content),
        )  # fmt: skip

    @admin.display(description="State")
    def state(self, comment: Comment) -> SafeString:
        why = comment.held_reason if comment.status == Comment.Status.HELD else ""
        badge = labels.badges([(comment.status, comment.get_status_display().lower())])
        return format_html('{} <bdi class="why">{}</bdi>', badge, labels.plain(why)) if why else badge

    @admin.display(description="Decide")
    def verbs(self, comment: Comment) -> SafeString:
        """Buttons of the forms that stand beside the list: a form cannot hold another."""
        return format_html_join(
            " ",
            '<button type="submit" form="{0}-one" name="_selected_action" value="{1}" class="{3}">{2}</button>',
            ((name, comment.pk, label, kind) for name, label, kind in VERBS[Comment.Status(comment.status)]),
        )

    def _single_verbs(self, request: HttpRequest) -> list[str]:
        """The actions that have a form of their own for the buttons of one comment."""
        return [name for name, _ in self.get_action_choices(request) if name]

    def _told_of(self, comment: Comment) -> dict[str, Any]:
        """What the page of a comment shows."""
        others = Comment.objects.filter(services.authors_of([comment.pk])).exclude(pk=comment.pk)
        return {
            "badge": labels.badges([(comment.status, comment.get_status_display().lower())]),
            "words": legible(comment.content),
            "author": author(comment),
            "place": place(comment),
            "moment": None if comment.video_timestamp is None else clock(comment.video_timestamp),
            "poster": labels.poster(comment.media),
            "parent": comment.parent and {"pk": comment.parent_id, "words": legible(comment.parent.content)},
            "others": [(self.state(other), other, legible(other.content)) for other in others[:OTHERS_SHOWN]],
            "other_count": others.order_by()[:COUNT_LIMIT].count(),
            "history": history_of(comment),
        }


def place(comment: Comment) -> str:
    """Where the comment's moment can be watched: in the gallery, or for what is closed there, in the admin."""
    public = getattr(comment.media, "public", None)
    if public is None or public.is_locked:
        return reverse("admin:media_library_video_change", args=[comment.media_id])
    page = reverse("watch", args=[comment.media_id])
    return page if comment.video_timestamp is None else f"{page}?t={comment.video_timestamp}"


def author(comment: Comment) -> SafeString:
    """The author's name as given, and a link to all comments of the same user or session."""
    name = format_html("<bdi>{}</bdi> ", labels.plain(comment.author_name)) if comment.author_name else SafeString()
    if comment.user:
        link = (f"user_id={comment.user_id}", f"user {labels.plain(comment.user.get_username())}")
    elif comment.session_id:
        link = (f"session_id={comment.session_id}", session_name(comment.session_id))
    else:
        return name or SafeString("somebody")
    everything = reverse("admin:gallery_comment_changelist")
    return format_html('{}<a class="who" href="{}?state=all&amp;{}">{}</a>', name, everything, *link)


def legible(text: str) -> str:
    """The lines of a text, in which no character can reorder or hide others."""
    return "\n".join(labels.plain(line) for line in text.splitlines())


def history_of(comment: Comment) -> QuerySet[LogEntry]:
    """Which moderators did what to this comment, the newest first."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Comment), object_id=str(comment.pk))
    return entries.select_related("user").order_by("-action_time")[:OTHERS_SHOWN]

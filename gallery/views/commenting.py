"""What people say below a medium, page by page; written and deleted by forms."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from config.api.fields import parse_decimal
from config.api.throttling import refused_write
from config.database import LARGEST_ID
from gallery import services
from gallery.comments import LONGEST_COMMENT, LONGEST_NAME, Commenter, CommentNotFound, comment_page, has_controls, is_blank, is_one_line
from gallery.counters import visitor
from gallery.listing import InvalidCursor, public_detail
from gallery.models import Comment
from gallery.templatetags.gallery_format import title_of
from gallery.threads import threads
from gallery.views.common import bad_request, keep_session, refusals, session_of
from media_library.timecodes import seconds_of

COMMENTS_PER_PAGE = 50


class PlainTextField(forms.CharField):
    """What a person has typed: something to see, and no control characters."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python((value or "").replace("\r\n", "\n")))

    def validate(self, value: str) -> None:
        super().validate(value)
        if has_controls(value):
            raise forms.ValidationError("This text has characters that cannot be shown.")
        if value and is_blank(value):
            raise forms.ValidationError(self.error_messages["required"], code="required")


class CommentForm(forms.Form):
    """What somebody says below a video, and to which moment of it."""

    parent = forms.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    content = PlainTextField(max_length=LONGEST_COMMENT, error_messages={"required": "Please write something."})
    author_name = PlainTextField(max_length=LONGEST_NAME, required=False)
    moment = forms.CharField(max_length=12, required=False)

    def clean_author_name(self) -> str:
        name = str(self.cleaned_data["author_name"])
        if not is_one_line(name):
            raise forms.ValidationError("A name is one line.")
        return name

    def clean_moment(self) -> int | None:
        text = self.cleaned_data["moment"]
        moment = seconds_of(text)
        if text and moment is None:
            raise forms.ValidationError("Write the moment as 1:25, or leave it out.")
        return moment


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_cache=True)
def comments(request: HttpRequest, media_id: int) -> HttpResponse:
    """All comments of a medium, page by page; a POST writes one and leads back to the video."""
    if request.method == "POST":
        return _write_comment(request, media_id)
    return _comments_page(request, media_id, CommentForm(initial={"parent": request.GET.get("reply")}))


@require_POST
def delete_comment(request: HttpRequest, media_id: int, comment_id: int) -> HttpResponse:
    """Delete one's own comment and lead back to the others."""
    session = session_of(request) or ""
    if refusal := refused_write(request, session=session):
        return refusal
    with refusals():
        services.withdraw_comment(comment_id, _reader(request))
    return HttpResponseRedirect(f"{reverse('watch', args=[media_id])}#comments")


def conversation(
    request: HttpRequest, medium: dict[str, Any], form: CommentForm, *, limit: int, cursor: str | None = None
) -> dict[str, Any]:
    """What the pages show of a medium's comments."""
    reader = _reader(request)
    page = comment_page(medium["id"], reader=reader, limit=limit, cursor=cursor)
    return {
        "medium": medium,
        "title": title_of(medium),
        "threads": threads(page.comments, reader=reader),
        "comment_total": page.total,
        "next_cursor": page.next_cursor,
        "form": form,
        "answered": _answered(medium["id"], form),
        "longest_comment": LONGEST_COMMENT,
        "longest_name": LONGEST_NAME,
    }


def _write_comment(request: HttpRequest, media_id: int) -> HttpResponse:
    session = session_of(request) or secrets.token_urlsafe(24)
    if refusal := refused_write(request, session=session):
        return refusal
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _comments_page(request, media_id, form, status=400)
    author = Commenter(user_id=request.user.pk) if request.user.is_authenticated else Commenter(session=visitor(session))
    said = form.cleaned_data
    anchor = "comments"
    with refusals():
        try:
            comment = services.post_comment(
                media_id,
                author,
                content=said["content"],
                author_name=said["author_name"],
                video_timestamp=said["moment"],
                parent_id=said["parent"],
            )
            anchor = f"comment-{comment.pk}"
        except services.OutsideTheVideo:
            form.add_error("moment", "This moment is after the end of the video.")
            return _comments_page(request, media_id, form, status=400)
        except CommentNotFound:
            form.add_error("parent", "The comment that you answer is gone.")
            return _comments_page(request, media_id, form, status=400)
        except services.AlreadyWritten:
            pass  # the button was pressed twice: what it asked for is there
    response = HttpResponseRedirect(f"{reverse('watch', args=[media_id])}#{anchor}")
    if not request.user.is_authenticated:
        keep_session(response, session)
    return response


def _comments_page(request: HttpRequest, media_id: int, form: CommentForm, *, status: int = 200) -> HttpResponse:
    try:
        with refusals():
            medium = public_detail(media_id)
            talk = conversation(request, medium, form, limit=COMMENTS_PER_PAGE, cursor=request.GET.get("cursor") or None)
    except InvalidCursor:
        return bad_request(request, "This address leads to a place among the comments that doesn’t exist.")
    return render(request, "gallery/comments.html", talk, status=status)


def _answered(media_id: int, form: CommentForm) -> Comment | None:
    """The comment that the one being written answers."""
    parent_id = parse_decimal(str(form["parent"].value()))
    return Comment.objects.visible().filter(media=media_id, pk=parent_id).first() if parent_id else None


def _reader(request: HttpRequest) -> Commenter:
    session = session_of(request)
    return Commenter(user_id=request.user.pk if request.user.is_authenticated else None, session=visitor(session) if session else None)

"""The public pages: the gallery, the viewer of one medium, and what people say below it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.api.fields import parse_decimal
from config.api.throttling import refused_write, vote_limit
from config.content_security import PAGE_POLICY
from gallery import services
from gallery.comments import LONGEST_COMMENT, LONGEST_NAME, Commenter, CommentNotFound, comment_page, has_controls, is_blank, is_one_line
from gallery.counters import visitor
from gallery.listing import (
    ORIENTATIONS,
    SORTS,
    InvalidCursor,
    MediaLocked,
    MediaNotFound,
    PublicQuery,
    categories,
    public_detail,
    public_page,
    related,
)
from gallery.models import Comment, Upvote
from gallery.player_styles import PLAYER_STYLE_HASHES
from gallery.services import engagement
from gallery.sharing import found_by
from gallery.templatetags.gallery_format import category_name, slug_of, title_of, watch_address
from gallery.threads import threads
from gallery.visits import count_view
from media_library.previews import preview_of, with_hover_previews
from media_library.timecodes import seconds_of
from reactions.models import ReactionType

CARDS_PER_PAGE = 24
COMMENTS_PER_PAGE = 50
COMMENTS_BELOW_A_VIDEO = 20
SESSION_COOKIE = "visitor"  # the session of somebody who has commented without signing in; signed, so that nobody guesses another's
SESSION_LASTS = 365 * 24 * 3600  # seconds
RELATED_COUNT = 8
SORT_LABELS = {"recent": "Recent", "popular": "Popular", "most_viewed": "Most viewed"}
PLAYER_POLICY = PAGE_POLICY.replace("style-src 'self'", " ".join(["style-src 'self'", *PLAYER_STYLE_HASHES]))
EMBEDDED_POLICY = PLAYER_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


class GalleryForm(forms.Form):
    """What a visitor asks of the gallery, in the address."""

    search = forms.CharField(max_length=200, required=False)
    sort = forms.ChoiceField(choices=[(name, name) for name in SORTS], required=False)
    orientation = forms.ChoiceField(choices=[(name, name) for name in ORIENTATIONS], required=False)
    cursor = forms.CharField(max_length=1000, required=False)

    def query(self, category: str | None) -> PublicQuery:
        asked = self.cleaned_data
        return PublicQuery(
            category=category,
            search=asked["search"] or None,
            sort=asked["sort"] or "recent",
            orientation=asked["orientation"] or None,
            limit=CARDS_PER_PAGE,
            offset=0,
            cursor=asked["cursor"] or None,
        )


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

    parent = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False, widget=forms.HiddenInput)
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


# A lock must show within a second, so browsers keep a page but ask each time whether it still holds (304).
@require_safe
@cache_control(private=True, no_cache=True)
def gallery(request: HttpRequest, category: str | None = None) -> HttpResponse:
    """All that is open to the public, or one category of it."""
    if category is not None and not services.is_category(category):
        raise Http404
    form = GalleryForm(request.GET)
    if not form.is_valid():
        field, (complaint, *_) = next(iter(form.errors.items()))
        return _bad_request(request, f"{field.capitalize()}: {complaint}")
    query = form.query(category)
    try:
        page = public_page(query)
    except InvalidCursor:
        return _bad_request(request, "This address leads to a place in the gallery that doesn’t exist. Please start again from the top.")
    counted = categories()
    is_known = query.category is None or query.category in {row["category"] for row in counted}
    context = {
        "query": query,
        "page": page,
        "heading": _heading(query),
        "categories": counted,
        "everything": sum(row["count"] for row in counted),
        "sorts": SORT_LABELS.items(),
        "shapes": ORIENTATIONS,
        "moving": with_hover_previews(row["id"] for row in page.rows),
        "page_url": request.build_absolute_uri(request.path),
    }
    return render(request, "gallery/gallery.html", context, status=200 if is_known else 404)


@require_safe
@cache_control(private=True, no_cache=True)
def watch(request: HttpRequest, media_id: int, slug: str | None = None) -> HttpResponse:
    """One medium; an address with another title leads to the one with its own."""
    try:
        medium = public_detail(media_id)
        if slug is not None and slug != slug_of(medium):
            return HttpResponseRedirect(_with_query(watch_address(medium), request))
        others = related(medium, RELATED_COUNT)
        conversation = _conversation(request, medium, CommentForm(), limit=COMMENTS_BELOW_A_VIDEO)
    except MediaNotFound:
        return _nothing_to_watch(request, "gallery/gone.html", status=404)
    except MediaLocked:
        return _nothing_to_watch(request, "gallery/closed.html", status=403)
    medium["view_count"] += count_view(request, media_id)
    context = {
        **conversation,
        **_played(medium),
        "start": parse_decimal(request.GET.get("t", "")),
        "related": others,
        "moving": with_hover_previews(row["id"] for row in others),
        "is_upvoted": _is_upvoted(request, media_id),
        "kinds": ReactionType,
        **found_by(medium, request),
    }
    response = render(request, "gallery/watch.html", context)
    response["Content-Security-Policy"] = PLAYER_POLICY
    return response


def _with_query(address: str, request: HttpRequest) -> str:
    return f"{address}?{request.GET.urlencode()}" if request.GET else address


def _nothing_to_watch(request: HttpRequest, template: str, *, status: int) -> HttpResponse:
    """A page that says so, and shows what is new instead."""
    newest = PublicQuery(category=None, search=None, sort="recent", orientation=None, limit=RELATED_COUNT, offset=0, cursor=None)
    return render(request, template, {"media": public_page(newest).rows}, status=status)


@require_safe
@xframe_options_exempt
@cache_control(private=True, no_cache=True)
def embed(request: HttpRequest, media_id: int) -> HttpResponse:
    """The player alone, for a frame in another site's page."""
    with _refusals():
        medium = public_detail(media_id)
    context = {"medium": medium, "title": title_of(medium), **_played(medium), "start": parse_decimal(request.GET.get("t", ""))}
    response = render(request, "gallery/embed.html", context)
    response["Content-Security-Policy"] = EMBEDDED_POLICY
    return response


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
    session = _session(request) or ""
    if refusal := refused_write(request, session=session):
        return refusal
    with _refusals():
        services.withdraw_comment(comment_id, _reader(request))
    return HttpResponseRedirect(f"{reverse('watch', args=[media_id])}#comments")


def _played(medium: dict[str, Any]) -> dict[str, Any]:
    """What the player needs to know of a medium."""
    container = PurePosixPath(medium["filename"]).suffix.removeprefix(".").upper()
    preview = preview_of(medium["id"])
    return {
        "container": container,
        "is_picture": container == "GIF",
        "stream_path": reverse("stream", args=[medium["id"]]),
        "storyboard_path": reverse("storyboard", args=[medium["id"]]) if preview and preview.sprite_path else None,
    }


@require_POST
def upvote(request: HttpRequest, media_id: int) -> HttpResponse:
    """Give one's vote, or take it back; scripts get the count, forms are led back to the video."""
    session = _session(request) or secrets.token_urlsafe(24)
    is_given = request.POST.get("upvoted") != "no"
    if refusal := refused_write(request, *([vote_limit(request, media_id)] if is_given else []), session=session):
        return refusal
    change = engagement.give_upvote if is_given else engagement.take_upvote_back
    with _refusals():
        count = change(media_id, session=visitor(session))
    response: HttpResponse = HttpResponseRedirect(reverse("watch", args=[media_id]))
    if not request.accepts("text/html"):
        response = JsonResponse({"upvoted": is_given, "upvoteCount": count})
    _keep_session(response, session)
    return response


def _is_upvoted(request: HttpRequest, media_id: int) -> bool:
    session = _session(request)
    return session is not None and Upvote.objects.filter(media=media_id, session_id=visitor(session)).exists()


def _write_comment(request: HttpRequest, media_id: int) -> HttpResponse:
    session = _session(request) or secrets.token_urlsafe(24)
    if refusal := refused_write(request, session=session):
        return refusal
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _comments_page(request, media_id, form, status=400)
    author = Commenter(user_id=request.user.pk) if request.user.is_authenticated else Commenter(session=visitor(session))
    said = form.cleaned_data
    anchor = "comments"
    with _refusals():
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
        _keep_session(response, session)
    return response


def _comments_page(request: HttpRequest, media_id: int, form: CommentForm, *, status: int = 200) -> HttpResponse:
    try:
        with _refusals():
            medium = public_detail(media_id)
            conversation = _conversation(request, medium, form, limit=COMMENTS_PER_PAGE, cursor=request.GET.get("cursor") or None)
    except InvalidCursor:
        return _bad_request(request, "This address leads to a place among the comments that doesn’t exist.")
    return render(request, "gallery/comments.html", conversation, status=status)


def _conversation(
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


def _answered(media_id: int, form: CommentForm) -> Comment | None:
    """The comment that the one being written answers."""
    parent_id = parse_decimal(str(form["parent"].value()))
    return Comment.objects.visible().filter(media=media_id, pk=parent_id).first() if parent_id else None


def _reader(request: HttpRequest) -> Commenter:
    session = _session(request)
    return Commenter(user_id=request.user.pk if request.user.is_authenticated else None, session=visitor(session) if session else None)


def _session(request: HttpRequest) -> str | None:
    return request.get_signed_cookie(SESSION_COOKIE, default=None, salt=SESSION_COOKIE, max_age=SESSION_LASTS)


def _keep_session(response: HttpResponse, session: str) -> None:
    response.set_signed_cookie(
        SESSION_COOKIE,
        session,
        salt=SESSION_COOKIE,
        max_age=SESSION_LASTS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Show as pages what the gallery refuses inside."""
    try:
        yield
    except (MediaNotFound, CommentNotFound):
        raise Http404 from None
    except (MediaLocked, services.NotTheAuthor):
        raise PermissionDenied from None


def _heading(query: PublicQuery) -> str:
    if query.search:
        return f"Results for “{query.search}”"
    return category_name(query.category) if query.category else "All videos"


def _bad_request(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "400.html", {"reason": reason}, status=400)

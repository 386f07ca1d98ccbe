"""The viewer of one medium, in a page of ours or in a frame of another site's; and its upvote."""

from __future__ import annotations

import secrets
from pathlib import PurePosixPath
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_POST, require_safe

from config.api.fields import parse_decimal
from config.api.throttling import refused_write, vote_limit
from config.content_security import PAGE_POLICY
from gallery.counters import visitor
from gallery.listing import MediaLocked, MediaNotFound, PublicQuery, public_detail, public_page, related
from gallery.models import Upvote
from gallery.player_styles import MENU_STYLE_HASHES, PLAYER_STYLE_HASHES
from gallery.players import player_paths
from gallery.services import engagement
from gallery.templatetags.gallery_format import slug_of, title_of, watch_address
from gallery.views.commenting import CommentForm, conversation
from gallery.views.common import keep_session, refusals, session_of
from gallery.views.sharing import found_by
from gallery.visits import count_view
from media_library.previews import with_hover_previews
from reactions.listing import reaction_totals

COMMENTS_BELOW_A_VIDEO = 20
RELATED_COUNT = 8
PLAYER_POLICY = PAGE_POLICY.replace("style-src 'self'", " ".join(["style-src 'self'", *PLAYER_STYLE_HASHES, *MENU_STYLE_HASHES])).replace(
    "media-src 'self'",
    "media-src 'self' blob:",  # what hls.js puts together
)
EMBEDDED_POLICY = PLAYER_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


@require_safe
@cache_control(private=True, no_cache=True)
def watch(request: HttpRequest, media_id: int, slug: str | None = None) -> HttpResponse:
    """One medium; an address with another title leads to the one with its own."""
    try:
        medium = public_detail(media_id)
        if slug is not None and slug != slug_of(medium):
            return HttpResponseRedirect(_with_query(watch_address(medium), request))
        others = related(medium, RELATED_COUNT)
        talk = conversation(request, medium, CommentForm(), limit=COMMENTS_BELOW_A_VIDEO)
    except MediaNotFound:
        return _nothing_to_watch(request, "gallery/gone.html", status=404)
    except MediaLocked:
        return _nothing_to_watch(request, "gallery/closed.html", status=403)
    medium["view_count"] += count_view(request, media_id)
    context = {
        **talk,
        **_played(medium),
        "start": parse_decimal(request.GET.get("t", "")),
        "related": others,
        "moving": with_hover_previews(row["id"] for row in others),
        "is_upvoted": _is_upvoted(request, media_id),
        "kinds": reaction_totals(media_id).items(),
        **found_by(medium, request),
    }
    response = render(request, "gallery/watch.html", context)
    response["Content-Security-Policy"] = PLAYER_POLICY
    return response


@require_safe
@xframe_options_exempt
@cache_control(private=True, no_cache=True)
def embed(request: HttpRequest, media_id: int) -> HttpResponse:
    """The player alone, for a frame in another site's page."""
    with refusals():
        medium = public_detail(media_id)
    context = {"medium": medium, "title": title_of(medium), **_played(medium), "start": parse_decimal(request.GET.get("t", ""))}
    response = render(request, "gallery/embed.html", context)
    response["Content-Security-Policy"] = EMBEDDED_POLICY
    return response


@require_POST
def upvote(request: HttpRequest, media_id: int) -> HttpResponse:
    """Give one's vote, or take it back; scripts get the count, forms are led back to the video."""
    session = session_of(request) or secrets.token_urlsafe(24)
    is_given = request.POST.get("upvoted") != "no"
    if refusal := refused_write(request, *([vote_limit(request.META, media_id)] if is_given else []), session=session):
        return refusal
    change = engagement.give_upvote if is_given else engagement.take_upvote_back
    with refusals():
        count = change(media_id, session=visitor(session))
    response = (
        HttpResponseRedirect(reverse("watch", args=[media_id]))
        if request.accepts("text/html")
        else JsonResponse({"upvoted": is_given, "upvoteCount": count})
    )
    keep_session(response, session)
    return response


def _with_query(address: str, request: HttpRequest) -> str:
    return f"{address}?{request.GET.urlencode()}" if request.GET else address


def _nothing_to_watch(request: HttpRequest, template: str, *, status: int) -> HttpResponse:
    """A page that says so, and shows what is new instead."""
    return render(request, template, {"media": public_page(PublicQuery(limit=RELATED_COUNT)).rows}, status=status)


def _played(medium: dict[str, Any]) -> dict[str, Any]:
    """What the player needs to know of a medium."""
    container = PurePosixPath(medium["filename"]).suffix.removeprefix(".").upper()
    return {
        "container": container,
        "is_picture": container == "GIF",
        "stream_path": reverse("stream", args=[medium["id"]]),
        **player_paths(medium["id"]),
    }


def _is_upvoted(request: HttpRequest, media_id: int) -> bool:
    session = session_of(request)
    return session is not None and Upvote.objects.filter(media=media_id, session_id=visitor(session)).exists()

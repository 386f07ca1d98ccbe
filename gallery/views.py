"""The public pages: the gallery, and the viewer of one medium."""

from __future__ import annotations

from pathlib import PurePosixPath

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from config.api.fields import parse_decimal
from config.content_security import PAGE_POLICY
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
from gallery.player_styles import PLAYER_STYLE_HASHES
from gallery.templatetags.gallery_format import category_name
from gallery.visits import count_view

CARDS_PER_PAGE = 24
RELATED_COUNT = 8
SORT_LABELS = {"recent": "Recent", "popular": "Popular", "most_viewed": "Most viewed"}
PLAYER_POLICY = PAGE_POLICY.replace("style-src 'self'", " ".join(["style-src 'self'", *PLAYER_STYLE_HASHES]))


class GalleryForm(forms.Form):
    """What a visitor asks of the gallery, in the address."""

    category = forms.CharField(required=False)
    search = forms.CharField(max_length=200, required=False)
    sort = forms.ChoiceField(choices=[(name, name) for name in SORTS], required=False)
    orientation = forms.ChoiceField(choices=[(name, name) for name in ORIENTATIONS], required=False)
    cursor = forms.CharField(max_length=1000, required=False)

    def query(self) -> PublicQuery:
        asked = self.cleaned_data
        return PublicQuery(
            category=asked["category"] or None,
            search=asked["search"] or None,
            sort=asked["sort"] or "recent",
            orientation=asked["orientation"] or None,
            limit=CARDS_PER_PAGE,
            offset=0,
            cursor=asked["cursor"] or None,
        )


# A lock must show within a second, so browsers keep a page but ask each time whether it still holds (304).
@require_safe
@cache_control(private=True, no_cache=True)
def gallery(request: HttpRequest) -> HttpResponse:
    form = GalleryForm(request.GET)
    if not form.is_valid():
        field, (complaint, *_) = next(iter(form.errors.items()))
        return _bad_request(request, f"{field.capitalize()}: {complaint}")
    query = form.query()
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
    }
    return render(request, "gallery/gallery.html", context, status=200 if is_known else 404)


@require_safe
@cache_control(private=True, no_cache=True)
def watch(request: HttpRequest, media_id: int) -> HttpResponse:
    try:
        medium, others = public_detail(media_id), related(media_id, RELATED_COUNT)
    except MediaNotFound:
        raise Http404 from None
    except MediaLocked:
        raise PermissionDenied from None
    medium["view_count"] += count_view(request, media_id)
    container = PurePosixPath(medium["filename"]).suffix.removeprefix(".").upper()
    stream_path = f"/api/media/public/{media_id}/stream"
    context = {
        "medium": medium,
        "title": medium["title"] or medium["filename"],
        "container": container,
        "is_picture": container == "GIF",
        "start": parse_decimal(request.GET.get("t", "")),
        "related": others,
        "page_url": request.build_absolute_uri(reverse("watch", args=[media_id])),
        "stream_path": stream_path,
        "stream_url": request.build_absolute_uri(stream_path),
        "poster_url": medium["thumbnail_path"] and request.build_absolute_uri(medium["thumbnail_path"]),
    }
    response = render(request, "gallery/watch.html", context)
    response["Content-Security-Policy"] = PLAYER_POLICY
    return response


def _heading(query: PublicQuery) -> str:
    if query.search:
        return f"Results for “{query.search}”"
    return category_name(query.category) if query.category else "All videos"


def _bad_request(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "400.html", {"reason": reason}, status=400)

"""The gallery: all that is open to the public, or one category of it."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gallery.listing import ORIENTATIONS, SORTS, InvalidCursor, PublicQuery, categories, public_page
from gallery.templatetags.gallery_format import category_name
from gallery.views.common import bad_request
from media_library.previews import with_hover_previews

CARDS_PER_PAGE = 24
SORT_LABELS = {"recent": "Recent", "popular": "Popular", "most_viewed": "Most viewed"}


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


# A lock must show within a second, so browsers keep a page but ask each time whether it still holds (304).
@require_safe
@cache_control(private=True, no_cache=True)
def gallery(request: HttpRequest, category: str | None = None) -> HttpResponse:
    """All that is open to the public, or one category of it."""
    form = GalleryForm(request.GET)
    if not form.is_valid():
        field, (complaint, *_) = next(iter(form.errors.items()))
        return bad_request(request, f"{field.capitalize()}: {complaint}")
    query = form.query(category)
    try:
        page = public_page(query)
    except InvalidCursor:
        return bad_request(request, "This address leads to a place in the gallery that doesn’t exist. Please start again from the top.")
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


def _heading(query: PublicQuery) -> str:
    if query.search:
        return f"Results for “{query.search}”"
    return category_name(query.category) if query.category else "All videos"

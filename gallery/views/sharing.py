"""How other sites and programs find and show what is public: oEmbed, feeds, site maps.

Each asks the gallery anew, so that a medium that is locked or taken down leaves all of them at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.sax.xmlreader import AttributesImpl

from django import forms
from django.contrib.syndication.views import Feed
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.feedgenerator import Enclosure, Rss201rev2Feed
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from config.database import LARGEST_ID, read
from gallery.listing import MediaLocked, MediaNotFound, PublicQuery, public_detail, public_page
from gallery.models import PublicMedia
from gallery.streaming import content_type
from gallery.templatetags.gallery_format import category_name, clock, title_of, watch_address
from media_library.posters import poster_size

EMBEDDED_SIZE = (640, 360)  # pixels, where the medium's own is unknown and nobody asks for less
FEED_LENGTH = 30
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
UNKNOWN_SIZE = "0"  # as RSS says it: lists don't know how large a file is
ADDRESSES_PER_PART = 2_000  # ids; a part of the site map names those that are public
PARTS = f"""
    WITH RECURSIVE found (id) AS (
        SELECT min(id) FROM public_media WHERE NOT is_locked
        UNION ALL
        SELECT (SELECT min(id) FROM public_media WHERE NOT is_locked AND id >= (found.id / {ADDRESSES_PER_PART} + 1) * {ADDRESSES_PER_PART})
        FROM found WHERE id IS NOT NULL
    ) SELECT id / {ADDRESSES_PER_PART} FROM found WHERE id IS NOT NULL
"""  # hops from the first medium of a part to that of the next, so that ids may be sparse


def found_by(medium: Mapping[str, Any], request: HttpRequest) -> dict[str, Any]:
    """What a viewer's page says of itself: whole addresses, and its facts in the words of https://schema.org/VideoObject."""
    page = request.build_absolute_uri(watch_address(medium))
    player = request.build_absolute_uri(reverse("embed", args=[medium["id"]]))
    poster = medium["thumbnail_path"] and request.build_absolute_uri(medium["thumbnail_path"])
    facts = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": title_of(medium),
        "description": f"{title_of(medium)} – {category_name(medium['category'])}",
        "uploadDate": medium["created_at"].isoformat(),
        "duration": medium["duration_seconds"] and f"PT{medium['duration_seconds']}S",
        "thumbnailUrl": poster,
        "url": page,
        "embedUrl": player,
        "contentUrl": request.build_absolute_uri(_stream(medium)),
        "width": medium["width"],
        "height": medium["height"],
        "interactionStatistic": [
            {"@type": "InteractionCounter", "interactionType": {"@type": action}, "userInteractionCount": count}
            for action, count in (
                ("WatchAction", medium["view_count"]),
                ("LikeAction", medium["upvote_count"]),
                ("CommentAction", medium["comment_count"]),
            )
        ],
    }
    known = {name: fact for name, fact in facts.items() if fact is not None}
    width, height = _fitted(medium, None, None)
    return {
        "page_url": page,
        "embed_url": player,
        "embed_width": width,
        "embed_height": height,
        "oembed_url": f"{request.build_absolute_uri(reverse('oembed'))}?{urlencode({'url': page})}",
        "poster_url": poster,
        "video_object": known,
    }


def _stream(medium: Mapping[str, Any]) -> str:
    return reverse("stream", args=[medium["id"]])


# --- oEmbed


class OEmbedForm(forms.Form):
    """What a site asks that wants to show one of our addresses; sizes in pixels."""

    url = forms.CharField(max_length=2_000)
    maxwidth = forms.IntegerField(min_value=1, max_value=100_000, required=False)
    maxheight = forms.IntegerField(min_value=1, max_value=100_000, required=False)
    format = forms.ChoiceField(choices=[("json", "json"), ("xml", "xml")], required=False)


@require_safe
@cache_control(private=True, no_cache=True)
def oembed(request: HttpRequest) -> HttpResponse:
    """Tell how to show the medium behind an address of ours (https://oembed.com)."""
    form = OEmbedForm(request.GET)
    if not form.is_valid():
        field, (complaint, *_) = next(iter(form.errors.items()))
        return _refused(400, f"{field}: {complaint}")
    if form.cleaned_data["format"] == "xml":
        return _refused(501, "Only format=json is offered")
    try:
        medium = public_detail(_medium_behind(form.cleaned_data["url"], host=request.get_host()))
    except MediaNotFound:
        return _refused(404, "No public video is at this address")
    except MediaLocked:
        return _refused(401, "This video is closed to the public")
    return _open_to_all(JsonResponse(_oembed_of(medium, request, form.cleaned_data["maxwidth"], form.cleaned_data["maxheight"])))


def _medium_behind(address: str, *, host: str) -> int:
    """The id in the address of a viewer or a player; raises `MediaNotFound`."""
    try:
        parts = urlsplit(address)
        match = resolve(parts.path)
    except (ValueError, Resolver404):
        raise MediaNotFound from None
    if parts.scheme not in ("http", "https") or parts.netloc != host or match.url_name not in ("watch", "watch_by_title", "embed"):
        raise MediaNotFound
    return int(match.kwargs["media_id"])


def _oembed_of(medium: dict[str, Any], request: HttpRequest, most_wide: int | None, most_high: int | None) -> dict[str, Any]:
    width, height = _fitted(medium, most_wide, most_high)
    source = request.build_absolute_uri(reverse("embed", args=[medium["id"]]))
    shown = {
        "version": "1.0",
        "type": "video",
        "title": title_of(medium),
        "provider_name": "Library",
        "provider_url": request.build_absolute_uri("/"),
        "width": width,
        "height": height,
        "html": render_to_string(
            "gallery/_frame.html", {"source": source, "width": width, "height": height, "title": title_of(medium)}
        ).strip(),
    }
    if medium["thumbnail_path"] and medium["width"] and medium["height"]:
        thumbnail_width, thumbnail_height = poster_size(medium["width"], medium["height"])
        shown |= {
            "thumbnail_url": request.build_absolute_uri(medium["thumbnail_path"]),
            "thumbnail_width": thumbnail_width,
            "thumbnail_height": thumbnail_height,
        }
    return shown


def _fitted(medium: Mapping[str, Any], most_wide: int | None, most_high: int | None) -> tuple[int, int]:
    """The size of the frame: the medium's shape, no larger than asked for nor than itself."""
    width, height = (medium["width"], medium["height"]) if medium["width"] and medium["height"] else EMBEDDED_SIZE
    scale = min(1.0, (most_wide or math.inf) / width, (most_high or math.inf) / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _refused(status: int, reason: str) -> HttpResponse:
    return _open_to_all(JsonResponse({"error": reason}, status=status))


def _open_to_all(response: HttpResponse) -> HttpResponse:
    """What is public anyway may be read by scripts of any site."""
    response["Access-Control-Allow-Origin"] = "*"
    return response


# --- Feeds


class MediaRss(Rss201rev2Feed):
    """RSS with Media RSS's length and picture."""

    def rss_attributes(self) -> dict[str, str]:
        return super().rss_attributes() | {"xmlns:media": "http://search.yahoo.com/mrss/"}

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.startElement("media:content", item["content"])
        if item["picture"]:
            handler.addQuickElement("media:thumbnail", attrs={"url": item["picture"]})
        handler.endElement("media:content")


class GalleryFeed(Feed):  # type: ignore[type-arg]  # generic in the stubs alone
    """The newest of the gallery, or of one category, as RSS."""

    feed_type = MediaRss
    request: HttpRequest

    def get_object(self, request: HttpRequest, category: str | None = None) -> str | None:
        self.request = request
        return category

    def title(self, category: str | None) -> str:
        return f"Library – {category_name(category)}" if category else "Library"

    def description(self, category: str | None) -> str:
        return f"The newest videos of {category_name(category)}" if category else "The newest videos"

    def link(self, category: str | None) -> str:
        return reverse("category", args=[category]) if category else reverse("gallery")

    def items(self, category: str | None) -> list[dict[str, Any]]:
        return public_page(PublicQuery(category=category, limit=FEED_LENGTH)).rows

    def item_title(self, item: dict[str, Any]) -> str:
        return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", title_of(item))

    def item_description(self, item: dict[str, Any]) -> str:
        return " · ".join(part for part in (category_name(item["category"]), clock(item["duration_seconds"]), item["quality"]) if part)

    def item_link(self, item: dict[str, Any]) -> str:
        return watch_address(item)

    def item_guid(self, item: dict[str, Any]) -> str:
        return f"{self.request.get_host()}/{item['id']}"

    item_guid_is_permalink = False

    def item_pubdate(self, item: dict[str, Any]) -> datetime:
        created: datetime = item["created_at"]
        return created

    def item_enclosures(self, item: dict[str, Any]) -> list[Enclosure]:
        return [Enclosure(self._address(item), UNKNOWN_SIZE, content_type(item["filename"]))]

    def item_extra_kwargs(self, item: dict[str, Any]) -> dict[str, Any]:
        content = {"url": self._address(item), "type": content_type(item["filename"]), "medium": "video"}
        if item["duration_seconds"] is not None:
            content["duration"] = str(item["duration_seconds"])
        picture = item["thumbnail_path"] and self.request.build_absolute_uri(item["thumbnail_path"])
        return {"content": content, "picture": picture}

    def _address(self, item: dict[str, Any]) -> str:
        return self.request.build_absolute_uri(_stream(item))


@require_safe
@cache_control(private=True, no_cache=True)
def feed(request: HttpRequest, category: str | None = None) -> HttpResponse:
    response = GalleryFeed()(request, category=category)
    del response["Last-Modified"]  # the newest one's date, which stays when another leaves: readers are to ask by ETag
    return response


# --- Site maps


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers may read: the pages; not the admin, nor of the API more than the videos."""
    sitemap = request.build_absolute_uri(reverse("sitemap"))
    rules = ("User-agent: *", "Disallow: /admin/", "Disallow: /api/", "Allow: /api/media/public/*/stream", f"Sitemap: {sitemap}")
    return HttpResponse("".join(f"{rule}\n" for rule in rules), content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(private=True, no_cache=True)
def sitemap(request: HttpRequest) -> HttpResponse:
    """The parts of the site map that name anything: each has the public media of a span of ids."""
    parts = (reverse("sitemap_part", args=[number]) for (number,) in read(PARTS, []))
    return _xml("sitemapindex", "sitemap", ({"loc": request.build_absolute_uri(part)} for part in parts))


@require_safe
@cache_control(private=True, no_cache=True)
def sitemap_part(request: HttpRequest, number: int) -> HttpResponse:
    first = number * ADDRESSES_PER_PART
    if first > LARGEST_ID:
        raise Http404
    media = PublicMedia.objects.filter(pk__gte=first, pk__lt=first + ADDRESSES_PER_PART, is_locked=False).order_by("pk")
    return _xml("urlset", "url", _places(request, media.values("title", "filename", "updated_at", id=F("pk"))))


def _places(request: HttpRequest, media: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for medium in media:
        yield {"loc": request.build_absolute_uri(watch_address(medium)), "lastmod": medium["updated_at"].isoformat()}


def _xml(whole: str, part: str, entries: Iterable[dict[str, str]]) -> HttpResponse:
    """A document of the protocol of https://www.sitemaps.org."""
    response = HttpResponse(content_type="application/xml")
    document = SimplerXMLGenerator(response, "utf-8")
    document.startDocument()
    document.startElement(whole, AttributesImpl({"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"}))
    for entry in entries:
        document.startElement(part, AttributesImpl({}))
        for name, value in entry.items():
            document.addQuickElement(name, value)
        document.endElement(part)
    document.endElement(whole)
    document.endDocument()
    return response

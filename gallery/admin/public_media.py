"""What the gallery shows, with its engagement; and the categories it is sorted into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import admin
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gallery.admin import actions
from gallery.admin.categories import categories_page
from gallery.admin.statistics import gallery_page, medium_page
from gallery.listing import MOST_HITS
from gallery.models import MediaTotal, PublicMedia
from gallery.querysets import PublicMediaQuerySet
from media_library import labels
from media_library.admin.filters import ChoiceFilter, SortFilter, WordFilter
from media_library.admin.forms import open_categories
from media_library.admin.paging import LargeModelAdmin, chosen_filters
from media_library.models import Orientation

BY_STATS = (F("video__stats__created_at").desc(), F("video__stats__video").desc())  # what comes after a counter in its index


class MediaSortFilter(SortFilter):
    """Says of the hot counters what the list says of the media, so that their own index leads where they set the order."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[PublicMedia]) -> QuerySet[PublicMedia]:
        if self.value() not in ("most_viewed", "most_upvoted"):
            return queryset
        return queryset.filter(video__stats__is_public=True, video__stats__is_locked=LockFilter.parameter_name in request.GET)


class LockFilter(ChoiceFilter):
    """Open or locked media: each has its own indexes, and a list of both would have none."""

    title = "lock"
    parameter_name = "lock"
    options = (("locked", "Locked"),)
    without = "Open to visitors"

    def narrow(self, rows: QuerySet[PublicMedia], choice: str | None) -> QuerySet[PublicMedia]:
        media = cast(PublicMediaQuerySet, rows)
        return media.open_to_the_public() if choice is None else media.locked()


class CategoryFilter(WordFilter):
    title = "category"
    parameter_name = "category"

    def suggestions(self) -> Sequence[str]:
        return open_categories()

    def narrow(self, rows: QuerySet[PublicMedia], word: str) -> QuerySet[PublicMedia]:
        return rows.filter(category=word)


class OrientationFilter(ChoiceFilter):
    title = "orientation"
    parameter_name = "orientation"
    options = Orientation.choices


@admin.register(PublicMedia)
class PublicMediaAdmin(LargeModelAdmin):
    list_display = ("poster", "name", "place", "views", "upvotes", "comments", "finished", "watched", "shared")
    list_display_links = ("name",)
    list_title = "Shared media"
    list_select_related = ("video__stats",)
    list_filter = (MediaSortFilter, LockFilter, CategoryFilter, OrientationFilter)
    orders = {
        "newest": (F("created_at").desc(), F("video").desc()),
        "oldest": (F("created_at").asc(), F("video").asc()),
        "most_upvoted": (F("video__stats__upvote_count").desc(), *BY_STATS),
        "most_viewed": (F("video__stats__view_count").desc(), *BY_STATS),
    }
    search_fields = ("title", "filename")  # shows the box; `get_search_results` says what it searches
    search_help_text = "Part of a title, filename or category"
    actions = (actions.move_to_category, actions.lock, actions.unlock, actions.unpublish)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("categories/", guarded(self.categories_view), name="gallery_categories"),
            path("statistics/", guarded(self.statistics_view), name="gallery_statistics"),
            path("<int:video_id>/statistics/", guarded(self.medium_statistics_view), name="gallery_medium_statistics"),
            *super().get_urls(),
        ]

    def categories_view(self, request: HttpRequest) -> HttpResponse:
        return categories_page(self, request)

    def statistics_view(self, request: HttpRequest) -> HttpResponse:
        return gallery_page(self, request)

    def medium_statistics_view(self, request: HttpRequest, video_id: int) -> HttpResponse:
        return medium_page(self, request, video_id)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """A public medium has the page of its video: one place for one thing."""
        return HttpResponseRedirect(reverse("admin:media_library_video_change", args=[object_id]))

    def known_total(self, request: HttpRequest) -> int | None:
        chosen = chosen_filters(request)
        if not chosen.keys() <= {"category", "orientation"}:
            return None
        return int(MediaTotal.objects.filter(**chosen).aggregate(total=Sum("count", default=0))["total"])

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PublicMedia], search_term: str
    ) -> tuple[QuerySet[PublicMedia], bool]:
        text = search_term.strip()[:200]
        return (cast(PublicMediaQuerySet, queryset).searched(text, most=MOST_HITS) if text else queryset), False

    @admin.display(description="Poster")
    def poster(self, media: PublicMedia) -> SafeString:
        return labels.poster(media.video)

    @admin.display(description="Title")
    def name(self, media: PublicMedia) -> SafeString:
        return labels.named(media.title, media.filename)

    @admin.display(description="Category")
    def place(self, media: PublicMedia) -> SafeString:
        """The category, and for a locked medium that it is, and why."""
        if not media.is_locked:
            return format_html("{}", media.category)
        reason = labels.plain(media.locked_reason or "")
        return format_html('{} {} <bdi class="filename">{}</bdi>', media.category, labels.badges([("locked", "locked")]), reason)

    @admin.display(description="Views")
    def views(self, media: PublicMedia) -> SafeString:
        stats = media.video.stats
        return format_html('{} <span class="quiet">{} unique</span>', f"{stats.view_count:,}", f"{stats.unique_view_count:,}")

    @admin.display(description="Upvotes")
    def upvotes(self, media: PublicMedia) -> str:
        return f"{media.video.stats.upvote_count:,}"

    @admin.display(description="Comments")
    def comments(self, media: PublicMedia) -> str:
        return f"{media.comment_count:,}"

    @admin.display(description="Finished")
    def finished(self, media: PublicMedia) -> str:
        return f"{media.video.stats.finish_count:,}"

    @admin.display(description="Watched")
    def watched(self, media: PublicMedia) -> str:
        return labels.long_time(media.video.stats.total_watch_time)

    @admin.display(description="Shared")
    def shared(self, media: PublicMedia) -> str:
        return f"{media.created_at:%Y-%m-%d}"

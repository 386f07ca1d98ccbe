"""The library: videos as a wall of posters or a list, and the page of one video."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt

from gallery import services as gallery
from media_library import labels, lineage
from media_library import services as library
from media_library.admin import tag_suggestions, video_actions
from media_library.admin.filters import SortFilter
from media_library.admin.forms import VideoForm
from media_library.admin.paging import COUNT_LIMIT, LargeModelAdmin, chosen_filters
from media_library.admin.scenes import scenes_shown
from media_library.admin.set_actions import admin_of
from media_library.admin.uploads import uploads_page
from media_library.admin.video_filters import (
    DirectoryFilter,
    FileFilter,
    OrientationFilter,
    ProducerFilter,
    PublishedFilter,
    QualityFilter,
    TagFilter,
    ValidFilter,
)
from media_library.models import Compilation, Derivation, DirectoryType, Video, VideoTotal
from media_library.querysets import SORT_DURATION, SORT_SIZE, SORT_TITLE, VideoQuerySet
from media_library.tagging.suggestions import open_suggestions

HISTORY_LENGTH = 20  # lines of the admin log on a video's page
FILE_TOTALS: dict[str | None, dict[str, bool]] = {
    None: {"is_trashed": False},
    "missing": {"is_missing": True, "is_trashed": False},
    "trash": {"is_trashed": True},
    "any": {},
}


@admin.register(Video)
class VideoAdmin(LargeModelAdmin):
    form = VideoForm
    list_title = "Library"
    list_display = ("poster", "name", "state", "length", "quality", "size", "added")
    list_display_links = ("name",)
    list_select_related = ("public",)
    list_filter = (
        SortFilter, FileFilter, PublishedFilter, DirectoryFilter, OrientationFilter, QualityFilter, ValidFilter, ProducerFilter, TagFilter,
        tag_suggestions.SuggestionFilter,
    )  # fmt: skip
    orders = {
        "newest": (F("created_at").desc(), F("id").desc()),
        "oldest": (F("created_at").asc(), F("id").asc()),
        "title": (SORT_TITLE.asc(), F("id").asc()),
        "longest": (SORT_DURATION.desc(), F("id").desc()),
        "shortest": (SORT_DURATION.asc(), F("id").asc()),
        "largest": (SORT_SIZE.desc(), F("id").desc()),
    }
    search_fields = ("title", "filename")  # shows the box; `get_search_results` says what it searches
    search_help_text = "Part of a title or filename"
    actions = (
        video_actions.publish, video_actions.unpublish, video_actions.lock, video_actions.unlock,
        video_actions.add_tags, video_actions.suggest_tags, tag_suggestions.approve_tags, tag_suggestions.reject_tags,
        video_actions.compile, video_actions.gif,
        video_actions.mark_invalid, video_actions.trash, video_actions.restore,
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("title", "producer", "creator", "tags")}),
        ("File", {"fields": ("location", "file", "picture", "sound", "content", "origin", "scanned")}),
    )
    readonly_fields = ("location", "file", "picture", "sound", "content", "origin", "scanned")

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(tag_suggestions.decide)
        return [
            path("upload/", self.admin_site.admin_view(csrf_exempt(self.uploads_view)), name="media_library_video_upload"),
            path("<int:video_id>/suggested-tags/", decide, name="media_library_video_suggested_tags"),
            *super().get_urls(),
        ]

    def uploads_view(self, request: HttpRequest) -> HttpResponseBase:
        return uploads_page(self, request)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        video: Video = kwargs["obj"]
        told = self._told_of(request, video)
        return super().render_change_form(request, {**context, **told, "show_save_and_add_another": False}, *args, **kwargs)

    def known_total(self, request: HttpRequest) -> int | None:
        chosen = chosen_filters(request)
        if not chosen.keys() <= {"file", "directory_type", "orientation", "quality", "is_valid"}:
            return None
        totals = VideoTotal.objects.filter(**FILE_TOTALS[chosen.pop("file", None)])
        if "is_valid" in chosen:
            totals = totals.filter(is_valid=chosen.pop("is_valid") == "yes")
        return int(totals.filter(**chosen).aggregate(total=Sum("count", default=0))["total"])

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Video], search_term: str) -> tuple[QuerySet[Video], bool]:
        text = search_term.strip()[:200]
        return (cast(VideoQuerySet, queryset).searched(text, most=COUNT_LIMIT) if text else queryset), False

    def has_gallery_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("gallery.change_publicmedia")

    def has_trash_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("media_library.delete_video")

    def has_film_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.add_job")

    @admin.display(description="Poster")
    def poster(self, video: Video) -> SafeString:
        return labels.poster(video)

    @admin.display(description="Video")
    def name(self, video: Video) -> SafeString:
        return labels.named(video.title, video.filename)

    @admin.display(description="State")
    def state(self, video: Video) -> SafeString:
        return labels.badges(labels.state_of(video))

    @admin.display(description="Length")
    def length(self, video: Video) -> str:
        return labels.clock(video.duration_seconds)

    @admin.display(description="Quality")
    def quality(self, video: Video) -> str:
        return video.quality or ""

    @admin.display(description="Picture")
    def picture(self, video: Video) -> str:
        """Size in pixels, shape, codec, frame rate and bit rate, as far as they are known."""
        size = f"{video.width} × {video.height}" if video.width and video.height else None
        frame_rate = f"{float(Fraction(video.frame_rate)):.4g} frames/s" if video.frame_rate else None
        bit_rate = f"{video.bit_rate / 1e6:.1f} Mbit/s" if video.bit_rate else None
        return ", ".join(filter(None, (size, video.quality, video.orientation, video.video_codec, frame_rate, bit_rate))) or "unknown"

    @admin.display(description="Size")
    def size(self, video: Video) -> str:
        return filesizeformat(video.file_size) if video.file_size is not None else "–"

    @admin.display(description="Added")
    def added(self, video: Video) -> str:
        return f"{video.created_at:%Y-%m-%d}"

    @admin.display(description="Path")
    def location(self, video: Video) -> str:
        return labels.plain(video.path)

    @admin.display(description="File")
    def file(self, video: Video) -> str:
        if video.file_mtime_ns is None:
            return self.size(video)
        changed_at = datetime.fromtimestamp(video.file_mtime_ns / 1e9, tz=UTC)
        return f"{self.size(video)}, last changed {labels.moment(changed_at)}"

    @admin.display(description="Sound")
    def sound(self, video: Video) -> str:
        return (video.audio_codec or "yes") if video.has_audio else "none"

    @admin.display(description="Content")
    def content(self, video: Video) -> str:
        return f"SHA-256 {video.file_hash or 'not computed yet'}; oshash {video.oshash or 'unknown'}"

    @admin.display(description="Came from")
    def origin(self, video: Video) -> str:
        return labels.plain(video.original_path or video.original_filename or "where it is now")

    @admin.display(description="Scanned")
    def scanned(self, video: Video) -> str:
        validated = f"; last checked {labels.moment(video.last_validated)}" if video.last_validated else ""
        return f"first seen {labels.moment(video.created_at)}{validated}"

    def save_model(self, request: HttpRequest, obj: Video, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] or ([] if name == "tags" else None) for name in form.changed_data}
        if changes:
            library.edit(obj.pk, changes, by=admin_of(request))
            gallery.refresh([obj.pk])

    def log_change(self, request: HttpRequest, obj: Video, message: Any) -> None:  # type: ignore[override]  # nobody reads the entry
        """The service has written who changed what."""

    def _told_of(self, request: HttpRequest, video: Video) -> dict[str, Any]:
        """What the page of a video shows beside its form."""
        return {
            "title": str(video),
            "subtitle": None,
            "state": labels.badges(labels.state_of(video)),
            "verbs": self._verbs(request, video),
            "engagement": engagement_of(video),
            "history": history_of(video),
            "lineage": lineage_of(video),
            "suggested_tags": open_suggestions(video.pk),
            "scenes": scenes_shown(video),
            "compilation": compilation_of(video),
            "newer": neighbour(video, is_newer=True),
            "older": neighbour(video, is_newer=False),
        }

    def _verbs(self, request: HttpRequest, video: Video) -> list[tuple[str, str]]:
        """The actions that this person may take with this video as it stands, by name, with what a button calls them."""
        possible = possible_verbs(video)
        labelled = [(name, label.rstrip("…")) for name, label in self.get_action_choices(request) if name in possible]
        return [(name, "Move to category" if name == "publish" and hasattr(video, "public") else label) for name, label in labelled]


def possible_verbs(video: Video) -> set[str]:
    """The actions that would change this video as it stands."""
    if video.trashed_at or not video.is_valid:
        return {"restore"} if video.trashed_at or video.width else {"trash"}  # what no scan could read, nobody makes valid
    public = getattr(video, "public", None)
    always = {"mark_invalid", "trash"} | (set() if video.missing_since else {"compile", "gif"})
    if public is None:
        return always | (set() if video.directory_type == DirectoryType.PRIVATE else {"publish"})
    return always | {"publish", "unpublish", "unlock" if public.is_locked else "lock"}


def engagement_of(video: Video) -> list[tuple[str, str]]:
    """The figures of the gallery: today's of a public video, else as they stood when it left; empty when it never was public."""
    public, stats = getattr(video, "public", None), getattr(video, "stats", None)
    if public and stats:
        counts = (stats.view_count, stats.unique_view_count, stats.upvote_count, public.comment_count, stats.finish_count)
        watched = stats.total_watch_time
    elif video.moved_from_public_at:
        counts = (video.public_view_count, None, video.public_upvote_count, video.public_comment_count, video.public_completion_count)
        watched = video.public_total_watch_time or 0
    else:
        return []
    named = zip(("Views", "Unique views", "Upvotes", "Comments", "Finished"), counts, strict=True)
    return [(what, f"{count:,}") for what, count in named if count is not None] + [("Watched", labels.long_time(watched))]


def lineage_of(video: Video) -> list[tuple[str, list[tuple[Video, str]]]]:
    """What the video was made from and what it is used in: headings with videos, and which part of the source each shows."""
    sources = [(stretch.source, part_of(stretch)) for stretch in lineage.made_from(video.pk)]
    uses = [(stretch.derived, part_of(stretch)) for stretch in lineage.used_in(video.pk)]
    return [(heading, others) for heading, others in (("Made from", sources), ("Used in", uses)) if others]


def compilation_of(video: Video) -> int | None:
    """The compilation that the video is, if the library knows how it was made."""
    return Compilation.objects.filter(path=video.path).values_list("pk", flat=True).first()


def part_of(stretch: Derivation) -> str:
    """`0:12–0:47`, or `all of it`."""
    if stretch.in_point is None and stretch.out_point is None:
        return "all of it"
    end = "its end" if stretch.out_point is None else labels.clock(round(stretch.out_point))
    return f"{labels.clock(int(stretch.in_point or 0))}–{end}"


def history_of(video: Video) -> QuerySet[LogEntry]:
    """Who changed this video, when and why, the newest first."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Video), object_id=str(video.pk))
    return entries.select_related("user").order_by("-action_time")[:HISTORY_LENGTH]


def neighbour(video: Video, *, is_newer: bool) -> int | None:
    """The video that was added next before or after this one; None at the end."""
    beyond = "gt" if is_newer else "lt"
    others = Video.objects.filter(
        Q(**{f"created_at__{beyond}": video.created_at}) | Q(**{f"pk__{beyond}": video.pk}),
        **{f"created_at__{beyond}e": video.created_at},
        trashed_at=None,
    )
    order = ("created_at", "pk") if is_newer else ("-created_at", "-pk")
    return others.order_by(*order).values_list("pk", flat=True).first()

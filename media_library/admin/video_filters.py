"""What narrows the library's list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.db import connection
from django.db.models import QuerySet

from media_library.admin.filters import ChoiceFilter, WordFilter
from media_library.models import DirectoryType, Orientation, Quality, Video
from media_library.querysets import VideoQuerySet

RECENT_COUNT = 500  # newest videos whose tags are offered
PRODUCER_COUNT = 200  # producers that are offered


class DirectoryFilter(ChoiceFilter):
    title = "directory"
    parameter_name = "directory_type"
    options = DirectoryType.choices


class OrientationFilter(ChoiceFilter):
    title = "orientation"
    parameter_name = "orientation"
    options = Orientation.choices


class QualityFilter(ChoiceFilter):
    title = "quality"
    parameter_name = "quality"
    options = Quality.choices


class ValidFilter(ChoiceFilter):
    title = "validity"
    parameter_name = "is_valid"
    options = (("yes", "Valid"), ("no", "Invalid"))

    def narrow(self, rows: QuerySet[Video], choice: str | None) -> QuerySet[Video]:
        return rows if choice is None else rows.filter(is_valid=choice == "yes")


class PublishedFilter(ChoiceFilter):
    title = "publication"
    parameter_name = "published"
    options = (("yes", "Published"), ("no", "Not published"), ("locked", "Locked"))

    def narrow(self, rows: QuerySet[Video], choice: str | None) -> QuerySet[Video]:
        match choice:
            case "yes":
                return rows.filter(public__is_locked=False)
            case "locked":
                return rows.filter(public__is_locked=True)
            case "no":
                return rows.filter(public__isnull=True)
        return rows


class FileFilter(ChoiceFilter):
    """Where the file is. What lies in the trash is shown only to who asks for it."""

    title = "file"
    parameter_name = "file"
    options = (("missing", "Missing"), ("trash", "In the trash"), ("any", "Everything, trash included"))
    without = "In the library"

    def narrow(self, rows: QuerySet[Video], choice: str | None) -> QuerySet[Video]:
        match choice:
            case "missing":
                return rows.filter(missing_since__isnull=False, trashed_at=None)
            case "trash":
                return rows.filter(trashed_at__isnull=False)
            case "any":
                return rows
        return rows.filter(trashed_at=None)


class ProducerFilter(WordFilter):
    title = "producer"
    parameter_name = "producer"

    def suggestions(self) -> Sequence[str]:
        return producers(PRODUCER_COUNT)

    def narrow(self, rows: QuerySet[Video], word: str) -> QuerySet[Video]:
        return rows.filter(producer=word)


class TagFilter(WordFilter):
    title = "tag"
    parameter_name = "tag"

    def suggestions(self) -> Sequence[str]:
        return recent_tags()

    def narrow(self, rows: QuerySet[Video], word: str) -> QuerySet[Video]:
        return cast(VideoQuerySet, rows).tagged(word)


def producers(count: int) -> list[str]:
    """The first producers by name, one index probe each; `DISTINCT` would read every row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE distinct_producer AS (
                (SELECT producer FROM videos WHERE producer > '' ORDER BY producer LIMIT 1)
                UNION ALL
                SELECT (SELECT producer FROM videos WHERE producer > previous.producer ORDER BY producer LIMIT 1)
                FROM distinct_producer AS previous WHERE previous.producer IS NOT NULL
            )
            SELECT producer FROM distinct_producer WHERE producer IS NOT NULL LIMIT %s
            """,
            [count],
        )
        return [producer for (producer,) in cursor]


def recent_tags() -> list[str]:
    """The tags of the newest videos, by name."""
    newest = Video.objects.order_by("-created_at", "-pk").values_list("tags", flat=True)[:RECENT_COUNT]
    return sorted({tag for tags in newest for tag in tags if isinstance(tag, str)})

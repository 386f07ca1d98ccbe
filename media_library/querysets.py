"""Adjectives of videos: querysets that read as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat, Left, Upper

if TYPE_CHECKING:
    from media_library.models import Video  # noqa: F401 - named in the class below, as text

# What a search of the library looks through; the index below and the queryset must say it alike.
SEARCH_TEXT = Concat(
    Coalesce(F("title"), Value("", output_field=models.TextField())), Value("\n", output_field=models.TextField()), F("filename")
)

# What lists of the library sort by, never null; an index holds at most 200 characters of a title.
SORT_TITLE = Upper(Left(Coalesce("title", "filename"), 200))
SORT_DURATION = Coalesce("duration_seconds", -1)
SORT_SIZE = Coalesce("file_size", Value(-1, output_field=models.BigIntegerField()))


class VideoQuerySet(models.QuerySet["Video"]):
    def present_on_disk(self) -> Self:
        return self.filter(missing_since=None, trashed_at=None)

    def valid(self) -> Self:
        return self.filter(is_valid=True)

    def matching(self, text: str) -> Self:
        """Videos whose title or filename contains `text` literally, in any case."""
        return self.alias(search_text=SEARCH_TEXT).filter(search_text__icontains=text)

    def tagged(self, tag: str) -> Self:
        return self.filter(tags__contains=[tag])

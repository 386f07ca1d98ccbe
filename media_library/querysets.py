"""Adjectives of videos: querysets that read as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce, Left, Upper

from media_library.search import SearchableQuerySet

if TYPE_CHECKING:
    from media_library.models import Video

# What lists of the library sort by, never null; an index holds at most 200 characters of a title.
SORT_TITLE = Upper(Left(Coalesce("title", "filename"), 200))
SORT_DURATION = Coalesce("duration_seconds", -1)
SORT_SIZE = Coalesce("file_size", Value(-1, output_field=models.BigIntegerField()))


class VideoQuerySet(SearchableQuerySet["Video"]):
    def present_on_disk(self) -> Self:
        return self.filter(missing_since=None, trashed_at=None)

    def valid(self) -> Self:
        return self.filter(is_valid=True)

    def matching_short(self, text: str) -> Self:
        """In the order of the index that carries the text: read whole, it is a fraction of the table."""
        return self.matching(text).order_by("-created_at", "-pk")

    def tagged(self, tag: str) -> Self:
        return self.filter(tags__contains=[tag])

    def same_file_as(self, video: Video) -> Self:
        """The row of `video`, as it was when its file was read, where its file is still that one."""
        return self.filter(pk=video.pk, file_size=video.file_size, file_mtime_ns=video.file_mtime_ns)

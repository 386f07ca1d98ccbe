"""Adjectives of public media: querysets that read as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat

if TYPE_CHECKING:
    from gallery.models import PublicMedia  # noqa: F401 - named in the class below, as text

# What a search of the gallery looks through; the index below and the queryset must say it alike.
SEARCH_TEXT = Concat(
    F("path"), Value("\n", output_field=models.TextField()), Coalesce(F("title"), Value("", output_field=models.TextField()))
)


class PublicMediaQuerySet(models.QuerySet["PublicMedia"]):
    def open_to_the_public(self) -> Self:
        return self.filter(is_locked=False)

    def locked(self) -> Self:
        return self.filter(is_locked=True)

    def matching(self, text: str) -> Self:
        """Media whose public path (so filename too) or title contains `text` literally, in any case."""
        return self.alias(search_text=SEARCH_TEXT).filter(search_text__icontains=text)

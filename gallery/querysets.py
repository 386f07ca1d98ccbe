"""Adjectives of public media: querysets that read as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Upper

if TYPE_CHECKING:
    from gallery.models import PublicMedia  # noqa: F401 - named in the class below, as text


class ShortGrams(Func):
    """Every single character of a text and every two neighbouring ones: what finds texts that have no three letters in a row."""

    function = "gallery_short_grams"
    arity = 1
    output_field = ArrayField(models.TextField())


class PublicMediaQuerySet(models.QuerySet["PublicMedia"]):
    def open_to_the_public(self) -> Self:
        return self.filter(is_locked=False)

    def locked(self) -> Self:
        return self.filter(is_locked=True)

    def matching(self, text: str) -> Self:
        """Media whose public path (so filename too) or title contains `text` literally, in any case."""
        return self.filter(search_text__contains=Upper(Value(text)))

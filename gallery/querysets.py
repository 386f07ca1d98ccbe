"""Adjectives of public media: querysets that read as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.lookups import DataContains
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Concat, Upper

from media_library.search import SearchableQuerySet

if TYPE_CHECKING:
    from gallery.models import Comment, PublicMedia  # noqa: F401 - named in the classes below, as text

# What a search looks through in a comment; its index is on the very same expression.
COMMENT_TEXT = Upper(Concat("author_name", Value("\n", output_field=models.TextField()), "content"))


class ShortGrams(Func):
    """Every single character of a text and every two neighbouring ones: what finds texts that have no three letters in a row."""

    function = "gallery_short_grams"
    arity = 1
    output_field = ArrayField(models.TextField())


class Pairs(Func):
    """Every two neighbouring characters of a text; its only one of a text of one."""

    function = "gallery_pairs"
    arity = 1
    output_field = ArrayField(models.TextField())


class PublicMediaQuerySet(SearchableQuerySet["PublicMedia"]):
    def open_to_the_public(self) -> Self:
        return self.filter(is_locked=False)

    def locked(self) -> Self:
        return self.filter(is_locked=True)

    def matching_short(self, text: str) -> Self:
        """By the index of short grams: everybody may search here, and rows are written seldom enough to afford it."""
        return self.matching(text).filter(DataContains(ShortGrams("search_text"), Pairs(Upper(Value(text)))))


class CommentQuerySet(SearchableQuerySet["Comment"]):
    def visible(self) -> Self:
        return self.filter(status="visible")

    def held(self) -> Self:
        return self.filter(status="held")

    def standing(self) -> Self:
        """Neither removed by a moderator nor withdrawn by their author."""
        return self.filter(status__in=("visible", "held"))

    def matching(self, text: str) -> Self:
        return super(CommentQuerySet, self.alias(search_text=COMMENT_TEXT)).matching(text)

    def matching_short(self, text: str) -> Self:
        return self.matching(text)  # reads them all: for moderators, who seldom look for two letters

"""Find rows by any part of their text, also by one character or by signs, of which trigrams know nothing.

A row keeps what a search looks through in `search_text`, in upper case, with a trigram index. Few hits are found first
and sorted among themselves; where there are many, a page meets enough of them soon in the index of its own order.
"""

from __future__ import annotations

import re
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Value
from django.db.models.functions import StrIndex, Upper
from django.db.models.lookups import GreaterThan

_TRIGRAM = re.compile("[A-Za-z0-9]{3}")
RowT = TypeVar("RowT", bound=models.Model)


def has_trigram(text: str) -> bool:
    """The trigram index can find `text`; for any other it would be read from end to end."""
    return _TRIGRAM.search(text) is not None


class SearchableQuerySet(models.QuerySet[RowT]):
    """Rows of a model with a `search_text`."""

    def matching(self, text: str) -> Self:
        """Rows whose `search_text` contains `text` literally, in any case."""
        sought = Upper(Value(text))
        if has_trigram(text):
            return self.filter(search_text__contains=sought)
        return self.filter(GreaterThan(StrIndex("search_text", sought), 0))  # keeps the planner from the trigram index

    def matching_short(self, text: str) -> Self:
        """`matching` for a text without a trigram, in the way that finds few hits among all rows soonest."""
        raise NotImplementedError

    def hits(self, text: str, *, most: int) -> list[Any]:
        """The keys of rows that match, in no order, one more than `most` at most."""
        matching = self.order_by().matching(text) if has_trigram(text) else self.order_by().matching_short(text)
        return list(matching.values_list("pk", flat=True)[: most + 1])

    def searched(self, text: str, *, most: int) -> Self:
        """What `matching` finds: up to `most` hits by their keys, so that any order, page and count of them is cheap."""
        hits = self.hits(text, most=most)
        return self.filter(pk__in=hits) if len(hits) <= most else self.matching(text)

"""Filters of lists of a million rows: a choice from a fixed set, a typed word, an order. None of them reads rows to draw itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

SORT = "sort"  # the query parameter that names an order
WORD_LIMIT = 200  # characters of a typed filter


def clean_word(text: str) -> str:
    """What somebody typed, as a database can compare it."""
    return text.replace("\0", "").strip()[:WORD_LIMIT]


class ChoiceFilter(admin.SimpleListFilter):
    """One of `options`; anything else in the address is refused, and `without` names what is shown when nothing is chosen."""

    options: Sequence[tuple[str, str]]
    without = "All"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        return self.options

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        choices = super().choices(changelist)
        yield {**next(choices), "display": self.without}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        choice = self.value()
        if choice is not None and choice not in dict(self.options):
            raise IncorrectLookupParameters(f"{choice!r} is no choice of {self.title}")
        return self.narrow(queryset, choice)

    def narrow(self, rows: QuerySet[Any], choice: str | None) -> QuerySet[Any]:
        """The rows of this choice; `None` when nothing was chosen."""
        return rows if choice is None else rows.filter(**{self.field: choice})

    @property
    def field(self) -> str:
        return str(self.parameter_name)


class WordFilter(admin.SimpleListFilter):
    """A word that somebody types, with suggestions; a field of thousands of values is never listed."""

    template = "admin/word_filter.html"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        return ()

    def has_output(self) -> bool:
        return True

    def value(self) -> str | None:
        return clean_word(super().value() or "") or None

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """One entry: what the template needs for its form, the other filters as hidden fields among it."""
        others = [(name, value) for name, values in changelist.filter_params.items() if name != self.parameter_name for value in values]
        yield {
            "parameter": self.parameter_name,
            "value": self.value() or "",
            "others": others,
            "suggestions": self.suggestions(),
            "clear": changelist.get_query_string(remove=[str(self.parameter_name)]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        word = self.value()
        return queryset if word is None else self.narrow(queryset, word)

    def suggestions(self) -> Sequence[str]:
        """Some values worth offering; reads a bounded number of rows."""
        raise NotImplementedError

    def narrow(self, rows: QuerySet[Any], word: str) -> QuerySet[Any]:
        raise NotImplementedError


class SortFilter(admin.SimpleListFilter):
    """The choice of one of the model admin's `orders`; the change list applies it."""

    title = "order"
    parameter_name = SORT

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Sequence[tuple[str, str]]:
        orders: dict[str, Any] = getattr(model_admin, "orders")  # noqa: B009 - a LargeModelAdmin, which imports this module
        return [(name, name.replace("_", " ").capitalize()) for name in orders]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        chosen = self.value() or self.lookup_choices[0][0]
        for name, label in self.lookup_choices:
            yield {"selected": name == chosen, "query_string": changelist.get_query_string({SORT: name}), "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

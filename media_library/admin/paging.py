"""Lists of a million rows: totals that nobody counts, pages that read only their own rows, orders that have an index."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets, helpers
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, ChangeList
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property

from media_library.admin.filters import SORT, clean_word

LAYOUTS = ("grid", "list")
LAYOUT = "layout"  # the query parameter, and the session's key
COUNT_LIMIT = 10_000  # rows that a list counts where no total is kept; more are "10,000+"


class LargePaginator(Paginator):  # type: ignore[type-arg]  # takes no parameter at run time
    """Pages of an ordered queryset; `known_total` is its exact count where one is kept, else at most `COUNT_LIMIT` are counted."""

    def __init__(self, rows: QuerySet[Any], per_page: int, *, known_total: int | None = None) -> None:
        super().__init__(rows, per_page)
        self.rows = rows
        self.known_total = known_total

    @cached_property
    def count(self) -> int:
        return min(self._found, COUNT_LIMIT) if self.known_total is None else self.known_total

    @property
    def is_capped(self) -> bool:
        """There are more rows than were counted."""
        return self._found > self.count

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        ids = self._ids(start, min(start + self.per_page, self.count))
        found = {row.pk: row for row in self.rows.filter(pk__in=ids).order_by()}
        return Page([found[pk] for pk in ids if pk in found], number, self)

    @cached_property
    def _found(self) -> int:
        return self.known_total if self.known_total is not None else self.rows.order_by().values("pk")[: COUNT_LIMIT + 1].count()

    def _ids(self, start: int, stop: int) -> list[int]:
        """The keys of rows [start, stop); what is skipped is skipped in the index, from the nearer end."""
        keys = self.rows.values_list("pk", flat=True)
        if self.known_total is None or start <= self.known_total // 2:
            return list(keys[start:stop])
        return list(keys.reverse()[self.count - stop : self.count - start])[::-1]


class LargeChangeList(ChangeList):
    """A change list in one of its model admin's `orders`."""

    model_admin: LargeModelAdmin

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        orders = self.model_admin.orders
        return list(orders.get(request.GET.get(SORT, ""), next(iter(orders.values()))))


class LargeModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes no parameter at run time
    """A model admin that stays usable at a million rows, which are neither added nor deleted by hand.

    Every filter is a `SimpleListFilter`, every order in `orders` has an index, the first is the default.
    """

    list_title: str
    orders: dict[str, tuple[Any, ...]]
    list_per_page = 60  # divides into rows of 2, 3, 4, 5 and 6 posters
    list_max_show_all = list_per_page
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    empty_value_display = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if LAYOUT in request.GET:
            return _remember_layout(request)
        shown = {"title": self.list_title, "layout": request.session.get(LAYOUT, LAYOUTS[0]), "layouts": LAYOUTS}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LargeChangeList

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kwargs: Any) -> LargePaginator:
        return LargePaginator(queryset, per_page, known_total=self.known_total(request))

    def known_total(self, request: HttpRequest) -> int | None:
        """The exact number of rows that the request's filters leave; None where no total is kept for them."""
        raise NotImplementedError

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only our own filters: Django's would let an address ask for any lookup of any column, regular expressions too."""
        return lookup in {getattr(listed, "parameter_name", None) for listed in self.list_filter}

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        if not all(key.isdecimal() and len(key) < 20 for key in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)):
            raise BadRequest("A selected row is no number")
        return super().response_action(request, queryset, *args)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def chosen_filters(request: HttpRequest) -> dict[str, str]:
    """What narrows a list, by query parameter: filters and the search, neither page nor order."""
    words = {name: clean_word(str(value)) for name, value in request.GET.items() if name not in (PAGE_VAR, ERROR_FLAG, SORT)}
    return {name: word for name, word in words.items() if word}


def _remember_layout(request: HttpRequest) -> HttpResponse:
    """Keep the asked-for layout in the session and show the same list without the question."""
    rest = request.GET.copy()
    layout = rest.pop(LAYOUT)[-1]
    if layout in LAYOUTS:
        request.session[LAYOUT] = layout
    return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}")

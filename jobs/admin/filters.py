"""What narrows the list of all jobs; each has an index."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.api.fields import parse_decimal
from jobs import queue, registry
from jobs.models import Job, Lane
from media_library.admin.filters import ChoiceFilter, WordFilter, clean_word

WAITING = "waiting"
WITHOUT_CLASS = "-"  # how an address names an empty error class


class StatusFilter(ChoiceFilter):
    """The status as it is shown; waiting is pending or queued."""

    title = "status"
    parameter_name = "status"
    options = ((WAITING, "Waiting"), *Job.Status.choices)

    def narrow(self, rows: QuerySet[Job], choice: str | None) -> QuerySet[Job]:
        if choice is None:
            return rows
        if choice == WAITING:
            return rows.filter(status__in=[Job.Status.PENDING, Job.Status.QUEUED])
        return queue.shown_as(rows, choice)


class LaneFilter(ChoiceFilter):
    title = "lane"
    parameter_name = "resource_category"
    options = Lane.choices


class TypeFilter(admin.SimpleListFilter):
    """One of the installed types, or any other that the address names: a type that is gone has jobs still."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Job]) -> Sequence[tuple[str, str]]:
        return [(job_type.name, job_type.name) for job_type in registry.all_types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(type=clean_word(name)) if (name := self.value()) else queryset


class ErrorClassFilter(WordFilter):
    title = "error class"
    parameter_name = "error_class"

    def suggestions(self) -> Sequence[str]:
        failed = Job.objects.filter(status=Job.Status.FAILED).order_by("error_class")
        return [name or WITHOUT_CLASS for name in failed.values_list("error_class", flat=True).distinct()[:50]]

    def narrow(self, rows: QuerySet[Job], word: str) -> QuerySet[Job]:
        return rows.filter(status=Job.Status.FAILED, error_class="" if word == WITHOUT_CLASS else word)


class VideoFilter(WordFilter):
    """The jobs of one video, by its id."""

    title = "video"
    parameter_name = "video"

    def suggestions(self) -> Sequence[str]:
        return ()

    def narrow(self, rows: QuerySet[Job], word: str) -> QuerySet[Job]:
        return rows.filter(video=parse_decimal(word) or 0)

"""Locking videos, and with them what was made from them: a clip of what must not be seen must not be seen either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse

from gallery import services as gallery
from media_library import labels, lineage
from media_library.admin.forms import LockForm, ReasonForm
from media_library.admin.set_actions import SELECTION_LIMIT, Others, Question, admin_of, ask
from media_library.models import Video
from media_library.outcomes import Outcome

LOCK = Question(title="Lock", explanation="Visitors no longer see them; votes and comments are kept.", form=ReasonForm)
MOST_NAMED = 20  # videos of what was made from the selected ones


def ask_to_lock(page: admin.ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
    """Lock videos or public media; shows what was made from them, and offers to lock what visitors see of it in the same step."""

    def lock(ids: list[int], answer: Mapping[str, Any]) -> Outcome:
        derived = seen_by_visitors(lineage.descendants(ids)).values_list("pk", flat=True) if answer.get("with_derived") else ()
        return gallery.lock([*ids, *derived], reason=answer["reason"], by=admin_of(request))

    return ask(page, request, rows, question=question_about(rows), change=lock, done="Locked {}")


def question_about(rows: QuerySet[Any]) -> Question:
    """The question of a lock, with what was made from the rows; what visitors see of it first."""
    derived = Video.objects.filter(pk__in=lineage.descendants(rows.values_list("pk", flat=True)[:SELECTION_LIMIT]))
    count, open_count = derived.count(), seen_by_visitors(derived.values_list("pk", flat=True)).count()
    if not count:
        return LOCK
    open_first = Case(When(public__is_locked=False, then=Value(0)), default=Value(1))
    named = derived.select_related("public").order_by(open_first, "-pk")[:MOST_NAMED]
    others = Others(f"Made from them, {open_count:,} of {count:,} seen by visitors", [(video, state_of(video)) for video in named], count)
    return replace(LOCK, form=LockForm if open_count else ReasonForm, others=others)


def seen_by_visitors(ids: Any) -> QuerySet[Video]:
    """Those of the videos that are published and not locked."""
    return Video.objects.filter(pk__in=ids, public__is_locked=False)


def state_of(video: Video) -> str:
    return labels.badges(labels.state_of(video) or [("unpublished", "not published")])

"""Actions on a selection: what they must know they ask on a page of their own; what came of it they say, skipped ones included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme

from media_library.outcomes import Outcome
from media_library.paths import shown

SELECTION_LIMIT = 10_000  # rows that one action changes
BATCH = 1_000  # rows that one call of a service, so one transaction, changes
SAMPLE = 8  # rows that a question names

Change = Callable[[list[int]], Outcome]


def filename_of(row: Any) -> str:
    return shown(row.filename)


@dataclass(frozen=True)
class Others:
    """What an action touches, or may touch, beside the rows that are selected: some of them with a note each, and how many there are."""

    title: str
    rows: Sequence[tuple[Any, str]]
    count: int

    @property
    def unnamed_count(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True)
class Question:
    """What an action asks before it acts; `caption` tells the rows of its sample apart."""

    title: str
    explanation: str
    form: type[forms.Form] = forms.Form
    is_grave: bool = False
    caption: Callable[[Any], str] = filename_of
    others: Others | None = None


def ask(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    *,
    question: Question,
    change: Callable[[list[int], Mapping[str, Any]], Outcome],
    done: str,
    noun: str = "video",
) -> HttpResponse | None:
    """Show `question`, or once it is answered change the rows with the form's cleaned data."""
    answered = "answered" in request.POST
    form = question.form(request.POST) if answered else question.form()
    if answered and form.is_valid():
        return carry_out(request, rows, change=lambda ids: change(ids, form.cleaned_data), done=done, noun=noun)
    ids = _ids(rows)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "form": form,
        "media": model_admin.media + form.media,
        "count": len(ids),
        "is_too_many": len(ids) > SELECTION_LIMIT,
        "limit": SELECTION_LIMIT,
        "sample": [(row, question.caption(row)) for row in rows.model._default_manager.filter(pk__in=ids[:SAMPLE])],
        "unnamed_count": max(0, len(ids) - SAMPLE),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "action": request.POST["action"],
        "next": _next(request) or "",
        "back": _next(request) or request.get_full_path(),
    }
    return TemplateResponse(request, "admin/set_action.html", context)


def carry_out(request: HttpRequest, rows: QuerySet[Any], *, change: Change, done: str, noun: str = "video") -> HttpResponse | None:
    """Change the rows in batches and say how many were changed, how many not and why; leads back to where the action was asked for."""
    ids = _ids(rows)
    if len(ids) > SELECTION_LIMIT:
        messages.error(request, f"More than {SELECTION_LIMIT:,} are selected. Narrow the list first; nothing was changed.")
    else:
        tell(request, _in_batches(ids, change), done=done, noun=noun)
    here = _next(request)
    return HttpResponseRedirect(here) if here else None


def admin_of(request: HttpRequest) -> User:
    """Who asked; the admin has let in nobody who is not signed in."""
    assert isinstance(request.user, User)
    return request.user


def tell(request: HttpRequest, outcome: Outcome, *, done: str, noun: str = "video") -> None:
    """Say what a change came to: `done` is the sentence of what was done, with `{}` where the videos are, or what else `noun` names."""
    count = len(outcome.done)
    parts = [f"{done.format(f'1 {noun}' if count == 1 else f'{count:,} {noun}s' if count else f'no {noun}')}."]
    if outcome.skipped:
        reasons = "; ".join(f"{reason.rstrip('.')} ({count:,})" for reason, count in outcome.reasons)
        parts.append(f"Skipped {len(outcome.skipped):,}: {reasons}.")
    level = messages.ERROR if not outcome.done else messages.WARNING if outcome.skipped else messages.SUCCESS
    messages.add_message(request, level, " ".join(parts))


def _ids(rows: QuerySet[Any]) -> list[int]:
    """The keys of the selection, one more than may be changed when there are too many."""
    return list(rows.values_list("pk", flat=True)[: SELECTION_LIMIT + 1])


def _in_batches(ids: list[int], change: Change) -> Outcome:
    outcomes = [change(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
    return Outcome(
        done=tuple(pk for outcome in outcomes for pk in outcome.done),
        skipped={pk: reason for outcome in outcomes for pk, reason in outcome.skipped.items()},
    )


def _next(request: HttpRequest) -> str | None:
    """Where the form wants to go back to, if that is a page of ours."""
    target = request.POST.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else None

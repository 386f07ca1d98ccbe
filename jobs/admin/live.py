"""Pages that keep themselves up to date: sections drawn by templates, whole in the page and again in a JSON reply.

A POST names its act as `verb:subject`. From the script it is answered with the redrawn sections and what came of it,
else with a message and a redirect, so that every button works without scripts too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.text import capfirst

from jobs import services

Act = Callable[[str, HttpRequest], str]  # does it to the subject and says what it did
REFUSALS = (
    services.Refused,
    services.WrongState,
    services.JobNotFound,
    services.PipelineNotFound,
    services.UnknownLane,
)


@dataclass(frozen=True)
class Drawing:
    """What a live page shows now."""

    template: str
    sections: tuple[tuple[str, str], ...]  # name, template
    title: str
    state_url: str
    words: str  # the state in a sentence, read aloud when it has changed
    context: Mapping[str, Any]
    read_at: datetime  # by the database's clock


def page(request: HttpRequest, draw: Callable[[], Drawing], acts: Mapping[str, Act], *, site_context: Mapping[str, Any]) -> HttpResponse:
    """The whole page, or for a POST what came of one of its buttons."""
    if request.method == "POST":
        return _act(request, acts, draw=draw)
    drawing = draw()
    return TemplateResponse(request, drawing.template, {**site_context, **context(request, drawing)})


def redraw(request: HttpRequest, drawing: Drawing, *, told: tuple[tuple[str, str], ...] = ()) -> JsonResponse:
    """The page's sections for the script, and what there is to tell as `(level, text)`."""
    shown = context(request, drawing)
    return JsonResponse(
        {
            "sections": {name: render_to_string(template, shown, request) for name, template in drawing.sections},
            "words": drawing.words,
            "messages": [{"level": level, "text": text} for level, text in told],
        }
    )


def _act(request: HttpRequest, acts: Mapping[str, Act], *, draw: Callable[[], Drawing]) -> HttpResponse:
    """Do what a button asked for; 400 for what no button asks."""
    if not may_change(request):
        raise PermissionDenied
    verb, _, subject = request.POST.get("act", "").partition(":")
    if verb not in acts:
        raise BadRequest("This is nothing that can be done here")
    try:
        level, text = "success", acts[verb](subject, request)
    except REFUSALS as error:
        level, text = "error", capfirst(str(error))
    if request.accepts("text/html"):
        messages.add_message(request, messages.SUCCESS if level == "success" else messages.ERROR, text)
        return HttpResponseRedirect(request.get_full_path())
    return redraw(request, draw(), told=((level, text),))


def may_change(request: HttpRequest) -> bool:
    return request.user.has_perm("jobs.change_job")


def admin_of(request: HttpRequest) -> User:
    """Who asked; the admin has let in nobody who is not signed in."""
    assert isinstance(request.user, User)
    return request.user


def key(subject: str) -> int:
    """The id that an act names; 400 where it is none."""
    if not (subject.isascii() and subject.isdecimal() and len(subject) < 19):
        raise BadRequest("This is no id")
    return int(subject)


def context(request: HttpRequest, drawing: Drawing) -> dict[str, Any]:
    return {
        "title": drawing.title,
        "sections": drawing.sections,
        "state_url": drawing.state_url,
        "words": drawing.words,
        "read_at": drawing.read_at,
        "may_change": may_change(request),
        **drawing.context,
    }

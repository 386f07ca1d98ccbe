"""The queue as one page that a person can run a night shift from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from jobs import board
from jobs.admin import live
from jobs.admin.acts import ACTS
from jobs.models import Lane

SECTIONS = tuple((name, f"admin/jobs/job/queue/{name}.html") for name in ("lanes", "running", "failures", "waiting", "pipelines", "ended"))


def page(request: HttpRequest, *, site_context: dict[str, object]) -> HttpResponse:
    """Show the queue, or do what one of its buttons asks for."""
    return live.page(request, lambda: _drawing(request), ACTS, site_context=site_context)


def state(request: HttpRequest) -> HttpResponse:
    """The queue's sections, for the script that keeps the page up to date."""
    return live.redraw(request, _drawing(request))


def _drawing(request: HttpRequest) -> live.Drawing:
    lane = request.GET.get("lane", "")
    shown = board.read(lane=lane if lane in Lane.values else "")
    return live.Drawing(
        template="admin/jobs/job/queue.html",
        sections=SECTIONS,
        title="Queue",
        state_url=reverse("admin:jobs_queue_state"),
        words=shown.words,
        read_at=shown.read_at,
        context={"state": shown, "time_zone": settings.TIME_ZONE, "may_add": request.user.has_perm("jobs.add_job")},
    )

"""The studio: choose clips, put them in order, give them a style, look at the storyboard, start; then follow the job there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse

from config.api.fields import parse_decimal
from jobs import registry, services
from jobs.admin import job_page, live, studio_draft
from jobs.admin.param_form import ParamForm
from jobs.admin.studio_draft import COMPILATION, LAYOUTS, TYPES, Draft
from jobs.compilations import MOST_CLIPS
from jobs.models import Job
from media_library import labels as video_labels
from media_library.labels import plain
from media_library.models import Compilation, Video
from media_library.timecodes import precise_clock

SECTIONS = (("job", "admin/jobs/job/studio/job.html"),)
MOST_FOUND = 12
MOST_HITS = 1_000
MOST_OFFERED = 8  # compilations to open again
FAMILIES = {"join": COMPILATION, "layout": next(iter(LAYOUTS))}  # of styles, each with a type that has its params

Forms = dict[str, ParamForm]


def page(request: HttpRequest, *, site_context: Mapping[str, Any]) -> HttpResponse:
    """The studio with what the address names on its table, or for a POST what came of one of its buttons."""
    job = _job(request)
    if request.method == "POST":
        draft, forms = studio_draft.of_form(request.POST), _forms(request.POST)
        verb, _, subject = request.POST.get("act", "").partition(":")
        if verb in ("storyboard", "start"):
            draft, added = _submit(request, draft, forms, dry_run=verb == "storyboard")
            if added:
                return HttpResponseRedirect(f"{reverse('admin:jobs_studio')}?job={added.pk}#live-job")
        else:
            draft = _rearranged(draft, verb, subject)
    else:
        draft = _asked_for(request, job)
        forms = {family: _form(family)(initial=dict(draft.style), prefix=family) for family in FAMILIES}
    return TemplateResponse(request, "admin/jobs/job/studio/page.html", {**site_context, **_context(request, draft, forms, job)})


def state(request: HttpRequest, job_id: int) -> HttpResponse:
    """How the job stands, for the script that keeps the page up to date."""
    return live.redraw(request, _drawing(job_id))


def clip(request: HttpRequest) -> HttpResponse:
    """One clip of the video that the address names, for the script that adds it."""
    draft = Draft().with_clips([parse_decimal(request.GET.get("video", "")) or 0]).looked_up()
    if not draft.clips:
        raise Http404("There is no such video")
    return render(request, "admin/jobs/job/studio/clip.html", {"clip": draft.clips[0], "number": 0})


def found(request: HttpRequest) -> HttpResponse:
    """What a search has found, for the script that asks while somebody types."""
    return render(request, "admin/jobs/job/studio/found.html", _found(request.GET.get("q", "")))


def _job(request: HttpRequest) -> Job | None:
    """The job that the address names, if it is one of the studio's."""
    job_id = parse_decimal(request.GET.get("job", "")) or 0
    return Job.objects.filter(pk=job_id, type__in=TYPES).defer("log").first()


def _asked_for(request: HttpRequest, job: Job | None) -> Draft:
    """The draft that the address begins: a job's, a compilation's, or one of some videos."""
    try:
        if job is not None:
            return studio_draft.of_params(job.type, job.params)
        if "compilation" in request.GET:
            return _of_compilation(request.GET["compilation"])
    except registry.Refused as error:
        messages.error(request, f"It cannot be opened: {plain(str(error))}")
    wanted = request.GET.get("type", COMPILATION)
    draft = Draft(wanted if studio_draft.is_made_here(wanted) else COMPILATION)
    return draft.with_clips(studio_draft.ids_in(request.GET.get("videos", "")))


def _of_compilation(key: str) -> Draft:
    kept = Compilation.objects.filter(pk=parse_decimal(key) or 0).first()
    if kept is None:
        raise Http404("There is no such compilation")
    recipe = kept.settings if isinstance(kept.settings, Mapping) else {}
    params = recipe.get("params")
    return studio_draft.of_params(str(recipe.get("type")), params if isinstance(params, Mapping) else {})


def _rearranged(draft: Draft, verb: str, subject: str) -> Draft:
    """The draft after one of the buttons that need no script."""
    number = parse_decimal(subject) or 0
    match verb:
        case "add":
            return draft.with_clips([number])
        case "remove":
            return draft.without_clip(number)
        case "up":
            return draft.moved(number, -1)
        case "down":
            return draft.moved(number, 1)
        case "search" | "":
            return draft
    raise BadRequest("This is nothing that can be done here")


def _submit(request: HttpRequest, draft: Draft, forms: Forms, *, dry_run: bool) -> tuple[Draft, Job | None]:
    """The job that was added, or the draft with what it lacks."""
    form = forms[_family(draft.type)]
    if not form.is_valid():
        return draft, None
    try:
        params = studio_draft.params_of(draft, form.params)
        return draft, services.submit(draft.type, {**params, "dryRun": dry_run}, by=live.admin_of(request))
    except registry.Refused as error:
        form.complain({path: problems for path, problems in error.details.items() if path in form.fields})
        for problem in studio_draft.problems_of(error.details, known=list(form.fields)):
            messages.error(request, problem)
        return draft.blamed(error.details), None


def _context(request: HttpRequest, draft: Draft, forms: Forms, job: Job | None) -> dict[str, Any]:
    draft = draft.looked_up()
    sought = request.POST.get("q", "")
    is_live = live.context(request, _drawing(job.pk)) if job else {"sections": ()}
    return {
        **is_live,
        "title": "Studio",
        "draft": draft,
        "types": TYPES.items(),
        "join_form": forms["join"],
        "layout_form": forms["layout"],
        "most_clips": MOST_CLIPS,
        "length": precise_clock(round(draft.length, 1)),
        "made_before": _made_before(),
        "q": sought,
        **_found(sought),
    }


def _drawing(job_id: int) -> live.Drawing:
    drawing = job_page.drawing(job_id)
    return replace(
        drawing, template="admin/jobs/job/studio/page.html", sections=SECTIONS, state_url=reverse("admin:jobs_studio_state", args=[job_id])
    )


def _forms(data: Any) -> Forms:
    return {family: _form(family)(data, prefix=family) for family in FAMILIES}


def _form(family: str) -> type[ParamForm]:
    return studio_draft.style_form(FAMILIES[family])


def _family(type_name: str) -> str:
    return "layout" if type_name in LAYOUTS else "join"


def _found(text: str) -> dict[str, Any]:
    """Videos that can be used, the newest first; without a search the newest of all."""
    usable = Video.objects.present_on_disk().valid()
    sought = plain(text.strip())[:200]
    fitting = usable.searched(sought, most=MOST_HITS) if sought else usable
    videos = fitting.order_by("-created_at", "-pk")[:MOST_FOUND]
    return {"found": [{"video": video, "poster": video_labels.poster(video)} for video in videos], "sought": sought}


def _made_before() -> list[dict[str, Any]]:
    """The compilations that were made last and know how."""
    kept = Compilation.objects.filter(settings__type__in=list(TYPES)).order_by("-created_at", "-pk")[:MOST_OFFERED]
    return [{"pk": one.pk, "name": plain(one.filename), "clips": len(one.video_ids), "at": one.created_at} for one in kept]

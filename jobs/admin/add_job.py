"""Adding a job: choose a type, then fill in the form that its params make."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config.api.fields import parse_decimal
from jobs import labels, registry, services
from jobs.admin import studio_draft
from jobs.admin.live import admin_of
from jobs.admin.param_form import ParamForm, form_for, leaving_out
from jobs.models import Job

DEFAULT_PRIORITY = 5
MOVING = ("organize", "organize_studio")  # whose dry runs have no pictures


class PriorityForm(forms.Form):
    """What is asked of every job beside its params."""

    priority = forms.IntegerField(
        min_value=0, max_value=10, initial=DEFAULT_PRIORITY, help_text="0 to 10, higher first; one step is a minute's wait"
    )


def page(request: HttpRequest, *, site_context: dict[str, Any]) -> HttpResponse:
    """The types to choose from, or with `?type=` the form of that type; the rest of the query is what the form begins with."""
    name = request.GET.get("type")
    if name is None:
        return TemplateResponse(
            request, "admin/jobs/job/types.html", {**site_context, "title": "Add job", "types": _types(set(request.GET))}
        )
    try:
        job_type = registry.get(name)
    except registry.UnknownJobType as error:
        raise Http404(str(error)) from error
    form, priority = _forms(request, job_type)
    if request.method == "POST" and form.is_valid() and priority.is_valid():
        job = _submit(job_type, form, priority, request)
        if job is not None:
            messages.success(request, f"{job} was added.")
            return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))
    context = {
        "title": f"Add job: {job_type.name}",
        "job_type": job_type,
        "form": form,
        "priority": priority,
        "needs": _needs(job_type),
        "look_first": _look_first(job_type),
        "is_made_in_studio": studio_draft.is_made_here(job_type.name),
    }
    return TemplateResponse(request, "admin/jobs/job/add.html", {**site_context, **context})


def _forms(request: HttpRequest, job_type: registry.JobType) -> tuple[ParamForm, PriorityForm]:
    form = form_for(leaving_out(job_type.params_schema(), "dryRun"))
    if request.method == "POST":
        return form(request.POST), PriorityForm(request.POST, prefix="job")
    begun = {name: value for name, value in request.GET.items() if name in form.base_fields}
    return form(initial={**_params_like(request, job_type), **begun}), PriorityForm(prefix="job")


def _params_like(request: HttpRequest, job_type: registry.JobType) -> dict[str, Any]:
    """The params of the job that the address names as `like`, if it is of this type."""
    like = parse_decimal(request.GET.get("like", "")) or 0
    params = Job.objects.filter(pk=like, type=job_type.name).values_list("params", flat=True).first()
    return params or {}


def _look_first(job_type: registry.JobType) -> str:
    """What the button of a dry run says; empty where the type knows none."""
    if "dryRun" not in job_type.params_schema().get("properties", {}):
        return ""
    return "List the moves" if job_type.name in MOVING else "Show the storyboard"


def _submit(job_type: registry.JobType, form: ParamForm, priority: PriorityForm, request: HttpRequest) -> Job | None:
    """The job; None when its params were refused, which the form then says."""
    try:
        params = {**form.params, "dryRun": True} if "look-first" in request.POST and _look_first(job_type) else form.params
        return services.submit(job_type.name, params, priority=priority.cleaned_data["priority"], by=admin_of(request))
    except services.Refused as error:
        form.complain(error.details or {"params": [str(error)]})
        return None


def _types(begun: set[str]) -> list[dict[str, Any]]:
    """The types that have the params with which the form is to begin."""
    offered = [one for one in registry.all_types() if not one.is_step]
    fitting = [one for one in offered if begun <= one.params_schema().get("properties", {}).keys()]
    return [{"name": one.name, "summary": one.description.splitlines()[0], "needs": _needs(one)} for one in fitting]


def _needs(job_type: registry.JobType) -> str:
    """Where the type runs and what it takes, in a few words."""
    memory = f"{labels.gigabytes(job_type.vram)} of GPU memory" if job_type.vram else ""
    without = "or a CPU" if job_type.vram and job_type.has_cpu_path else ""
    return " · ".join(filter(None, (labels.lane_name(job_type.lane), " ".join(filter(None, (memory, without))))))

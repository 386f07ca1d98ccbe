"""Starting a pipeline: choose a recipe, fill in its params, see what it will cost, start it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from jobs import estimates, recipes, services
from jobs.admin.add_job import PriorityForm
from jobs.admin.live import admin_of
from jobs.admin.param_form import ParamForm, form_for
from jobs.models import Pipeline


def page(request: HttpRequest, *, site_context: dict[str, Any]) -> HttpResponse:
    """The recipes to choose from, or with `?recipe=` the form of that recipe with its cost."""
    name = request.GET.get("recipe")
    if name is None:
        told = [_told(recipe) for recipe in recipes.all_recipes()]
        context = {**site_context, "title": "Start a pipeline", "recipes": told}
        return TemplateResponse(request, "admin/jobs/pipeline/recipes.html", context)
    try:
        recipe = recipes.get(name)
    except recipes.UnknownRecipe as error:
        raise Http404(str(error)) from error
    form, priority = _forms(request, recipe)
    cost = None
    if request.method == "POST" and form.is_valid() and priority.is_valid():
        if "start" in request.POST and (pipeline := _start(recipe, form, priority, request)):
            messages.success(request, f"{pipeline} was started.")
            return HttpResponseRedirect(reverse("admin:jobs_pipeline_change", args=[pipeline.pk]))
        cost = _cost(recipe, form)
    shown = {"recipe": recipe, "form": form, "priority": priority, "cost": cost, "missing": recipe.missing_types()}
    return TemplateResponse(request, "admin/jobs/pipeline/start.html", {**site_context, "title": recipe.title, **shown})


def _forms(request: HttpRequest, recipe: recipes.Recipe) -> tuple[ParamForm, PriorityForm]:
    form = form_for(recipe.params.model_json_schema(by_alias=True))
    if request.method == "POST":
        return form(request.POST), PriorityForm(request.POST, prefix="job")
    begun = {name: value for name, value in request.GET.items() if name in form.base_fields}
    return form(initial=begun), PriorityForm(prefix="job")


def _start(recipe: recipes.Recipe, form: ParamForm, priority: PriorityForm, request: HttpRequest) -> Pipeline | None:
    """The pipeline; None when it was refused, which the form then says."""
    try:
        return services.submit_pipeline(recipe.name, form.params, priority=priority.cleaned_data["priority"], by=admin_of(request))
    except services.Refused as error:
        form.complain(error.details)
        return None


def _cost(recipe: recipes.Recipe, form: ParamForm) -> str | None:
    """What the pipeline will cost, in a line; None when its params were refused, which the form then says."""
    if not form.is_valid():
        return None
    try:
        return str(estimates.cost(recipe.plan(form.params)))
    except services.Refused as error:
        form.complain(error.details)
        return None


def _told(recipe: recipes.Recipe) -> dict[str, Any]:
    return {"name": recipe.name, "title": recipe.title, "description": recipe.description, "missing": recipe.missing_types()}

"""The categories of the gallery: how many media each holds; renaming one, and merging it into another."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import slugify

from gallery import services
from gallery.models import MediaTotal, PublicMedia
from media_library.admin.paging import LargeModelAdmin
from media_library.admin.set_actions import admin_of


def categories_page(model_admin: LargeModelAdmin, request: HttpRequest) -> HttpResponse:
    """List the categories; a POST of `source` and `target` renames one, or merges it where the target exists."""
    is_change = request.method == "POST"
    if not (model_admin.has_change_permission(request) if is_change else model_admin.has_view_permission(request)):
        raise PermissionDenied
    if is_change:
        _rename(request, source=request.POST.get("source", ""), target=slugify(request.POST.get("target", "")))
        return HttpResponseRedirect(request.path)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Categories",
        "opts": model_admin.opts,
        "categories": categories_in_figures(),
        "may_rename": model_admin.has_change_permission(request),
    }
    return TemplateResponse(request, "admin/gallery/publicmedia/categories.html", context)


def categories_in_figures() -> list[dict[str, Any]]:
    """Each category by name with how many of its media are open and how many locked; counts no open rows."""
    open_counts = dict(MediaTotal.objects.values_list("category").annotate(total=Sum("count")).filter(total__gt=0))
    locked_counts = dict(PublicMedia.objects.locked().order_by().values_list("category").annotate(Count("pk")))
    names = sorted(Counter(open_counts) + Counter(locked_counts))
    return [{"name": name, "open_count": open_counts.get(name, 0), "locked_count": locked_counts.get(name, 0)} for name in names]


def _rename(request: HttpRequest, *, source: str, target: str) -> None:
    """Rename and say what came of it."""
    try:
        moved_count = len(services.rename_category(source, target=target, by=admin_of(request)).done)
    except services.InvalidCategory:
        messages.error(request, "A category is made of letters a to z, digits and hyphens, at most 64.")
        return
    if moved_count:
        messages.success(request, f"Moved {moved_count:,} video{'s' if moved_count > 1 else ''} from {source} to {target}.")
    else:
        messages.error(request, f"There is no category {source}.")

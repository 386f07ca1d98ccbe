"""The page behind a one-time link. Looking at it changes nothing, for mail scanners look too; its button signs in."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from media_library.sign_in import DeadLink, owner_of, redeem


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, user_id: int, token: str) -> HttpResponse:
    try:
        user = redeem(user_id, token) if request.method == "POST" else owner_of(user_id, token)
    except DeadLink:
        return TemplateResponse(request, "admin/sign_in.html", {"title": "This link is no longer good"}, status=410)
    if request.method != "POST":
        return TemplateResponse(request, "admin/sign_in.html", {"title": "Sign in", "owner": user})
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect(_landing(request))


def _landing(request: HttpRequest) -> str:
    """Where the link leads, if that is a page of ours; else the library."""
    target = request.GET.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else reverse("admin:media_library_video_changelist")

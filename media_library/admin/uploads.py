"""The page to upload videos on: by tus with scripts, by a plain form without."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_protect

from config.roles import is_media_admin
from jobs.services import scan_inbox
from media_library.admin.paging import LargeModelAdmin
from media_library.models import Upload
from media_library.scanner.walk import EXTENSIONS
from media_library.uploads.errors import UploadProblem
from media_library.uploads.forms import FormFile


def uploads_page(model_admin: LargeModelAdmin, request: HttpRequest) -> HttpResponseBase:
    """Show the page; a POST is its form, which is read as it comes once we know who sends it.

    The address is exempt from the middleware's CSRF check, which would read the form into a file of its own; it is made here.
    """
    if not is_media_admin(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return TemplateResponse(request, "admin/media_library/video/upload.html", _context(model_admin, request))
    form_file = FormFile(request)
    request.upload_handlers = [form_file]
    try:
        return csrf_protect(lambda request: _received(request, form_file))(request)
    except UploadProblem as problem:
        messages.error(request, f"{problem}.")
        return HttpResponseRedirect(request.path)
    finally:
        form_file.discard()


def _received(request: HttpRequest, form_file: FormFile) -> HttpResponse:
    upload = form_file.finish(scan=scan_inbox)
    job = reverse("admin:jobs_job_change", args=[upload.job_id])
    messages.success(request, format_html('{} is in the inbox; <a href="{}">a scan</a> adds it to the library.', upload.path, job))
    return HttpResponseRedirect(request.path)


def _context(model_admin: LargeModelAdmin, request: HttpRequest) -> dict[str, object]:
    return {
        **model_admin.admin_site.each_context(request),
        "title": "Upload videos",
        "opts": model_admin.opts,
        "kinds": ",".join(EXTENSIONS),
        "most_gigabytes": settings.MAX_UPLOAD_SIZE_GB,
        "kept_hours": settings.UPLOADS_KEPT_HOURS,
        "waiting": Upload.objects.receiving(),
    }

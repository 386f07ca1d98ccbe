"""A file in one request, `multipart/form-data`: for small files, and for curl."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.request import UnreadablePostError
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.services import scan_inbox
from media_library.api.upload_errors import UploadRefused
from media_library.api.uploads import UploadShape, announced_length, facts_of
from media_library.uploads.errors import BadForm, UploadProblem
from media_library.uploads.forms import FormFile

FORM_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary", "description": "the video, under the name that it is to have"}},
}


class LengthRequired(APIException):
    """A form that does not say how long it is: 411."""

    status_code = 411
    default_detail = "Content-Length is required; a file of unknown length can be sent to /api/uploads/ in pieces"


class UploadForm(APIView):
    parser_classes = [MultiPartParser]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self._file = FormFile(request)
        request.upload_handlers = [self._file]  # before anybody reads the form: a session's CSRF token may stand in it
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        request={MultiPartParser.media_type: FORM_SCHEMA},
        responses={
            201: UploadShape,
            400: OpenApiResponse(description="The form has no file, or one whose name no video has"),
            411: OpenApiResponse(description="The request does not say how long it is"),
            413: OpenApiResponse(description="It is longer than we take"),
            415: OpenApiResponse(description="This is no form; or the file is no video"),
            507: OpenApiResponse(description="The library's disk has no room for it"),
        },
        operation_id="upload_video",
        tags=["uploads"],
    )
    def post(self, request: Request) -> Response:
        """Upload a video in one request: it is probed, moved into `inbox` and scanned by the job `jobId`."""
        if not announced_length(request._request):
            raise LengthRequired
        _ = request.data  # reads the form, unless its CSRF token was sought
        return Response(facts_of(self._file.finish(scan=scan_inbox)), status=201)

    def handle_exception(self, exception: Exception) -> Response:
        self._file.discard()
        if isinstance(exception, UnreadablePostError):
            exception = BadForm("The form breaks off")
        return super().handle_exception(UploadRefused(exception) if isinstance(exception, UploadProblem) else exception)

"""Resumable uploads by tus 1.0.0: created, sent in pieces, asked for, terminated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.services import scan_inbox
from media_library.api import tus
from media_library.api.upload_errors import refusals
from media_library.models import Upload
from media_library.uploads.creating import create
from media_library.uploads.errors import TooLarge, UploadGone, UploadNotFound
from media_library.uploads.finishing import finish
from media_library.uploads.healing import healed, terminate
from media_library.uploads.receiving import written

PIECE = 256 * 2**10  # bytes that are read at once
MOST_LISTED = 100


class UploadShape(serializers.Serializer[Any]):
    """An upload, and what has come of it."""

    id = serializers.IntegerField()
    filename = serializers.CharField(help_text="what it is to be called in the inbox")
    length = serializers.IntegerField(help_text="bytes")
    offset = serializers.IntegerField(help_text="bytes that are there for certain")
    status = serializers.ChoiceField(choices=Upload.Status.choices)
    error = serializers.CharField(allow_null=True, help_text="why it was refused")
    path = serializers.CharField(allow_null=True, help_text="of a finished one, relative to the library")
    jobId = serializers.IntegerField(allow_null=True, help_text="of a finished one: the scan of the inbox that finds it")
    metadata = serializers.CharField(help_text="`Upload-Metadata`, as it came")
    createdAt = serializers.DateTimeField()
    expiresAt = serializers.DateTimeField(help_text="when it is forgotten, unless more of it comes")


class UploadList(serializers.Serializer[Any]):
    uploads = UploadShape(many=True)


def facts_of(upload: Upload) -> dict[str, Any]:
    """An upload as `UploadShape` has it."""
    is_finished = upload.status == Upload.Status.FINISHED
    return {
        "id": upload.pk,
        "filename": upload.filename,
        "length": upload.length,
        "offset": upload.offset,
        "status": upload.status,
        "error": upload.reason or None,
        "path": upload.path if is_finished else None,
        "jobId": upload.job_id,
        "metadata": upload.metadata,
        "createdAt": upload.created_at,
        "expiresAt": upload.expires_at,
    }


def _header(name: str, schema: Any = OpenApiTypes.STR, *, description: str = "", required: bool = True, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, required=required, description=description, **more)


NUMBER = {"type": "integer", "format": "int64", "minimum": 0}
VERSION = _header("Tus-Resumable", enum=[tus.VERSION])
OF_ANOTHER_VERSION = OpenApiResponse(description="Another version of tus than 1.0.0")
NO_ROOM = OpenApiResponse(description="The library's disk has no room for it")
OF_REPLIES = [
    _header("Upload-Offset", NUMBER, required=False, response=[204], description="bytes that are there for certain"),
    _header("Upload-Expires", required=False, response=[201, 204], description="when it is forgotten, unless more of it comes"),
    _header("Upload-Job", NUMBER, required=False, response=[204], description="once all has come: the scan of the inbox that finds it"),
]


class TusView(APIView):
    """What all replies of tus have in common."""

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What the server can do, as tus asks for it."""
        return Response(status=200, headers=tus.abilities())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response["Tus-Resumable"] = tus.VERSION
        if response.status_code == 412:
            response["Tus-Version"] = tus.VERSION
        if response.status_code == 460:
            response.reason_phrase = "Checksum Mismatch"
        return response


class Uploads(TusView):
    @extend_schema(responses=UploadList, operation_id="list_uploads", tags=["uploads"])
    def get(self, request: Request) -> Response:
        """The last 100 uploads that are not forgotten, the newest first."""
        return Response({"uploads": [facts_of(upload) for upload in Upload.objects.all()[:MOST_LISTED]]})

    @extend_schema(
        request=None,
        parameters=[
            VERSION,
            _header("Upload-Length", NUMBER | {"minimum": 1}, description="bytes; at most `MAX_UPLOAD_SIZE_GB`"),
            _header("Upload-Metadata", description="`filename <base64>`, and whatever else is to be kept, with commas between"),
            _header("Location", required=False, response=[201], description="where the pieces go"),
            *OF_REPLIES,
        ],
        responses={
            201: UploadShape,
            400: OpenApiResponse(description="A header is wrong; the sentence names it"),
            412: OF_ANOTHER_VERSION,
            413: OpenApiResponse(description="It is longer than we take"),
            507: NO_ROOM,
        },
        operation_id="create_upload",
        tags=["uploads"],
    )
    def post(self, request: Request) -> Response:
        """Announce an upload by tus 1.0.0: room is kept for it, and its pieces go to `Location`."""
        tus.require_version(request.headers)
        length, metadata = tus.length_of(request.headers), request.headers.get("Upload-Metadata", "")
        with refusals():
            upload = create(tus.filename_of(metadata), length=length, metadata=metadata, by=_admin(request))
        headers = {"Location": reverse("upload", args=[upload.pk]), **tus.progress(upload)}
        return Response(facts_of(upload), status=201, headers=headers)


class OneUpload(TusView):
    @extend_schema(responses=UploadShape, operation_id="get_upload", tags=["uploads"])
    def get(self, request: Request, upload_id: int) -> Response:
        """How far an upload is, and what has become of it. `HEAD` answers as tus has it, with `Upload-Offset` and `Upload-Length`."""
        upload = Upload.objects.filter(pk=upload_id).first()
        if upload is None:
            raise NotFound(str(UploadNotFound()))
        return Response(facts_of(upload))

    def head(self, request: Request, upload_id: int) -> Response:
        """Where to go on. What a crash has left is put right first."""
        tus.require_version(request.headers)
        with refusals():
            upload = healed(upload_id, scan=scan_inbox)
            if upload.status == Upload.Status.REFUSED:
                raise UploadGone(upload.reason)
        return Response(headers=tus.description(upload))

    @extend_schema(
        request={tus.PIECE: OpenApiTypes.BINARY},
        parameters=[
            VERSION,
            _header("Upload-Offset", NUMBER, description="where the piece begins: what `HEAD` says"),
            _header("Upload-Checksum", required=False, description="`sha1 <base64>`; also sha256, sha512 and md5"),
            *OF_REPLIES,
        ],
        responses={
            204: OpenApiResponse(description="It was kept"),
            409: OpenApiResponse(description="The upload does not stand at this offset, or is finished"),
            410: OpenApiResponse(description="It has expired, or what came was refused; `GET` says why"),
            412: OF_ANOTHER_VERSION,
            413: OpenApiResponse(description="More comes than was announced"),
            415: OpenApiResponse(description="The piece has another content type; or all has come, and it is no video"),
            423: OpenApiResponse(description="Another request writes to it at this moment"),
            460: OpenApiResponse(description="It does not have the checksum; nothing of it was kept"),
            507: NO_ROOM,
        },
        operation_id="continue_upload",
        tags=["uploads"],
    )
    def patch(self, request: Request, upload_id: int) -> Response:
        """Send a piece. After the last one the file is probed, moved into `inbox` and scanned by the job `Upload-Job`."""
        tus.require_version(request.headers)
        offset, checksum = tus.offset_of(request.headers), tus.checksum_of(request.headers)
        tus.require_piece(request.headers)
        with refusals(), written(upload_id, offset=offset) as (writer, held):
            if announced_length(request._request) > writer.left:
                raise TooLarge(f"Only {writer.left} bytes of this upload are missing")
            writer.receive(pieces(request._request), checksum)
            upload = finish(held, scan=scan_inbox) if not writer.left else held.get()
        return Response(status=204, headers=tus.progress(upload))

    @extend_schema(
        parameters=[VERSION],
        request=None,
        responses={
            204: OpenApiResponse(description="It is gone"),
            400: OpenApiResponse(description="`Tus-Resumable` is missing"),
            412: OF_ANOTHER_VERSION,
        },
        operation_id="terminate_upload",
        tags=["uploads"],
    )
    def delete(self, request: Request, upload_id: int) -> Response:
        """Forget an upload that is not finished, and what has come of it."""
        tus.require_version(request.headers)
        with refusals():
            terminate(upload_id)
        return Response(status=204)


def announced_length(request: HttpRequest) -> int:
    """Bytes of the body; 0 where nobody has said how many will come."""
    return int(request.META.get("CONTENT_LENGTH") or 0)


def pieces(request: HttpRequest) -> Iterator[bytes]:
    """The body as it comes, until it ends or the connection breaks."""
    is_measured = bool(request.META.get("CONTENT_LENGTH")) or not request.META.get("wsgi.input_terminated")
    source = request if is_measured else request.META["wsgi.input"]
    try:
        while piece := source.read(PIECE):
            yield piece
    except UnreadablePostError:
        return


def _admin(request: Request) -> User:
    assert isinstance(request.user, User)  # the permission let nobody else in
    return request.user

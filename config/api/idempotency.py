"""POSTs that happen once: a repeated `Idempotency-Key` gets the first reply again, for a day.

The key's row is written in the transaction that does the work, so the two stand or fall together; a second
request with the key waits in the database until the first has ended.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import Conflict
from config.api.models import IdempotentReply
from config.api.rendering import dumps
from config.clients import client_network

HEADER = "Idempotency-Key"
KEY_PARAMETER = OpenApiParameter(  # what `once` takes, for the OpenAPI document
    HEADER,
    {"type": "string", "pattern": "^[!-~]{1,128}$"},
    OpenApiParameter.HEADER,
    description="1 to 128 visible ASCII characters; a repeated key gets the first reply again, for a day",
)
_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
OTHER_REQUEST = f"This {HEADER} was used for another request"

Handler = Callable[..., Response]

CLAIM = """
    INSERT INTO idempotent_replies AS reply (key, request_hash) VALUES (%s, %s)
    ON CONFLICT (key) DO UPDATE SET request_hash = excluded.request_hash, status_code = NULL, body = NULL, created_at = now()
    WHERE reply.created_at < now() - interval '1 day'
"""


def once(handler: Handler, *, still_open: Callable[[Request], object] = lambda _: None) -> Handler:
    """Make a view's `post` idempotent where the caller sends a key; only a reply of success is kept.

    `still_open` raises what is answered instead of a kept reply, where its subject has been closed to the caller since.
    """

    @wraps(handler)
    def answer(view: Any, request: Request, *args: Any, **options: Any) -> Response:
        name = request.headers.get(HEADER)
        if name is None:
            return handler(view, request, *args, **options)
        if not _KEY.fullmatch(name):
            raise ValidationError({HEADER: "1 to 128 visible ASCII characters are needed."})
        key, request_hash = _key(request, name), hashlib.sha256(dumps(request.data)).hexdigest()
        with transaction.atomic():
            if not _is_first(key, request_hash):
                reply = _kept(key, request_hash)
                still_open(request)
                return reply
            response = handler(view, request, *args, **options)
            IdempotentReply.objects.filter(pk=key).update(status_code=response.status_code, body=_plain(response.data))
        return response

    return answer


def _is_first(key: str, request_hash: str) -> bool:
    """Take the key for the caller's transaction; waits while another request holds it."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [key, request_hash])
        return bool(cursor.rowcount)


def _kept(key: str, request_hash: str) -> Response:
    reply = IdempotentReply.objects.get(pk=key)
    if reply.request_hash != request_hash:
        raise Conflict(OTHER_REQUEST)
    return Response(reply.body, status=reply.status_code)


def _key(request: Request, name: str) -> str:
    """A key of this caller alone: a user, a visitor's session, else an address."""
    session = request.data.get("sessionId") if isinstance(request.data, dict) else None
    caller = f"user {request.user.pk}" if request.user.is_authenticated else f"{client_network(request.META)} {session}"
    return salted_hmac("config.api.idempotency", f"{caller}\n{request.path}\n{name}", algorithm="sha256").hexdigest()


def _plain(data: Any) -> Any:
    """The reply as JSON reads it back, times as text."""
    return orjson.loads(dumps(data))

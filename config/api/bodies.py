"""Bodies are received here, before anybody works on a request: whole, unless they are uploads.

Whoever sends a body slowly holds a thread of the server for as long as they like, so only `BODIES_PER_PROCESS` may be on
their way. And Django takes a request without `Content-Length` for one without a body: what comes in chunks, as from
`curl -T -` or over HTTP/2, would be lost without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from threading import BoundedSemaphore

from django.conf import settings

from config.api.rendering import dumps
from config.api.shortcuts import Environ, StartResponse

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
PIECEWISE = ("application/offset+octet-stream", "multipart/form-data")  # uploads, which their views read piece by piece
PATIENCE = 1.0  # seconds that a body waits for others to arrive; a thread waits with it
TOO_MANY = dumps({"error": "Too much is being sent here; please try again in a moment"})


class ReceivedBodies:
    """WSGI application: gives every body but an upload at once and with its length; longer than we take, with one beyond that.

    For a body without a length the server has to end the input where it ends, and to say so in `wsgi.input_terminated`.
    """

    def __init__(self, application: Callable[[Environ, StartResponse], Iterable[bytes]]) -> None:
        self._application = application
        self._on_their_way = BoundedSemaphore(settings.BODIES_PER_PROCESS)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in BODILESS:
            return self._application(environ, start_response)
        is_upload = environ.get("CONTENT_TYPE", "").lower().startswith(PIECEWISE)
        length = _length(environ)
        if not length or (length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1 and not is_upload):  # refused by its length, unread
            return self._application(environ, start_response)
        if not self._on_their_way.acquire(timeout=PATIENCE):
            return _refused(start_response)
        try:
            if is_upload:
                return self._application(environ, start_response)
            body = environ["wsgi.input"].read(length)
        finally:
            self._on_their_way.release()
        environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return self._application(environ, start_response)


def _length(environ: Environ) -> int:
    """How many bytes there are to read: as announced, or where nobody has said so, one more than we take."""
    announced = environ.get("CONTENT_LENGTH")
    if not announced:
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1 if environ.get("wsgi.input_terminated") else 0
    return int(announced) if announced.isdecimal() else 0


def _refused(start_response: StartResponse) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(TOO_MANY))), ("Retry-After", "5")]
    start_response("503 Service Unavailable", headers)
    return [TOO_MANY]

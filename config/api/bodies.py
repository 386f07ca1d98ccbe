"""Bodies whose length nobody has announced.

Django takes a request without `Content-Length` for one without a body: what comes in chunks, as from `curl -T -` or
over HTTP/2, would be lost without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings

BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
PIECEWISE = ("application/offset+octet-stream", "multipart/form-data")  # uploads, which their views read piece by piece


class MeasuredBodies:
    """WSGI application: gives a body without a length its own, and what is longer than we take a length beyond that.

    The server has to end the input where the body ends, and to say so in `wsgi.input_terminated`.
    """

    def __init__(self, application: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_unmeasured = environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH")
        is_upload = environ.get("CONTENT_TYPE", "").lower().startswith(PIECEWISE)
        if is_unmeasured and not is_upload and environ["REQUEST_METHOD"] not in BODILESS:
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return self._application(environ, start_response)

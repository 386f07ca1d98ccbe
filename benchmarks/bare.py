"""A WSGI application that sends as many bytes as it is told and does nothing else: what our server can at most do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

BODY = b"x" * int(os.environ["BYTES"])
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]

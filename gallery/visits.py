"""Which requests are views, and whose."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest

from config.clients import client_address
from gallery import counters

LONGEST_AGENT = 512  # characters of a User-Agent that are looked at
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)

# Crawlers, previews, monitors and scripting libraries as they name themselves. People's own curl
# is a visitor, and so is a Cubot telephone.
BOT = re.compile(
    r"(?<!cu)bot(\b|_)|crawl|spider|slurp|archiver|scrapy|headless|lighthouse|preview|monitor|uptime|pingdom|statuscake"
    r"|facebookexternalhit|facebookcatalog|embedly|quora link|whatsapp|telegram|vkshare|feedfetcher|mediapartners|google-read-aloud"
    r"|python-(urllib|requests|httpx)|aiohttp|httpx|go-http-client|java/|okhttp|libwww|axios|node-fetch|undici|gptbot|claude|perplexity",
    re.IGNORECASE,
)


def count_view(request: HttpRequest, media_id: int) -> bool:
    """Count the view that this request is, if it is one; returns whether it is."""
    return request.method == "GET" and count_visit(media_id, request.META, session_id=request.GET.get("sessionId", ""))


def count_visit(media_id: int, meta: Mapping[str, Any], *, session_id: str) -> bool:
    """`count_view` of a GET by what the server knows of it: `meta` as WSGI names it."""
    agent = meta.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT]
    if is_bot(agent):
        return False
    is_named = SESSION_ID.fullmatch(session_id)
    identity = session_id if is_named else f"{dt.datetime.now(dt.UTC).date()} {client_address(meta)} {agent}"
    counters.count_view(media_id, visitor=_visitor(identity))
    return True


@lru_cache(maxsize=1024)
def is_bot(agent: str) -> bool:
    """Whether a User-Agent is a known bot's."""
    return BOT.search(agent) is not None


@lru_cache(maxsize=4096)
def _visitor(identity: str) -> str:
    """The keyed hash of a session, or of a network address and browser on one day."""
    return counters.visitor(identity)

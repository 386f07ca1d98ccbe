"""Which requests are views, and whose."""

from __future__ import annotations

import datetime as dt
import re

from django.http import HttpRequest

from config.clients import client_address
from gallery import counters

SESSION_ID = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)

# Crawlers, previews, monitors and scripting libraries as they name themselves. People's own curl
# is a visitor, and so is a Cubot telephone.
BOT = re.compile(
    r"(?<!cu)bot(\b|_)|crawl|spider|slurp|archiver|scrapy|headless|lighthouse|preview|monitor|uptime|pingdom|statuscake"
    r"|facebookexternalhit|facebookcatalog|embedly|quora link|whatsapp|telegram|vkshare|feedfetcher|mediapartners|google-read-aloud"
    r"|python-(urllib|requests|httpx)|aiohttp|httpx|go-http-client|java/|okhttp|libwww|axios|node-fetch|undici|gptbot|claude|perplexity",
    re.IGNORECASE,
)


def is_view(request: HttpRequest) -> bool:
    """Whether a request for a medium that was answered counts: a GET by anything but a known bot."""
    return request.method == "GET" and not BOT.search(request.headers.get("User-Agent", ""))


def count_view(request: HttpRequest, media_id: int) -> int:
    """Count the view that this request is, if it is one.

    Returns how many views to add to the medium's count as read from the database before.
    """
    if not is_view(request):
        return 0
    return counters.count_view(media_id, visitor=counters.visitor(_identity(request)))


def _identity(request: HttpRequest) -> str:
    """The visitor's session where the address names one, else their network address and browser, today."""
    session_id = request.GET.get("sessionId", "")
    if SESSION_ID.fullmatch(session_id):
        return session_id
    return f"{dt.datetime.now(dt.UTC).date()} {client_address(request)} {request.headers.get('User-Agent', '')}"

"""What the public pages share: the session of a visitor, and how refusals look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from gallery import services
from gallery.comments import CommentNotFound
from gallery.listing import MediaLocked, MediaNotFound

SESSION_COOKIE = "visitor"  # the session of who has voted, or commented without signing in; signed, so that nobody guesses another's
SESSION_LASTS = 365 * 24 * 3600  # seconds


def session_of(request: HttpRequest) -> str | None:
    return request.get_signed_cookie(SESSION_COOKIE, default=None, salt=SESSION_COOKIE, max_age=SESSION_LASTS)


def keep_session(response: HttpResponse, session: str) -> None:
    response.set_signed_cookie(
        SESSION_COOKIE,
        session,
        salt=SESSION_COOKIE,
        max_age=SESSION_LASTS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Show as pages what the gallery refuses inside."""
    try:
        yield
    except (MediaNotFound, CommentNotFound):
        raise Http404 from None
    except (MediaLocked, services.NotTheAuthor):
        raise PermissionDenied from None


def bad_request(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "400.html", {"reason": reason}, status=400)

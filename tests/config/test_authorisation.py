"""Who may call what: every address of the URL configuration, every method, everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.tokens import AccessToken

from config.api.errors import API_PREFIXES
from tests.config.conftest import MakeUser, signed_in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPEN, SIGNED_IN, ADMIN = "anybody", "anybody who is signed in", "administrators of the library"
MEMBERS = "whoever is signed in and no temporary user"

# Every address of the API, with who may use it and by which methods. A new one is listed here or the test fails.
ROUTES: dict[str, tuple[str, set[str]]] = {
    "api/auth/token": (OPEN, {"POST"}),
    "api/auth/token/refresh": (OPEN, {"POST"}),
    "api/auth/logout": (OPEN, {"POST"}),
    "api/auth/me": (SIGNED_IN, {"GET"}),
    "api/schema": (OPEN, {"GET"}),
    "api/docs": (OPEN, {"GET"}),
    "healthz": (OPEN, {"GET"}),
    "readyz": (OPEN, {"GET"}),
    "api/videos": (ADMIN, {"GET"}),
    "api/videos/health": (OPEN, {"GET"}),
    "api/videos/bulk": (ADMIN, {"POST"}),
    "api/videos/upload": (ADMIN, {"POST"}),
    "api/uploads/": (ADMIN, {"GET", "POST", "OPTIONS"}),
    "api/uploads/<id:upload_id>": (ADMIN, {"GET", "PATCH", "DELETE", "OPTIONS"}),
    "api/videos/<id:video_id>": (ADMIN, {"GET", "PATCH", "DELETE"}),
    "api/videos/<id:video_id>/stream": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/thumbnail": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/lineage": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/scenes": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/contact-sheet": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/preview": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/sprite": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/storyboard.vtt": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/chapters.vtt": (ADMIN, {"GET"}),
    "api/videos/<id:video_id>/restore": (ADMIN, {"POST"}),
    "api/videos/<id:video_id>/publish": (ADMIN, {"POST"}),
    "api/videos/<id:video_id>/unpublish": (ADMIN, {"POST"}),
    "api/media/public": (OPEN, {"GET"}),
    "api/media/public/categories": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/related": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/stream": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/playback": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/hls/<str:name>": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/preview": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/sprite": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/storyboard.vtt": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/chapters.vtt": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/remarks": (OPEN, {"GET"}),
    "api/media/public/<id:media_id>/lock": (ADMIN, {"POST", "DELETE"}),
    "api/media/comments": (OPEN, {"GET", "POST"}),
    "api/media/comments/<id:comment_id>": (OPEN, {"DELETE"}),
    "api/media/comments/<id:comment_id>/hold": (ADMIN, {"POST"}),
    "api/media/comments/<id:comment_id>/approve": (ADMIN, {"POST"}),
    "api/media/comments/<id:comment_id>/remove-session": (ADMIN, {"POST"}),
    "api/media/public/<id:media_id>/upvote": (OPEN, {"POST", "DELETE"}),
    "api/media/public/<id:media_id>/finish": (OPEN, {"POST"}),
    "api/media/public/<id:media_id>/watch-time": (OPEN, {"POST"}),
    "api/jobs": (ADMIN, {"GET", "POST"}),
    "api/jobs/types": (ADMIN, {"GET"}),
    "api/jobs/summary": (ADMIN, {"GET"}),
    "api/jobs/lanes/<str:category>/pause": (ADMIN, {"POST"}),
    "api/jobs/lanes/<str:category>/resume": (ADMIN, {"POST"}),
    "api/jobs/<id:job_id>": (ADMIN, {"GET"}),
    "api/jobs/<id:job_id>/cancel": (ADMIN, {"POST"}),
    "api/jobs/<id:job_id>/retry": (ADMIN, {"POST"}),
    "api/jobs/<id:job_id>/approve": (ADMIN, {"POST"}),
    "api/jobs/<id:job_id>/decline": (ADMIN, {"POST"}),
    "api/jobs/<id:job_id>/priority": (ADMIN, {"POST"}),
    "api/pipelines": (ADMIN, {"GET", "POST"}),
    "api/pipelines/recipes": (ADMIN, {"GET"}),
    "api/pipelines/<id:pipeline_id>": (ADMIN, {"GET"}),
    "api/pipelines/<id:pipeline_id>/cancel": (ADMIN, {"POST"}),
    "api/pipelines/<id:pipeline_id>/resume": (ADMIN, {"POST"}),
    r"^thumbnails/(?P<media_id>[1-9][0-9]{0,17})-(?P<poster_hash>[0-9a-f]{12})\.webp$": (OPEN, {"GET"}),
    r"^thumbnails/(?P<media_id>[1-9][0-9]{0,17})-(?P<poster_hash>[0-9a-f]{12})-(?P<side>320|480)\.webp$": (OPEN, {"GET"}),
    "api/reactions": (OPEN, {"GET", "POST"}),
    "api/reactions/config": (OPEN, {"GET"}),
    "api/reactions/timeline": (OPEN, {"GET"}),
    "api/reactions/<id:reaction_id>": (SIGNED_IN, {"DELETE"}),
}
WRITERS = {"api/reactions": MEMBERS}  # who may POST, where that is not everybody who may GET
PAGES = (
    "",
    "admin",
    "account",
    "account/sign-in",
    "account/sign-up",
    "account/sign-out",
    "account/password",
    "c/<category:category>/",
    "c/<category:category>/feed/",
    "feed/",
    "oembed",
    "robots.txt",
    "sitemap.xml",
    "sitemap-<int:number>.xml",
    "embed/<id:media_id>/",
    "v/<id:media_id>/",
    "v/<id:media_id>/<str:slug>/",
    "v/<id:media_id>/upvote",
    "v/<id:media_id>/comments",
    "v/<id:media_id>/comments/<id:comment_id>/delete",
    "static/<path:path>",
)
NOBODY_IS_THERE = 999_999_999


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def address(route: str) -> str:
    """An address of the route, of a thing that does not exist."""
    if route.startswith("^"):
        return f"/thumbnails/{NOBODY_IS_THERE}-0123456789ab.webp"
    return "/" + re.sub(r"<\w+:\w+>", str(NOBODY_IS_THERE), route)


def test_no_address_is_unlisted() -> None:
    found = set(routes(get_resolver().url_patterns))
    public = {route for route in found if not route.startswith("admin/")}

    assert public == set(ROUTES) | (set(PAGES) & public)
    assert all(f"/{route}".startswith(API_PREFIXES) or route.startswith("^thumbnails/") for route in ROUTES)


@pytest.fixture
def callers(make_user: MakeUser, settings: Settings) -> dict[str, Client]:
    settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = 1_000_000
    admin = make_user("MEDIA_ADMIN")
    inactive = make_user("SUPER_ADMIN", is_superuser=True)
    callers = {
        "anonymous": Client(raise_request_exception=False),
        "expired": signed_with(admin, expired=True),
        "deactivated": signed_in(inactive),
        "user": signed_in(make_user("USER")),
        "temp": signed_in(make_user("TEMP")),
        "admin": signed_in(admin),
    }
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    return callers


def signed_with(user: User, *, expired: bool) -> Client:
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=timedelta(seconds=-60 if expired else 60))
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("route", ROUTES)
def test_everybody_gets_what_is_theirs_and_no_more(callers: dict[str, Client], library: Path, route: str) -> None:
    who_may, methods = ROUTES[route]
    wrong = []
    for caller, client in callers.items():
        for method in METHODS:
            reply = client.generic(method, address(route), b"{}", content_type="application/json")
            allowed = WRITERS.get(route, who_may) if method == "POST" else who_may
            if not is_right(reply.status_code, caller, allowed, is_served=method in methods or (method == "HEAD" and "GET" in methods)):
                wrong.append((caller, method, reply.status_code))
    assert wrong == []


def is_right(status: int, caller: str, who_may: str, *, is_served: bool) -> bool:
    """Whether the status is what this caller has to get."""
    bears_a_bad_token = caller in ("expired", "deactivated")
    if who_may == OPEN:
        return (status in (200, 400, 404) if is_served else status == 405) or (status == 401 and bears_a_bad_token)
    if bears_a_bad_token or caller == "anonymous":
        return status == 401
    if (who_may == ADMIN and caller != "admin") or (who_may == MEMBERS and caller == "temp"):
        return status == 403
    return status == 405 if not is_served else status in (200, 400, 404, 409, 415)


@pytest.mark.parametrize(
    "path",
    ["/api/videos/", "/api/Videos", "/API/videos", "//api/videos", "/api//videos", "/api/videos;x", "/api/./videos", "/api/videos%2f"],
)
@pytest.mark.django_db
def test_another_spelling_opens_no_door(visitor: Client, path: str) -> None:
    assert visitor.get(path).status_code == 404


@pytest.mark.django_db
def test_a_method_in_a_header_is_not_the_method(visitor: Client) -> None:
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        assert visitor.post("/api/videos/bulk", {}, content_type="application/json", headers={name: "GET"}).status_code == 401


@pytest.mark.parametrize("route", [route for route in routes(get_resolver().url_patterns) if route.startswith("admin/")])
@pytest.mark.django_db
def test_the_admin_site_is_closed_to_visitors_and_users(visitor: Client, make_user: MakeUser, route: str) -> None:
    path = "/" + re.sub(r"\^?\(\?P<\w+>[^)]*\)|<[^>]*>", "1", route).rstrip("$").replace("^", "")
    user = Client(raise_request_exception=False)
    user.force_login(make_user("USER"))
    is_door = path.startswith(("/admin/login", "/admin/sign-in", "/admin/jsi18n", "/admin/logout"))

    for client in (visitor, user):
        reply = client.get(path)
        assert reply.status_code in ((200, 302, 404, 405, 410) if is_door else (301, 302, 404)), (route, reply.status_code)
        assert is_door or reply.status_code == 404 or "/admin/" in reply["Location"]

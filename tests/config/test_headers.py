"""Headers that every reply carries, origins that may call us, and the switch of the whole product."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

ALLOWED = "http://localhost:3000"


@pytest.mark.parametrize("path", ["/", "/api/docs", "/admin/login/", "/nothing", "/api/videos", "/api/schema", "/healthz", "/api/nothing"])
def test_every_reply_is_guarded(visitor: Client, path: str) -> None:
    reply = visitor.get(path)

    policy = reply["Content-Security-Policy"]
    assert "unsafe" not in policy and "*" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["Referrer-Policy"] == "same-origin"
    assert reply["X-Frame-Options"] == "DENY"


def test_an_answer_that_a_page_has_not_changed_leaves_the_page_its_policy(visitor: Client) -> None:
    page = visitor.get("/")

    unchanged = visitor.get("/", headers={"If-None-Match": page["ETag"]})

    assert unchanged.status_code == 304
    assert unchanged.get("Content-Security-Policy", page["Content-Security-Policy"]) == page["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/docs", "/admin/login/", "/nothing"])
def test_pages_hold_nothing_that_the_policy_forbids(visitor: Client, path: str) -> None:
    page = visitor.get(path).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son\w+=|javascript:", page)


def test_an_allowed_origin_may_call_with_credentials(visitor: Client) -> None:
    reply = visitor.get("/api/media/public", headers={"Origin": ALLOWED})

    assert (reply["Access-Control-Allow-Origin"], reply["Access-Control-Allow-Credentials"]) == (ALLOWED, "true")
    assert "origin" in reply["Vary"].lower()


def test_an_allowed_origin_reads_errors_too(visitor: Client) -> None:
    for path in ("/api/videos", "/api/nothing", "/api/media/public/1"):
        assert visitor.get(path, headers={"Origin": ALLOWED})["Access-Control-Allow-Origin"] == ALLOWED


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil-localhost:3000", "http://localhost:3000.evil.example", "http://localhost", "https://localhost:3000",
     "http://localhost:30000", "HTTP://LOCALHOST:3000@evil.example", "http://localhost:3000/x", "*", ""],
)  # fmt: skip
def test_no_other_origin_gets_anything(visitor: Client, origin: str) -> None:
    reply = visitor.get("/api/media/public", headers={"Origin": origin})
    preflight = visitor.options("/api/videos", headers={"Origin": origin, "Access-Control-Request-Method": "DELETE"})

    assert reply.status_code == 200
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert "origin" in reply["Vary"].lower()


def test_a_preflight_names_what_is_allowed(visitor: Client) -> None:
    reply = visitor.options(
        "/api/videos/1",
        headers={"Origin": ALLOWED, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"},
    )
    allowed = set(reply["Access-Control-Allow-Headers"].split(", "))

    assert reply.status_code == 200
    assert "PATCH" in reply["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type", "idempotency-key", "if-none-match", "if-range", "range"} <= allowed


def test_a_player_elsewhere_may_read_what_ranges_and_refusals_say(visitor: Client) -> None:
    reply = visitor.get("/api/media/public", headers={"Origin": ALLOWED})

    assert {"Accept-Ranges", "Content-Range", "ETag", "Retry-After"} <= set(reply["Access-Control-Expose-Headers"].split(", "))


def test_private_replies_stay_out_of_shared_caches(admin_api: Client) -> None:
    assert "private" in admin_api.get("/api/videos")["Cache-Control"]
    assert "private" in admin_api.get("/api/auth/me")["Cache-Control"]


class TestDisabled:
    @pytest.fixture(autouse=True)
    def _disabled(self, settings: Any) -> None:
        settings.ENABLE_MEDIA_FEATURES = False

    @pytest.mark.parametrize(
        "path",
        [
            "/api/videos",
            "/api/videos/1",
            "/api/media/public",
            "/api/media/public/1/stream",
            "/thumbnails/1-0123456789ab.webp",
            "/api/nothing",
            "/api/videos/healthz",
            "/api/schemas",
        ],
    )
    def test_media_endpoints_say_so(self, admin_api: Client, path: str) -> None:
        reply = admin_api.get(path)

        assert (reply.status_code, reply.json()) == (503, {"error": "Media features are disabled"})
        assert reply["Retry-After"]

    @pytest.mark.parametrize("path", ["/", "/v/1/", "/administration"])
    def test_pages_say_so(self, visitor: Client, path: str) -> None:
        reply = visitor.get(path)

        assert reply.status_code == 503
        assert "Media features are disabled" in reply.content.decode()

    def test_the_health_check_is_fine(self, visitor: Client) -> None:
        reply = visitor.get("/api/videos/health")

        assert (reply.status_code, reply.json()["status"]) == (200, "disabled")

    def test_signing_in_the_admin_and_probes_go_on(self, visitor: Client, admin_api: Client, admin: User) -> None:
        admin.is_staff = admin.is_superuser = True
        admin.save()
        browser = Client()
        browser.force_login(admin)

        assert [browser.get(path).status_code for path in ("/admin/", "/admin")] == [200, 302]
        assert admin_api.get("/api/auth/me").status_code == 200
        assert [visitor.get(path).status_code for path in ("/healthz", "/readyz", "/api/schema", "/api/docs")] == [200] * 4

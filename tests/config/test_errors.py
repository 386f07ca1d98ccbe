"""Every layer answers an API request with `{"error": sentence}`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import DataError, OperationalError, connection
from django.test import Client

from config.api.errors import exception_handler
from tests.config.conftest import PASSWORD

ROOT = Path(__file__).parents[2]


def sentence(reply: object) -> str:
    """The error of a reply, which is JSON and holds nothing else but details."""
    assert reply["Content-Type"] == "application/json"  # type: ignore[index]
    body = reply.json()  # type: ignore[attr-defined]
    assert set(body) <= {"error", "details"}
    assert isinstance(body["error"], str) and body["error"]
    return str(body["error"])


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/videos/", "/API/videos".lower() + "/1/nothing", "/thumbnails/nothing"]
)
def test_an_unknown_path_is_a_404_in_json(visitor: Client, path: str) -> None:
    reply = visitor.get(path)

    assert reply.status_code == 404
    sentence(reply)


def test_an_unknown_page_is_a_page(visitor: Client, db: None) -> None:
    reply = visitor.get("/nothing")

    assert reply.status_code == 404
    assert reply["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/healthz", "/api/schema", "/api/auth/token", "/api/videos/health"])
def test_a_wrong_method_is_a_405_that_names_the_right_ones(visitor: Client, path: str) -> None:
    reply = visitor.put(path)

    assert reply.status_code == 405
    assert reply["Allow"]
    sentence(reply)


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:evil", "a\tb"])
def test_a_forged_host_is_a_400(visitor: Client, host: str) -> None:
    reply = visitor.get("/api/videos", headers={"host": host})

    assert reply.status_code == 400
    assert "evil" not in sentence(reply)


def test_a_signed_in_page_needs_the_csrf_token_to_write(admin: User) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(admin)

    reply = browser.post("/api/videos/bulk", {"ids": [1], "action": "unlock"}, content_type="application/json")

    assert reply.status_code == 403
    assert "CSRF" in sentence(reply)


def test_a_signed_in_page_may_write_with_the_csrf_token(admin: User) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(admin)
    browser.cookies["csrftoken"] = "a" * 32

    reply = browser.post(
        "/api/videos/bulk", {"ids": [1], "action": "unlock"}, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )

    assert reply.status_code == 200


def test_a_cookie_of_a_token_signs_nobody_in(visitor: Client, admin_api: Client) -> None:
    token = admin_api.defaults["HTTP_AUTHORIZATION"].split()[1]
    visitor.cookies["access"] = visitor.cookies["Authorization"] = token

    assert visitor.get("/api/videos").status_code == 401
    assert visitor.get(f"/api/videos?access={token}&token={token}").status_code == 401


def test_a_database_that_goes_away_is_a_503_to_be_tried_again(admin_api: Client) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(gone):
        replies = [admin_api.get("/api/videos"), admin_api.get("/readyz"), admin_api.get("/api/videos/health")]

    assert [reply.status_code for reply in replies] == [503, 503, 503]
    assert all(int(reply["Retry-After"]) > 0 for reply in replies)
    assert "server closed" not in sentence(replies[0])
    assert replies[2].json()["checks"]["database"]["ok"] is False


OFFLINE = """
import time, django
django.setup()
from django.test import Client
client = Client(HTTP_HOST="localhost", raise_request_exception=False)
bearer = {"Authorization": "Bearer " + __import__("rest_framework_simplejwt.tokens", fromlist=["x"]).AccessToken().__str__()}
for path in ("/api/videos/1", "/readyz", "/healthz", "/"):
    start = time.monotonic()
    reply = client.get(path)
    print(path, reply.status_code, reply.get("Retry-After"), reply["Content-Type"].split(";")[0], time.monotonic() - start)
start = time.monotonic()
reply = client.post("/api/auth/token", {"username": "a", "password": "b"}, content_type="application/json")
print("sign-in", reply.status_code, reply.get("Retry-After"), reply["Content-Type"].split(";")[0], time.monotonic() - start)
"""


def test_without_a_database_every_request_is_answered_within_two_seconds() -> None:
    environment = os.environ | {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    seen = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert {path: int(words[0]) for path, words in seen.items()} == {
        "/api/videos/1": 401, "/readyz": 503, "/healthz": 200, "/": 503, "sign-in": 503,
    }  # fmt: skip
    assert all(float(words[-1]) < 2 for words in seen.values()), seen
    assert all(words[1] != "None" for words in seen.values() if words[0] == "503")
    assert (seen["/"][2], seen["sign-in"][2]) == ("text/html", "application/json")


def test_a_value_that_the_database_cannot_hold_is_a_400() -> None:
    reply = exception_handler(DataError("bigint out of range"), {})

    assert reply is not None
    assert reply.status_code == 400
    assert "bigint" not in reply.data["error"]


def test_a_bug_of_ours_tells_nothing(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr("config.api.sign_in.authenticate", bug)

    reply = visitor.post("/api/auth/token", {"username": "a", "password": PASSWORD}, content_type="application/json")

    assert reply.status_code == 500
    assert "secret" not in sentence(reply) and "Zero" not in reply.content.decode()

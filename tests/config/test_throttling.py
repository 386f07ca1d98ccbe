"""Limits: who is counted, in Redis or without it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from redis import Redis
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config import redis
from config.api.throttling import PUBLIC_WRITE_THROTTLES
from config.clients import client_address, client_network


@pytest.fixture(params=["with Redis", "without Redis"])
def _each_counter(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Redis, however long a busy machine lets it wait; without, at once."""
    address = settings.REDIS_URL if request.param == "with Redis" else "redis://127.0.0.1:9/0"
    client = Redis.from_url(address, socket_timeout=30.0)
    monkeypatch.setattr(redis, "client", lambda: client)


@pytest.mark.usefixtures("_each_counter")
@pytest.mark.django_db
def test_the_eleventh_sign_in_of_a_minute_waits(visitor: Client, address: str) -> None:
    def attempt(username: str, origin: str = address) -> Any:
        return visitor.post("/api/auth/token", {"username": username, "password": "x"}, content_type="application/json", REMOTE_ADDR=origin)

    first = [attempt("Alice").status_code for _ in range(django_settings.SIGN_INS_PER_MINUTE)]
    eleventh = attempt("alice")

    assert first == [401] * 10
    assert (eleventh.status_code, 0 < int(eleventh["Retry-After"]) <= 60) == (429, True)
    assert isinstance(eleventh.json()["error"], str)
    assert attempt("bob").status_code == 401  # another account
    assert attempt("alice", "203.0.113.99").status_code == 401  # the owner, elsewhere


@pytest.mark.django_db
def test_the_admins_page_counts_with_the_api(visitor: Client, address: str) -> None:
    for _ in range(10):
        visitor.post("/api/auth/token", {"username": "carol", "password": "x"}, content_type="application/json", REMOTE_ADDR=address)

    reply = visitor.post("/admin/login/", {"username": "carol", "password": "x"}, REMOTE_ADDR=address)

    assert reply.status_code == 429
    assert reply["Retry-After"]
    assert reply["Content-Type"].startswith("text/html")


class Write(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = PUBLIC_WRITE_THROTTLES

    def post(self, request: Request) -> Response:
        return Response({})

    def get(self, request: Request) -> Response:
        return Response({})


def write(address: str, session: str) -> int:
    request = APIRequestFactory().post("/", {"sessionId": session}, REMOTE_ADDR=address)
    return int(Write.as_view()(request).status_code)


@pytest.mark.usefixtures("_each_counter")
def test_a_session_writes_so_often_and_an_address_so_often(address: str, settings: Any) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE, settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 3, 7
    one, other, third = (uuid.uuid4().hex for _ in range(3))

    assert [write(address, one) for _ in range(4)] == [200, 200, 200, 429]
    assert [write(address, other) for _ in range(3)] == [200, 200, 200]
    assert write(address, third) == 429  # the address is through, whatever session it invents
    assert write(address.replace("::1", "::2"), third) == 429  # so is its whole /64 network


@pytest.mark.usefixtures("_each_counter")
def test_reading_is_not_counted(address: str, settings: Any) -> None:
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 1

    replies = [Write.as_view()(APIRequestFactory().get("/", REMOTE_ADDR=address)).status_code for _ in range(5)]

    assert replies == [200] * 5


def request_from(forwarded: str | None, address: str = "10.0.0.1") -> HttpRequest:
    headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
    return RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "1.2.3.4", "10.0.0.1"),
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "<script>", "10.0.0.1"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "1.2.3.4:51234", "1.2.3.4"),
        (1, "[2001:db8::1]:51234", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_say_who_is_calling(settings: Any, trusted: int, forwarded: str | None, address: str) -> None:
    settings.TRUSTED_PROXY_COUNT = trusted

    assert client_address(request_from(forwarded).META) == address


def test_a_unix_socket_has_no_address() -> None:
    assert client_address(request_from(None, "").META) == "0.0.0.0"
    assert client_network(request_from(None, "2001:db8::5").META) == "2001:db8::/64"

"""Bodies of every wrong kind are a clear 400, 413 or 415."""

from __future__ import annotations

import json
from io import BytesIO
from threading import Event, Thread
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from config.api.bodies import ReceivedBodies

PATH = "/api/auth/token"
HOSTILE = {
    "nothing": b"",
    "no JSON": b"{",
    "an array": b"[]",
    "null": b"null",
    "a number": b"7",
    "a text": b'"x"',
    "NaN": b'{"username": NaN, "password": "x"}',
    "Infinity": b'{"username": "x", "password": Infinity}',
    "a lone surrogate": b'{"username": "\\ud800", "password": "x"}',
    "a lone surrogate as a key": b'{"\\ud800": 1}',
    "NUL": b'{"username": "a\\u0000b", "password": "x"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "almost too deep": b'{"username":' * 1000 + b"1" + b"}" * 1000,
    "a key twice": b'{"username": "a", "username": "b", "password": "x"}',
    "many keys": json.dumps({f"key{number}": number for number in range(100_000)}).encode(),
    "a huge number": b'{"username": ' + b"9" * 6000 + b', "password": "x"}',
    "latin-1": '{"username": "é", "password": "x"}'.encode("latin-1"),
    "a byte order mark": b'\xef\xbb\xbf{"username": "a", "password": "x"}',
    "UTF-16": '{"username": "a"}'.encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00",
    "objects for texts": b'{"username": {"$ne": 1}, "password": ["x"]}',
    "numbers for texts": b'{"username": 1, "password": true}',
    "an unknown field": b'{"username": "a", "password": "x", "isAdmin": true}',
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.django_db
def test_a_hostile_body_is_a_clear_400(visitor: Client, kind: str) -> None:
    reply = visitor.post(PATH, HOSTILE[kind], content_type="application/json")

    assert reply.status_code == 400
    assert isinstance(reply.json()["error"], str)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml", "x"]
)
def test_anything_but_json_is_a_415(visitor: Client, content_type: str) -> None:
    reply = visitor.post(PATH, b'{"username": "a", "password": "x"}', content_type=content_type)

    assert reply.status_code == 415
    assert "error" in reply.json()


def test_another_charset_is_a_415(visitor: Client) -> None:
    assert visitor.post(PATH, b"{}", content_type="application/json; charset=utf-16").status_code == 415


def test_a_large_body_is_a_413(visitor: Client) -> None:
    reply = visitor.post(PATH, b" " * 3_000_000, content_type="application/json")

    assert reply.status_code == 413
    assert "error" in reply.json()


@given(
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_no_body_is_a_500(visitor: Client, body: bytes) -> None:
    reply = visitor.post(PATH, body, content_type="application/json", REMOTE_ADDR="192.0.2.1")

    assert reply.status_code in (400, 401, 429)
    assert "error" in reply.json()


class SlowBody:
    """A body that is on its way until `arrives` is set."""

    def __init__(self) -> None:
        self.is_awaited, self.arrives = Event(), Event()

    def read(self, size: int) -> bytes:
        self.is_awaited.set()
        assert self.arrives.wait(30)
        return b"x" * size


def status_of(application: ReceivedBodies, body: SlowBody | BytesIO, method: str = "POST", content_type: str = "") -> str:
    told: list[str] = []
    environ = {"REQUEST_METHOD": method, "CONTENT_TYPE": content_type, "CONTENT_LENGTH": "2", "wsgi.input": body}
    application(environ, lambda status, headers: told.append(status))
    return told[0]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_slow_senders_stop_nobody_who_reads(settings: Settings, content_type: str) -> None:
    settings.BODIES_PER_PROCESS = 1

    def view(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(2)]

    application, slow = ReceivedBodies(view), SlowBody()
    sender = Thread(target=status_of, args=[application, slow], kwargs={"content_type": content_type})
    sender.start()
    assert slow.is_awaited.wait(30)

    meanwhile = [status_of(application, BytesIO(b"{}"), method) for method in ("POST", "GET")]
    slow.arrives.set()
    sender.join(30)

    assert meanwhile == ["503 Service Unavailable", "200 OK"]
    assert status_of(application, BytesIO(b"{}")) == "200 OK"


def test_a_body_without_a_length_is_given_its_own() -> None:
    seen: list[Any] = []

    def view(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.extend([environ["CONTENT_LENGTH"], environ["wsgi.input"].read()])
        return []

    ReceivedBodies(view)(
        {"REQUEST_METHOD": "POST", "wsgi.input_terminated": True, "wsgi.input": BytesIO(b'{"a": 1}')}, lambda status, headers: None
    )

    assert seen == ["8", b'{"a": 1}']

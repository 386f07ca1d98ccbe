"""The proxy through which yt-dlp sees the web."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jobs.fetching.addresses import rules_of
from jobs.fetching.egress import Egress
from jobs.fetching.requests import Caller
from jobs.fetching.wire import Patience
from tests.jobs.fetching.servers import always, authority, reply, serving

NAMES = {"inside.example": ["10.0.0.1"], "outside.example": ["127.0.0.1"]}


@pytest.fixture
def egress() -> Iterator[Egress]:
    patience = Patience(lambda: None, seconds=60, window=30, least_rate=0)
    caller = Caller(rules_of(["127.0.0.1/32"], [80, 443]), patience, lambda host, port: NAMES.get(host, [host]))
    with TemporaryDirectory() as folder, Egress(Path(folder) / "egress", caller) as serving_egress:
        yield serving_egress


@pytest.fixture
def line(egress: Egress) -> Iterator[socket.socket]:
    """A connection to it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(egress.server_address))
        yield connection


def ask(line: socket.socket, head: str) -> bytes:
    """All that comes for a request."""
    line.sendall(head.replace("\n", "\r\n").encode())
    return b"".join(iter(lambda: line.recv(4096), b""))


def test_plain_http_is_passed_on_once(line: socket.socket) -> None:
    with serving(always(reply(b"a page", connection="keep-alive", x_kept="yes"))) as server:
        url = f"http://outside.example:{server.port}"
        answer = ask(
            line, f"GET {url}/a?b HTTP/1.1\nHost: elsewhere\nX-Kept: yes\nProxy-Connection: keep-alive\n\nGET {url}/again HTTP/1.1\n\n"
        )

    assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"\r\nConnection: close\r\n\r\na page")
    assert b"x-kept: yes" in answer and b"keep-alive" not in answer
    assert [request.path for request in server.requests] == ["/a?b"]
    assert server.requests[0].headers["x-kept"] == "yes" and "proxy-connection" not in server.requests[0].headers


def test_tls_is_carried_unopened(line: socket.socket, tmp_path: Path) -> None:
    ours = authority(tmp_path)
    with serving(always(reply(b"a secret page")), tls=ours.context_for("outside.example")) as server:
        line.sendall(f"CONNECT outside.example:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert line.recv(100) == b"HTTP/1.1 200 Connected\r\n\r\n"
        with ssl.create_default_context(cafile=str(ours.certificate)).wrap_socket(line, server_hostname="outside.example") as secured:
            assert ask(secured, "GET /a HTTP/1.1\n\n").endswith(b"a secret page")


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT inside.example:443",
        "CONNECT 169.254.169.254:80",
        "CONNECT [::1]:443",
        "CONNECT 127.1:443",
        "CONNECT user@outside.example:443",
        "GET http://inside.example/",
        "GET http://10.0.0.1/",
        "GET http://[::ffff:127.0.0.1]/",
        "GET http://0x7f.0.0.1/",
        "GET ftp://outside.example/",
        "GET /admin/",
        "POST http://192.168.0.1/",
    ],
)
def test_what_a_fetch_may_not_reach_is_refused(egress: Egress, line: socket.socket, request_line: str) -> None:
    assert ask(line, f"{request_line} HTTP/1.1\nHost: outside.example\n\n").startswith(b"HTTP/1.1 403 ")
    assert len(egress.refused) == 1

"""Requests that no HTTP library would send, to the web server as `bin/up` starts it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from launcher import processes, site

from gallery.models import PublicMedia
from tests.fuzz.conftest import NO_LIMIT, OPEN

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds, on a busy machine
VOTE = f"/api/media/public/{OPEN}/upvote"
BODY = b'{"sessionId": "sess_abc123def456"}'
Send = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def send(gallery_of_six: None, transactional_db: None, tmp_path: Path) -> Iterator[Send]:
    """`send(head, *pieces)` sends raw bytes and returns the status and what the JSON says; 0 where there is no answer."""
    port = site.free_port()
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    command = [str(part) for part in site.web_server(Path(sys.executable), host="127.0.0.1", port=port, processes=1)]
    env = {
        **os.environ,
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "ENABLE_MEDIA_FEATURES": "true",
        "DEVELOPMENT": "true",
        "PUBLIC_WRITES_PER_SESSION_PER_MINUTE": str(NO_LIMIT),  # other tests here come from the same address
        "PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE": str(NO_LIMIT),
        "VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR": str(NO_LIMIT),
    }
    child = processes.start("The web server", command, env=env, cwd=REPOSITORY, log=tmp_path / "web.log")

    def answer(head: bytes, *pieces: bytes) -> tuple[int, dict[str, object]]:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
            with contextlib.suppress(OSError):  # a server that has heard enough hangs up on the sender
                for piece in (head, *pieces):
                    line.sendall(piece)
            return parsed(line)

    def is_ready() -> bool:
        with contextlib.suppress(OSError):
            return answer(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")[0] == 200
        return False

    try:
        processes.wait_until(is_ready, child, seconds=PATIENCE)
        yield answer
    finally:
        child.stop()


def parsed(line: socket.socket) -> tuple[int, dict[str, object]]:
    received = b""
    with contextlib.suppress(OSError):
        while chunk := line.recv(65536):
            received += chunk
    final = received.rpartition(b"100 Continue\r\n\r\n")[2]
    head, _, body = final.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), (json.loads(body) if body.startswith(b"{") else {})


def post(*headers: str, path: str = VOTE) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


LAST = b"0\r\n\r\n"
CHUNKED = post("Transfer-Encoding: chunked")


def test_what_arrives_in_any_shape_is_read_or_refused(send: Send) -> None:
    length = f"Content-Length: {len(BODY)}"

    assert send(post(length), BODY)[0] == 200
    assert send(post(length), *[bytes([byte]) for byte in BODY])[0] == 200
    assert send(CHUNKED, chunk(BODY), LAST)[0] == 200
    assert send(CHUNKED, *[chunk(BODY[at : at + 5]) for at in range(0, len(BODY), 5)], LAST)[0] == 200
    assert send(post(length, "Expect: 100-continue"), BODY)[0] == 200
    assert send(CHUNKED, chunk(b"{"), LAST)[0] == 400
    assert send(CHUNKED, LAST) == send(post()) == send(post("Content-Length: 0")) == (400, {"error": "sessionId is required"})
    assert send(CHUNKED, b"zz\r\n", BODY, LAST)[0] == 400
    assert send(post("Transfer-Encoding: chunked", "Content-Encoding: gzip"), chunk(BODY), LAST)[0] == 415


@pytest.mark.parametrize("megabytes", [3, 50])
def test_a_body_that_is_too_large_is_refused_before_it_has_all_been_sent(send: Send, megabytes: int) -> None:
    body = b" " * megabytes * 2**20

    assert send(post(f"Content-Length: {len(body)}"), body)[0] == 413
    assert send(CHUNKED, chunk(body), LAST)[0] == 413
    assert send(CHUNKED, *[chunk(b" " * 2**16)] * (megabytes * 16), LAST)[0] == 413


def test_lengths_that_contradict_each_other_smuggle_no_second_request(send: Send) -> None:
    hidden = b"GET /api/schema HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    assert send(post(f"Content-Length: {len(BODY)}", "Content-Length: 3"), BODY)[0] == 400
    assert send(post("Content-Length: -1"), BODY)[0] == 400
    assert send(post("Content-Length: +34"), BODY)[0] == 400
    assert send(post("Content-Length: abc"), BODY)[0] == 400
    assert send(post("Content-Length: 99999999999999999999999"), BODY)[0] in (400, 413)
    assert send(post("Content-Length: 3", "Transfer-Encoding: chunked"), chunk(BODY), LAST, hidden)[0] in (200, 400)
    assert send(post("Transfer-Encoding: chunked, identity"), chunk(BODY), LAST)[0] == 400


RAW_ADDRESSES = [
    *(f"/api/media/public?search={text}" for text in ("élan", "É", "🎬", "中", "\u202e", "é%C3%A9", "é&limit=1", "=é")),
    *(f"/api/media/public?search={text}" for text in ("\udce9", "\udcff\udcfe", "%e9", "%ff", "a%ed%a0%80", "\x7f", "a\tb")),
    *(f"/api/media/public?search={text}" for text in ("a+b", "a;b", "<>", '"', "{}|^`\\", "%", "%zz")),
    *(f"/api/media/public?{query}" for query in ("é=1", "中=🎬&limit=2", "\udcff=1", "&&&", "=", "search", "?", "#é")),
    *(f"/api/media/public?{query}" for query in ("limit=１", "offset=٣", "cursor=🎬", "sort=récent", "category=mér", "orientation=中")),
    *(f"/api/media/public/{OPEN}?{query}" for query in ("sessionId=sess_中中中中", "sessionId=sess_abc１23", "é", "\udcff\udcfe")),
    *(f"/api/media/public{path}" for path in ("/４", "/é", "é", f"/{OPEN}\udcff")),
    *(f"/api/reactions?mediaId={id}" for id in ("４", f"{OPEN}&limit=é", f"{OPEN}&中=1", f"{OPEN}\udcff")),
]


def get(address: str, *headers: str) -> bytes:
    """A GET of an address as it stands, in UTF-8; what no text holds stands there as half a surrogate pair."""
    lines = [f"GET {address} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "User-Agent: Googlebot", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def test_addresses_in_raw_bytes_are_answered_as_django_answers_them(send: Send) -> None:
    PublicMedia.objects.filter(pk=OPEN).update(filename="élan.mp4")
    for address in ("/api/media/public", f"/api/media/public/{OPEN}", f"/api/reactions?mediaId={OPEN}"):
        send(get(address))  # from now on the shortcuts know how Django answers

    quick = {address: send(get(address)) for address in RAW_ADDRESSES}
    by_django = {address: send(get(address, "If-Match: *")) for address in RAW_ADDRESSES}  # which no shortcut takes

    assert quick == by_django
    assert {address: status for address, (status, _) in quick.items() if status not in (200, 400, 404)} == {}
    found = quick["/api/media/public?search=élan"]
    assert found == send(get("/api/media/public?search=%C3%A9lan"))
    assert [row["id"] for row in found[1]["videos"]] == [OPEN]  # type: ignore[attr-defined]


def test_nonsense_is_no_server_error(send: Send) -> None:
    host = b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    nonsense = [
        b"GET /api/media/public/%00" + b" HTTP/1.1" + host + b"\r\n",
        b"GET /api/media/public/%ff%fe HTTP/1.1" + host + b"\r\n",
        b"GET /api/media/public?search=%ed%a0%80&limit=%ff HTTP/1.1" + host + b"\r\n",
        b"GET /api/media/public/" + b"1" * 30_000 + b" HTTP/1.1" + host + b"\r\n",
        b"GET //api//media/../../etc/passwd HTTP/1.1" + host + b"\r\n",
        b"GET http://evil.example/api/media/public HTTP/1.1" + host + b"\r\n",
        b"GET /api/media/public HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET /api/media/public HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /api/media/public HTTP/1.1" + host + b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /api/media/public HTTP/1.1" + host + b"Cookie: sessionid=" + b"\xff" * 50 + b"\r\n\r\n",
        b"GET /api/media/public HTTP/1.1" + host + b"Authorization: Bearer " + b"\xe9" * 50 + b"\r\n\r\n",
        b"GET /api/videos HTTP/1.1" + host + b"Authorization: Bearer " + b"a.b.c" * 20_000 + b"\r\n\r\n",
        b"GET /api/media/public HTTP/1.1" + host + b'If-None-Match: "' + b"x" * 60_000 + b"\r\n\r\n",
        b"GET /api/media/public HTTP/1.1" + host + b"Range: bytes=" + b"0-0," * 15_000 + b"\r\n\r\n",
        b"FOO /api/media/public HTTP/1.1" + host + b"\r\n",
        b"CONNECT 127.0.0.1:5432 HTTP/1.1" + host + b"\r\n",
        b"GET /api/media/public HTTP/9.9" + host + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"\0" * 1000,
    ]

    answers = {request[:60]: send(request)[0] for request in nonsense}

    assert {request: status for request, status in answers.items() if status >= 500} == {}
    assert send(b"GET /api/media/public HTTP/1.1" + host + b"\r\n")[0] == 200  # and it still serves

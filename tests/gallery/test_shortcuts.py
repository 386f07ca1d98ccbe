"""The list and one medium without Django: the same replies, views that count, and locks that show within a second."""

from __future__ import annotations

import secrets
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event
from typing import Any
from wsgiref.util import FileWrapper

import orjson
import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, close_old_connections, connections
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from config.api.shortcuts import Shortcuts
from gallery import counters
from gallery.api import shortcuts
from gallery.models import MediaStats
from gallery.services import engagement, lock, publish
from tests.clock import Clock
from tests.gallery.rows import video
from tests.replies import fresh_address

pytestmark = pytest.mark.django_db

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
LIST = "/api/media/public"


class Reply:
    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = int(status.split()[0])
        self.headers = {name.title(): value for name, value in headers}
        self.body = body

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Server:
    """A WSGI application, asked as a web server asks it; notes whether Django was asked."""

    def __init__(self) -> None:
        self.django: Any = get_wsgi_application()
        self.application = Shortcuts(self._asked_django)
        self.django_was_asked = False
        self.caller = fresh_address()

    def _asked_django(self, *request: Any) -> Any:
        self.django_was_asked = True
        return self.django(*request)

    def get(self, address: str, *, method: str = "GET", **headers: str) -> Reply:
        return self._ask(method, address, b"", "", headers)

    def post(self, address: str, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
        return self._ask("POST", address, body, content_type, headers)

    def twice(self, address: str, **headers: str) -> tuple[Reply, Reply]:
        """Django's reply, and that of the shortcut where there is one."""
        return self.get(address, **headers), self.get(address, **headers)

    def _ask(self, method: str, address: str, body: bytes, content_type: str, headers: dict[str, str]) -> Reply:
        environ = RequestFactory().generic(method, address, REMOTE_ADDR=self.caller).environ
        environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type, "HTTP_USER_AGENT": BROWSER}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        started: list[Any] = []
        self.django_was_asked = False
        answer = b"".join(self.application(environ, lambda *start: started.extend(start)))
        return Reply(started[0], started[1], answer)


@pytest.fixture
def server(settings: Settings, clock: Clock) -> Server:
    settings.MICRO_CACHE_SECONDS = 1.0
    return Server()


@pytest.fixture
def uncached(settings: Settings) -> Server:
    settings.MICRO_CACHE_SECONDS = 0
    return Server()


@pytest.fixture
def media(db: None) -> list[int]:
    ids = [video(title=f'Clip {number} "viewCount":7').pk for number in range(5)]
    publish(ids, category="sea", by=None)
    return ids


@pytest.fixture(autouse=True)
def one_transaction() -> Iterator[None]:
    """A request that ends does not close the connection of the test, as Django's own test client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def views(media_id: int) -> int:
    counters.flush()
    return MediaStats.objects.get(pk=media_id).view_count


SUCCESSES = [
    "",
    "?limit=2",
    "?limit=2&offset=2",
    "?sort=popular&category=sea",
    "?search=clip",
    "?search=%C3%A9",
    "?x=1",
    "?category=",
    "?offset=99",
]


@pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:3000"}, {"origin": "http://elsewhere"}], ids=str)
@pytest.mark.parametrize("query", SUCCESSES)
def test_a_list_is_what_django_would_have_answered(uncached: Server, media: list[int], query: str, headers: dict[str, str]) -> None:
    slow, quick = uncached.twice(LIST + query, **headers)

    assert not uncached.django_was_asked
    assert (quick.status, quick.headers, quick.body) == (slow.status, slow.headers, slow.body)


@pytest.mark.parametrize("query", ["", "?sessionId=session-1"])
def test_a_medium_is_what_django_would_have_answered(uncached: Server, media: list[int], query: str) -> None:
    slow, quick = uncached.twice(f"{LIST}/{media[0]}{query}")

    assert not uncached.django_was_asked
    assert (quick.status, quick.headers) == (slow.status, slow.headers)
    assert quick.json == slow.json


@pytest.mark.parametrize("address", [LIST, f"{LIST}?limit=2", f"{LIST}/{{}}"])
def test_what_the_caller_has_is_not_sent_again(uncached: Server, media: list[int], address: str) -> None:
    address = address.format(media[0])
    _, quick = uncached.twice(address)

    slow_unchanged, quick_unchanged = uncached.twice(address, if_none_match=quick.headers["Etag"])
    changed = uncached.get(address, if_none_match='"something else"')

    assert not uncached.django_was_asked
    assert (quick_unchanged.status, quick_unchanged.body) == (304, b"")
    assert quick_unchanged.headers == slow_unchanged.headers
    assert changed.status == 200


REFUSED = [
    "?limit=0", "?limit=x", "?limit=1&limit=2", "?sort=sideways", "?cursor=nonsense", "?search=%00", "?offset=-1", "?category=No",
    "/0", "/01", "/abc", "/9223372036854775808", "/99999999999999999999999", "/{}?sessionId=short", "/{}?sessionId=a&sessionId=b",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_refusals_are_djangos(uncached: Server, media: list[int], address: str) -> None:
    address = LIST + address.format(media[0])
    uncached.twice(LIST)
    uncached.twice(f"{LIST}/{media[0]}")

    first, second = uncached.twice(address)

    assert uncached.django_was_asked
    assert first.status in (400, 404)
    assert (first.status, first.body) == (second.status, second.body)


def test_what_is_locked_or_unknown_is_refused_as_by_django(uncached: Server, media: list[int]) -> None:
    lock([media[0]], reason="a secret", by=None)
    uncached.twice(f"{LIST}/{media[1]}")

    for address, status in ((f"{LIST}/{media[0]}", 403), (f"{LIST}/999999", 404)):
        slow, quick = uncached.twice(address)
        assert not uncached.django_was_asked
        del slow.headers["Etag"]  # which a middleware gives to every reply, and nobody may use for a refusal
        assert (quick.status, quick.headers, quick.body) == (slow.status, slow.headers, slow.body)
        assert quick.status == status
        assert uncached.get(address, if_none_match="*").body == quick.body


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_djangos(server: Server, media: list[int], method: str) -> None:
    server.twice(LIST)

    server.get(LIST, method=method)

    assert server.django_was_asked


def test_a_host_that_is_not_ours_is_refused_though_others_know_the_way(server: Server, media: list[int]) -> None:
    server.twice(LIST)

    assert [reply.status for reply in server.twice(LIST, host="evil.example")] == [400, 400]


def test_what_django_tells_one_caller_alone_is_told_nobody_else(media: list[int], uncached: Server) -> None:
    django = uncached.django

    def with_cookie(environ: Any, start_response: Any) -> Any:
        return django(environ, lambda status, headers: start_response(status, [*headers, ("Set-Cookie", "a=b")]))

    uncached.django = with_cookie
    uncached.twice(LIST)

    assert uncached.django_was_asked


def test_disabled_media_features_are_a_503(media: list[int], settings: Settings) -> None:
    settings.ENABLE_MEDIA_FEATURES = False

    assert [reply.status for reply in Server().twice(LIST)] == [503, 503]


def test_a_database_that_cannot_be_reached_is_a_503_in_json(uncached: Server, media: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError("no route")

    uncached.twice(LIST)
    monkeypatch.setattr(shortcuts, "page_reply", refuse)

    reply = uncached.get(LIST)

    assert (reply.status, reply.headers["Content-Type"], reply.headers["Retry-After"]) == (503, "application/json", "5")
    assert list(reply.json) == ["error"]


def test_no_lock_is_hidden_for_longer_than_a_second(server: Server, media: list[int], clock: Clock) -> None:
    medium = f"{LIST}/{media[0]}"
    server.twice(LIST)
    server.twice(medium)

    lock([media[0]], reason="", by=None)
    clock.now += 1.0
    page, detail = server.get(LIST), server.get(medium)

    assert media[0] not in [row["id"] for row in page.json["videos"]]
    assert page.json["pagination"]["total"] == 4
    assert (detail.status, detail.json) == (403, {"error": "Media is locked"})


def test_a_validator_from_before_the_lock_opens_nothing(server: Server, media: list[int], clock: Clock) -> None:
    medium = f"{LIST}/{media[0]}"
    _, quick = server.twice(medium)
    server.twice(medium, if_none_match=quick.headers["Etag"])

    lock([media[0]], reason="", by=None)
    clock.now += 1.0

    assert server.get(medium, if_none_match=quick.headers["Etag"]).status == 403


def test_a_page_is_computed_once_in_a_second_however_it_is_asked_for(server: Server, media: list[int], clock: Clock) -> None:
    server.twice(LIST)
    lock([media[0]], reason="", by=None)

    within = [server.get(LIST + query).json["pagination"]["total"] for query in ("", "?limit=24", "?offset=0&sort=recent")]
    clock.now += 1.0

    assert within == [5, 5, 5]
    assert server.get(LIST).json["pagination"]["total"] == 4


def test_who_is_signed_in_sees_what_is(server: Server, media: list[int], editor: User) -> None:
    server.twice(LIST)
    lock([media[0]], reason="", by=editor)

    assert server.get(LIST, cookie="theme=dark; sessionid=abc").json["pagination"]["total"] == 4
    assert server.get(LIST, authorization="Bearer abc").json["pagination"]["total"] == 4


@pytest.mark.django_db(transaction=True)
def test_nobody_is_shown_what_was_before_they_asked_though_pages_are_read_for_many_at_once(uncached: Server, media: list[int]) -> None:
    locked: list[int] = []
    is_over = Event()

    def read_until_it_is_over() -> int:
        server, pages = Server(), 0
        try:
            while not is_over.is_set():
                before = {*locked}
                assert not before & {row["id"] for row in server.get(LIST).json["videos"]}
                pages += 1
        finally:
            connections.close_all()
        return pages

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read_until_it_is_over) for _ in range(8)]
        try:
            for media_id in media:
                lock([media_id], reason="", by=None)
                locked.append(media_id)
                time.sleep(0.02)
        finally:
            is_over.set()
        assert all(reader.result() for reader in readers)


class TestViews:
    def test_every_view_of_a_cached_medium_counts(self, server: Server, media: list[int]) -> None:
        address = f"{LIST}/{media[0]}"

        shown = [server.get(address).json["viewCount"] for _ in range(10)]

        assert shown == [1] * 10
        assert views(media[0]) == 10

    def test_the_count_never_falls_and_is_a_second_late_at_most(self, server: Server, media: list[int], clock: Clock) -> None:
        shown = []
        for _ in range(4):
            shown += [server.get(f"{LIST}/{media[0]}").json["viewCount"] for _ in range(3)]
            counters.flush()
            clock.now += 1.0

        assert shown == [1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10]

    def test_an_unchanged_reply_is_a_view(self, server: Server, media: list[int]) -> None:
        address = f"{LIST}/{media[0]}"
        _, quick = server.twice(address)

        for _ in range(3):
            assert server.get(address, if_none_match=quick.headers["Etag"]).status == 304

        assert views(media[0]) == 5

    def test_bots_and_heads_are_none(self, server: Server, media: list[int]) -> None:
        address = f"{LIST}/{media[0]}"
        server.twice(address)

        bot = server.get(address, user_agent="Googlebot/2.1")
        server.get(address, method="HEAD")

        assert bot.json["viewCount"] == 0
        assert views(media[0]) == 2

    def test_a_refused_medium_has_none(self, server: Server, media: list[int], clock: Clock) -> None:
        server.twice(f"{LIST}/{media[0]}")
        lock([media[1]], reason="", by=None)

        server.twice(f"{LIST}/{media[1]}")

        assert views(media[1]) == 0

    def test_sessions_share_a_cached_reply_and_are_told_apart(self, server: Server, media: list[int]) -> None:
        for session in ("session-1", "session-2", "session-2", "session-3"):
            server.get(f"{LIST}/{media[0]}?sessionId={session}")
        counters.flush()

        stats = MediaStats.objects.get(pk=media[0])
        assert (stats.view_count, stats.unique_view_count) == (4, 3)


def ballot(session: str = "session-1") -> bytes:
    return orjson.dumps({"sessionId": session})


class TestVotes:
    @pytest.fixture
    def place(self, server: Server, media: list[int]) -> str:
        """Where to vote for the first medium; Django has answered one vote for another."""
        server.post(f"{LIST}/{media[1]}/upvote", ballot())
        return f"{LIST}/{media[0]}/upvote"

    @pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:3000"}, {"origin": "http://elsewhere"}], ids=str)
    def test_a_vote_is_answered_as_django_would_have(self, server: Server, media: list[int], headers: dict[str, str]) -> None:
        slow = server.post(f"{LIST}/{media[0]}/upvote", ballot(), **headers)
        quick = server.post(f"{LIST}/{media[1]}/upvote", b' { "sessionId" : "session-1" }\n', "application/json; charset=utf-8", **headers)

        assert not server.django_was_asked
        assert (quick.status, quick.headers, quick.body) == (slow.status, slow.headers, slow.body)

    def test_a_session_has_one_vote_by_whatever_way_it_comes(self, server: Server, media: list[int], place: str) -> None:
        counts = [server.post(place, ballot(session)).json["upvoteCount"] for session in ("session-1", "session-2", "session-1")]
        taken_back = server.get(f"{place}?sessionId=session-1", method="DELETE")

        assert counts == [1, 2, 2]
        assert taken_back.json == {"success": True, "upvoted": False, "upvoteCount": 1}
        assert MediaStats.objects.get(pk=media[0]).upvote_count == 1

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"", "application/json", 400),
            (b"{}", "application/json", 400),
            (b'{"sessionId":"short"}', "application/json", 400),
            (b'{"sessionId":"session-1","sessionId":"session-2"}', "application/json", 400),
            (b'{"sessionId":"session-1","more":1}', "application/json", 400),
            (b'{"sessionId":"session-1"', "application/json", 400),
            (ballot("s" * 400), "application/json", 400),
            (ballot(), "text/plain", 415),
            (ballot(), "application/json; charset=utf-16", 415),
        ],
    )
    def test_what_is_no_vote_is_refused_by_django(self, server: Server, place: str, body: bytes, content_type: str, status: int) -> None:
        reply = server.post(place, body, content_type)

        assert server.django_was_asked
        assert reply.status == status
        assert "error" in reply.json

    def test_a_longer_session_than_usual_is_django_s_to_read(self, server: Server, place: str) -> None:
        spaced = ballot().replace(b":", b":" + b" " * 300)

        assert server.post(place, spaced).json == {"success": True, "upvoted": True, "upvoteCount": 1}
        assert server.django_was_asked

    def test_a_compressed_body_is_refused(self, server: Server, place: str) -> None:
        assert server.post(place, ballot(), content_encoding="gzip").status == 415

    def test_a_locked_and_an_unknown_medium_have_no_votes(self, server: Server, media: list[int], place: str) -> None:
        lock([media[0]], reason="", by=None)

        for address, status in ((place, 403), (f"{LIST}/999999/upvote", 404)):
            slow, quick = server.post(address, ballot()), server.post(address, ballot())
            assert not server.django_was_asked
            assert (quick.status, quick.headers, quick.body) == (slow.status, slow.headers, slow.body)
            assert quick.status == status
        assert MediaStats.objects.get(pk=media[0]).upvote_count == 0

    def test_votes_that_come_too_often_are_refused(self, server: Server, place: str, settings: Settings) -> None:
        settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = 2
        eager = f"session-{secrets.token_hex(8)}"

        replies = [server.post(place, ballot(eager)) for _ in range(3)]

        assert [reply.status for reply in replies] == [200, 200, 429]
        assert int(replies[-1].headers["Retry-After"]) > 0

    def test_votes_of_one_address_for_one_medium_are_bounded(self, server: Server, place: str, settings: Settings) -> None:
        settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = 2

        replies = [server.post(place, ballot(f"session-{number}")) for number in range(3)]

        assert [reply.status for reply in replies] == [200, 200, 429]

    def test_a_database_that_cannot_be_reached_is_a_503(self, server: Server, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any, **__: Any) -> int:
            raise OperationalError("no route")

        monkeypatch.setattr(engagement, "give_upvotes", refuse)

        reply = server.post(place, ballot())

        assert (reply.status, reply.headers["Retry-After"], list(reply.json)) == (503, "5", ["error"])


def test_memory_stays_flat_over_thousands_of_sessions_and_addresses(
    server: Server, media: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "count_view", lambda *_, **__: 1)  # views wait for a flush, which is another story

    def ask(numbers: range) -> None:
        for number in numbers:
            server.get(f"{LIST}/{media[0]}?sessionId=session-{number}", user_agent=f"{BROWSER} {number}")
            if number % 4 == 0:
                server.get(f"{LIST}?unknown={number}")

    ask(range(5000))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ask(range(5000, 10_000))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 2_000_000


def test_a_server_that_sends_files_in_its_own_way_is_handed_them() -> None:
    environ = RequestFactory().get("/static/gallery/icon.svg").environ | {"wsgi.input": BytesIO(), "wsgi.file_wrapper": FileWrapper}
    started: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        started.append(status)

    sent = b"".join(Server().application(environ, start_response))

    assert started == ["200 OK"]
    assert sent.startswith(b"<svg")

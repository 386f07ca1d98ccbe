"""Downloads from servers of every kind of malice, over real sockets."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from jobs.failures import JobFailed
from jobs.fetching import partials
from jobs.fetching.addresses import Resolve, parse, rules_of
from jobs.fetching.download import Limits, Listener, download
from jobs.fetching.partials import Partial
from jobs.fetching.requests import Caller
from jobs.fetching.wire import Interrupted, Patience
from tests.jobs.fetching.servers import (
    Answer,
    Authority,
    Request,
    Server,
    always,
    authority,
    http_date,
    ranged,
    redirecting,
    reply,
    serving,
)

BODY = bytes(range(256)) * 2000  # 512,000 bytes
LOOPBACK = ("127.0.0.0/8", "::1/128")


@pytest.fixture(autouse=True)
def a_quick_retry_on_any_disk(library: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FULL_DISK_MB = 1
    monkeypatch.setattr("jobs.fetching.download.SECONDS_BEFORE_GOING_ON", 0.01)


class Fetched:
    """What came of downloads of one job."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.content = b""
        self.shown: list[tuple[int, int | None]] = []

    def fetch(
        self,
        url: str,
        *,
        size: int = 10**7,
        rate: int | None = None,
        networks: tuple[str, ...] = LOOPBACK,
        patience: Patience | None = None,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> bytes:
        asks = Caller(
            rules_of(networks, [80, 443]),
            patience or Patience(lambda: None, seconds=60, window=30, least_rate=1),
            resolve or (lambda host, port: [host]),
            tls or ssl.create_default_context(),
        )
        listener = Listener(self.log.append, lambda *size: self.shown.append(size))
        with partials.opened(7) as partial:
            download(parse(url), partial, asks, Limits(size, rate), listener)
            self.content = read(partial)
        return self.content


def read(partial: Partial) -> bytes:
    partial.keep()
    with open(partial.descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()


@pytest.fixture
def job() -> Fetched:
    return Fetched()


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    servers: list[Server] = []

    def start(answer: Answer, host: str = "127.0.0.1") -> Server:
        servers.append(Server(answer, host))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[..., Server]


class TestWholeFiles:
    @pytest.mark.parametrize("length", [-1, None])
    def test_a_file_comes_as_it_is(self, job: Fetched, serve: Serve, length: int | None) -> None:
        server = serve(always(reply(BODY, length=length)))

        assert job.fetch(f"{server.url}/a.mp4?key=1#t") == BODY
        assert server.requests[0].path == "/a.mp4?key=1"
        assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"
        assert server.requests[0].headers["accept-encoding"] == "identity"
        assert job.shown[-1] == (len(BODY), len(BODY) if length else None)

    def test_a_file_may_come_in_chunks(self, job: Fetched, serve: Serve) -> None:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:70_000], BODY[70_000:])) + b"0\r\n\r\n"

        assert job.fetch(serve(always(reply(chunks, length=None, transfer_encoding="chunked"))).url) == BODY

    def test_a_server_may_announce_itself_first(self, job: Fetched, serve: Serve) -> None:
        assert job.fetch(serve(always(b"HTTP/1.1 100 Continue\r\n\r\n" + reply(BODY))).url) == BODY

    def test_ipv6_is_spoken(self, job: Fetched, serve: Serve) -> None:
        server = serve(always(reply(BODY)), host="::1")

        assert job.fetch(f"http://[::1]:{server.port}/") == BODY

    def test_the_next_address_is_tried_where_the_first_is_silent(self, job: Fetched, serve: Serve) -> None:
        server = serve(always(reply(BODY)))

        assert job.fetch(f"http://videos.example:{server.port}/", resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]) == BODY

    def test_a_rate_is_kept(self, job: Fetched, serve: Serve) -> None:
        began_at = time.monotonic()
        job.fetch(serve(always(reply(BODY))).url, rate=1_000_000)
        assert time.monotonic() - began_at >= 0.4


class TestResuming:
    def test_a_connection_that_breaks_goes_on_where_it_broke(self, job: Fetched, serve: Serve) -> None:
        server = serve(ranged(BODY, breaks_after=300_000))

        assert job.fetch(server.url) == BODY
        assert [request.offset for request in server.requests] == [0, 300_000]
        assert any("goes on after 0.3 MB" in line for line in job.log)

    def test_another_attempt_goes_on_where_the_last_one_ended(self, job: Fetched, serve: Serve) -> None:
        broken = serve(ranged(BODY, breaks_after=0))
        first = serve(lambda connection, request: connection.sendall(reply(BODY[:100_000], length=len(BODY), etag='"one"')))
        with pytest.raises(Interrupted):
            job.fetch(first.url)
        with pytest.raises(Interrupted):
            job.fetch(broken.url)
        whole = serve(ranged(BODY))

        assert job.fetch(whole.url) == BODY
        assert [request.offset for request in whole.requests] == [100_000]

    def test_a_date_long_past_tells_versions_apart_too(self, job: Fetched, serve: Serve) -> None:
        dates = {"date": http_date(days_ago=0), "last_modified": http_date(days_ago=3)}
        first = serve(always(reply(BODY[:100_000], length=len(BODY), said=dates)))
        with pytest.raises(Interrupted):
            job.fetch(first.url)
        server = serve(ranged(BODY, etag=dates["last_modified"]))

        assert job.fetch(server.url) == BODY
        assert server.requests[0].headers["if-range"] == dates["last_modified"]

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"etag": 'W/"one"'},
            {"etag": "one"},
            {"last_modified": "yesterday"},
            {"date": http_date(days_ago=0), "last_modified": http_date(days_ago=0)},
        ],
    )
    def test_what_nothing_tells_apart_starts_over(self, job: Fetched, serve: Serve, said: dict[str, str]) -> None:
        with pytest.raises(Interrupted):
            job.fetch(serve(always(reply(BODY[:100_000], length=len(BODY), said=said))).url)
        server = serve(ranged(BODY))

        assert job.fetch(server.url) == BODY
        assert "range" not in server.requests[0].headers

    @pytest.mark.parametrize(
        "then",
        [
            pytest.param(ranged(BODY[::-1], etag='"two"'), id="another version"),
            pytest.param(always(reply(BODY[::-1], etag='"one"')), id="the range ignored"),
            pytest.param(
                always(reply(BODY[::-1][100_000:], status="206 Partial Content", etag='"two"', content_range="bytes 100000-511999/512000")),
                id="another version as if it were the same",
            ),
            pytest.param(
                always(reply(BODY, status="206 Partial Content", etag='"one"', content_range="bytes 0-511999/512000")), id="from the start"
            ),
            pytest.param(
                always(reply(BODY[-9:], status="206 Partial Content", content_range="bytes 100000-100008/512000")), id="a part of the rest"
            ),
            pytest.param(always(reply(BODY[100_000:], status="206 Partial Content")), id="a part of nobody knows what"),
            pytest.param(always(reply(b"", status="416 Range Not Satisfiable")), id="a shorter file"),
        ],
    )
    def test_what_is_not_the_rest_of_the_same_file_is_never_joined_to_it(self, job: Fetched, serve: Serve, then: Answer) -> None:
        with pytest.raises(Interrupted):
            job.fetch(serve(always(reply(BODY[:100_000], length=len(BODY), etag='"one"'))).url)
        server = serve(lambda connection, request: (then if "range" in request.headers else always(reply(BODY[::-1])))(connection, request))

        assert job.fetch(server.url) == BODY[::-1]

    def test_a_server_that_always_breaks_at_the_same_byte_is_given_up(self, job: Fetched, serve: Serve) -> None:
        server = serve(always(reply(BODY[:1000], length=len(BODY))))

        with pytest.raises(Interrupted, match=r"1,000 of 512,000 bytes"):
            job.fetch(server.url)
        assert len(server.requests) == 2

    def test_what_a_worker_still_writes_that_has_lost_the_job_is_not_touched(self, library: Path) -> None:
        with partials.opened(7) as stopped:
            stopped.start_over('"one"')
            stopped.write(b"of a worker that slept")
            stopped.keep()
            with partials.opened(7) as partial:
                assert partial.size == 0
                partial.start_over('"one"')
                partial.write(b"mine")
                partial.keep()
                stopped.write(b", and woke up")
                stopped.keep()
                assert read(partial) == b"mine"
                with pytest.raises(FileNotFoundError):
                    stopped.become(library / "stolen")
            stopped.keep()
            with partials.opened(7) as third:
                assert third.size == 0  # the state is that of another file


class TestRedirections:
    def test_redirections_are_followed(self, job: Fetched, serve: Serve) -> None:
        end = serve(always(reply(BODY)))
        middle = serve(redirecting(f"{end.url}/end"))

        assert job.fetch(f"{serve(redirecting(f'{middle.url}/b')).url}/a") == BODY
        assert end.requests[0].headers["host"] == f"127.0.0.1:{end.port}"

    def test_five_hops_are_enough(self, job: Fetched, serve: Serve) -> None:
        def count_down(connection: socket.socket, request: Request) -> None:
            left = int(request.path[1:])
            connection.sendall(reply(status="307 On", location=f"/{left - 1}") if left else reply(BODY))

        server = serve(count_down)
        assert job.fetch(f"{server.url}/5") == BODY
        with pytest.raises(JobFailed, match="more than 5 times"):
            job.fetch(f"{server.url}/6")

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.2/",
            "http://127.0.0.1:6379/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
            "http://metadata.internal/",
            "https://localhost/",
            "ftp://127.0.0.3/",
            "file:///etc/passwd",
            "http://user:password@127.0.0.3/",
            "//127.0.0.2/",
            "",
        ],
    )
    def test_a_redirection_never_leads_where_a_request_may_not(self, job: Fetched, serve: Serve, location: str) -> None:
        """The first server is the only one allowed; a name that leads inside is as closed as an address."""
        server = serve(redirecting(location), host="127.0.0.3")
        inside = {"metadata.internal": ["169.254.169.254"], "localhost": ["::1", "127.0.0.1"]}

        with pytest.raises(JobFailed) as refused:
            job.fetch(server.url, networks=("127.0.0.3/32",), resolve=lambda host, port: inside.get(host, [host]))
        assert refused.value.error_class in ("forbidden_address", "too_many_redirects")
        assert not refused.value.is_transient

    def test_a_name_is_looked_up_once_for_each_connection(self, job: Fetched, serve: Serve) -> None:
        """A name that means another machine the next moment: what was checked is what is connected to."""
        server = serve(always(reply(BODY)), host="127.0.0.3")
        answers = iter([["127.0.0.3"], ["127.0.0.1"], ["127.0.0.1"]])

        assert job.fetch(f"http://rebinding.example:{server.port}/", networks=("127.0.0.3/32",), resolve=lambda *_: next(answers)) == BODY
        assert server.requests[0].headers["host"] == f"rebinding.example:{server.port}"

    def test_a_name_that_turns_inwards_between_two_hops_is_refused(self, job: Fetched, serve: Serve) -> None:
        server = serve(redirecting("/again"), host="127.0.0.3")
        answers = iter([["127.0.0.3"], ["127.0.0.1"]])

        with pytest.raises(JobFailed, match=r"leads to 127\.0\.0\.1"):
            job.fetch(f"http://rebinding.example:{server.port}/", networks=("127.0.0.3/32",), resolve=lambda *_: next(answers))

    def test_proxies_of_the_environment_are_not_asked(self, job: Fetched, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy = serve(always(reply(b"from the proxy")))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert job.fetch(serve(always(reply(BODY))).url) == BODY
        assert proxy.requests == []


class TestTls:
    @pytest.fixture
    def ours(self, tmp_path: Path) -> Authority:
        return authority(tmp_path)

    def trusting(self, ours: Authority) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(ours.certificate))

    def test_the_name_is_proved_though_the_connection_goes_to_an_address(self, job: Fetched, ours: Authority) -> None:
        names: list[str | None] = []
        tls = ours.context_for("videos.example")
        tls.sni_callback = lambda connection, name, context: names.append(name)
        with serving(always(reply(BODY)), tls=tls) as server:
            url = f"https://videos.example:{server.port}/"

            assert job.fetch(url, resolve=lambda *_: ["127.0.0.1"], tls=self.trusting(ours)) == BODY
            assert names == ["videos.example"]
            assert server.requests[0].headers["host"] == f"videos.example:{server.port}"

    def test_an_address_can_prove_itself(self, job: Fetched, ours: Authority) -> None:
        with serving(always(reply(BODY)), tls=ours.context_for("127.0.0.1")) as server:
            assert job.fetch(server.url, tls=self.trusting(ours)) == BODY

    @pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
    def test_a_server_with_another_name_is_refused(self, job: Fetched, ours: Authority, name: str) -> None:
        with serving(always(reply(BODY)), tls=ours.context_for(name)) as server:
            url = f"https://videos.example:{server.port}/"

            with pytest.raises(JobFailed, match="does not prove who it is") as refused:
                job.fetch(url, resolve=lambda *_: ["127.0.0.1"], tls=self.trusting(ours))
            assert (refused.value.error_class, server.requests) == ("certificate", [])

    def test_an_authority_that_nobody_trusts_is_refused(self, job: Fetched, ours: Authority) -> None:
        with serving(always(reply(BODY)), tls=ours.context_for("127.0.0.1")) as server, pytest.raises(JobFailed, match="does not prove"):
            job.fetch(server.url)

    def test_plain_http_on_a_port_for_tls_is_an_error_of_the_server(self, job: Fetched, serve: Serve) -> None:
        server = serve(always(reply(BODY)))

        with pytest.raises(Interrupted):
            job.fetch(server.url.replace("http:", "https:"))


def endlessly(piece: bytes, *, head: bytes = b"", pause: float = 0.0) -> Answer:
    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return answer


NO_LENGTH = reply(length=None)


class TestMalice:
    @pytest.mark.parametrize("head", [NO_LENGTH, reply(length=10**12), reply(length=None, transfer_encoding="chunked")])
    def test_an_endless_body_ends_at_the_limit(self, job: Fetched, serve: Serve, head: bytes, library: Path) -> None:
        piece = b"10000\r\n" + bytes(65536) + b"\r\n" if b"chunked" in head else bytes(65536)
        server = serve(endlessly(piece, head=head))

        with pytest.raises(JobFailed, match=r"more than 1\.0 MB") as refused:
            job.fetch(server.url, size=10**6)
        assert refused.value.error_class == "too_large"
        assert list((library / ".fetching").iterdir()) == []

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(endlessly(b"x", head=reply(length=10**6), pause=0.05), id="body"),
            pytest.param(endlessly(b"x", head=b"HTTP/1.1 200 OK\r\nX: ", pause=0.05), id="header"),
            pytest.param(endlessly(b"", pause=0.05), id="silence"),
        ],
    )
    def test_a_drip_is_left(self, job: Fetched, serve: Serve, answer: Answer) -> None:
        patience = Patience(lambda: None, seconds=60, window=0.5, least_rate=1000)

        with pytest.raises(Interrupted) as left:
            job.fetch(serve(answer).url, patience=patience)
        assert left.value.error_class == "too_slow"

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(endlessly(b"x" * 100, head=reply(length=10**6), pause=0.01), id="body"),
            pytest.param(endlessly(b"HTTP/1.1 100 Continue\r\n\r\n"), id="announcements"),
            pytest.param(endlessly(b"X: y\r\n", head=reply(b"0\r\n", length=None, transfer_encoding="chunked")), id="trailers"),
        ],
    )
    def test_no_server_takes_for_ever(self, job: Fetched, serve: Serve, answer: Answer) -> None:
        with pytest.raises(JobFailed, match=r"not there after 0\.6 seconds") as late:
            job.fetch(serve(answer).url, patience=Patience(lambda: None, seconds=0.6, window=30, least_rate=1))
        assert late.value.error_class == "timeout"

    def test_a_tls_handshake_that_never_ends_is_left(self, job: Fetched, serve: Serve) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        patience = Patience(lambda: None, seconds=60, window=0.5, least_rate=1000)
        with listening, pytest.raises(Interrupted):
            job.fetch(f"https://127.0.0.1:{listening.getsockname()[1]}/", patience=patience)

    def test_a_resolver_that_never_answers_is_left(self, job: Fetched) -> None:
        answered = threading.Event()
        with pytest.raises(JobFailed, match="not there after"):
            job.fetch(
                "http://videos.example/",
                resolve=lambda *_: [str(answered.wait(30))],
                patience=Patience(lambda: None, seconds=0.5, window=30, least_rate=1),
            )
        answered.set()

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"HTTP/9.9 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5000,
            reply(BODY[:10], length=20),
        ],
    )
    def test_what_is_no_http_or_is_cut_short_is_the_servers_fault(self, job: Fetched, serve: Serve, answer: bytes) -> None:
        with pytest.raises(Interrupted):
            job.fetch(serve(always(answer)).url)

    @pytest.mark.parametrize("length", ["-1", "1e9", "0x10", "9" * 5000, "５", "5, 5", ""])
    def test_a_length_that_is_no_number_is_as_good_as_none(self, job: Fetched, serve: Serve, length: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()

        assert job.fetch(serve(always(head + b"12345")).url) == b"12345"

    def test_more_than_was_announced_is_not_read(self, job: Fetched, serve: Serve) -> None:
        assert job.fetch(serve(always(reply(BODY, length=100))).url) == BODY[:100]

    def test_a_packed_answer_is_not_unpacked(self, job: Fetched, serve: Serve) -> None:
        bomb = gzip.compress(bytes(10**6))

        with pytest.raises(JobFailed, match="packs the file"):
            job.fetch(serve(always(reply(bomb, content_encoding="gzip"))).url)

    def test_a_web_page_is_told_from_a_video_before_it_is_read(self, job: Fetched, serve: Serve) -> None:
        with pytest.raises(JobFailed, match="A web page lies there") as refused:
            job.fetch(serve(always(reply(b"<html>", content_type="Text/HTML; charset=utf-8"))).url)
        assert refused.value.error_class == "no_video"

    def test_an_empty_file_is_no_video(self, job: Fetched, serve: Serve) -> None:
        with pytest.raises(JobFailed, match="an empty file"):
            job.fetch(serve(always(reply(b""))).url)

    @pytest.mark.parametrize(
        "status",
        ["404 Gone fishing", "403 No", "401 Who", "204 Nothing", "304 Same", "999 What", "500 Ouch", "503 Later", "429 Slow down"],
    )
    def test_a_refusal_is_told_in_our_words(self, job: Fetched, serve: Serve, status: str) -> None:
        with pytest.raises(JobFailed, match=f"127.0.0.1 answered {status[:3]}") as refused:
            job.fetch(serve(always(reply(b"", status=status))).url)
        assert refused.value.is_transient == (status[:3] in ("429", "500", "503"))
        assert status[4:] not in str(refused.value)

    def test_a_disk_without_room_takes_nothing(self, job: Fetched, serve: Serve, settings: Settings, library: Path) -> None:
        settings.FULL_DISK_MB = 2**40
        with pytest.raises(JobFailed, match="no room") as refused:
            job.fetch(serve(always(reply(BODY))).url)
        assert (refused.value.error_class, refused.value.is_transient) == ("no_space", True)
        assert list((library / ".fetching").iterdir()) == []

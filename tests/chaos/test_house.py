"""What a web server is put through by itself: its servers go and come back, viewers are slow, a crowd comes, the day is long.

    MEMORY_REQUESTS=100000 bin/test tests/chaos/test_house.py -k memory

is the full run of the last. Figures are printed.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from launcher import postgres

from tests.chaos.conftest import House, Web, open_house
from tests.chaos.test_counters import FURNISH, SEED, SETTINGS, Request, all_at_once, say, workers_of
from tests.chaos.test_counters import Client as Visitor
from tests.chaos.workers import PATIENCE, wait_for

__all__ = ["say"]

pytestmark = pytest.mark.xdist_group("house")  # one house for them all

MEMORY_REQUESTS = int(os.environ.get("MEMORY_REQUESTS", "2000"))
MOST_GROWTH = 48 * 2**20  # bytes of one process in three quarters of these requests: what its caches may hold
SLOW_VIEWERS = 100
LONG_FILE = 64 * 2**20  # bytes, of which the buffers on the way take a few
MEDIUM = 1  # whose file is there
NEVER_CACHED = "/api/media/public/2/related"


@pytest.fixture(scope="module")
def house(ffmpeg_binary: str) -> Iterator[House]:
    """One house for all tests here, with nine public media; each test leaves it as it was."""
    with open_house(ffmpeg_binary) as built:
        built.manage("shell", "-c", FURNISH)
        ((path,),) = built.query("SELECT path FROM videos WHERE id = %s", MEDIUM)
        file = built.library / str(path)
        file.parent.mkdir()
        with file.open("wb") as content:
            content.truncate(LONG_FILE)
        yield built


@pytest.fixture(scope="module")
def web(house: House) -> Web:
    return house.web(workers=1, **SETTINGS)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_the_site_comes_back_with_its_database_without_a_restart(house: House, web: Web, how: signal.Signals) -> None:
    assert web.status(NEVER_CACHED) == 200

    house.stop_postgres(how)
    meanwhile = web.status(NEVER_CACHED), web.status("/healthz")
    house.start_postgres()

    assert meanwhile == (503, 200)
    wait_for(lambda: web.status(NEVER_CACHED) == 200, "the gallery answers again")


def test_the_site_serves_while_redis_is_away(house: House, web: Web) -> None:
    house.stop_redis()
    status = web.status(NEVER_CACHED)
    house.start_redis()

    assert status == 200


def port_of(web: Web) -> int:
    return urlsplit(web.address).port or 0


def watching(web: Web) -> tuple[socket.socket, bytes]:
    """Somebody who asks for a whole file and reads no more than the beginning of the reply: the line, and that."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(PATIENCE)
    line.connect(("127.0.0.1", port_of(web)))
    line.sendall(b"GET /api/media/public/%d/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % MEDIUM)
    return line, line.recv(1024)


def test_a_hundred_slow_viewers_keep_nobody_waiting(web: Web, say: Callable[[str], None]) -> None:
    with ExitStack() as open_lines, ThreadPoolExecutor(SLOW_VIEWERS) as pool:
        for line, beginning in pool.map(lambda _: watching(web), range(SLOW_VIEWERS)):
            open_lines.enter_context(closing(line))
            assert beginning.startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        pages = ["/", "/api/media/public", "/api/media/public/2/related", "/v/3/"] * 10
        statuses = Counter(pool.map(lambda page: Visitor(web).send(("GET", page, None)), pages))
        say(f"40 requests beside {SLOW_VIEWERS} slow viewers: {time.monotonic() - began:.2f} s, {memory_of(web):.0f} MiB")

    assert statuses == {200: 40}


def test_a_viewer_too_many_is_asked_to_come_back_and_let_in_when_another_leaves(house: House) -> None:
    web = house.web(workers=1, STREAMS_PER_PROCESS="2")
    first, second = watching(web), watching(web)

    third = watching(web)[1]
    first[0].close()

    assert third.startswith(b"HTTP/1.1 503")
    assert re.search(rb"retry-after: [1-9]", third, re.IGNORECASE)
    wait_for(lambda: watching(web)[1].startswith(b"HTTP/1.1 200"), "somebody else is let in")
    second[0].close()


def test_a_crowd_at_a_database_that_does_not_answer_is_asked_to_come_back(house: House, say: Callable[[str], None]) -> None:
    web = house.web(workers=1, DATABASE_POOL_SIZE="2")
    pages = [f"/api/media/public?offset={offset}" for offset in range(40)]
    place = f"host={house.postgres.sockets} user={postgres.SUPERUSER} dbname=house"

    with ThreadPoolExecutor(len(pages)) as pool, psycopg.connect(place) as stuck:
        stuck.execute("LOCK TABLE public_media IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        asked = [pool.submit(Visitor(web).send, ("GET", page, None)) for page in pages]
        wait_for(lambda: sum(reply.done() for reply in asked) == len(pages) - 2, "all but those with a connection are answered")
        say(f"{len(pages) - 2} were told to come back after at most {time.monotonic() - began:.2f} s")
        assert {reply.result() for reply in asked if reply.done()} == {503}
        stuck.rollback()

    assert Counter(reply.result() for reply in asked) == {503: len(pages) - 2, 200: 2}
    assert web.status(pages[0]) == 200


def test_memory_stays_flat_however_many_come(house: House, say: Callable[[str], None]) -> None:
    web = house.web(workers=1, **SETTINGS)
    dice = random.Random(SEED)
    quarter = [[anything(dice) for _ in range(MEMORY_REQUESTS // 32)] for _ in range(8)]

    statuses = all_at_once((Visitor(web), requests) for requests in quarter)
    before = memory_of(web)
    for _ in range(3):
        statuses += all_at_once((Visitor(web), [anything(dice) for _ in requests]) for requests in quarter)
    after = memory_of(web)

    say(f"{statuses.total():,} requests: {before:.1f} MiB after a quarter of them, {after:.1f} MiB after all")
    assert set(statuses) == {200, 400, 404}
    assert (after - before) * 2**20 < MOST_GROWTH


def anything(dice: random.Random) -> Request:
    """What visitors ask for, hardly ever the same twice."""
    medium, number = dice.randrange(1, 10), dice.randrange(10**9)
    reads = [
        f"/api/media/public/{medium}?sessionId=session-{number}",
        f"/api/media/public/{medium}",
        f"/api/media/public?search={number}",
        f"/api/media/public?offset={number % 100_000}&limit={number % 100 + 1}&sort=popular",
        f"/api/media/public/{medium}/related?limit={number % 100 + 1}",
        f"/api/media/public/{number}",
        f"/api/media/public?cursor={number}",
        f"/api/reactions?mediaId={medium}&limit={number % 100 + 1}",
        f"/v/{medium}/?v={number}",
        f"/{number}",
    ]
    writes: list[Request] = [
        ("POST", f"/api/media/public/{medium}/upvote", {"sessionId": f"session-{number}"}),
        ("POST", "/api/media/comments", {"sessionId": f"session-{number}"}),
    ]
    return dice.choice([*(("GET", path, None) for path in reads), *writes])


def memory_of(web: Web) -> float:
    """MiB that the server's processes hold for themselves."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in workers_of(web)]
    return sum(int(kib) for status in statuses for kib in re.findall(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)) / 1024

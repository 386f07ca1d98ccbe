"""The site under load while Redis or PostgreSQL is emptied, restarted or away: it says so, loses nothing, and comes back by itself.

    OUTAGES=20 SECONDS_AWAY=60 SECONDS_TO_HEAL=5 bin/test tests/chaos/test_outages.py

is the full run: twenty outages of each kind instead of two, a minute long where they last, with the deadline of a quiet
machine. CHAOS_SEED replays what each client asks for. Figures are printed.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import pytest
from redis import Redis

from tests.chaos.conftest import House, Web, open_house
from tests.chaos.test_counters import FURNISH, SEED, SETTINGS, Client, Request, say, workers_of
from tests.chaos.workers import wait_for

__all__ = ["say"]

pytestmark = pytest.mark.xdist_group("outages")  # one house for them all

OUTAGES = int(os.environ.get("OUTAGES", "2"))  # of each kind
CLIENTS = 8
AWAY = float(os.environ.get("SECONDS_AWAY", "1"))
SECONDS_TO_HEAL = float(os.environ.get("SECONDS_TO_HEAL", "60"))  # from a server's return until everything is answered again
KINDS_OF_REQUEST = ("page", "list", "detail", "vote", "comment")
REDIS_AWAY, DATABASE_AWAY = {200}, {200, 503}  # what may be answered meanwhile; nobody is left without an answer


@pytest.fixture(scope="module")
def house(ffmpeg_binary: str) -> Iterator[House]:
    """A house with nine public media, whose database forgets nothing that it has confirmed, even when it crashes."""
    with open_house(ffmpeg_binary) as built:
        built.manage("shell", "-c", FURNISH)
        built.query("ALTER DATABASE house SET synchronous_commit = on")  # else a test's server is faster, and forgetful
        yield built


@pytest.fixture(scope="module")
def web(house: House) -> Web:
    return house.web(workers=2, **SETTINGS)


class Crowd:
    """Visitors who look, vote and comment until they are told to stop, each vote and comment of a session of its own."""

    def __init__(self, web: Web, media: list[int], dice: random.Random) -> None:
        self.answers: Counter[tuple[str, int | None]] = Counter()
        self._sessions = itertools.count()
        self._counting = Lock()
        self._enough = Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._visits = [self._pool.submit(self._visit, Client(web), media, random.Random(dice.random())) for _ in range(CLIENTS)]

    def leave(self) -> None:
        self._enough.set()
        for visit in self._visits:
            visit.result()
        self._pool.shutdown()

    def succeeded(self, kind: str) -> int:
        return self.answers[kind, 200]

    def is_served_from_now(self) -> Callable[[], bool]:
        """A condition that holds once something of every kind has been answered with success after this moment."""
        before = {kind: self.succeeded(kind) for kind in KINDS_OF_REQUEST}
        return lambda: all(self.succeeded(kind) > count for kind, count in before.items())

    @property
    def statuses(self) -> set[int | None]:
        return {status for _, status in self.answers}

    def _visit(self, client: Client, media: list[int], dice: random.Random) -> None:
        while not self._enough.is_set():
            kind, request = self._wish(dice.choice(media), dice)
            status = client.send(request)
            with self._counting:
                self.answers[kind, status] += 1
            if status != 200:
                self._enough.wait(0.05)

    def _wish(self, medium: int, dice: random.Random) -> tuple[str, Request]:
        session = f"session-of-{next(self._sessions)}"
        comment = {"mediaId": medium, "sessionId": session, "content": f"Seen by {session}"}
        requests: dict[str, Any] = {
            "page": ("GET", f"/v/{medium}/", None),
            "list": ("GET", f"/api/media/public?sort=popular&search={medium}", None),
            "detail": ("GET", f"/api/media/public/{medium}", None),
            "vote": ("POST", f"/api/media/public/{medium}/upvote", {"sessionId": session}),
            "comment": ("POST", "/api/media/comments", comment),
        }
        kind = dice.choice(KINDS_OF_REQUEST)
        return kind, requests[kind]


@pytest.fixture
def crowd(house: House, web: Web) -> Iterator[Crowd]:
    """A crowd that has begun; whatever the database has of earlier ones is gone."""
    house.query("DELETE FROM upvotes")
    house.query("DELETE FROM comments")
    house.query("UPDATE public_media SET comment_count = 0")
    house.query("UPDATE media_stats SET upvote_count = 0")
    media = [int(str(row[0])) for row in house.query("SELECT id FROM public_media ORDER BY id")]
    gathered = Crowd(web, media, random.Random(SEED))
    yield gathered
    gathered.leave()


def empty_redis(house: House) -> None:
    with Redis(unix_socket_path=str(house.redis.socket)) as redis:
        redis.flushall()


def restart_redis(house: House, how: signal.Signals, *, away: float) -> None:
    house.stop_redis(how)
    time.sleep(away)
    house.start_redis()


def restart_postgres(house: House, how: signal.Signals, *, away: float) -> None:
    house.stop_postgres(how)
    time.sleep(away)
    house.start_postgres()


STRIKES: dict[str, tuple[Callable[[House], None], set[int]]] = {
    "Redis emptied": (empty_redis, REDIS_AWAY),
    "Redis restarted": (lambda house: restart_redis(house, signal.SIGTERM, away=0.0), REDIS_AWAY),
    "Redis killed and away": (lambda house: restart_redis(house, signal.SIGKILL, away=AWAY), REDIS_AWAY),
    "PostgreSQL restarted": (lambda house: restart_postgres(house, signal.SIGINT, away=0.0), DATABASE_AWAY),
    "PostgreSQL restarted at once": (lambda house: restart_postgres(house, signal.SIGQUIT, away=0.0), DATABASE_AWAY),
    "PostgreSQL away": (lambda house: restart_postgres(house, signal.SIGINT, away=AWAY), DATABASE_AWAY),
}


@pytest.mark.parametrize("kind", STRIKES)
def test_an_outage_is_said_survived_and_forgotten(house: House, web: Web, crowd: Crowd, say: Callable[[str], None], kind: str) -> None:
    strike, allowed = STRIKES[kind]
    served_by = workers_of(web)
    longest = 0.0

    for _ in range(OUTAGES):
        wait_for(crowd.is_served_from_now(), "all is well")
        strike(house)
        healed = time.monotonic()
        wait_for(lambda: web.status("/readyz") == 200, "the site is ready again")
        wait_for(crowd.is_served_from_now(), "everything is answered again")
        longest = max(longest, time.monotonic() - healed)
    crowd.leave()

    say(f"everything was answered again {longest:.2f} s after the server was back")
    assert longest <= SECONDS_TO_HEAL
    assert crowd.statuses <= allowed, crowd.answers
    assert workers_of(web) == served_by  # nobody had to start anything again
    ((votes, counted_votes),) = house.query("SELECT (SELECT count(*) FROM upvotes), sum(upvote_count)::bigint FROM media_stats")
    assert counted_votes == votes
    assert int(str(votes)) >= crowd.succeeded("vote")  # what was answered with 503 may have been written all the same
    visible = "SELECT (SELECT count(*) FROM comments WHERE status = 'visible'), sum(comment_count)::bigint FROM public_media"
    ((comments, counted_comments),) = house.query(visible)
    assert counted_comments == comments
    assert int(str(comments)) >= crowd.succeeded("comment")
    drifted = "SELECT video_id FROM media_stats WHERE upvote_count <> (SELECT count(*) FROM upvotes WHERE media_id = video_id)"
    assert house.query(drifted) == []

"""Counters while many write at once, and while the parts that count are stopped, killed and started again.

    VOTE_REQUESTS=32000 VIEW_REQUESTS=10000 SECONDS_TO_COUNT=2 SECONDS_TO_LOSE=1.5 bin/test tests/chaos/test_counters.py

is the full run, with the deadlines of a quiet machine; without them a busy one is given its time. Figures are printed. The
names of tests say their seed; CHAOS_SEED replays what each client sends, though not how they meet.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chaos.conftest import House, Web, open_house
from tests.chaos.workers import PATIENCE, wait_for

pytestmark = pytest.mark.xdist_group("counters")  # one house for them all

SEED = int(os.environ.get("CHAOS_SEED", "20260211"))
VOTES = int(os.environ.get("VOTE_REQUESTS", "2000"))
VIEWS = int(os.environ.get("VIEW_REQUESTS", "1000"))
SECONDS_TO_COUNT = float(os.environ.get("SECONDS_TO_COUNT", "60"))  # from the last view until the database has all
SECONDS_TO_LOSE = float(os.environ.get("SECONDS_TO_LOSE", "20"))  # of views, by a kill
VOTERS, VIEWERS = 64, 32  # clients at once
PASSWORD = "correct horse battery"
SETTINGS = {
    "PUBLIC_WRITES_PER_SESSION_PER_MINUTE": "1000000",
    "PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE": "1000000",
    "VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR": "1000000",
    "DATABASE_POOL_SIZE": "40",  # a slow machine is not to be taken for a database that is out of reach
}
FURNISH = f"""
from django.contrib.auth.models import User
from gallery.services import publish
from media_library.models import Video
User.objects.create_superuser("admin", password="{PASSWORD}")
clips = [Video(path=f"videos/{{n}}.mp4", filename=f"{{n}}.mp4", duration_seconds=60, directory_type="videos") for n in range(9)]
publish([video.pk for video in Video.objects.bulk_create(clips)], category="sea", by=None)
"""

Request = tuple[str, str, dict[str, str] | None]  # method, path, JSON body


@pytest.fixture(scope="module")
def house(ffmpeg_binary: str) -> Iterator[House]:
    """One house for all tests here, with nine public media; each test takes a medium of its own."""
    with open_house(ffmpeg_binary) as built:
        built.manage("shell", "-c", FURNISH)
        yield built


@pytest.fixture(scope="module")
def media(house: House) -> Iterator[int]:
    return iter([int(str(row[0])) for row in house.query("SELECT id FROM public_media ORDER BY id")])


@pytest.fixture
def medium(media: Iterator[int]) -> int:
    return next(media)


@pytest.fixture(scope="module")
def web(house: House) -> Web:
    return house.web(workers=2, **SETTINGS)


@pytest.fixture
def say(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure, whatever becomes of the test."""
    terminal: Any = request.config.pluginmanager.get_plugin("terminalreporter")

    def say(figure: str) -> None:
        with capfd.disabled():
            terminal.write_line(f"\n{request.node.name}: {figure}")

    return say


class Client:
    """One connection that is kept alive, and opened again when it has been cut."""

    def __init__(self, web: Web, *, token: str = "") -> None:
        self._place = urlsplit(web.address).netloc
        self._headers = {"User-Agent": "Mozilla/5.0 (chaos)", "Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection = http.client.HTTPConnection(self._place, timeout=PATIENCE)

    def send(self, request: Request) -> int | None:
        """The status of the reply; None when there was none."""
        method, path, body = request
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
            reply = self._connection.getresponse()
            reply.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        return reply.status


class Halfway:
    """Has something done once, by whoever is answered when half of all requests have been."""

    def __init__(self, strike: Callable[[], object], *, of: int) -> None:
        self._strike = strike
        self._answers = itertools.count(1)  # of which each thread gets its own
        self._half = of // 2

    def answered(self) -> None:
        if next(self._answers) == self._half:
            self._strike()


def all_at_once(work: Iterable[tuple[Client, list[Request]]], *, halfway: Callable[[], object] = lambda: None) -> Counter[int | None]:
    """Let every client send its requests, one after the other; returns how often each status was answered.

    When half of them have been answered, `halfway` is called, while the other clients go on.
    """
    work = list(work)
    middle = Halfway(halfway, of=sum(len(requests) for _, requests in work))

    def send_all(client: Client, requests: list[Request]) -> list[int | None]:
        statuses = []
        for request in requests:
            statuses.append(client.send(request))
            middle.answered()
        return statuses

    with ThreadPoolExecutor(len(work)) as pool:
        return Counter(status for statuses in pool.map(lambda job: send_all(*job), work) for status in statuses)


def watch(
    web: Web, medium: int, *, views: int, clients: int = VIEWERS, halfway: Callable[[], object] = lambda: None
) -> Counter[int | None]:
    look: Request = ("GET", f"/api/media/public/{medium}", None)
    return all_at_once([(Client(web), [look] * (views // clients)) for _ in range(clients)], halfway=halfway)


def counted_views(house: House, medium: int) -> int:
    return int(str(house.query("SELECT view_count FROM media_stats WHERE video_id = %s", medium)[0][0]))


def token(web: Web) -> str:
    connection = http.client.HTTPConnection(urlsplit(web.address).netloc, timeout=PATIENCE)
    body = json.dumps({"username": "admin", "password": PASSWORD})
    connection.request("POST", "/api/auth/token", body, {"Content-Type": "application/json"})
    return str(json.loads(connection.getresponse().read())["access"])


def some_requests(medium: int, dice: random.Random, *, how_many: int, is_admin: bool) -> list[Request]:
    """Votes of a few sessions that all clients share, and votes taken back; an admin's locks and unlocks between them."""
    upvote, lock = f"/api/media/public/{medium}/upvote", f"/api/media/public/{medium}/lock"

    def one() -> Request:
        session = f"session-{dice.randrange(40)}"
        if is_admin and dice.random() < 0.5:
            return dice.choice([("POST", lock, {"reason": "chaos"}), ("DELETE", lock, None)])
        return dice.choice([("POST", upvote, {"sessionId": session}), ("DELETE", f"{upvote}?sessionId={session}", None)])

    return [one() for _ in range(how_many)]


@pytest.mark.parametrize("seed", [SEED])
def test_votes_and_locks_of_many_clients_leave_counter_rows_and_days_in_step(house: House, web: Web, medium: int, seed: int) -> None:
    access, dice = token(web), random.Random(seed)
    clients = [(Client(web, token=access if number < 8 else ""), number < 8) for number in range(VOTERS)]

    statuses = all_at_once(
        (client, some_requests(medium, dice, how_many=VOTES // VOTERS, is_admin=is_admin)) for client, is_admin in clients
    )

    assert set(statuses) == {200, 403}, statuses
    ((counter, rows),) = house.query(
        "SELECT upvote_count, (SELECT count(*) FROM upvotes WHERE media_id = video_id) FROM media_stats WHERE video_id = %s", medium
    )
    assert counter == rows
    days = "SELECT coalesce(sum(upvote_count), 0)::bigint FROM media_days WHERE video_id = %s"
    wait_for(lambda: house.query(days, medium) == [(rows,)], f"the days know of {rows} votes")


@pytest.mark.parametrize("seed", [SEED])
def test_no_vote_is_written_once_a_lock_has_been_answered(house: House, web: Web, medium: int, seed: int) -> None:
    admin, dice = Client(web, token=token(web)), random.Random(seed)
    voters = [(Client(web), some_requests(medium, dice, how_many=20, is_admin=False)) for _ in range(16)]

    with ThreadPoolExecutor(1) as pool:
        voting = pool.submit(all_at_once, voters)
        time.sleep(0.1)  # anywhere among the votes will do
        assert admin.send(("POST", f"/api/media/public/{medium}/lock", {"reason": "chaos"})) == 200
        at_the_lock = house.query("SELECT id FROM upvotes WHERE media_id = %s ORDER BY id", medium)
        assert set(voting.result(PATIENCE)) <= {200, 403}

    assert house.query("SELECT id FROM upvotes WHERE media_id = %s ORDER BY id", medium) == at_the_lock


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGKILL], ids=["all well", "Redis shut down", "Redis killed"])
def test_views_of_many_clients_are_all_counted(
    house: House, web: Web, medium: int, how: signal.Signals | None, say: Callable[[str], None]
) -> None:
    statuses = watch(web, medium, views=VIEWS, halfway=lambda: house.stop_redis(how) if how else None)
    answered = time.monotonic()
    views = statuses[200]

    wait_for(lambda: counted_views(house, medium) >= views, "every view is counted", seconds=SECONDS_TO_COUNT)
    say(f"{views:,} views, all counted {time.monotonic() - answered:.2f} s after the last")
    if how:
        house.start_redis()

    assert statuses == {200: VIEWS // VIEWERS * VIEWERS}
    ((by_days,),) = house.query("SELECT sum(view_count)::bigint FROM media_days WHERE video_id = %s", medium)
    assert counted_views(house, medium) == by_days == views


class Audience:
    """Clients that look at a medium all the time, and when each of them was answered, by the monotonic clock."""

    def __init__(self, web: Web, medium: int) -> None:
        self.answers: list[float] = []
        self._enough = Event()
        self._pool = ThreadPoolExecutor(VIEWERS)
        self._looking = [self._pool.submit(self._look, Client(web), medium) for _ in range(VIEWERS)]

    def leave(self) -> None:
        self._enough.set()
        for looking in self._looking:
            looking.result()
        self._pool.shutdown()

    def _look(self, client: Client, medium: int) -> None:
        while not self._enough.is_set():
            if client.send(("GET", f"/api/media/public/{medium}", None)) == 200:
                self.answers.append(time.monotonic())
            else:
                self._enough.wait(0.05)


def test_a_killed_web_process_loses_its_last_second_of_views(house: House, medium: int, say: Callable[[str], None]) -> None:
    server = house.web(workers=2, **SETTINGS)
    audience = Audience(server, medium)
    for _ in range(2):
        before = counted_views(house, medium)
        wait_for(lambda before=before: counted_views(house, medium) > before, "views are counted")  # type: ignore[misc]

    workers = workers_of(server)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    wait_for(lambda: not workers & workers_of(server) and server.status("/healthz") == 200, "other workers have taken over")
    audience.leave()
    server.child.stop()  # these write what they have counted

    early = [at for at in sorted(audience.answers) if at <= killed]
    lost = max(0, len(audience.answers) - counted_views(house, medium))
    assert lost < len(early)
    seconds = killed - early[-lost] if lost else 0.0
    say(f"{lost:,} of {len(early):,} views lost: those of the last {seconds:.2f} s")
    assert seconds <= SECONDS_TO_LOSE


def test_a_web_server_that_is_stopped_writes_what_it_has_counted(house: House, medium: int) -> None:
    server = house.web(workers=2, **SETTINGS)
    views = watch(server, medium, views=64)[200]

    server.child.stop()

    assert counted_views(house, medium) == views == 64


def test_views_wait_while_the_database_is_away(house: House, web: Web, medium: int) -> None:
    views = watch(web, medium, views=64)[200]
    house.stop_postgres()
    house.start_postgres()

    wait_for(lambda: counted_views(house, medium) == views, "every view is counted")


def workers_of(web: Web) -> set[int]:
    pid = web.child.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

"""Counters while many write at once, and while the parts that count are stopped, killed and started again.

    VOTE_REQUESTS=32000 VIEW_REQUESTS=10000 bin/test tests/chaos/test_counters.py

is the full run. The names of tests say their seed; CHAOS_SEED replays what each client sends, though not how they meet.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.chaos.conftest import House, Web, open_house
from tests.chaos.workers import PATIENCE, wait_for

SEED = int(os.environ.get("CHAOS_SEED", "20260211"))
VOTES = int(os.environ.get("VOTE_REQUESTS", "2000"))
VIEWS = int(os.environ.get("VIEW_REQUESTS", "1000"))
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


def all_at_once(work: Iterable[tuple[Client, list[Request]]]) -> Counter[int | None]:
    """Let every client send its requests, one after the other; returns how often each status was answered."""
    work = list(work)
    with ThreadPoolExecutor(len(work)) as pool:
        return Counter(
            status for statuses in pool.map(lambda job: [job[0].send(request) for request in job[1]], work) for status in statuses
        )


def watch(web: Web, medium: int, *, views: int, clients: int = VIEWERS) -> Counter[int | None]:
    look: Request = ("GET", f"/api/media/public/{medium}", None)
    return all_at_once((Client(web), [look] * (views // clients)) for _ in range(clients))


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
        "SELECT upvote_count, (SELECT count(*) FROM upvotes WHERE media_id = media.id) FROM public_media AS media WHERE id = %s", medium
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
    house: House,
    web: Web,
    medium: int,
    how: signal.Signals | None,
    record_property: Callable[[str, object], None],
) -> None:
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch, web, medium, views=VIEWS)
        if how:
            wait_for(lambda: counted_views(house, medium) > 0, "somebody is watching")
            house.stop_redis(how)
        statuses = watching.result()
    answered = time.monotonic()
    if how:
        house.start_redis()

    assert statuses == {200: VIEWS // VIEWERS * VIEWERS}
    wait_for(lambda: counted_views(house, medium) >= statuses[200], "every view is counted")
    record_property("seconds after the last view", round(time.monotonic() - answered, 1))
    ((by_days,),) = house.query("SELECT sum(view_count)::bigint FROM media_days WHERE video_id = %s", medium)
    assert counted_views(house, medium) == by_days == statuses[200]


def test_a_killed_web_process_loses_only_what_it_had_counted_last(house: House, web: Web, medium: int) -> None:
    early = watch(web, medium, views=64)[200]
    wait_for(lambda: counted_views(house, medium) == early, "the early views are counted")

    last = watch(web, medium, views=64)[200]
    workers = workers_of(web)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not workers & workers_of(web) and web.status("/healthz") == 200, "other workers have taken over")
    late = watch(web, medium, views=64)[200]

    wait_for(lambda: counted_views(house, medium) >= early + late, "the late views are counted")
    assert early + late <= counted_views(house, medium) <= early + last + late


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

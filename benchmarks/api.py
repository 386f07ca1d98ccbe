"""The public API against the specification's own design, on the same rows of the same database, in turns.

    createdb bench; export DATABASE_URL=postgres:///bench REDIS_URL=… DEVELOPMENT=true ENABLE_MEDIA_FEATURES=true
    python benchmarks/api.py

Makes a million media where the database has none, in some minutes. Then it starts ours twice, as `bin/up` does, with and
without the micro-cache, and the peer twice, as specified and tuned (our indexes and totals), each with two processes. `wrk`
sends requests from 16 clients, or as many as a case says. What no server of ours can pass is measured, too: the same granian,
which sends the same bytes and does nothing else. A ratio is the median of the rounds' ratios of requests a second:
machines are noisy, so the figures themselves say less. At the end it counts views and votes one by one: what was answered
must be what is stored.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: here `import queue` would find our own
sys.path.insert(1, str(HERE.parent / "bin"))

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from launcher.site import web_server
from psycopg.conninfo import make_conninfo

from benchmarks import seed

BROWSER = "Mozilla/5.0 (benchmark)"
CLIENTS = 16
GALLERY = "/api/media/public"
OURS, CACHED, PEER, TUNED, BARE = "ours", "ours, cached", "peer", "peer, tuned", "a bare server"
PORTS = {OURS: 4501, CACHED: 4502, PEER: 4503, TUNED: 4504, BARE: 4505}
UNTHROTTLED = {
    "PUBLIC_WRITES_PER_SESSION_PER_MINUTE": "1000000000",
    "PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE": "1000000000",
    "VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR": "1000000000",
}
LEFT_BEHIND = """
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query ~* '^ *select' AND query !~ 'pg_stat_activity'
"""
HOT = 77  # a medium that everybody looks at


@dataclass(frozen=True)
class Case:
    """One kind of request, the two servers that it compares, and how many times more of it ours should answer."""

    name: str
    ours: str
    theirs: str
    goal: float
    path: str = ""
    script: str = ""  # of `load/`
    is_slow_there: bool = False  # seconds for one reply: measured for longer
    their_path: str = ""  # where it is another
    clients: int = CLIENTS  # that ask at once


CASES = (
    Case("default list", OURS, PEER, 500, GALLERY, is_slow_there=True),
    Case("popular of a category", OURS, PEER, 100, f"{GALLERY}?sort=popular&category=music"),
    Case("search", OURS, PEER, 200, script="searches.lua", is_slow_there=True),
    Case("offset 500,000", OURS, PEER, 500, f"{GALLERY}?offset=500000", is_slow_there=True),
    Case("offset 500,000, our first page", OURS, OURS, 1 / 1.5, f"{GALLERY}?offset=500000", their_path=GALLERY),
    Case("details of random media", OURS, PEER, 2.5, script="details.lua"),
    Case("votes", OURS, PEER, 2, script="votes.lua"),
    Case("votes of 64 clients", OURS, PEER, 2, script="votes.lua", clients=64),
    Case("reactions of random media", OURS, PEER, 1, script="reactions.lua"),
    Case("default list, tuned peer", OURS, TUNED, 1.2, GALLERY),
    Case("cached default list, tuned peer", CACHED, TUNED, 10, GALLERY),
    Case("cached default list, bare server", CACHED, BARE, 0.7, GALLERY),
    Case("cached detail of one medium", CACHED, PEER, 20, f"{GALLERY}/{HOT}"),
)


@dataclass(frozen=True)
class Load:
    """What `wrk` saw of a server."""

    requests: float  # a second
    p99: float  # milliseconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=int, default=3, help="of load on each server in each round")
    arguments.add_argument("--case", default="", help="only cases whose name contains this")
    chosen = arguments.parse_args()
    rows = prepare(chosen.rows)
    with servers() as started:
        before = {name: memory(process) for name, process in started.items()}
        compare([case for case in CASES if chosen.case in case.name], rows, rounds=chosen.rounds, seconds=chosen.seconds)
        for name in (OURS, CACHED):
            print(f"memory of the web processes, {name}: {before[name]} MB at first, {memory(started[name])} MB after the load")
        if not chosen.case:
            count_views()
            count_votes()


def prepare(rows: int) -> int:
    """Migrate the database, and fill it where it is empty; returns how many media it holds."""
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=HERE.parent, check=True)
    with database() as connection:
        if not seed.row_count(connection):
            seed.seed(os.environ["DATABASE_URL"], rows=rows)
        return seed.row_count(connection)


def compare(cases: Sequence[Case], rows: int, *, rounds: int, seconds: int) -> None:
    print(f"{'requests a second (p99 in ms)':32}{'ours':>20}{'theirs':>20}{'ratio':>9}{'goal':>7}")
    for case in cases:
        pairs = [(load_ours(case, rows, seconds), load_theirs(case, rows, seconds)) for _ in range(rounds)]
        ours, theirs = zip(*pairs, strict=True)
        ratio = statistics.median(mine.requests / peers.requests for mine, peers in pairs)
        print(f"{case.name:32}{shown(ours):>20}{shown(theirs):>20}{ratio:8.1f}×{case.goal:6.3g}×", flush=True)


def shown(loads: Sequence[Load]) -> str:
    requests, p99 = statistics.median(load.requests for load in loads), statistics.median(load.p99 for load in loads)
    return f"{requests:,.1f} ({p99:,.0f})" if requests < 100 else f"{requests:,.0f} ({p99:,.0f})"


def load_ours(case: Case, rows: int, seconds: int) -> Load:
    wrk(case, PORTS[case.ours], case.path, rows, 1)
    return wrk(case, PORTS[case.ours], case.path, rows, seconds)


def load_theirs(case: Case, rows: int, seconds: int) -> Load:
    path = case.their_path or case.path
    if case.is_slow_there:  # longer instead of warming up
        return wrk(case, PORTS[case.theirs], path, rows, max(8, 2 * seconds))
    wrk(case, PORTS[case.theirs], path, rows, 1)
    return wrk(case, PORTS[case.theirs], path, rows, seconds)


def wrk(case: Case, port: int, path: str, rows: int, seconds: int) -> Load:
    script = ["-s", str(HERE / "load" / case.script)] if case.script else []
    limits = ["-t1", f"-c{case.clients}", f"-d{seconds}", "--timeout", "60", "--latency", "-H", f"User-Agent: {BROWSER}"]
    command = ["wrk", *limits, *script, f"http://127.0.0.1:{port}{path}", "--", str(rows)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cancel_what_nobody_waits_for()
    requests, slowest = re.search(r"Requests/sec:\s*([\d.]+)", output), re.search(r"99%\s+([\d.]+)(us|ms|s|m)", output)
    assert requests and slowest, output
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[slowest[2]]
    return Load(max(float(requests[1]), 0.5 / seconds), float(slowest[1]) * milliseconds)  # none at all: fewer than one


def cancel_what_nobody_waits_for() -> None:
    """End the statements that clients have left behind: seconds of both cores, which the next measurement would pay for."""
    with database() as connection:
        while connection.execute(LEFT_BEHIND).fetchall():
            time.sleep(0.2)


def count_views() -> None:
    """Let 32 clients look 10,000 times at one medium, and see whether the database has each view two seconds later."""
    stored = {
        CACHED: f"SELECT view_count FROM media_stats WHERE video_id = {HOT}",
        PEER: f"SELECT view_count FROM peer.public_media WHERE id = {HOT}",
    }
    for name, statement in stored.items():
        time.sleep(3)  # until all of the load before is written
        before = one(statement)
        answered = from_clients(32, partial(look, PORTS[name], 10_000 // 32))
        time.sleep(2)
        print(f"views, {name}: {answered:,} answered, {one(statement) - before:,} counted two seconds later")


def count_votes() -> None:
    """Let 32 clients vote for one medium with the same twenty sessions at once, and count the votes."""
    stored = {
        OURS: ("public", f"SELECT upvote_count FROM media_stats WHERE video_id = {HOT}"),
        PEER: ("peer", f"SELECT upvote_count FROM peer.public_media WHERE id = {HOT}"),
    }
    for name, (schema, counter) in stored.items():
        sessions = [f"session-{uuid.uuid4()}" for _ in range(20)]
        votes = f"SELECT count(*) FROM {schema}.upvotes WHERE media_id = {HOT}"
        counter_before, votes_before = one(counter), one(votes)
        from_clients(32, partial(vote, PORTS[name], sessions))
        print(f"votes, {name}: 20 sessions, {one(votes) - votes_before} rows, the counter moved by {one(counter) - counter_before}")


def from_clients(how_many: int, act: Callable[[], int]) -> int:
    """What so many clients at once get done together."""
    with ThreadPoolExecutor(how_many) as pool:
        return sum(pool.map(lambda _: act(), range(how_many)))


def look(port: int, times: int) -> int:
    """How many of so many looks at the medium were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return sum(ask(connection, "GET", f"{GALLERY}/{HOT}") == 200 for _ in range(times))


def vote(port: int, sessions: Sequence[str]) -> int:
    """How many votes for the medium were answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    return sum(ask(connection, "POST", f"{GALLERY}/{HOT}/upvote", {"sessionId": session}) == 200 for session in sessions)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Mapping[str, str] | None = None) -> int:
    headers = {"User-Agent": BROWSER} | ({"Content-Type": "application/json"} if body else {})
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    response.read()
    return response.status


@contextmanager
def servers() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """All of them, by name, until the block ends."""
    ours = {OURS: {"MICRO_CACHE_SECONDS": "0"}, CACHED: {"MICRO_CACHE_SECONDS": "1"}}
    peers = {PEER: {"DATABASE_URL": peer_url("peer")}, TUNED: {"DATABASE_URL": peer_url("tuned"), "TUNED": "1"}}
    if not (HERE / "peer" / "node_modules").exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=HERE / "peer", check=True)
    with ExitStack() as stack:
        started = {}
        for name, env in ours.items():
            command = [str(part) for part in web_server(Path(sys.executable), host="127.0.0.1", port=PORTS[name])]
            started[name] = stack.enter_context(server(command, name, cwd=HERE.parent, env=UNTHROTTLED | env))
        for name, env in peers.items():
            started[name] = stack.enter_context(server(["node", "server.js"], name, cwd=HERE / "peer", env={"WORKERS": "2"} | env))
        command = [*map(str, web_server(Path(sys.executable), host="127.0.0.1", port=PORTS[BARE]))][:-1]
        page = str(len(page_of(PORTS[CACHED])))
        started[BARE] = stack.enter_context(server([*command, "benchmarks.bare:application"], BARE, cwd=HERE.parent, env={"BYTES": page}))
        yield started


def page_of(port: int) -> bytes:
    """The first page of the list."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", GALLERY, headers={"User-Agent": BROWSER})
    return connection.getresponse().read()


@contextmanager
def server(command: Sequence[str], name: str, *, cwd: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, "PORT": str(PORTS[name]), "LOG_LEVEL": "ERROR", "GRANIAN_LOG_LEVEL": "error", **env}
    )
    try:
        wait_for(PORTS[name])
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            ask(http.client.HTTPConnection("127.0.0.1", port, timeout=30), "GET", f"{GALLERY}/{HOT}")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"Nothing answers on port {port}")


def peer_url(schema: str) -> str:
    separator = "&" if "?" in os.environ["DATABASE_URL"] else "?"
    return f"{os.environ['DATABASE_URL']}{separator}options=-csearch_path%3D{schema},public"


def memory(process: subprocess.Popen[bytes]) -> int:
    """What the server's processes hold of the machine's memory, in MB."""
    output = subprocess.run(["ps", "-o", "rss=", "--ppid", str(process.pid)], check=False, capture_output=True, text=True).stdout
    return sum(map(int, output.split())) // 1024


def one(statement: str) -> int:
    with database() as connection:
        (value,) = connection.execute(statement).fetchone() or (0,)
        return int(value)


def database() -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(make_conninfo(os.environ["DATABASE_URL"]), autocommit=True)


if __name__ == "__main__":
    main()

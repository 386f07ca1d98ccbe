"""The gallery against the specification's own design, on the same rows, the same database, in turns.

    createdb bench; export DATABASE_URL=postgres:///bench REDIS_URL=… DEVELOPMENT=true ENABLE_MEDIA_FEATURES=true
    python manage.py migrate && python benchmarks/seed.py --rows 1000000
    python benchmarks/gallery.py

Starts both servers with two processes each. Latencies are of one client, one request after the other; requests a
second are of 16 clients, by `wrk` where it is installed. A ratio is the median of the rounds' ratios: machines are
noisy, so the figures themselves say less.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import psycopg

HERE = Path(__file__).resolve().parent
BROWSER = "Mozilla/5.0 (benchmark)"
OURS, PEER = 4501, 4502  # ports
GALLERY = "/api/media/public"
LISTS = {
    "recent": "",
    "popular": "?sort=popular",
    "most viewed": "?sort=most_viewed",
    "category, popular": "?category=music&sort=popular",
    "orientation, most viewed": "?orientation=portrait&sort=most_viewed",
    "page 42": "?offset=984",
    "offset 100,000": "?offset=100000",
    "offset 900,000": "?offset=900000",
    "search, many hits": "?search=sunset",
    "search, few hits": "?search=sunset-ocean-city",
    "search, two letters": "?search=zq",
}
DETAIL = "one medium, a view counted"
WRK_DETAIL = """
    math.randomseed(os.time())
    request = function() return wrk.format("GET", "/api/media/public/" .. math.random({rows})) end
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=2.0, help="of measuring each case on each server in each round")
    chosen = arguments.parse_args()
    with our_server(), peer_server():
        latencies(chosen.rounds, chosen.seconds)
        if shutil.which("wrk"):
            throughput(chosen.rounds, chosen.seconds)


def latencies(rounds: int, seconds: float) -> None:
    print(f"{'median of one client, ms':34}{'ours':>10}{'peer':>10}{'ratio':>8}")
    paths = {name: [GALLERY + query] for name, query in LISTS.items()} | {DETAIL: details()}
    for name, some in paths.items():
        compare(name, rounds, partial(median_latency, some, seconds), better=lambda ours, peer: peer / ours)


def throughput(rounds: int, seconds: float) -> None:
    print(f"{'requests a second, 16 clients':34}{'ours':>10}{'peer':>10}{'ratio':>8}")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_DETAIL.format(rows=greatest_id()))
        script.flush()
        for name, extra in {"recent": [], DETAIL: ["-s", script.name]}.items():
            compare(name, rounds, partial(wrk, extra, seconds), better=lambda ours, peer: ours / peer)


def details() -> list[str]:
    dice, rows = random.Random(1), greatest_id()
    return [f"{GALLERY}/{dice.randint(1, rows)}" for _ in range(10_000)]


def compare(name: str, rounds: int, measure: Callable[[int], float], *, better: Callable[[float, float], float]) -> None:
    """Measure both in turns and print the medians, and how many times better we are."""
    pairs = [(measure(OURS), measure(PEER)) for _ in range(rounds)]
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:34}{ours:10.2f}{peer:10.2f}{statistics.median(better(*pair) for pair in pairs):8.1f}", flush=True)


def median_latency(paths: list[str], seconds: float, port: int) -> float:
    """Of one request after the other on one connection, in milliseconds; one request at least, after one to warm up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    fetch(connection, paths[-1])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    for path in cycle(paths):
        start = time.perf_counter()
        fetch(connection, path)
        taken.append((time.perf_counter() - start) * 1000)
        if time.perf_counter() > end:
            break
    connection.close()
    return statistics.median(taken)


def fetch(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path, headers={"User-Agent": BROWSER})
    response = connection.getresponse()
    body = response.read()
    if response.status not in (200, 403):  # one in a hundred media is locked
        raise SystemExit(f"{path}: {response.status} {body[:200]!r}")


def wrk(extra: list[str], seconds: float, port: int) -> float:
    url = f"http://127.0.0.1:{port}{GALLERY}"
    command = ["wrk", "-t1", "-c16", f"-d{max(5, round(seconds))}", "--timeout", "30", "-H", f"User-Agent: {BROWSER}", *extra, url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return max(0.1, float(output.split("Requests/sec:")[1].split()[0]))  # none at all in these seconds: under one in ten


@contextmanager
def our_server() -> Iterator[None]:
    command = ["--interface", "wsgi", "--port", str(OURS), "--workers", "2", "--no-ws", "--log-level", "error", "config.wsgi:application"]
    with server([sys.executable, "-m", "granian", *command], OURS, cwd=HERE.parent, env=dict(os.environ)):
        yield


@contextmanager
def peer_server() -> Iterator[None]:
    folder, url = HERE / "peer", os.environ["DATABASE_URL"]
    if not (folder / "node_modules").exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
    separator = "&" if "?" in url else "?"
    env = os.environ | {"PORT": str(PEER), "WORKERS": "2", "DATABASE_URL": f"{url}{separator}options={quote('-csearch_path=peer,public')}"}
    if peer_is_tuned():
        env["TUNED"] = "1"
    with server(["node", "server.js"], PEER, cwd=folder, env=env):
        yield


@contextmanager
def server(command: list[str], port: int, *, cwd: Path, env: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=cwd, env=env)
    try:
        wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    for _ in range(150):
        try:
            fetch(http.client.HTTPConnection("127.0.0.1", port, timeout=30), f"{GALLERY}?limit=1")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"Nothing answers on port {port}")


def greatest_id() -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        (greatest,) = connection.execute("SELECT max(id) FROM public_media").fetchone() or (0,)
        return int(greatest)


def peer_is_tuned() -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        return connection.execute("SELECT to_regclass('peer.pm_recent')").fetchone() != (None,)


if __name__ == "__main__":
    main()

"""How fast jobs are claimed, started, run and shown, beside what the same database could do at all in the same run.

    python benchmarks/queue.py claims    32 claimers on 8 nodes and 100,000 queued jobs: as fast as they can, beside a bare
                                         UPDATE … SKIP LOCKED and beside fdatasync; then the time of a claim at 150 a second
    python benchmarks/queue.py start     from submit to running on an idle lane, woken by Redis; then without Redis
    python benchmarks/queue.py finish    small jobs a second through one worker of one lane, end to end
    python benchmarks/queue.py page      the queue's page and the API's list and summary with 100,000 jobs

Without a name all four run. It starts a PostgreSQL, with fsync on, and a Redis of its own, and stops them again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[0] = str(PROJECT)  # not this folder: here `import queue` would find this file

import contextlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEVELOPMENT", "true")
os.environ["ENABLE_MEDIA_FEATURES"] = "true"

import django

django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from benchmarks import nothing  # noqa: F401 - registers the job that does nothing
from benchmarks.servers import asked_for, restart_with_servers
from jobs import claims, services
from jobs.models import Job, Worker, WorkerNode

QUEUED = 100_000
NODES = 8
CLAIMERS_PER_NODE = 4
SECONDS = 10.0  # of each measurement of claims
OFFERED = 150  # claims a second
STARTS = 200
FINISHED = 2_000
SLOTS = 4
ROUNDS = 7

FILL = """
    INSERT INTO jobs (type, status, params, resource_category, priority, ranked_at, created_at, has_cpu_path,
                      worker, drafts, outputs, error, error_class, suggestion)
    SELECT 'nothing', 'queued', '{}', 'cpu', n %% 11, now() - n %% 11 * interval '1 minute' - random() * interval '1 hour', now(), TRUE,
           '', '[]', '[]', '', '', ''
    FROM generate_series(1, %s) AS n
"""
BARE = """
    UPDATE bare SET taken = TRUE WHERE id = (SELECT id FROM bare WHERE NOT taken ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
"""


def main() -> None:
    names = asked_for(BENCHMARKS, description=__doc__)
    restart_with_servers()
    call_command("migrate", verbosity=0)
    for name in names:
        connection.cursor().execute("TRUNCATE jobs, workers, worker_nodes CASCADE")
        BENCHMARKS[name]()


# --- Claims -------------------------------------------------------------------------------------------------------


def measure_claims() -> None:
    fill(QUEUED)
    for number in range(NODES):
        WorkerNode.objects.create(name=f"node-{number}")
    connection.cursor().execute("CREATE TABLE bare (id int PRIMARY KEY, taken boolean NOT NULL DEFAULT FALSE)")
    connection.cursor().execute("INSERT INTO bare SELECT generate_series(1, %s)", [QUEUED])
    connection.cursor().execute("CREATE INDEX ON bare (id) WHERE NOT taken")
    connection.cursor().execute("VACUUM ANALYZE bare")

    ours = on_every_node(claim_for_a_while)
    bare = on_every_node(update_for_a_while)
    offered = on_every_node(claim_as_offered)
    syncs = syncs_a_second()
    print(
        f"claims, {NODES * CLAIMERS_PER_NODE} claimers, {NODES} nodes, {QUEUED:,} queued: {len(ours) / SECONDS:.0f} a second, "
        f"median {ms(ours, 50)}, p99 {ms(ours, 99)}\n"
        f"  a bare UPDATE … SKIP LOCKED: {len(bare) / SECONDS:.0f} a second; ours is {len(ours) / len(bare):.2f} of it\n"
        f"  fdatasync of 8 KiB, one after the other: {syncs:.0f} a second\n"
        f"claims, {OFFERED} a second offered: {len(offered) / SECONDS:.0f} a second, median {ms(offered, 50)}, p99 {ms(offered, 99)}"
    )
    taken = Job.objects.filter(status="running")
    firsts = 2 * NODES * CLAIMERS_PER_NODE
    assert taken.count() == len(ours) + len(offered) + firsts == len(set(taken.values_list("lease_token", flat=True)))


def on_every_node(act: Callable[[int, float], list[float]]) -> list[float]:
    """The seconds of every claim, of a process for each node with so many threads; all begin at the same moment."""
    with ProcessPoolExecutor(NODES, mp_context=get_context("spawn")) as processes:
        list(processes.map(abs, range(NODES)))  # import everything before it counts
        begin = time.time() + 5.0
        return [seconds for found in processes.map(on_a_node, [act] * NODES, range(NODES), [begin] * NODES) for seconds in found]


def on_a_node(act: Callable[[int, float], list[float]], number: int, begin: float) -> list[float]:
    with ThreadPoolExecutor(CLAIMERS_PER_NODE) as threads:
        return [seconds for found in threads.map(act, [number] * CLAIMERS_PER_NODE, [begin] * CLAIMERS_PER_NODE) for seconds in found]


def claim_for_a_while(number: int, begin: float) -> list[float]:
    node = WorkerNode.objects.get(name=f"node-{number}")
    return timed(lambda: claims.claim(node, "cpu", "benchmark"), at_once(begin))


def claim_as_offered(number: int, begin: float) -> list[float]:
    """The time of a claim runs from when it was due: one that waits for the claimer's last one has waited too."""
    node = WorkerNode.objects.get(name=f"node-{number}")
    return timed(lambda: claims.claim(node, "cpu", "benchmark"), offered(begin))


def update_for_a_while(number: int, begin: float) -> list[float]:
    connection.ensure_connection()
    return timed(lambda: connection.connection.execute(BARE), at_once(begin))


def timed(act: Callable[[], object], moments: Iterator[float]) -> list[float]:
    """The seconds from each moment until what was due then was done.

    The first time does not count: it connects and has its statements planned, as a worker does once in its life.
    """
    assert act(), "nothing was left"
    taken = []
    for moment in moments:
        assert act(), "nothing was left"
        taken.append(time.time() - moment)
    connections.close_all()
    return taken


def at_once(begin: float) -> Iterator[float]:
    time.sleep(max(0.0, begin - time.time()))
    while (now := time.time()) < begin + SECONDS:
        yield now


def offered(begin: float) -> Iterator[float]:
    apart = NODES * CLAIMERS_PER_NODE / OFFERED  # seconds between two claims of a claimer
    first = begin + apart * int.from_bytes(os.urandom(2)) / 2**16
    for turn in range(int(SECONDS / apart)):
        time.sleep(max(0.0, first + turn * apart - time.time()))
        yield first + turn * apart


def syncs_a_second() -> float:
    """How often this disk keeps 8 KiB for good, where the database lies."""
    with tempfile.TemporaryFile() as file:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 2.0:
            file.seek(0)
            file.write(bytes(8192))
            file.flush()
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - began)


# --- From submit to running, and to the end -----------------------------------------------------------------------


def measure_start() -> None:
    with worker():
        woken = [start() for _ in range(STARTS)]
    with worker(REDIS_URL="redis://127.0.0.1:1/0"):
        polled = [start() for _ in range(5)]
    print(
        f"from submit to running on an idle lane: median {ms(woken, 50)}, p99 {ms(woken, 99)}\n"
        f"  without Redis: median {statistics.median(polled):.1f} s, at most {max(polled):.1f} s"
    )


def start() -> float:
    """The seconds that a job waits, by the database's clock."""
    job = services.submit("nothing")
    wait_until(lambda: not Job.objects.exclude(status="completed").exists())
    job.refresh_from_db()
    time.sleep(0.02)
    assert job.started_at
    return (job.started_at - job.created_at).total_seconds()


def measure_finish() -> None:
    services.pause("cpu", by=None)
    fill(FINISHED)
    with worker():
        services.resume("cpu", by=None)
        wait_until(lambda: not Job.objects.exclude(status="completed").exists())
    first, last = Job.objects.earliest("started_at").started_at, Job.objects.latest("completed_at").completed_at
    assert first and last
    print(f"small jobs, end to end, one worker with {SLOTS} slots: {FINISHED / (last - first).total_seconds():.0f} a second")


@contextlib.contextmanager
def worker(**environment: str) -> Iterator[None]:
    """A worker of the lane `cpu` with so many slots, ready."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.nothing", "worker", "-Q", "cpu", "-c", str(SLOTS)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=PROJECT, stdout=log, stderr=log)
        try:
            wait_until(lambda: process.poll() is not None or Worker.objects.exists())
            yield
        finally:
            process.terminate()
            process.wait(60)
            Worker.objects.all().delete()


# --- The queue's page ---------------------------------------------------------------------------------------------


def measure_page() -> None:
    fill(QUEUED)
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("benchmark"))
    paths = ["/admin/jobs/job/", "/admin/jobs/job/state/", "/api/jobs", "/api/jobs?status=queued", "/api/jobs/summary"]
    print(f"with {QUEUED:,} queued jobs, median of {ROUNDS}: " + ", ".join(f"{path} {ms(shown(client, path), 50)}" for path in paths))


def shown(client: Client, path: str) -> list[float]:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert client.get(path).status_code == 200, path
        seconds.append(time.perf_counter() - began)
    return seconds


# --- Beside it ----------------------------------------------------------------------------------------------------


def fill(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL, [count])
        cursor.execute("VACUUM ANALYZE jobs")


def wait_until(condition: Callable[[], bool], *, patience: float = 120.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def ms(seconds: Sequence[float], percentile: int) -> str:
    ranked = sorted(seconds)
    return f"{1000 * ranked[min(len(ranked) - 1, len(ranked) * percentile // 100)]:.1f} ms"


BENCHMARKS: dict[str, Callable[[], None]] = {
    "claims": measure_claims,
    "start": measure_start,
    "finish": measure_finish,
    "page": measure_page,
}

if __name__ == "__main__":
    main()

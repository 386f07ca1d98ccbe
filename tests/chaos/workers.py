"""Real workers for tests: processes of their own, with a short patience, on the test's database and library."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.db import connection

from tests.chaos.proxy import Proxy

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0  # seconds: a deadline on a slow and busy machine, never an expectation
LONG_LEASE = "60"  # for tests in which nobody is to lose one, however slow the machine is
SHORT = {
    "LEASE_SECONDS": "4",
    "DEATHS_BEFORE_QUARANTINE": "20",
    "BEAT_SECONDS": "0.5",
    "POLL_SECONDS": "0.5",
    "REAPER_SECONDS": "0.5",
    "RETRY_BASE_SECONDS": "0.2",
    "STOP_GRACE_SECONDS": "0.2",
}
SHORT_SECONDS = {name: float(value) for name, value in SHORT.items()}


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """What `condition` answers once it is true; fails the test when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)
    return answer


class Worker:
    """A running `celery -A config worker`."""

    def __init__(self, node: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.node, self.process, self.log = node, process, log

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would, and see it gone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; returns its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Workers:
    """Starts workers, and ends those that a test leaves."""

    def __init__(self, *, library: Path, thumbnails: Path, logs: Path) -> None:
        self._logs = logs
        self._started: list[Worker] = []
        self.env = {
            **os.environ,
            **SHORT,
            "DATABASE_URL": database_url(),
            "LIBRARY_ROOT": str(library),
            "THUMBNAIL_ROOT": str(thumbnails),
            "DEVELOPMENT": "true",
            "ENABLE_MEDIA_FEATURES": "true",
            "NODE_VRAM_MB": "0",
            "JOBS_PER_LANE": "1",
        }

    def start(self, *, node: str = "first", lanes: str = "cpu", include: str = "", **env: str) -> Worker:
        """Start a worker of a machine called `node`; it takes jobs as soon as it is up. `include`: a module that it imports."""
        log = self._logs / f"{node}-{len(self._started)}.log"
        command = [sys.executable, "-m", "celery", "--app", "config", "worker", "--queues", lanes, "--hostname", f"{node}@{os.getpid()}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *(("--include", include) if include else ())],
                cwd=REPOSITORY,
                env=self.env | {"NODE_NAME": node} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = Worker(node, process, log)
        self._started.append(worker)
        return worker

    def end(self) -> None:
        for worker in self._started:
            if worker.process.poll() is None:  # else its number may be another's by now
                os.killpg(worker.process.pid, signal.SIGKILL)
            worker.process.wait()


def database_url(proxy: Proxy | None = None) -> str:
    """The test's database, straight or through a wire that can be cut."""
    known = connection.settings_dict
    user = quote(known["USER"] or "postgres") + (f":{quote(known['PASSWORD'])}" if known["PASSWORD"] else "")
    if proxy:
        return f"postgres://{user}@127.0.0.1:{proxy.port}/{known['NAME']}"
    host = str(known["HOST"])
    place = f"/{quote(host)}" if host.startswith("/") else f"{host or '127.0.0.1'}:{known['PORT'] or 5432}"
    return f"postgres://{user}@{place}/{known['NAME']}"


def to_database() -> socket.socket:
    """A connection to the test's PostgreSQL."""
    known = connection.settings_dict
    host, port = str(known["HOST"] or "127.0.0.1"), int(known["PORT"] or 5432)
    return _unix(f"{host}/.s.PGSQL.{port}") if host.startswith("/") else socket.create_connection((host, port))


def to_redis(url: str) -> socket.socket:
    """A connection to the Redis at `url`."""
    parts = urlsplit(url)
    return _unix(parts.path) if parts.scheme == "unix" else socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379))


def ffmpegs(library: Path) -> dict[int, str]:
    """The ffmpeg processes that work on a library: process id to command line."""
    return {
        pid: os.fsdecode(b" ".join(arguments))
        for pid, arguments in _processes()
        if b"ffmpeg" in Path(os.fsdecode(arguments[0])).name.encode() and os.fsencode(library) in b" ".join(arguments)
    }


def inspectors(*, of: Collection[int]) -> list[int]:
    """The process ids of the inspectors that these workers have."""
    return [pid for pid, master in _bound() if master in of]


def orphans() -> list[int]:
    """Process ids of inspectors, and of ffmpegs that are just starting, whose master has died."""
    return [pid for pid, master in _bound() if _parent(pid) not in (master, None)]


def _bound() -> Iterator[tuple[int, int]]:
    """The processes that are bound to one of ours, with the id of that one."""
    for pid, arguments in _processes():
        if {b"media_library.ffmpeg.worker", b"media_library.ffmpeg.digester", b"media_library.ffmpeg.confined"} & set(arguments):
            options = next(argument for argument in arguments if argument.startswith(b"{"))
            yield pid, json.loads(options)["parent"]


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    """What lives on this machine: process ids and arguments."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if arguments[0]:  # what is dead but not buried has none
                    yield int(entry.name), arguments


def _parent(pid: int) -> int | None:
    """None: it has ended."""
    with contextlib.suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        return None if state == "Z" else int(parent)
    return None


def _unix(path: str) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(path)
    return connected

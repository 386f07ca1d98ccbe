"""Django: its commands, and the web server that serves it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import processes
from launcher.complaints import CannotStart
from launcher.processes import Child, Command
from launcher.settings import REPOSITORY

WEB_PROCESSES = 2
# Of each process; granian would derive them from the number of processes. The Dockerfile says the same.
WEB_THREADS = 256  # half for the files of slow viewers (STREAMS_PER_PROCESS), half for everything else; they start as needed
WEB_CONNECTIONS = 2048  # idle ones count, and a browser keeps some
WEB_IDLE_MILLISECONDS = 10_000  # until a connection is closed that asks for nothing, or takes longer to say what for
WEB_PATIENCE = 5  # seconds until a worker is killed that does not stop: one still starting never hears the request to


@dataclass(frozen=True)
class Admin:
    """The account to sign in with."""

    username: str
    password: str
    is_password_given: bool  # by ADMIN_PASSWORD; else it is ours, and only for a new account


@dataclass(frozen=True)
class Site:
    """Our Django project with the settings of one start."""

    python: Path
    env: Mapping[str, str]
    logs: Path

    def prepare(self, admin: Admin) -> None:
        """Bring the database and the administrator's account up to date."""
        reset = ["--reset-password"] if admin.is_password_given else []
        self.manage("prepare", f"--admin={admin.username}", *reset, more_env={"ADMIN_PASSWORD": admin.password})

    def manage(self, *arguments: str, more_env: Mapping[str, str] | None = None) -> None:
        """Run a management command that has nothing to show; `CannotStart` with its last words when it fails."""
        log = self.logs / "manage.log"
        env = {**self.env, **(more_env or {})}
        if processes.run([self.python, "manage.py", *arguments], env=env, cwd=REPOSITORY, log=log):
            raise CannotStart(f"manage.py {arguments[0]} failed: {processes.last_line(log)} (log: {log})")

    def show(self, *arguments: str) -> int:
        """Run a management command on our own terminal and return its exit status."""
        return processes.run([self.python, "manage.py", *arguments], env=self.env, cwd=REPOSITORY)

    def ask(self, *arguments: str) -> str:
        """What a management command prints, or "" when it fails."""
        return processes.read([self.python, "manage.py", *arguments], env=self.env, cwd=REPOSITORY)


@contextlib.contextmanager
def served(site: Site, *, host: str, port: int) -> Iterator[Child]:
    """Serve the site until the block ends."""
    child = processes.start(
        "The web server", web_server(site.python, host=host, port=port), env=site.env, cwd=REPOSITORY, log=site.logs / "web.log"
    )
    try:
        processes.wait_until(lambda: _answers(address(host, port)), child, seconds=60)
        yield child
    finally:
        child.stop()


def web_server(python: Path, *, host: str, port: int, processes: int = WEB_PROCESSES) -> Command:
    """What serves the site; Django's settings come from the environment."""
    return [
        python, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(processes),
        "--blocking-threads", str(WEB_THREADS), "--backpressure", str(WEB_CONNECTIONS), "--backlog", str(WEB_CONNECTIONS),
        "--http1-header-read-timeout", str(WEB_IDLE_MILLISECONDS), "--no-ws", "--respawn-failed-workers",
        "--workers-kill-timeout", str(WEB_PATIENCE), "config.wsgi:application",
    ]  # fmt: skip


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds a server bound to `host`, without a slash at the end."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free_port(host: str, port: int, *, patience: float = 0.0) -> None:
    """`CannotStart` when somebody listens there, still after `patience` seconds."""
    deadline = time.monotonic() + patience
    while error := _bind_error(host, port):
        if time.monotonic() >= deadline:
            raise CannotStart(
                f"Port {port} of {host} cannot be used ({error}): stop the program that uses it, or set MEDIA_API_PORT to another."
            )
        time.sleep(0.2)


def _bind_error(host: str, port: int) -> str | None:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _answers(site: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the environment knows nothing of us
    try:
        with direct.open(f"{site}/healthz", timeout=5):
            return True
    except (OSError, http.client.HTTPException):
        return False

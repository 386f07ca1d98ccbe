"""A house of our own to break: PostgreSQL, Redis and a web server that a test may stop, kill and start again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import override_settings
from launcher import postgres, processes, site, valkey
from launcher.environment import Installed
from launcher.processes import Child
from pytest_django.fixtures import Settings

from jobs import lanes
from media_library.models import Video
from tests.chaos.gifs import scanned_minute
from tests.chaos.workers import PATIENCE, REPOSITORY, SHORT_SECONDS, Workers
from tests.conftest import Clips


class House:
    """Everything that serves one library, each part in a process of its own.

    `env` is what its Django processes run with; `settings` given to `web` are added to it.
    """

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self.folder = folder
        self._running = contextlib.ExitStack()
        programs = Installed(Path(sys.prefix), log=folder / "pip.log")
        self._postgres_programs = postgres.find_programs(programs, folder / "cluster", env=os.environ)
        self._redis_program = valkey.find_program(programs, env=os.environ)
        self._postgres: tuple[postgres.Cluster, contextlib.ExitStack] | None = None
        self._redis: tuple[valkey.Server, contextlib.ExitStack] | None = None
        for name in ("sockets", "logs", "library", "data"):
            (folder / name).mkdir()
        (folder / "sockets").chmod(0o755)
        self.start_postgres()
        self.start_redis()
        self.postgres.ensure_database("house")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "DEVELOPMENT": "true",
            "ENABLE_MEDIA_FEATURES": "true",
            "SECRET_KEY": "a key for a house that is made to be broken, and for nothing else",
            "DATABASE_URL": self.postgres.database_url("house"),
            "REDIS_URL": self.redis.url,
            "DATA_DIR": str(folder / "data"),
            "LIBRARY_ROOT": str(folder / "library"),
            "FFMPEG_BINARY": ffmpeg,
        }
        self.manage("migrate", "--verbosity=0")

    @property
    def library(self) -> Path:
        return self.folder / "library"

    @contextlib.contextmanager
    def as_ours(self) -> Iterator[None]:
        """Let the Django of the tests themselves live here: its rows, its library and its messages."""
        ours = dict(connection.settings_dict)
        here = {"HOST": str(self.folder / "sockets"), "PORT": "", "NAME": "house", "USER": postgres.SUPERUSER, "PASSWORD": ""}
        roots = {"LIBRARY_ROOT": self.library, "THUMBNAIL_ROOT": self.folder / "data/thumbnails"}
        with pytest.MonkeyPatch.context() as patch, override_settings(**roots, **SHORT_SECONDS):
            patch.setenv("CELERY_BROKER_URL", self.redis.url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1))
            lanes._broker.cache_clear()
            connect_to(here)
            try:
                yield
            finally:
                lanes._broker.cache_clear()
                connect_to(ours)

    @property
    def postgres(self) -> postgres.Cluster:
        assert self._postgres, "PostgreSQL is stopped"
        return self._postgres[0]

    @property
    def redis(self) -> valkey.Server:
        assert self._redis, "Redis is stopped"
        return self._redis[0]

    def start_postgres(self) -> None:
        stack = contextlib.ExitStack()
        place = {"sockets": self.folder / "sockets", "log": self.folder / "logs/postgresql.log"}
        self._postgres = (
            stack.enter_context(postgres.running(self._postgres_programs, self.folder / "cluster", is_test=True, **place)),
            stack,
        )

    def stop_postgres(self, how: signal.Signals = signal.SIGINT) -> None:
        """INT is PostgreSQL's fast shutdown, QUIT its immediate one, which leaves a crash to recover from."""
        cluster, stack = self.postgres, self._postgres and self._postgres[1]
        cluster.child.process.send_signal(how)
        cluster.child.process.wait(PATIENCE)
        assert stack
        stack.close()
        self._postgres = None

    def start_redis(self) -> None:
        stack = contextlib.ExitStack()
        server = valkey.running(self._redis_program, sockets=self.folder / "sockets", log=self.folder / "logs/redis.log")
        self._redis = (stack.enter_context(server), stack)

    def stop_redis(self, how: signal.Signals = signal.SIGTERM) -> None:
        """TERM is a shutdown in order, KILL loses what Redis held; it never writes to disk here."""
        server, stack = self.redis, self._redis and self._redis[1]
        server.child.process.send_signal(how)
        server.child.process.wait(PATIENCE)
        assert stack
        stack.close()
        self._redis = None

    def manage(self, *arguments: str, **settings: str) -> None:
        log = self.folder / "logs/manage.log"
        status = processes.run([sys.executable, "manage.py", *arguments], env={**self.env, **settings}, cwd=REPOSITORY, log=log)
        assert status == 0, log.read_text()

    def query(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Ask the database past the product; `[]` for a statement that answers nothing."""
        with psycopg.connect(host=str(self.postgres.sockets), user=postgres.SUPERUSER, dbname="house", autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def web(self, *, workers: int = 2, **settings: str) -> Web:
        """Start the web server as `bin/up` does, on a free port; it answers when this returns."""
        port = site.free_port()
        command = [str(part) for part in site.web_server(Path(sys.executable), host="127.0.0.1", port=port, processes=workers)]
        child = self._start("The web server", command, settings, log=f"web-{port}.log")
        web = Web(child, f"http://127.0.0.1:{port}")
        processes.wait_until(lambda: web.status("/healthz") == 200, child, seconds=PATIENCE)
        return web

    def close(self) -> None:
        self._running.close()
        for part in (self._redis, self._postgres):
            if part:
                part[1].close()

    def _start(self, name: str, command: list[str], settings: dict[str, str], *, log: str) -> Child:
        child = processes.start(name, command, env={**self.env, **settings}, cwd=REPOSITORY, log=self.folder / "logs" / log)
        self._running.callback(child.stop)
        return child


def connect_to(database: dict[str, Any]) -> None:
    """Have this thread connect anew, with these settings changed."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    connection.settings_dict.update(database)


class Web:
    """A running web server."""

    def __init__(self, child: Child, address: str) -> None:
        self.child = child
        self.address = address

    def status(self, path: str) -> int | None:
        """The status that a GET is answered with; None when nobody answers."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None


@contextlib.contextmanager
def open_house(ffmpeg: str) -> Iterator[House]:
    """A house with an empty, migrated database; everything in it is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="house-"))  # short, for the names of sockets are bounded
    folder.chmod(0o755)
    built: House | None = None
    try:
        built = House(folder, ffmpeg)
        yield built
    finally:
        if built:
            built.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(ffmpeg_binary: str) -> Iterator[House]:
    """A house of this test alone."""
    with open_house(ffmpeg_binary) as built:
        yield built


@pytest.fixture
def video(transactional_db: None, library: Path, clips: Clips, settings: Settings) -> Video:
    """A video of a minute, in a library that is scanned, and the short patience of the workers here."""
    for name, value in SHORT_SECONDS.items():
        setattr(settings, name, value)
    return scanned_minute(library, clips)


@pytest.fixture
def workers(video: Video, library: Path, tmp_path: Path) -> Iterator[Workers]:
    """Workers on the test's own database and library."""
    started = Workers(library=library, thumbnails=tmp_path / "thumbnails", logs=tmp_path)
    yield started
    started.end()

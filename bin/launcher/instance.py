"""One running library: servers, database, site; started in order, stopped in reverse."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import data_folder, ffmpeg, libraries, postgres, settings, site, valkey, workers
from launcher.complaints import CannotStart
from launcher.data_folder import DataFolder
from launcher.environment import PRODUCT, VirtualEnvironment
from launcher.processes import Child
from launcher.progress import say
from launcher.site import Admin, Site
from launcher.workers import Worker

PASSWORD_FILE = "admin-password"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Instance:
    """What runs, and how to reach it."""

    site: Site
    data: DataFolder
    admin: Admin
    address: str  # of this machine, without a slash at its end
    children: tuple[Child, ...]
    worker: Worker

    def require_running(self) -> None:
        """`CannotStart` when a server has died under us."""
        for child in self.children:
            if not child.is_running:
                raise CannotStart(f"{child.name} has stopped by itself: {child.last_words()} (log: {child.log})")


@contextlib.contextmanager
def running(chosen: Mapping[str, str], *, library: Path | None) -> Iterator[Instance]:
    """Serve `library`, or the sample library, until the block ends. Nothing has been scanned yet when it begins."""
    host, port = chosen.get("BIND_HOST") or "127.0.0.1", settings.port(chosen)
    address = site.address(host, port)
    if library:
        libraries.require_readable(library)
    with contextlib.ExitStack() as stack:
        data = stack.enter_context(data_folder.claimed(settings.data_path(chosen), address=address))
        site.require_free_port(host, port, patience=10.0 if data.was_cut_short else 0.0)
        environment = VirtualEnvironment(Path(chosen["VENV_DIR"]), log=data.logs / "pip.log")
        environment.ensure(PRODUCT, env=chosen)
        known = libraries.find_or_add(library or data.samples, data=data.path)
        env, servers = with_servers(stack, chosen, environment, data, database=known.name)
        if not chosen.get("DATABASE_URL"):
            env.setdefault("THUMBNAIL_ROOT", str(known.thumbnails(data.path)))
        env["LIBRARY_ROOT"] = known.root
        django = Site(environment.python, with_site(env, data, host=host, port=port), data.logs)
        data.running_site.write_text(json.dumps({"python": str(django.python), "env": dict(django.env)}))
        admin = _admin(chosen, data)
        django.prepare(admin)
        if library is None and not data.samples.exists():
            django.show("make_samples", str(data.samples))
        web = stack.enter_context(site.served(django, host=host, port=port))
        worker = stack.enter_context(workers.working(django))
        yield Instance(django, data, admin, address, (*servers, web), worker)


def watch(instance: Instance) -> None:
    """Return never; raises when a server dies or somebody asks us to stop."""
    while True:
        instance.require_running()
        instance.worker.mend()
        time.sleep(0.5)


def with_servers(
    stack: contextlib.ExitStack,
    chosen: Mapping[str, str],
    environment: VirtualEnvironment,
    data: DataFolder,
    *,
    database: str,
    is_test: bool = False,
) -> tuple[dict[str, str], list[Child]]:
    """The environment with a database, a Redis and an ffmpeg: the given ones, else private ones that end with `stack`.

    For a test the database is empty, and what is written to it need not survive.
    """
    env, children = dict(chosen), []
    if env.get("DATABASE_URL"):
        say("PostgreSQL from DATABASE_URL")
    else:
        env = postgres.without_connection_settings(env)
        programs = postgres.find_programs(environment, data.path / "postgres", env=chosen)
        say(str(programs))
        cluster = stack.enter_context(
            postgres.running(programs, data.path / "postgres", sockets=data.sockets, log=data.logs / "postgres.log", is_test=is_test)
        )
        children.append(cluster.child)
        (cluster.empty_database if is_test else cluster.ensure_database)(database)
        env["DATABASE_URL"] = cluster.database_url(database)
    if env.get("REDIS_URL"):
        say("Redis from REDIS_URL")
    else:
        program = valkey.find_program(environment, env=chosen)
        say(str(program))
        redis = stack.enter_context(valkey.running(program, sockets=data.sockets, log=data.logs / "redis.log"))
        children.append(redis.child)
        env["REDIS_URL"] = redis.url
    encoder = ffmpeg.find_program(environment, env=chosen)
    say(str(encoder))
    env["FFMPEG_BINARY"] = str(encoder.path)
    return env, children


def with_site(env: Mapping[str, str], data: DataFolder, *, host: str, port: int) -> dict[str, str]:
    """The environment with what Django needs and nobody has chosen."""
    ours = {"DEVELOPMENT": "true", "DATA_DIR": str(data.path), "MEDIA_API_PORT": str(port)}  # for servers there is docs/deployment.md
    made = {
        "ENABLE_MEDIA_FEATURES": "true",
        "USE_HTTPS": "false",
        "SECRET_KEY": data.secret("secret-key", size=48),
        "ALLOWED_HOSTS": ",".join(["localhost", "127.0.0.1", "[::1]", *(_names_of_this_machine() if host not in _LOOPBACK else [])]),
    }
    given = {name: value for name, value in env.items() if value and name != "ADMIN_PASSWORD"}
    return {**made, **given, **ours}


def _admin(chosen: Mapping[str, str], data: DataFolder) -> Admin:
    given = chosen.get("ADMIN_PASSWORD")
    return Admin(chosen.get("ADMIN_USERNAME") or "admin", given or data.secret(PASSWORD_FILE, size=12), is_password_given=bool(given))


def _names_of_this_machine() -> list[str]:
    """What a browser elsewhere in the network may call us."""
    name = socket.gethostname()
    addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None, family=socket.AF_INET)}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; the system picks the address that leads outside
        addresses.add(probe.getsockname()[0])
    return [name, f"{name}.local", *sorted(addresses)]

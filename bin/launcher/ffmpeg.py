"""The ffmpeg at hand: the system's, else the wheel's."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import processes
from launcher.complaints import CannotStart
from launcher.environment import EMBEDDED_SERVERS, VirtualEnvironment
from launcher.settings import ignores_system_programs


@dataclass(frozen=True)
class Program:
    path: Path
    version: str
    origin: str

    def __str__(self) -> str:
        return f"ffmpeg {self.version} from {self.origin}"


def find_program(environment: VirtualEnvironment, *, env: Mapping[str, str]) -> Program:
    """`FFMPEG_BINARY` when it is set, else the one on the PATH, else the wheel's."""
    if name := env.get("FFMPEG_BINARY"):
        if found := _on_path(name, origin="FFMPEG_BINARY"):
            return found
        raise CannotStart(f"FFMPEG_BINARY is {name!r}, which is no ffmpeg that runs here.")
    if not ignores_system_programs(env) and (found := _on_path("ffmpeg", origin="the system")):
        return found
    environment.ensure(EMBEDDED_SERVERS, env=env)
    path = environment.find("imageio_ffmpeg/binaries/ffmpeg-*")
    program = _inspect(path, origin="the imageio-ffmpeg wheel") if path else None
    if program is None:
        raise CannotStart("No ffmpeg is installed, and the imageio-ffmpeg wheel holds none for this system: install ffmpeg.")
    return program


def _on_path(name: str, *, origin: str) -> Program | None:
    path = shutil.which(name)
    return _inspect(Path(path), origin=origin) if path else None


def _inspect(path: Path, *, origin: str) -> Program | None:
    """Its version is `5.1.6` of `ffmpeg version 5.1.6-0+deb12u1 …`, `9.0.2` of `n9.0.2-17-g…`; None for what is no ffmpeg."""
    found = re.match(r"ffmpeg version n?([\w.]+)", processes.read([path, "-hide_banner", "-version"]))
    return Program(path, found[1], origin) if found else None

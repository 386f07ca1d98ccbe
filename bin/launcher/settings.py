"""What the person who starts us has chosen, from the environment and `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from launcher.complaints import CannotStart

REPOSITORY = Path(__file__).resolve().parents[2]
_PYTHON_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",  # without its cache every command costs two seconds more
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
)


def chosen(repository: Path = REPOSITORY) -> dict[str, str]:
    """The environment over `.env`, as Django reads them, without what would lead another Python astray.

    A line of `.env` that says what `.env.example` does chooses nothing: people copy the whole file.
    """
    defaults = _dotenv(repository / ".env.example")
    written = {name: value for name, value in _dotenv(repository / ".env").items() if defaults.get(name) != value}
    values = {**written, **os.environ}
    venv = values.get("VENV_DIR") or str(data_path(values) / "venv")
    ours = {"VENV_DIR": venv, "PYTHONPYCACHEPREFIX": f"{venv}/bytecode"}
    return {name: value for name, value in values.items() if name not in _PYTHON_VARIABLES} | ours


def data_path(settings: Mapping[str, str]) -> Path:
    return Path(settings.get("DATA_DIR") or REPOSITORY / ".data").expanduser().resolve()


def port(settings: Mapping[str, str]) -> int:
    text = settings.get("MEDIA_API_PORT") or "4100"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"MEDIA_API_PORT is {text!r}, but a port is a number from 1 to 65535.")
    return int(text)


def ignores_system_programs(settings: Mapping[str, str]) -> bool:
    """Whether to take the wheels' servers and ffmpeg even where the system has its own."""
    return settings.get("IGNORE_SYSTEM_PROGRAMS", "").lower() in ("1", "true", "yes", "on")


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}

"""Real starts of `bin/up`, each with a data folder and a port of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from launcher.site import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
READY = "Ctrl-C stops everything.\n"  # the last line of a start
PATIENCE = 180.0  # seconds, on a busy machine
OURS = ("DATABASE_URL", "REDIS_URL", "LIBRARY_ROOT", "THUMBNAIL_ROOT", "ADMIN_USERNAME", "ADMIN_PASSWORD", "SECRET_KEY", "BIND_HOST")


class Start:
    """One run of `bin/up`, whose output goes to a file."""

    def __init__(self, data: Path, port: int, *arguments: str | Path, **settings: str) -> None:
        self.data = data
        self.address = f"http://127.0.0.1:{port}"
        self._output = Path(tempfile.mkstemp(prefix="bin-up-", suffix=".log")[1])
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        env = {**kept, "VENV_DIR": sys.prefix, "DATA_DIR": str(data), "MEDIA_API_PORT": str(port), **settings}
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [REPOSITORY / "bin/up", *arguments], env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def until_ready(self) -> Start:
        deadline = time.monotonic() + PATIENCE
        while not self.output.endswith(READY) or "API " not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return self

    def ended(self) -> int:
        return self.process.wait(PATIENCE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def sign_in_path(self) -> str:
        found = re.search(rf"{re.escape(self.address)}(/admin/sign-in/\S+)", self.output)
        assert found, self.output
        return found[1]

    def process_ids(self) -> set[int]:
        """What lives of this start: each of its processes names its data folder, or has it in its environment."""
        mark = str(self.data).encode()
        return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if mark in _traits(folder)}

    def remove(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.unlink()


@pytest.fixture(scope="session")
def _a_virtual_environment_of_the_launcher() -> None:
    if not (Path(sys.prefix) / "installed.json").exists():
        pytest.skip("needs the virtual environment that bin/up and bin/test make: run them by bin/test")


@pytest.fixture(scope="module")
def up(_a_virtual_environment_of_the_launcher: None) -> Iterator[Callable[..., Start]]:
    """`up(data, *arguments, port=…, **settings)` runs `bin/up`; what still runs in the end is killed."""
    starts: list[Start] = []

    def run(data: Path, *arguments: str | Path, port: int | None = None, **settings: str) -> Start:
        starts.append(Start(data, port or free_port(), *arguments, **settings))
        return starts[-1]

    yield run
    for start in starts:
        start.remove()


@pytest.fixture(scope="module")
def data_folder() -> Iterator[Path]:
    """A fresh folder that an ordinary path length leads to."""
    folder = Path(tempfile.mkdtemp(prefix="media-data-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _traits(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    except OSError:
        return b""  # it has ended meanwhile, or is not ours to look at

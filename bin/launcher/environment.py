"""The virtual environment: made when missing, brought up to date when a requirements file changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import processes
from launcher.complaints import CannotStart, require_room
from launcher.processes import Command
from launcher.progress import Counter, say
from launcher.settings import REPOSITORY

PRODUCT = "requirements.txt"
EMBEDDED_SERVERS = "requirements-embedded.txt"
DEVELOPMENT = "requirements-dev.txt"
ROOM_TO_INSTALL = 2**30  # bytes


@dataclass(frozen=True)
class VirtualEnvironment:
    """A virtual environment that remembers, by their hashes, which requirements files it has installed."""

    path: Path
    log: Path

    @property
    def python(self) -> Path:
        return self.path / "bin/python"

    def ensure(self, *requirements: str, env: Mapping[str, str]) -> None:
        """Make the environment if need be, and install those of `requirements` that it does not have yet."""
        if not self._missing(requirements):
            return
        require_room(self.path, needed=ROOM_TO_INSTALL)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # bin/up and bin/test may share the environment
            if not self._installed():
                self._make(env)
            for name in self._missing(requirements):
                self._install(name, env)
                self._stamp.write_text(json.dumps(self._installed() | {name: _digest(name)}))

    def find(self, pattern: str) -> Path | None:
        """The first file of an installed package, by a pattern below site-packages."""
        return next(iter(sorted(self.path.glob(f"lib/python3.*/site-packages/{pattern}"))), None)

    def _missing(self, requirements: Sequence[str]) -> list[str]:
        installed = self._installed()
        return [name for name in requirements if installed.get(name) != _digest(name)]

    @property
    def _stamp(self) -> Path:
        return self.path / "installed.json"

    def _installed(self) -> dict[str, str]:
        """Hashes of what is installed; nothing when the environment is not there or its Python has gone."""
        if processes.read([self.python, "-c", "import django; print('works')"]) != "works":
            return {}
        try:
            return dict(json.loads(self._stamp.read_text()))
        except (OSError, ValueError):
            return {}

    def _make(self, env: Mapping[str, str]) -> None:
        say(f"Making the virtual environment with Python {sys.version.split()[0]} (the first start takes a minute or so)")
        self._claim()
        # Debian's Python comes without ensurepip; its pip can install into an environment that has none.
        if processes.run([sys.executable, "-m", "venv", "--without-pip", self.path], env=env, cwd=REPOSITORY, log=self.log):
            raise CannotStart(f"The virtual environment could not be made: {processes.last_line(self.log)}")

    def _claim(self) -> None:
        """Empty the folder. The stamp is there throughout, so that being killed at any moment leaves what the next start empties."""
        self.path.mkdir(exist_ok=True)
        if any(self.path.iterdir()) and not self._stamp.exists():
            raise CannotStart(f"{self.path} is no virtual environment that we made: set VENV_DIR to another folder, or remove it.")
        self._stamp.write_text("{}")
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != self._stamp:
                entry.unlink()

    def _install(self, name: str, env: Mapping[str, str]) -> None:
        wanted = sum(1 for line in (REPOSITORY / name).read_text().splitlines() if "==" in line)
        command: Command = [
            *self._pip(env),
            "install",
            "--require-hashes",
            "--no-compile",
            "--progress-bar=off",
            "--requirement",
            REPOSITORY / name,
        ]
        counter = Counter(f"Installing {name}", total=wanted)
        if _run_counting(command, env=env, log=self.log, counter=counter):
            raise CannotStart(f"Installing {name} failed: {_pip_complaint(self.log)} (log: {self.log})")
        counter.finish()

    def _pip(self, env: Mapping[str, str]) -> Command:
        """A command line of a pip that installs into this environment: its own, else the one of the Python that runs us."""
        if processes.read([self.python, "-m", "pip", "--version"], env=env):
            return [self.python, "-m", "pip"]
        # What `pip --python` runs in a child of its own, which would go on installing when we are killed outright.
        runner = Path(processes.read([sys.executable, "-c", "import pip; print(pip.__path__[0])"], env=env), "__pip-runner__.py")
        if runner.is_file():
            return [self.python, runner]
        if processes.run([self.python, "-m", "ensurepip"], env=env, cwd=REPOSITORY, log=self.log) == 0:
            return [self.python, "-m", "pip"]
        raise CannotStart(
            f"{sys.executable} has no pip of at least 22.3: install it (Debian, Ubuntu: apt install python3-venv) and try again."
        )


class Installed(VirtualEnvironment):
    """The environment that runs us now: what we need is in it."""

    def ensure(self, *requirements: str, env: Mapping[str, str]) -> None:
        pass


def _run_counting(command: Command, *, env: Mapping[str, str], log: Path, counter: Counter) -> int:
    """Run pip with its output in `log`, show how many packages it has got so far; returns its exit status."""
    log.touch()
    with log.open(errors="replace") as lines:
        lines.seek(0, os.SEEK_END)
        pip = processes.start("pip", command, env=env, cwd=REPOSITORY, log=log)
        try:
            while pip.is_running:
                time.sleep(0.1)
                counter.advance(sum(line.startswith(("Collecting ", "Requirement already satisfied")) for line in lines))
        finally:
            pip.stop()
    return pip.process.returncode


def _pip_complaint(log: Path) -> str:
    errors = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR: ") if errors else processes.last_line(log)


def _digest(name: str) -> str:
    return hashlib.sha256((REPOSITORY / name).read_bytes()).hexdigest()

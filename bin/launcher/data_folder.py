"""The folder that holds all we write: who uses it now, its secrets, its places."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.complaints import CannotStart, is_disk_full, require_room

_LONGEST_SOCKET_FOLDER = 80  # bytes; a socket's path may have 103 (macOS) or 107 (Linux), and PostgreSQL adds its file name


@dataclass(frozen=True)
class DataFolder:
    """Only the holder of the lock writes here."""

    path: Path
    was_cut_short: bool = False  # the start before this one was killed, and what it ran may still be stopping

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def sockets(self) -> Path:
        """A folder for sockets that only we may enter; outside when a path into the data folder is too long for a socket."""
        folder = self.path / "run"
        if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
            return folder
        mark = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path("/tmp") / f"media-library-{os.getuid()}-{mark}"

    @property
    def running_site(self) -> Path:
        """What `bin/manage` runs with, while somebody serves; nobody else may enter the folder."""
        return self.sockets / "site.json"

    def secret(self, name: str, *, size: int) -> str:
        """The secret of that name, made on first use: `size` random bytes as URL-safe text, readable by its owner only."""
        path = self.path / name
        with contextlib.suppress(FileNotFoundError):
            return path.read_text().strip()
        draft = path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(size) + "\n")
        draft.replace(path)
        return path.read_text().strip()


@contextlib.contextmanager
def claimed(path: Path, *, address: str) -> Iterator[DataFolder]:
    """Hold the data folder until the block ends; `CannotStart` when another start holds it or nobody may write there.

    Its `lock` file names the holder. A clean end empties it, so what stands in it tells of a start that was killed.
    """
    _make(path)
    require_room(path)
    lock_path = path / "lock"
    with lock_path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(_already_running(path, lock_path.read_text())) from None
        was_cut_short = bool(lock_path.read_text())
        lock.truncate(0)
        lock.write(json.dumps({"address": address, "pid": os.getpid()}))
        lock.flush()
        data = DataFolder(path, was_cut_short)
        try:
            _make_private(data.sockets)
            yield data
        finally:
            shutil.rmtree(data.sockets, ignore_errors=True)
            lock.truncate(0)


def _make(path: Path) -> None:
    try:
        for name in ("logs", "static"):  # WhiteNoise warns when the latter is missing, even while it needs none
            (path / name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"may we write here?")
    except OSError as error:
        if is_disk_full(error):
            raise
        raise CannotStart(f"The data folder {path} cannot be written ({error.strerror}): set DATA_DIR to a folder that can.") from error


def _already_running(path: Path, holder: str) -> str:
    try:
        known = json.loads(holder)
        where = f"at {known['address']} (process {known['pid']}, data in {path})"
        return f"The library is already running {where}: stop that one first, or set DATA_DIR to another folder."
    except (ValueError, KeyError):
        return f"Another start is using {path} right now: wait for it, or set DATA_DIR."


def _make_private(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise CannotStart(f"{folder} belongs to somebody else: remove it, or set DATA_DIR to a shorter path.")
    folder.chmod(0o700)

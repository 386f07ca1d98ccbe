"""Downloads that are not whole yet: files in a hidden folder of the library, which outlive the attempts of their jobs.

What lies there counts for nobody. Of a file is kept what was on the disk when its state was last written down, and what
tells that the server still has the same. The state names the file's inode: one that a worker wrote which had lost the job
means another file.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from jobs.claims import LeaseLost
from jobs.failures import WorkerStops
from jobs.fetching.wire import Interrupted
from jobs.models import Job
from media_library.relocation import make_folders

FOLDER = Path(".fetching")  # relative to the library root: on the disk that the file ends on
SUFFIX, STATE_SUFFIX, DRAFT_SUFFIX = ".download", ".json", ".draft"  # of a download, its state, a state that is being written
KEPT_SECONDS = 24 * 3600.0  # of what a job left that has failed: somebody may retry it
UNFINISHED = (Job.Status.PENDING, Job.Status.QUEUED, Job.Status.RUNNING)


class Partial:
    """A download that is not whole yet."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        state = self._read_state()
        self.size: int = state.get("size", 0)  # bytes that are there for certain
        self.validator: str | None = state.get("validator")  # of the server's file, an ETag or a date
        file.truncate(self.size)
        file.seek(self.size)

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    def start_over(self, validator: str | None) -> None:
        """Forget what is there; `validator` is that of what comes now."""
        self._file.seek(0)
        self._file.truncate()
        self.size, self.validator = 0, validator
        self.keep()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.size += len(piece)

    def keep(self) -> None:
        """Put what is there on the disk, and write down how much it is."""
        self._file.flush()
        os.fsync(self.descriptor)
        state = {"inode": os.fstat(self.descriptor).st_ino, "size": self.size, "validator": self.validator}
        draft = self._path.with_suffix(DRAFT_SUFFIX)
        draft.write_text(json.dumps(state))
        draft.replace(self._state_path)

    def become(self, path: Path) -> None:
        """Be the file at `path`, on the same disk; raises OSError where another worker has begun anew."""
        self._file.flush()
        if not self._is_at_its_path():
            raise FileNotFoundError(None, "It was begun anew by another worker", str(self._path))
        self._path.rename(path)
        self._state_path.unlink(missing_ok=True)

    def remove(self) -> None:
        if self._is_at_its_path():
            _remove(self._path)

    @property
    def _state_path(self) -> Path:
        return self._path.with_suffix(STATE_SUFFIX)

    def _read_state(self) -> dict[str, Any]:
        """What was written down of this very file; empty where nothing was, or not all of it is there."""
        status = os.fstat(self.descriptor)
        try:
            state = json.loads(self._state_path.read_bytes())
        except (OSError, ValueError):
            return {}
        is_this = isinstance(state, dict) and state.get("inode") == status.st_ino and state.get("size", 0) <= status.st_size
        return state if is_this else {}

    def _is_at_its_path(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(self._path.lstat(), os.fstat(self.descriptor))
        return False


@contextmanager
def opened(job_id: int) -> Iterator[Partial]:
    """What an earlier attempt at the job has of its download, or a new one.

    It stays where the connection breaks or the worker stops, and goes with any other failure.
    """
    make_folders(Path(settings.LIBRARY_ROOT), FOLDER / "file")
    path = _path(job_id)
    with _locked(path) as file:
        partial = Partial(path, file)
        try:
            yield partial
        except (Interrupted, WorkerStops):
            partial.keep()
            raise
        except LeaseLost:
            raise
        except BaseException:
            partial.remove()
            raise


def sweep() -> int:
    """Remove what jobs left that will not go on; returns of how many jobs."""
    left = {int(path.stem) for path in (Path(settings.LIBRARY_ROOT) / FOLDER).glob("*") if path.stem.isdecimal()}
    if not left:
        return 0
    going_on = set(Job.objects.filter(pk__in=left, status__in=UNFINISHED).values_list("pk", flat=True))
    may_be_retried = set(Job.objects.left_failed().filter(pk__in=left).values_list("pk", flat=True))
    ended = [job_id for job_id in left - going_on if not (job_id in may_be_retried and _age(_path(job_id)) < KEPT_SECONDS)]
    for job_id in ended:
        _remove(_path(job_id))
    return len(ended)


def _path(job_id: int) -> Path:
    return Path(settings.LIBRARY_ROOT) / FOLDER / f"{job_id}{SUFFIX}"


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, which nobody else writes to: one that a worker still holds that has lost the job is left to it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    file = open(os.open(path, flags, 0o666), "r+b")  # noqa: PTH123, SIM115 - a descriptor; closed below
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        _remove(path)
        file = open(os.open(path, flags | os.O_EXCL, 0o666), "r+b")  # noqa: PTH123, SIM115
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with file:
        yield file


def _remove(path: Path) -> None:
    for suffix in (SUFFIX, STATE_SUFFIX, DRAFT_SUFFIX):
        path.with_suffix(suffix).unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")

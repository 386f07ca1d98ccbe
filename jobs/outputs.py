"""The files that a job makes: drafts that are written down before they exist, verified, and renamed into place as the job completes.

The rename happens while the job's row is locked, in the transaction that completes it. A process that dies in between
leaves a file that the row still names as unfinished, with its inode; whoever finds the job next removes it.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Random

from jobs import claims
from jobs.claims import Lease
from jobs.failures import BadOutput, JobFailed
from jobs.models import Job
from jobs.verification import verify, verify_playlists
from media_library.ffmpeg.inspection import Inspection
from media_library.paths import decode_path, encode_path
from media_library.relocation import (
    UnsafePath,
    file_at,
    files_below,
    make_folders,
    numbered,
    open_file,
    relocate,
    relocate_folder,
    remove_folder,
    remove_second_name,
)
from media_library.scanner.roots import library_is_there

ROWS_PER_SWEEP = 100

logger = logging.getLogger(__name__)

Named = str | dict[str, Any]
"""A file or folder as `Job.drafts` has it: the path of a draft, or the `path` of a finished one with its `inode`."""


@dataclass
class Output:
    """A file or folder that is verified, and at its place once the job completes."""

    path: Path  # relative to the library root; another one where somebody takes the name before the job completes
    size: int  # bytes, of all its files
    mtime_ns: int
    inspection: Inspection = field(repr=False, default=Inspection())  # of a video


@dataclass(frozen=True)
class _Finished:
    """A verified draft, and what becomes of it."""

    draft: Path  # relative to the library root
    target: Path  # what was asked for
    output: Output
    inode: int
    relocate: Callable[[Path, Path, Path], None]


class Workspace:
    """The files of one attempt at a job, which holds its lease.

    `persist` does a piece of work on the database as soon as that is there: hours of work are not lost over a restart.
    """

    def __init__(self, lease: Lease, *, persist: Callable[[Callable[[], None]], None]) -> None:
        self._lease = lease
        self._persist = persist
        self._root = Path(settings.LIBRARY_ROOT)
        self._numbers = count(1)
        self._drafts: list[Path] = []  # relative to the root
        self._finished: list[_Finished] = []
        self._left: list[Named] = []  # by an earlier attempt, and could not be removed

    @property
    def are_named(self) -> bool:
        """Whether the job's row names any of them as unfinished."""
        return bool(self._drafts or self._left)

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The finished files as the job's row keeps them."""
        return [{"path": encode_path(str(done.output.path)), "size": done.output.size} for done in self._finished]

    def remove_leftovers(self) -> None:
        """Remove what an earlier attempt at the job left, whose process died; raises `LeaseLost`."""
        if self._lease.has_leftovers:
            self._persist(self._remove_leftovers)

    def draft(self, target: Path) -> Path:
        """Where to write what shall become `target`, a path relative to the library root; the answer is absolute.

        Its folder exists, the file does not. Raises `LeaseLost`.
        """
        draft = self._named_draft(target.with_name(self._name(target.suffix)))
        make_folders(self._root, draft)
        return self._root / draft

    def draft_folder(self, target: Path) -> Path:
        """An empty folder to fill with the files that shall become the folder `target`, as `draft` is for a file."""
        draft = self._named_draft(target.with_name(self._name("")))
        make_folders(self._root, draft / "file")
        return self._root / draft

    def finish(self, draft: Path, target: Path, *, duration: float | None = None) -> Output:
        """Verify a draft and have it renamed to `target`, or the next free name beside it, when the job completes.

        `duration`: what it must have, in seconds; None: whatever it has. Raises `BadOutput` or `LeaseLost`.
        """
        relative = draft.relative_to(self._root)
        with self._open(relative) as file:
            inspection = verify(file.fileno(), target.suffix, duration=duration, with_poster=True)
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        output = Output(self._free(target), status.st_size, status.st_mtime_ns, inspection)
        return self._finish(_Finished(relative, target, output, status.st_ino, relocate))

    def finish_folder(self, draft: Path, target: Path, *, duration: float | None = None, check: Callable[[], None]) -> Output:
        """Verify every file of a draft folder, and have it renamed as `finish` has a file.

        `duration`: what each playlist of segments in it must have, in seconds. `check` is called between two files.
        """
        relative = draft.relative_to(self._root)
        sizes: dict[PurePosixPath, int] = {}
        playlists: dict[PurePosixPath, str] = {}
        for path in files_below(self._root, relative):
            check()
            with self._open(path) as file:
                verify(file.fileno(), path.suffix)
                os.fsync(file.fileno())
                name = PurePosixPath(path.relative_to(relative))
                sizes[name] = os.fstat(file.fileno()).st_size
                if path.suffix == ".m3u8":
                    file.seek(0)
                    playlists[name] = file.read().decode()
        if not sizes:
            raise BadOutput("The output is an empty folder")
        verify_playlists(playlists, sizes, lambda name: self._open(relative / name), duration=duration)
        status = draft.lstat()
        output = Output(self._free(target), sum(sizes.values()), status.st_mtime_ns)
        return self._finish(_Finished(relative, target, output, status.st_ino, relocate_folder))

    def place(self) -> None:
        """Rename the finished drafts; the caller's transaction holds the job's row. Raises OSError."""
        for done in self._finished:
            there = file_at(self._root, done.output.path)
            if there is None or there.st_ino != done.inode:  # else an earlier try got so far
                done.relocate(self._root, done.draft, done.output.path)

    def find_other_names(self) -> dict[Path, Path]:
        """Give what is finished, and whose name somebody has taken since, the next free one; returns the new paths by the old.

        The job's row names them before anything lies there. Raises `JobFailed` or `LeaseLost`.
        """
        found = {}
        for done in self._finished:
            there = file_at(self._root, done.output.path)
            if there is not None and there.st_ino != done.inode:
                taken, done.output.path = done.output.path, self._free(done.target)
                found[taken] = done.output.path
        if found:
            self._write_down()
        return found

    def drop(self) -> None:
        """Remove everything that this attempt has made; what cannot be removed now, the job's row still names."""
        remove(self._named())

    def drop_unfinished(self) -> list[Named]:
        """Remove the drafts that became nothing; returns what could not be removed."""
        finished = {done.draft for done in self._finished}
        return remove([*self._left, *(encode_path(str(draft)) for draft in self._drafts if draft not in finished)])

    def _named_draft(self, draft: Path) -> Path:
        self._drafts.append(draft)
        self._write_down()
        return draft

    def _open(self, path: Path) -> BinaryIO:
        return open(open_file(self._root, path), "rb")  # noqa: PTH123 - a descriptor; the caller closes it

    def _free(self, target: Path) -> Path:
        taken = {done.output.path for done in self._finished}
        for path in numbered(target):
            if path not in taken and file_at(self._root, path) is None:
                return path
        raise JobFailed("no_name_left", f"{target} and all numbers of that name are taken", suggestion="Move some of them elsewhere.")

    def _finish(self, finished: _Finished) -> Output:
        self._finished.append(finished)
        self._write_down()
        return finished.output

    def _name(self, suffix: str) -> str:
        number = next(self._numbers)
        return f".{self._lease.job_id}.{self._lease.token.hex}{f'.{number}' if number > 1 else ''}.part{suffix}"

    def _write_down(self) -> None:
        self._persist(lambda: claims.name_drafts(self._lease, self._named()))

    @transaction.atomic
    def _remove_leftovers(self) -> None:
        named = claims.hold(self._lease).drafts
        self._left = remove(named) if library_is_there() else named
        claims.name_drafts(self._lease, self._left)

    def _named(self) -> list[Named]:
        targets: list[Named] = [{"path": encode_path(str(done.output.path)), "inode": done.inode} for done in self._finished]
        return [*self._left, *targets, *(encode_path(str(draft)) for draft in self._drafts)]


def remove(named: Sequence[Named]) -> list[Named]:
    """Remove what a job's row names as unfinished, where it is still there; a finished file only while it is that file.

    Returns what could not be removed.
    """
    return [name for name in named if not _remove(name)]


def sweep() -> int:
    """Remove what jobs left that run no more; returns of how many jobs. Their rows stay locked meanwhile: nobody starts them anew."""
    if not library_is_there():
        return 0
    swept = 0
    ended = Job.objects.exclude(status=Job.Status.RUNNING).exclude(drafts=[])
    anywhere = ended.order_by(Random())  # so that files which cannot be removed keep nobody else's lying about
    for job_id in list(anywhere.values_list("pk", flat=True)[:ROWS_PER_SWEEP]):
        with transaction.atomic():
            job = ended.filter(pk=job_id).select_for_update(no_key=True, skip_locked=True).only("drafts").first()
            if job:
                left = remove(job.drafts)
                Job.objects.filter(pk=job_id).update(drafts=left)
                swept += not left
    return swept


def _remove(name: Named) -> bool:
    """Whether it is gone, or was nothing of ours."""
    root = Path(settings.LIBRARY_ROOT)
    path, inode = (decode_path(name), None) if isinstance(name, str) else (decode_path(name["path"]), name["inode"])
    try:
        status = file_at(root, path)
        if status and inode in (None, status.st_ino):
            (remove_folder if stat.S_ISDIR(status.st_mode) else remove_second_name)(root, path)
    except (UnsafePath, FileNotFoundError):
        return True
    except OSError as error:
        logger.warning("the unfinished %s cannot be removed: %s", path, error)
        return False
    return True

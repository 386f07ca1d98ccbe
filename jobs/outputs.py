"""The files that a job makes: drafts that are written down before they exist, verified, and renamed into place as the job completes.

The rename happens while the job's row is locked, in the transaction that completes it. A process that dies in between
leaves a file that the row still names as unfinished, with its inode; whoever finds the job next removes it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from jobs import claims
from jobs.claims import Lease
from jobs.failures import BadOutput
from jobs.models import Job
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.inspectors import Inspectors, Limits
from media_library.ffmpeg.probe import Probe
from media_library.ffmpeg.untrusted import Bounds
from media_library.paths import decode_path, encode_path
from media_library.relocation import UnsafePath, file_at, make_folders, numbered, open_file, relocate, remove_second_name

DURATION_TOLERANCE, LEAST_TOLERANCE = 0.02, 1.0  # of the duration; seconds

logger = logging.getLogger(__name__)

Named = str | dict[str, Any]
"""A file as `Job.drafts` has it: the path of a draft, or the `path` of a finished file with its `inode`."""


@dataclass(frozen=True)
class Output:
    """A file that is verified, and at its place once the job completes."""

    path: Path  # relative to the library root
    size: int  # bytes
    mtime_ns: int
    inspection: Inspection = field(repr=False)


class Workspace:
    """The files of one attempt at a job, which holds its lease."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._root = Path(settings.LIBRARY_ROOT)
        self._numbers = count(1)
        self._drafts: list[Path] = []  # relative to the root
        self._finished: list[tuple[Path, Output, int]] = []  # draft, what becomes of it, inode

    @property
    def are_named(self) -> bool:
        """Whether the job's row names any of them as unfinished."""
        return bool(self._drafts)

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The finished files as the job's row keeps them."""
        return [{"path": encode_path(str(output.path)), "size": output.size} for _, output, _ in self._finished]

    def draft(self, target: Path) -> Path:
        """Where to write what shall become `target`, a path relative to the library root; the answer is absolute.

        Its folder exists, the file does not. Raises `LeaseLost`.
        """
        draft = target.with_name(self._name(target.suffix))
        self._drafts.append(draft)
        self._write_down()
        make_folders(self._root, draft)
        return self._root / draft

    def finish(self, draft: Path, target: Path, *, duration: float | None = None) -> Output:
        """Verify a draft and have it renamed to `target`, or the next free name beside it, when the job completes.

        `duration`: what it must have, in seconds; None: whatever it has. Raises `BadOutput` or `LeaseLost`.
        """
        relative = draft.relative_to(self._root)
        with open(open_file(self._root, relative), "rb") as file:  # noqa: PTH123 - a descriptor
            inspection = verify(file.fileno(), duration=duration)
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        free = next(path for path in numbered(target) if file_at(self._root, path) is None)
        output = Output(free, status.st_size, status.st_mtime_ns, inspection)
        self._finished.append((relative, output, status.st_ino))
        self._write_down()
        return output

    def place(self) -> None:
        """Rename the finished drafts; the caller's transaction holds the job's row. Raises OSError."""
        for draft, output, inode in self._finished:
            there = file_at(self._root, output.path)
            if there is None or there.st_ino != inode:  # else an earlier try got so far
                relocate(self._root, draft, output.path)

    def drop(self) -> None:
        """Remove everything that this attempt has made."""
        remove(self._named())

    def drop_unfinished(self) -> None:
        """Remove the drafts that became nothing."""
        finished = {draft for draft, _, _ in self._finished}
        remove([encode_path(str(draft)) for draft in self._drafts if draft not in finished])

    def _name(self, suffix: str) -> str:
        number = next(self._numbers)
        return f".{self._lease.job_id}.{self._lease.token.hex}{f'.{number}' if number > 1 else ''}.part{suffix}"

    def _write_down(self) -> None:
        claims.name_drafts(self._lease, self._named())

    def _named(self) -> list[Named]:
        targets: list[Named] = [{"path": encode_path(str(output.path)), "inode": inode} for _, output, inode in self._finished]
        return [*targets, *(encode_path(str(draft)) for draft in self._drafts)]


def verify(descriptor: int, *, duration: float | None = None) -> Inspection:
    """Look at a finished file as at a stranger's; raises `BadOutput`.

    No exit status stands for this: ffmpeg ends well on truncated input and on some full disks.
    """
    if os.fstat(descriptor).st_size == 0:
        raise BadOutput("The output is empty")
    inspection = _inspectors().inspect(descriptor, with_poster=True)
    if inspection.probe is None:
        raise BadOutput(f"The output cannot be read: {inspection.reason}")
    found = inspection.probe.duration
    if duration is not None and (found is None or abs(found - duration) > max(LEAST_TOLERANCE, DURATION_TOLERANCE * duration)):
        raise BadOutput(f"The output is {'of no' if found is None else f'{found:.1f} s'} long instead of {duration:.1f} s")
    return inspection


def probe(descriptor: int) -> Probe:
    """What an open file says of itself, read where a stranger's file can do no harm; raises `UnreadableMedia`."""
    inspection = _inspectors().inspect(descriptor, with_poster=False)
    if inspection.probe is None:
        raise UnreadableMedia(inspection.reason)
    return inspection.probe


def remove(named: Sequence[Named]) -> None:
    """Remove files that a job's row names as unfinished, where they are still there; a finished one only while it is that file."""
    root = Path(settings.LIBRARY_ROOT)
    for name in named:
        path, inode = (decode_path(name), None) if isinstance(name, str) else (decode_path(name["path"]), name["inode"])
        with suppress(UnsafePath):
            status = file_at(root, path)
            if status and inode in (None, status.st_ino):
                with suppress(FileNotFoundError):
                    remove_second_name(root, path)


def remove_leftovers(lease: Lease) -> None:
    """Remove what an earlier attempt at the job left, whose process died."""
    if not lease.has_leftovers:
        return
    job = Job.objects.filter(pk=lease.job_id, lease_token=lease.token)
    with transaction.atomic():
        if named := job.select_for_update(no_key=True).values_list("drafts", flat=True).first():
            remove(named)
            claims.name_drafts(lease, [])


def sweep() -> int:
    """Remove what jobs left that run no more; returns how many jobs. Their rows stay locked meanwhile: nobody starts them anew."""
    swept = 0
    ended = Job.objects.exclude(status=Job.Status.RUNNING).exclude(drafts=[]).order_by("pk")
    for job_id in list(ended.values_list("pk", flat=True)[:100]):
        with transaction.atomic():
            job = ended.filter(pk=job_id).select_for_update(no_key=True, skip_locked=True).only("drafts").first()
            if job:
                remove(job.drafts)
                Job.objects.filter(pk=job_id).update(drafts=[])
                swept += 1
    return swept


@cache
def _inspectors() -> Inspectors:
    """The process that looks at what this one makes."""
    bounds = Bounds(pixels=settings.MAX_VIDEO_PIXELS, streams=settings.MAX_VIDEO_STREAMS)
    limits = Limits(timeout=settings.PROBE_TIMEOUT_SECONDS, memory=settings.PROBE_MEMORY_MB * 2**20, bounds=bounds)
    return Inspectors(2, limits=limits)

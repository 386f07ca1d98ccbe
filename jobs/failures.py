"""What an exception means for a job: a class, a sentence for a person, what to do about it, and whether it may pass by itself."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError
from redis import RedisError

from jobs.claims import NO_SPACE, LeaseLost
from jobs.picking import GPU_FAILED
from media_library.ffmpeg import errors as ffmpeg
from media_library.scanner.reading import StoreUnusable

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
AWAY_DATABASE = (OperationalError, InterfaceError)


class JobCancelled(Exception):
    """A person wants the job to stop; the handler lets this pass."""


class WorkerStops(Exception):
    """The worker is being stopped, and the job goes back into the queue; the handler lets this pass."""


class LeaseExpired(LeaseLost):
    """The lease was not renewed in time, for the database was away or this machine stood still: somebody else may have the job."""


class JobFailed(Exception):
    """What a handler says of work that cannot be done; `str()` is a sentence for a person."""

    def __init__(self, error_class: str, sentence: str, *, suggestion: str = "", is_transient: bool = False) -> None:
        super().__init__(sentence)
        self.error_class = error_class
        self.suggestion = suggestion
        self.is_transient = is_transient


class BadOutput(JobFailed):
    """A file that was made is not what it should be, whatever the program that made it says."""

    def __init__(self, sentence: str, *, is_transient: bool = False) -> None:
        """Transient where what looked at the file may have been at fault."""
        suggestion = "Its source is most likely damaged or incomplete: play it to the end, then replace the file and retry."
        super().__init__("bad_output", sentence, suggestion=suggestion, is_transient=is_transient)


@dataclass(frozen=True)
class Failure:
    """What is kept of an exception."""

    error_class: str
    suggestion: str
    is_transient: bool = False
    error: str = ""  # a sentence for a person


# The first line that fits an exception says what it means.
KINDS: tuple[tuple[tuple[type[BaseException], ...], Failure], ...] = (
    ((ffmpeg.NoSpaceLeft,), Failure(NO_SPACE, "Make room on the disk, or ask for less; then retry it.", is_transient=True)),
    ((ffmpeg.GpuFailed,), Failure(GPU_FAILED, "Look after the GPU and its driver; bin/manage doctor says which encoders work.")),
    (
        (ffmpeg.OutOfMemory, MemoryError),
        Failure("out_of_memory", "Run fewer jobs at once on this machine (JOBS_PER_NODE), or raise FFMPEG_MEMORY_MB.", is_transient=True),
    ),
    (
        (ffmpeg.FfmpegKilled,),
        Failure("killed", "If it comes back, the machine is short of memory: run fewer jobs at once (JOBS_PER_NODE).", is_transient=True),
    ),
    ((ffmpeg.FfmpegCrashed,), Failure("crashed", "The video is most likely damaged: replace its file, or update ffmpeg.")),
    ((ffmpeg.FfmpegHung,), Failure("timeout", "The video is most likely damaged: play it to the end, then replace its file.")),
    ((ffmpeg.OutputTooLarge,), Failure("too_large", "Ask for less: a shorter part, a smaller picture, fewer pictures a second.")),
    (
        (ffmpeg.FfmpegUnavailable,),
        Failure("ffmpeg_missing", "Install ffmpeg on this machine, or set FFMPEG_BINARY to where it is.", is_transient=True),
    ),
    (
        (ffmpeg.UnreadableMedia, ffmpeg.FfmpegRefused),
        Failure("unreadable_media", "Replace the file by one that plays, scan the library and retry."),
    ),
    (
        (LeaseExpired,),
        Failure(
            "lease_expired",
            "Its worker lost touch with the database for LEASE_SECONDS; the job is tried again by itself.",
            is_transient=True,
        ),
    ),
    ((ffmpeg.FfmpegFailed,), Failure("ffmpeg_failed", "Its log says what ffmpeg did not like.")),
    (
        (ffmpeg.InspectorsUnavailable,),
        Failure("out_of_memory", "The machine can start no process: run fewer jobs at once.", is_transient=True),
    ),
    ((StoreUnusable,), Failure("thumbnails_unwritable", "Make THUMBNAIL_ROOT writable, and room on its disk.", is_transient=True)),
    (AWAY_DATABASE, Failure("database_away", "The database could not be reached; the job is tried again by itself.", is_transient=True)),
    ((DatabaseError,), Failure("database_error", "Retry it; if it fails again, the worker's log tells the rest.")),
    ((RedisError,), Failure("redis_away", "Redis could not be reached; the job is tried again by itself.", is_transient=True)),
    ((FileNotFoundError,), Failure("file_missing", "Bring the file back, scan the library and retry.")),
    ((PermissionError,), Failure("not_permitted", "Let the user that runs the workers read the library, and write where outputs go.")),
    ((OSError,), Failure("disk_error", "Look after the disk that the library lies on.", is_transient=True)),
)
UNKNOWN = Failure("internal_error", "A fault of the library itself: its worker's log tells more. Please report it.")


def failure_of(error: BaseException) -> Failure:
    """What the exception means."""
    if isinstance(error, JobFailed):
        return Failure(error.error_class, error.suggestion, error.is_transient, str(error))
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return Failure(NO_SPACE, "Make room on the disk, or ask for less; then retry it.", is_transient=True, error="The disk is full")
    known = next((kind for types, kind in KINDS if isinstance(error, types)), UNKNOWN)
    return Failure(known.error_class, known.suggestion, known.is_transient, _sentence(error))


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, DatabaseError | RedisError):
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no word why'}"
    return str(error) or type(error).__name__

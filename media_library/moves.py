"""Moves of a video's file, on disk and in the database, so that a crash between the two is repaired.

1. One transaction writes the intent, a `FileMove`, and commits.
2. A second one locks the intent and the video, writes the new path, renames the file and commits.

Whoever holds the lock of an intent owns it: `recover_moves` takes only those that nobody holds, whose process died
between the two steps. It finishes a move whose file has arrived and undoes one whose file never left.
"""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Case, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now

from media_library.models import Compilation, FileMove, Video
from media_library.naming import directory_type_of
from media_library.paths import decode_path, encode_path
from media_library.relocation import NotAFile, UnsafePath, file_at, numbered, relocate, remove_second_name

TRASH = Path(".trash")  # below the library root, so that a move into it never copies

logger = logging.getLogger(__name__)


class MoveRefused(Exception):
    """The file stays where it is; the message is a sentence for a person."""


@dataclass(frozen=True)
class Recovery:
    """What became of moves that a crash had interrupted, by id of the `FileMove`."""

    finished: tuple[int, ...] = ()
    undone: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()  # the file is in neither place, as when the disk is not mounted; they wait


def trash_file(video: Video, *, by: User | None) -> FileMove:
    """Move the video's file into the library's trash and set `trashed_at`; raises `MoveRefused`.

    Call it outside a transaction: the intent has to be on disk before the file moves.
    """
    recover_moves(video)
    target = TRASH / str(video.pk) / decode_path(video.path).name
    return _carry_out(_intend(video, target, purpose=FileMove.Purpose.TRASH, by=by))


def restore_file(video: Video, *, by: User | None) -> FileMove:
    """Move the video's file from the trash back to where it was; raises `MoveRefused`.

    Where another file has taken the place it comes back beside it, as `name (2).mp4`. Call it outside a transaction.
    """
    recover_moves(video)
    last = video.moves.filter(purpose=FileMove.Purpose.TRASH, state=FileMove.State.DONE).order_by("-pk").first()
    if last is None:
        raise MoveRefused("The video is not in the trash")
    return _carry_out(_intend(video, decode_path(last.source), purpose=FileMove.Purpose.RESTORE, by=by))


def organize_file(video: Video, target: Path, *, job_id: int | None = None, by: User | None = None) -> FileMove | None:
    """Move the video's file to `target`, relative to the root, or the next free name beside it; raises `MoveRefused`.

    The first time, it notes where the file lay and what it was called. None: it lies there already, or under the number that it
    would get. Call it outside a transaction.
    """
    recover_moves(video)
    video.refresh_from_db(fields=["path"])
    if _free_place(target, own=video.path) == decode_path(video.path):
        return None
    return _carry_out(_intend(video, target, purpose=FileMove.Purpose.ORGANIZE, by=by, job_id=job_id))


def undo_move(move: FileMove, *, job_id: int | None = None, by: User | None = None) -> FileMove | None:
    """Move a file back to where `organize_file` took it from; raises `MoveRefused`. None: it has been moved on since."""
    recover_moves(move.video)
    move.video.refresh_from_db(fields=["path"])
    if move.video.path != move.target:
        return None
    return _carry_out(_intend(move.video, decode_path(move.source), purpose=FileMove.Purpose.UNDO, by=by, job_id=job_id))


def recover_moves(video: Video | None = None) -> Recovery:
    """Finish or undo what a crash has left between disk and database, of one video or of all."""
    open_moves = FileMove.objects.filter(state=FileMove.State.INTENDED)
    if video is not None:
        open_moves = open_moves.filter(video=video)
    fates: dict[str, list[int]] = {"finished": [], "undone": [], "lost": []}
    for pk in open_moves.order_by("pk").values_list("pk", flat=True):
        if fate := _recover(pk):
            fates[fate].append(pk)
    return Recovery(**{fate: tuple(pks) for fate, pks in fates.items()})


@transaction.atomic(durable=True)
def _intend(video: Video, target: Path, *, purpose: str, by: User | None, job_id: int | None = None) -> FileMove:
    current = Video.objects.select_for_update(no_key=True).get(pk=video.pk)
    is_trashed = current.trashed_at is not None
    if is_trashed != (purpose == FileMove.Purpose.RESTORE):
        raise MoveRefused("The video is in the trash already" if is_trashed else "The video is not in the trash")
    if current.moves.filter(state=FileMove.State.INTENDED).exists():
        raise MoveRefused("The video's file is being moved, or an earlier move of it could not be finished")
    place = encode_path(_free_place(target).as_posix())
    return FileMove.objects.create(video=current, source=current.path, target=place, purpose=purpose, requested_by=by, job_id=job_id)


def _free_place(wanted: Path, *, own: str | None = None) -> Path:
    """The wanted path, or the first numbered one that neither the disk nor the database knows; `own` counts as free."""
    root = Path(settings.LIBRARY_ROOT)
    try:
        for path in numbered(wanted):
            text = encode_path(path.as_posix())
            if text == own or (file_at(root, path) is None and not Video.objects.filter(path=text).exists()):
                return path
    except (UnsafePath, OSError) as error:
        raise MoveRefused(_reason(error)) from error
    raise MoveRefused(f"There is no free name for {wanted.name}")


def _carry_out(move: FileMove) -> FileMove:
    try:
        with transaction.atomic(durable=True):
            if not _held(FileMove.objects.filter(pk=move.pk)):
                raise MoveRefused("The video's file was moved by somebody else at the same moment")
            _write_to_video(move)
            relocate(Path(settings.LIBRARY_ROOT), decode_path(move.source), decode_path(move.target))
            _close(move, FileMove.State.DONE)
    except (UnsafePath, OSError, IntegrityError) as error:
        if _recover(move.pk) != "finished":
            _close(move, FileMove.State.UNDONE)
            raise MoveRefused(_reason(error)) from error
    return move


@transaction.atomic(durable=True)
def _recover(pk: int) -> str | None:
    """Repair one interrupted move; returns its fate, None when somebody is at work on it."""
    move = _held(FileMove.objects.filter(pk=pk), skip_locked=True)
    if move is None:
        return None
    root, source, target = Path(settings.LIBRARY_ROOT), decode_path(move.source), decode_path(move.target)
    try:
        left, arrived = file_at(root, source), file_at(root, target)
    except (UnsafePath, OSError) as error:
        logger.warning("Move %s cannot be looked at: %s", pk, error)
        return "lost"
    if left is None and arrived is None:
        logger.warning("Move %s: the file is in neither place", pk)
        return "lost"
    if arrived is None or (left is not None and not _same_file(left, arrived)):
        _close(move, FileMove.State.UNDONE)
        return "undone"
    return _finish(move, has_two_names=left is not None)


def _finish(move: FileMove, *, has_two_names: bool) -> str:
    try:
        with transaction.atomic():
            _write_to_video(move)
            if has_two_names:
                remove_second_name(Path(settings.LIBRARY_ROOT), decode_path(move.source))
    except (IntegrityError, OSError) as error:
        logger.warning("Move %s cannot be finished: %s", move.pk, error)
        return "lost"
    _close(move, FileMove.State.DONE)
    return "finished"


def _held(moves: QuerySet[FileMove], *, skip_locked: bool = False) -> FileMove | None:
    """The open move, locked until the transaction ends; None when it is closed by now."""
    return moves.filter(state=FileMove.State.INTENDED).select_for_update(skip_locked=skip_locked).first()


def _write_to_video(move: FileMove) -> None:
    """Give the video, and the row of the compilation that it is, the new path.

    Raises `OSError` when a scan has given it another one since the intent.
    """
    moved = Video.objects.filter(pk=move.video_id, path=move.source)
    filename = encode_path(decode_path(move.target).name)
    is_moved = moved.update(
        path=move.target,
        filename=filename,
        trashed_at=Now() if move.purpose == FileMove.Purpose.TRASH else None,
        updated_at=Now(),
        **_NOTES[FileMove.Purpose(move.purpose)](move),
    )
    if not is_moved:
        raise FileNotFoundError(f"The video lies elsewhere by now, not at {move.source}")
    Compilation.objects.filter(path=move.source).update(path=move.target, filename=filename)


def _note_the_original(move: FileMove) -> dict[str, Any]:
    return {
        "directory_type": directory_type_of(decode_path(move.target)),
        "original_path": Coalesce("original_path", Value(move.source)),
        "original_filename": Coalesce("original_filename", "filename"),
        "standardized_at": Now(),
    }


def _note_the_return(move: FileMove) -> dict[str, Any]:
    """A file that is back where it was first is no longer called standard."""
    is_original = When(original_path=move.target, then=None)
    return {
        "directory_type": directory_type_of(decode_path(move.target)),
        "original_path": Case(is_original, default="original_path"),
        "original_filename": Case(is_original, default="original_filename"),
        "standardized_at": Case(is_original, default="standardized_at"),
    }


def _note_nothing(move: FileMove) -> dict[str, Any]:
    return {}


# What else a move writes to its video.
_NOTES = {
    FileMove.Purpose.TRASH: _note_nothing,
    FileMove.Purpose.RESTORE: _note_nothing,
    FileMove.Purpose.ORGANIZE: _note_the_original,
    FileMove.Purpose.UNDO: _note_the_return,
}


def _close(move: FileMove, state: FileMove.State) -> None:
    FileMove.objects.filter(pk=move.pk, state=FileMove.State.INTENDED).update(state=state, finished_at=Now())
    move.state = state


def _same_file(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _reason(error: Exception) -> str:
    """A sentence for a person that shows no path outside the library."""
    match error:
        case FileNotFoundError():
            return "The file is not where the library knows it; a scan will tell where it is"
        case FileExistsError() | IntegrityError():
            return "Another file has taken the place in this moment; please try again"
        case NotAFile() | UnsafePath():
            return "The path of the file leads through a symbolic link or to something that is no file"
        case OSError(errno=errno.EXDEV):
            return "The file lies on another disk than the place that it is to go to"
        case OSError(errno=errno.ENOSPC):
            return "The disk is full"
        case OSError():
            return f"The library cannot be written: {(error.strerror or 'unknown error').lower()}"
    return "The file could not be moved"

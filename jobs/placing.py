"""Moves of many files by a job: planned, listed, carried out, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from pydantic import Field

from gallery.services import refresh
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.registry import Params
from jobs.selection import in_turn
from media_library.models import FileMove, Video
from media_library.moves import MoveRefused, organize_file, undo_move
from media_library.paths import encode_path

MOST_TOLD = 1000  # moves that a result names
BATCH = 100  # moves after which the gallery hears of them

Place = Callable[[Video], Path | None]


class Organizing(Params):
    """What jobs that move files have in common."""

    dry_run: bool = Field(False, description="list what would be moved; move nothing")
    undo: int | None = Field(None, gt=0, le=2**63 - 1, description="the id of an earlier job: take its moves back, and do nothing else")


@dataclass
class Moves:
    """What was moved, or would be."""

    moved: int = 0
    in_place: int = 0
    without_place: int = 0
    failed: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    def note(self, video_id: int, source: str, target: str) -> None:
        self.moved += 1
        if len(self.told) < MOST_TOLD:
            self.told.append({"videoId": video_id, "from": source, "to": target})

    def as_result(self, *, dry_run: bool) -> dict[str, Any]:
        return {
            "dryRun": dry_run,
            "moved": self.moved,
            "inPlace": self.in_place,
            "withoutPlace": self.without_place,
            "failed": self.failed,
            "moves": self.told,
        }


def organize(context: JobContext, videos: QuerySet[Video], place: Place, params: Organizing) -> dict[str, Any]:
    """Move each video's file to its place, or take the moves of an earlier job back."""
    if params.undo is not None:
        return _undo(context, params.undo, dry_run=params.dry_run)
    moves, total = Moves(), videos.count()
    with _gallery_in_step(context) as tell:
        for number, video in enumerate(in_turn(videos)):
            context.report(100 * number / max(total, number + 1))
            target = place(video)
            if target is None:
                moves.without_place += 1
            elif encode_path(target.as_posix()) == video.path:
                moves.in_place += 1
            elif params.dry_run:
                moves.note(video.pk, video.path, encode_path(target.as_posix()))
            else:
                _move(context, video, moves, lambda video=video, target=target: organize_file(video, target, job_id=context.job_id))  # type: ignore[misc]
                tell(video.pk)
    return moves.as_result(dry_run=params.dry_run)


def _undo(context: JobContext, job_id: int, *, dry_run: bool) -> dict[str, Any]:
    """The last move first."""
    done = FileMove.objects.filter(job_id=job_id, purpose=FileMove.Purpose.ORGANIZE, state=FileMove.State.DONE)
    moves, total = Moves(), done.count()
    if not total:
        raise JobFailed("nothing_to_undo", f"Job {job_id} has moved no file", suggestion="Look for the job whose result lists moves.")
    with _gallery_in_step(context) as tell:
        for number, move in enumerate(done.select_related("video").order_by("-pk").iterator()):
            context.report(100 * number / total)
            if move.video.path != move.target:
                moves.in_place += 1  # taken back already, or moved on since
            elif dry_run:
                moves.note(move.video_id, move.target, move.source)
            else:
                _move(context, move.video, moves, lambda move=move: undo_move(move, job_id=context.job_id))  # type: ignore[misc]
                tell(move.video_id)
    return moves.as_result(dry_run=dry_run)


def _move(context: JobContext, video: Video, moves: Moves, move: Callable[[], FileMove | None]) -> None:
    try:
        done = move()
    except MoveRefused as refusal:
        context.log(f"{video} (id {video.pk}) stays where it is: {refusal}")
        moves.failed += 1
        return
    if done is None:
        moves.in_place += 1
    else:
        moves.note(video.pk, done.source, done.target)


@contextmanager
def _gallery_in_step(context: JobContext) -> Iterator[Callable[[int], None]]:
    """Have the gallery hear of moved videos, also of those of an attempt that ended before it could tell."""
    untold: list[int] = list(FileMove.objects.filter(job_id=context.job_id).values_list("video_id", flat=True))

    def tell(video_id: int) -> None:
        untold.append(video_id)
        if len(untold) >= BATCH:
            _refresh(untold)

    try:
        yield tell
    finally:
        _refresh(untold)


def _refresh(untold: list[int]) -> None:
    while untold:
        refresh(untold[:BATCH])
        del untold[:BATCH]

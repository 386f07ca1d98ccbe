"""`validate`: whether videos play, and whether their files are still what they were."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from pydantic import Field
from pydantic.alias_generators import to_camel

from gallery.services import refresh
from gallery.services.changes import one_change_at_a_time
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.inspecting import inspectors, opened
from jobs.models import Lane
from jobs.registry import job_type
from jobs.selection import MOST_TOLD, Selection, alone, go_through, share
from media_library.ffmpeg.errors import InspectionCrashed, InspectionHung, UnreadableMedia
from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.inspectors import Follow
from media_library.identity import sha256
from media_library.models import Video
from media_library.posters import save_poster
from media_library.scanner import entries
from media_library.scanner.entries import entry_of
from media_library.scanner.reading import Arrival, FoundFile, Reading

HASHING = 0.5  # of the work
CHANGED = "Its content is not what it was, though its size and date are: the disk or a program has damaged it"
NOTHING: dict[str, Any] = {}
REMOVED_BY_AN_ADMIN = Q(is_valid=False, width__isnull=False)  # as `gallery.services` tells it from a file that cannot be read


class ValidateParams(Selection):
    thorough: bool = Field(default=False, description="decode all pictures; else those at five places")
    accept_change: bool = Field(default=False, description="where a file is not what it was once, take it as it is now")


@dataclass(frozen=True)
class Verdict:
    """What was found out about one video."""

    is_valid: bool
    reason: str = ""  # why it is not valid, for a person
    is_faststart: bool | None = None  # None: it is no MP4
    hash: str = "same"  # as before, else "new" or "changed"
    pictures: int = 0  # that were decoded
    damaged_at: tuple[float, ...] = ()  # seconds


@dataclass
class Summary:
    """What was found out about many videos."""

    valid: int = 0
    not_faststart: int = 0
    invalid: list[dict[str, Any]] = field(default_factory=list)

    def add(self, video: Video, verdict: Verdict) -> None:
        self.valid += verdict.is_valid
        self.not_faststart += verdict.is_faststart is False
        if not verdict.is_valid:
            self.invalid.append({"videoId": video.pk, "reason": verdict.reason})

    def as_result(self, *, failed: int) -> dict[str, Any]:
        counts = {"valid": self.valid, "invalid": len(self.invalid), "notFaststart": self.not_faststart, "notRead": failed}
        return {**counts, "invalidVideos": self.invalid[:MOST_TOLD]}


@job_type("validate", lane=Lane.CPU, params=ValidateParams, video=lambda params: params.video_id)
def validate(context: JobContext, params: ValidateParams) -> dict[str, Any]:
    """Decode pictures of a video, compare its file with what it was, and set it valid or invalid with the reason.

    Without a video it goes through the library, or a part of it; what is cut short goes on where it was.
    """
    if params.video_id is not None:
        return _as_result(alone(context, params.the_video(), lambda video, follow: _judge(context, video, params, follow)))
    began_at = context.row().created_at
    undone = Q(last_validated=None) | Q(last_validated__lt=began_at)
    summary = Summary()

    def work(video: Video, follow: Follow) -> None:
        summary.add(video, _judge(context, video, params, follow))

    failed = go_through(context, params.videos().filter(undone).exclude(REMOVED_BY_AN_ADMIN), work)
    return summary.as_result(failed=failed)


def _judge(context: JobContext, video: Video, params: ValidateParams, follow: Follow) -> Verdict:
    """Read the whole file, so that a disk that cannot be read is not taken for a damaged video; then decode."""
    with opened(video) as descriptor:
        digest = _hash(video, descriptor, follow)
        is_changed = video.file_hash not in (None, digest)
        if is_changed and not params.accept_change:
            inspection, found = Inspection(reason=CHANGED), NOTHING
        else:
            inspection, found = _decode(descriptor, params, follow)
    kept = video.file_hash if is_changed and not params.accept_change else digest
    _keep(video, inspection, kept)
    verdict = Verdict(
        is_valid=inspection.probe is not None,
        reason=inspection.reason,
        is_faststart=inspection.probe.is_faststart if inspection.probe else None,
        hash="changed" if is_changed else "same" if video.file_hash else "new",
        pictures=found.get("pictures", 0),
        damaged_at=tuple(found.get("damaged_at", ())),
    )
    _tell(context, video, verdict)
    return verdict


def _hash(video: Video, descriptor: int, follow: Follow) -> str:
    read, size = 0, max(1, video.file_size or 0)

    def hear(count: int) -> None:
        nonlocal read
        read += count
        follow(HASHING * min(1.0, read / size))

    return sha256(descriptor, on_block=hear)


def _decode(descriptor: int, params: ValidateParams, follow: Follow) -> tuple[Inspection, dict[str, Any]]:
    """What the file is, or why it is no video that plays; and what decoding showed."""
    inspection = inspectors().inspect(descriptor, with_poster=True)
    if inspection.probe is None:
        return inspection, NOTHING
    try:
        answer = inspectors().ask("check", descriptor, thorough=params.thorough, follow=share(HASHING, 1.0, follow))
    except UnreadableMedia as error:
        is_conclusive = not isinstance(error, InspectionCrashed | InspectionHung)
        return replace(inspection, probe=None, reason=str(error), is_conclusive=is_conclusive), NOTHING
    return inspection, answer.found


def _keep(video: Video, inspection: Inspection, file_hash: str | None) -> None:
    """Write what was found, where the row still means the file that was read: what is new, as a scan does."""
    same = Video.objects.same_file_as(video).filter(path=video.path)
    if inspection.probe and video.file_hash in (None, file_hash):
        still_valid = same.filter(is_valid=True)
        if still_valid.update(last_validated=Now(), is_faststart=inspection.probe.is_faststart, file_hash=file_hash):
            return
    poster = inspection.poster if inspection.probe else None
    thumbnail = save_poster(poster, store=Path(settings.THUMBNAIL_ROOT)) if poster else None
    file = FoundFile(video.path, video.file_size or 0, video.file_mtime_ns or 0)
    with one_change_at_a_time():  # before any row: as everybody locks them
        if not same.select_for_update(no_key=True).exists():
            raise JobFailed("file_changed", f"{video} was moved or changed meanwhile", suggestion="Retry.", is_transient=True)
        entries.write([entry_of(Reading(Arrival(file, video.pk), inspection, thumbnail), file_hash=file_hash)])
        refresh([video.pk])


def _tell(context: JobContext, video: Video, verdict: Verdict) -> None:
    if not verdict.is_valid:
        context.log(f"{video} (id {video.pk}) is invalid: {verdict.reason}")
    if verdict.is_faststart is False:
        context.log(f"{video} (id {video.pk}) starts slowly: its index stands at its end. reencode_streaming moves it to the front.")
    if verdict.damaged_at:
        context.log(f"{video} (id {video.pk}) is damaged in places, at {', '.join(f'{second:g} s' for second in verdict.damaged_at)}.")


def _as_result(verdict: Verdict) -> dict[str, Any]:
    return {to_camel(name): value for name, value in asdict(verdict).items()}

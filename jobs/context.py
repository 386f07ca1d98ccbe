"""What a handler gets beside its params: its progress, its log, its files, ffmpeg."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from gallery.viewers import somebody_watches
from jobs import lanes
from jobs.claims import Lease
from jobs.failures import JobFailed
from jobs.heartbeat import Pulse, clean
from jobs.inspecting import open_file_of
from jobs.models import Job, Lane
from jobs.outputs import Output, Workspace
from jobs.verification import probe
from media_library import lineage
from media_library.ffmpeg import run as ffmpeg
from media_library.ffmpeg.errors import FfmpegFailed
from media_library.ffmpeg.probe import Probe
from media_library.ffmpeg.run import Limits, Progress
from media_library.ffmpeg.untrusted import Bounds
from media_library.lineage import Cut
from media_library.models import Video
from media_library.paths import encode_path
from media_library.posters import save_poster
from media_library.scanner import entries
from media_library.scanner.entries import Entry, entry_of
from media_library.scanner.reading import Arrival, FoundFile, Reading

NICENESS = 10  # of every ffmpeg: what visitors ask for comes first
VIEWERS_LOOK_SECONDS = 2.0
SECONDS_AFTER_A_FAILED_LOOK = 15.0  # each takes a second or two of the one that watches ffmpeg

T = TypeVar("T")
Write = Callable[[], dict[str, Any]]


class JobContext:
    """The running job as its handler sees it.

    `report`, `check`, `draft`, `finish` and `run` raise `JobCancelled`, `LeaseLost` or `WorkerStops` when the handler is to end;
    it lets them pass.
    """

    def __init__(self, lease: Lease, pulse: Pulse) -> None:
        self.job_id = lease.job_id
        self.attempt = lease.attempt
        self.uses_gpu = lease.uses_gpu
        self.files = Workspace(lease, persist=self._persist)
        self.writes: list[Write] = []
        self._registered: list[tuple[Callable[[], Entry], Sequence[Cut]]] = []
        self._type = lease.type
        self._lane = lease.lane
        self._video_id = lease.video_id
        self._pulse = pulse
        self._span = (0.0, 100.0)  # of the whole progress, for which that of the present work stands
        self._looks_for_viewers_at, self._is_pausing = float("-inf"), False  # of the monotonic clock

    # --- Progress and log

    def report(self, progress: float, speed: float | None = None) -> None:
        """Tell how far the job is, 0 to 100, and how many seconds of video it does a second."""
        self._pulse.report(self._overall(progress), speed)
        self.check()

    @contextmanager
    def part(self, start: float, end: float) -> Iterator[None]:
        """Have what is reported within stand for the stretch from `start` to `end` of the whole progress, 0 to 100."""
        before, self._span = self._span, (start, end)
        try:
            yield
        finally:
            self._span = before

    def _overall(self, progress: float) -> float:
        start, end = self._span
        return start + (end - start) * progress / 100

    def log(self, line: str) -> None:
        """Add a line to what people read of the job."""
        self._pulse.say(line)

    def check(self) -> None:
        """End the handler where it is to end; long work without progress calls this every second or so."""
        self._pulse.check()

    # --- Inputs

    def row(self) -> Job:
        """The job as the database has it, without its log, and with who submitted it."""
        return self._persist(lambda: Job.objects.select_related("submitted_by").defer("log").get(pk=self.job_id))

    @property
    def bounds(self) -> Bounds:
        """How large a picture, and how many streams, an input may have."""
        return Bounds(pixels=settings.MAX_VIDEO_PIXELS, streams=settings.MAX_VIDEO_STREAMS)

    def video(self, video_id: int | None = None) -> Video:
        """The job's video, or another one, whose file lies there and was found valid; raises `JobFailed`."""
        video = self._persist(Video.objects.filter(pk=video_id or self._video_id or 0).first)
        if video is None:
            raise JobFailed("video_missing", "There is no such video")
        if video.trashed_at:
            raise JobFailed("video_missing", f"{video} is in the trash", suggestion="Restore it and retry.")
        if not video.is_valid:
            raise JobFailed("unreadable_media", f"{video} is invalid: {video.invalid_reason}", suggestion="Replace its file and scan.")
        os.close(open_file_of(video))
        return video

    def probe(self, video: Video) -> Probe:
        """What the video's file says of itself; raises `UnreadableMedia`."""
        self.check()
        with open(open_file_of(video), "rb") as file:  # noqa: PTH123 - a descriptor
            return probe(file.fileno())

    # --- Outputs

    def draft(self, target: Path) -> Path:
        """Where to write what shall become `target`, relative to the library root."""
        self.check()
        return self.files.draft(target)

    def draft_folder(self, target: Path) -> Path:
        """A folder to fill with the many files that shall become the folder `target`, relative to the library root."""
        self.check()
        return self.files.draft_folder(target)

    def finish(self, draft: Path, target: Path, *, duration: float | None = None) -> Output:
        """Verify a draft, by the kind of file that its suffix tells; the job's completion puts it at `target`, or at the next free name.

        `duration`: what it must have, in seconds. Raises `BadOutput`.
        """
        self.check()
        return self.files.finish(draft, target, duration=duration)

    def finish_folder(self, draft: Path, target: Path, *, duration: float | None = None) -> Output:
        """Verify every file of a draft folder, and what its playlists name; the job's completion puts it at `target` as a whole.

        `duration`: what each playlist must have, in seconds. Raises `BadOutput`.
        """
        self.check()
        return self.files.finish_folder(draft, target, duration=duration, check=self.check)

    def with_completion(self, write: Write) -> None:
        """Have rows written in the transaction that completes the job, its files in place; what `write` returns joins the result."""
        self.writes.append(write)

    def register(self, output: Output, *, title: str, made_from: Sequence[Cut] = ()) -> None:
        """Have the library know an output as a video of its own once the job completes.

        The result gets its `videoId`, and of several outputs all `videoIds`, in order. `made_from`: the stretches of other
        videos that it shows, in their order.
        """
        poster = output.inspection.poster
        thumbnail = save_poster(poster, store=Path(settings.THUMBNAIL_ROOT)) if poster else None

        def entry() -> Entry:
            file = FoundFile(encode_path(str(output.path)), output.size, output.mtime_ns)
            return replace(entry_of(Reading(Arrival(file, None), output.inspection, thumbnail)), title=title)

        if not self._registered:
            self.with_completion(self._write_registered)
        self._registered.append((entry, made_from))

    def _write_registered(self) -> dict[str, Any]:
        ids = [id for entry, _ in self._registered for id in entries.write([entry()])]
        for video_id, (_, made_from) in zip(ids, self._registered, strict=True):
            lineage.record(video_id, made_from, job_id=self.job_id, job_type=self._type)
        return {"videoId": ids[0], "videoIds": ids}

    # --- ffmpeg

    def run(
        self,
        arguments: Sequence[str],
        *,
        duration: float | None = None,
        progress: tuple[float, float] = (0, 100),
        limits: Limits | None = None,
    ) -> str:
        """Run ffmpeg; returns the last of what it said.

        Of an output of `duration` seconds the progress is told, as it moves between the two ends of `progress`. The thread's
        database connection is given back: no query may be half read. Raises `FfmpegFailed`.
        """
        self.check()
        _let_go_of_database()
        limits = limits or Limits()
        bounded = replace(limits, memory=None if self.uses_gpu else settings.FFMPEG_MEMORY_MB * 2**20)
        self.log(f"ffmpeg {_shown(arguments)}")

        def show(done: Progress) -> None:
            low, high = progress
            part = min(1.0, done.position / duration) if duration else 0.0
            self._pulse.report(self._overall(low + (high - low) * part), done.speed)

        try:
            said = ffmpeg.run(
                arguments,
                program=settings.FFMPEG_BINARY,
                limits=bounded,
                niceness=NICENESS,
                on_progress=show,
                on_tick=self.check,
                may_run=self._may_run,
            )
        except FfmpegFailed as error:
            self.log(error.output)
            raise
        self.log(said)
        return said

    def _may_run(self) -> bool:
        """Whether heavy work may go on: an encoding lane that is kind to viewers stands still while somebody watches."""
        if self._lane == Lane.CPU:
            return True
        if time.monotonic() >= self._looks_for_viewers_at:
            self._looks_for_viewers_at = time.monotonic() + self._look_for_viewers()
        return not self._is_pausing

    def _look_for_viewers(self) -> float:
        """Look whether to pause; returns how many seconds to leave until the next look. Where nobody can say, it stays as it is."""
        try:
            pauses = lanes.opening(self._lane).pauses_for_viewers and somebody_watches()
        except (DatabaseError, InterfaceError):
            return SECONDS_AFTER_A_FAILED_LOOK
        finally:
            _let_go_of_database()
        if pauses != self._is_pausing:
            self.log("Pauses while somebody watches." if pauses else "Goes on.")
        self._is_pausing = pauses
        return VIEWERS_LOOK_SECONDS

    def _persist(self, work: Callable[[], T]) -> T:
        return self._pulse.persist(work, check=self.check)


def _let_go_of_database() -> None:
    """Give this thread's connection back: one that lies open for hours does not live through a restart of the database."""
    if not connection.in_atomic_block:
        connection.close()


def _shown(arguments: Sequence[str]) -> str:
    """A command line as one could type it, without the long lists that every input has."""
    hidden = {index + 1 for index, argument in enumerate(arguments) if argument in ("-codec_whitelist", "-format_whitelist")}
    return clean(" ".join("…" if index in hidden else shlex.quote(argument) for index, argument in enumerate(arguments)))

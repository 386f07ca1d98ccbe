"""Which videos a job is about, and going through them one by one."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from pydantic import Field

from jobs.context import JobContext
from jobs.failures import FULL_DISK, JobFailed
from jobs.registry import Params
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.inspectors import Follow
from media_library.models import DirectoryType, Video
from media_library.relocation import UnsafePath

MOST_TOLD = 100  # videos that a result names


class Selection(Params):
    """One video, or all that the facts fit; without any of them the whole library."""

    video_id: int | None = Field(None, gt=0, le=2**63 - 1, description="only this video; none: all that the rest fits")
    directory_type: DirectoryType | None = Field(None, description="only videos of this directory")
    producer: str | None = Field(None, min_length=1, max_length=200, description="only videos of this producer")
    tag: str | None = Field(None, min_length=1, max_length=64, description="only videos with this tag")

    def videos(self) -> QuerySet[Video]:
        """Those whose files are there, as far as the library knows."""
        videos = Video.objects.present_on_disk()
        if self.video_id is not None:
            videos = videos.filter(pk=self.video_id)
        if self.directory_type is not None:
            videos = videos.filter(directory_type=self.directory_type)
        if self.producer is not None:
            videos = videos.filter(producer=self.producer)
        return videos.tagged(self.tag) if self.tag is not None else videos


@dataclass
class Tally:
    """What became of the videos that a job went through."""

    done: int = 0
    failed: int = 0


def go_through(context: JobContext, videos: QuerySet[Video], work: Callable[[Video, Follow], None]) -> Tally:
    """Work on one after the other. What is wrong with one of them is a line of the log, and the next one's turn.

    What is wrong with the machine ends the job.
    """
    total, tally = videos.count(), Tally()
    for number, video in enumerate(in_turn(videos)):
        try:
            work(video, _follow(context, number, max(total, number + 1)))
            tally.done += 1
        except (JobFailed, UnreadableMedia, UnsafePath, OSError) as error:
            if isinstance(error, OSError) and error.errno in (*FULL_DISK, errno.EROFS):
                raise
            context.log(f"{video} (id {video.pk}): {getattr(error, 'strerror', None) or error}")
            tally.failed += 1
    return tally


def alone(context: JobContext, video: Video, work: Callable[[Video, Follow], Any]) -> None:
    """Work on one video; what is wrong with it ends the job."""
    work(video, _follow(context, 0, 1))


def in_turn(videos: QuerySet[Video]) -> Iterator[Video]:
    """By id, each read when it is its turn."""
    last = 0
    while video := videos.filter(pk__gt=last).order_by("pk").first():
        last = video.pk
        yield video


def _follow(context: JobContext, number: int, total: int) -> Follow:
    def follow(progress: float | None) -> None:
        context.check() if progress is None else context.report(100 * (number + progress) / total)

    return follow

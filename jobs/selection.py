"""Which videos a job is about, and going through them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db.models import QuerySet
from pydantic import Field

from jobs.context import JobContext
from jobs.failures import FULL_DISK, JobFailed
from jobs.registry import Params
from media_library.ffmpeg.errors import UnreadableMedia
from media_library.ffmpeg.inspectors import Follow
from media_library.models import DirectoryType, Video
from media_library.querysets import VideoQuerySet
from media_library.scanner.roots import library_is_there

MOST_TOLD = 100  # videos that a result names

T = TypeVar("T")


class Selection(Params):
    """One video, or all that the facts fit; without any of them the whole library."""

    video_id: int | None = Field(None, gt=0, le=2**63 - 1, description="only this video; none: all that the rest fits")
    directory_type: DirectoryType | None = Field(None, description="only videos of this directory")
    producer: str | None = Field(None, min_length=1, max_length=200, description="only videos of this producer")
    tag: str | None = Field(None, min_length=1, max_length=64, description="only videos with this tag")

    def videos(self) -> VideoQuerySet:
        """Those whose files are there, as far as the library knows."""
        videos = Video.objects.present_on_disk()
        if self.video_id is not None:
            videos = videos.filter(pk=self.video_id)
        if self.directory_type is not None:
            videos = videos.filter(directory_type=self.directory_type)
        if self.producer is not None:
            videos = videos.filter(producer=self.producer)
        return videos.tagged(self.tag) if self.tag is not None else videos

    def the_video(self) -> Video:
        """The one of `video_id`; raises `JobFailed` where its file is not there."""
        video = self.videos().first()
        if video is None:
            raise JobFailed(
                "file_missing", "The file of this video is missing or in the trash", suggestion="Bring it back, scan and retry."
            )
        return video


def alone(context: JobContext, video: Video, work: Callable[[Video, Follow], T]) -> T:
    """Work on one video; what is wrong with it ends the job."""
    return work(video, _follow(context, 0, 1))


def go_through(context: JobContext, videos: QuerySet[Video], work: Callable[[Video, Follow], object]) -> int:
    """Work on one after the other; returns with how many something was wrong, which is a line of the log each.

    What is wrong with the machine ends the job.
    """
    total, failed = videos.count(), 0
    for number, video in enumerate(in_turn(videos)):
        follow = _follow(context, number, max(total, number + 1))
        follow(0.0)
        try:
            work(video, follow)
        except (JobFailed, UnreadableMedia, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            if not library_is_there():
                suggestion = "Look whether the disk is mounted; the job is tried again by itself."
                raise JobFailed("library_missing", "The library went away meanwhile", suggestion=suggestion, is_transient=True) from error
            context.log(f"{video} (id {video.pk}): {getattr(error, 'strerror', None) or error}")
            failed += 1
    return failed


def share(start: float, end: float, follow: Follow) -> Follow:
    """Tell the progress of a part of some work as the stretch from `start` to `end`, 0 to 1, of all of it."""
    return lambda done: follow(None if done is None else start + (end - start) * done)


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

"""A long video that is encoded in parts, at once on several machines: where it is cut, the pipeline, and what is left of it.

A machine's processor is busy with one encode already, so that parts on one alone would save nothing. The sound is encoded
as a whole where the parts are joined: each of its encoder's beginnings would be heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from jobs import encodes, nodes
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Job, Lane, Pipeline
from jobs.pipelines import Step
from media_library.ffmpeg.commands.encoding import SMOOTHEST
from media_library.ffmpeg.commands.inputs import SOUGHT_AMONG_PACKETS, Source
from media_library.ffmpeg.commands.joining import JUST_BEFORE
from media_library.models import DirectoryType, Video
from media_library.naming import derived_path
from media_library.relocation import UnsafePath, remove_second_name
from media_library.scanner.roots import library_is_there

FOLDER = ".parts"  # hidden: no scan takes a part for a video
FOLDERS = (Path(DirectoryType.PLAYBACK) / FOLDER, Path(DirectoryType.PRIVATE) / DirectoryType.PLAYBACK / FOLDER)
NAME = re.compile(r"(\d+)\.mp4")
PARTS_PER_MACHINE = 4  # a slower one then does fewer, and none waits long for the last
MOST_PARTS = 32
KEPT_FOR = timedelta(days=1)  # of a pipeline that failed: until then it may be resumed

ENCODE, JOIN = "encode_part", "join_parts"


def machines() -> int:
    """How many machines take encodes at the moment."""
    return nodes.live_workers().filter(lane=Lane.GPU_ENCODE).order_by().values("node").distinct().count()


def cuts_of(context: JobContext, source: Source) -> list[float]:
    """The keyframes at which parts of about the same length begin, seconds; fewer than two: it is better encoded whole."""
    duration, at_once = source.probe.duration or 0.0, machines()
    if at_once < 2 or context.uses_gpu or duration < settings.ENCODE_IN_PARTS_FROM_MINUTES * 60 or not _may_be_cut(source):
        return []
    count = min(MOST_PARTS, PARTS_PER_MACHINE * at_once)
    cuts: list[float] = []
    for number in range(count):
        keyframe = encodes.keyframe_before(context, source, duration * number / count)
        if keyframe is not None and (not cuts or keyframe > cuts[-1]):
            cuts.append(keyframe)
    return cuts if cuts and cuts[0] == encodes.first_picture(context, source) else []


def stretch_from(source: Source, start: float, end: float | None) -> Source:
    """The pictures from one cut to the next, seconds; None: to the end."""
    begins = max(0.0, start - JUST_BEFORE)
    return replace(source, in_point=begins, duration=None if end is None else end - JUST_BEFORE - begins)


def plan(common: dict[str, Any], look: dict[str, Any], cuts: Sequence[float], *, normalises: bool) -> list[Step]:
    """The steps that encode the parts and join them; `common` is what they are all told, `look` how pictures are encoded."""
    ends = [end for _, end in pairwise([*cuts, None])]
    parts = [
        Step(f"part_{number}", ENCODE, {**common, **look, "start": start, "end": end})
        for number, (start, end) in enumerate(zip(cuts, ends, strict=True), start=1)
    ]
    keys = tuple(step.key for step in parts)
    joined = {**common, "jobIds": [{"$result": f"{key}.jobId"} for key in keys], "normaliseLoudness": normalises}
    return [*parts, Step("join", JOIN, joined, keys)]


def part_path(video: Video, job_id: int) -> Path:
    """Where the part that a job encodes lies until it is joined with the others."""
    return derived_path(video, DirectoryType.PLAYBACK, "").parent / FOLDER / f"{job_id}.mp4"


def content_of(video: Video) -> str:
    """Which file of the video the parts are of."""
    return f"{video.file_size}-{video.file_mtime_ns}"


def require_content(video: Video, content: str) -> None:
    """Raise `JobFailed` where the video has another file than when it was cut."""
    if content_of(video) != content:
        raise JobFailed("file_changed", f"The file of {video} was replaced after it was cut", suggestion="Encode it anew.")


def remove(paths: Sequence[Path]) -> None:
    """Remove parts that have been joined; what cannot be removed is swept later."""
    for path in paths:
        with suppress(OSError, UnsafePath):
            remove_second_name(Path(settings.LIBRARY_ROOT), path)


def sweep() -> None:
    """Remove the parts that nobody will join any more."""
    if library_is_there():
        remove([path for path, job_id in _parts() if not _is_awaited(job_id)])


def _may_be_cut(source: Source) -> bool:
    """Whether a seek finds keyframes, and each picture of the video is one of the encode."""
    probe = source.probe
    return probe.container not in SOUGHT_AMONG_PACKETS and (probe.frame_rate or 0) <= SMOOTHEST


def _parts() -> Iterator[tuple[Path, int]]:
    for folder in FOLDERS:
        for file in (Path(settings.LIBRARY_ROOT) / folder).glob("*.mp4"):
            if name := NAME.fullmatch(file.name):
                yield folder / file.name, int(name[1])


def _is_awaited(job_id: int) -> bool:
    """Whether the job of a part is under way, or of a pipeline that goes on or may be resumed."""
    job = Job.objects.filter(pk=job_id, type=ENCODE)
    is_young = job.filter(completed_at__gt=Now() - KEPT_FOR).exclude(pipeline__status=Pipeline.Status.COMPLETED)
    return job.filter(completed_at=None).exists() or job.filter(pipeline__status=Pipeline.Status.RUNNING).exists() or is_young.exists()

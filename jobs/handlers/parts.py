"""`encode_part` and `join_parts`: the steps in which `reencode_streaming` has a long video encoded on several machines."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

from django.db import transaction
from pydantic import Field

from jobs import encodes, parts, playback
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Job, Lane
from jobs.registry import Params, job_type
from media_library.ffmpeg.commands import joining, streaming
from media_library.ffmpeg.commands.joining import Piece
from media_library.models import DirectoryType, Video
from media_library.naming import derived_path
from media_library.paths import decode_path

SOUND_SHARE = 50.0  # of the progress of a join that measures the sound first


class _OfAVideo(Params):
    video_id: int = Field(gt=0, le=2**63 - 1, description="the video")
    content: str = Field(max_length=60, description="which file of it was cut")
    codec: Literal["h264", "hevc", "av1"] = "h264"


class PartParams(_OfAVideo):
    start: float = Field(ge=0, le=1e7, description="the keyframe that it begins with, seconds")
    end: float | None = Field(None, gt=0, le=1e7, description="the keyframe that the next part begins with; none: to the end")
    height: int = Field(1080, ge=144, le=2160, description="lines of the shorter side at most")
    quality: int = Field(21, ge=14, le=34, description="as libx264's CRF")
    max_bit_rate: int | None = Field(None, ge=100_000, le=100_000_000, description="bits a second; none: by its size")


class JoinParams(_OfAVideo):
    job_ids: list[int] = Field(min_length=1, max_length=parts.MOST_PARTS, description="the jobs that have encoded the parts, in order")
    normalise_loudness: bool = False


@job_type(parts.ENCODE, lane=Lane.GPU_ENCODE, params=PartParams, video=lambda params: params.video_id, is_step=True)
def encode_part(context: JobContext, params: PartParams) -> dict[str, Any]:
    """Encode the pictures of a part of a long video, which join_parts joins with the others; reencode_streaming starts such jobs."""
    video = context.video()
    parts.require_content(video, params.content)
    source = encodes.source_of(context, video)
    end = params.end or source.probe.duration or 0.0
    if params.start >= end:
        raise JobFailed("nothing_to_cut", "The part ends before it begins")
    encodes.require_until(context, video, end)  # a still picture may stand at the end of a part: its own length tells nothing
    look = encodes.look_of(
        context, source.probe, lines=params.height, quality=params.quality, max_bit_rate=params.max_bit_rate, codec=params.codec
    )
    target = parts.part_path(video, context.job_id)
    draft = context.draft(target)
    part = parts.stretch_from(source, params.start, params.end)
    context.run(streaming.pictures(part, draft, look), duration=end - params.start, limits=encodes.LIMITS)
    encodes.require_pictures(context, video, draft, part)
    output = context.finish(draft, target)
    made_by = f"{look.encoder} of {encodes.ffmpeg_release()}"
    return {
        "jobId": context.job_id,
        "path": output.path.as_posix(),
        "start": params.start,
        "duration": end - params.start,
        "madeBy": made_by,
    }


@job_type(parts.JOIN, lane=Lane.GPU_ENCODE, params=JoinParams, video=lambda params: params.video_id, is_step=True)
def join_parts(context: JobContext, params: JoinParams) -> dict[str, Any]:
    """Join the parts that encode_part has made of a long video, their pictures as they are, and encode its sound."""
    video = context.video()
    parts.require_content(video, params.content)
    source = encodes.source_of(context, video)
    made = _results(video, params)
    if len(encoders := {part["madeBy"] for part in made}) > 1:
        sentence = f"The parts were not all encoded alike: {', '.join(sorted(encoders))}"
        raise JobFailed("unlike_parts", sentence, suggestion="Bring all workers to one release of ffmpeg, or encode it with inParts off.")
    loudness = encodes.loudness_of(context, source, progress=(0, SOUND_SHARE)) if params.normalise_loudness else None
    target = derived_path(video, DirectoryType.PLAYBACK, f"-{context.job_id}.mp4")
    paths = [decode_path(part["path"]) for part in made]
    listing = context.draft(paths[0].with_suffix(".txt"))
    listing.write_text(joining.listing([Piece(Path(path.name), part["duration"]) for path, part in zip(paths, made, strict=True)]))
    draft = context.draft(target)
    command = joining.with_sound_of(listing, source, draft, starts_at=made[0]["start"], loudness=loudness)
    context.run(command, duration=source.probe.duration, progress=(SOUND_SHARE if loudness else 0, 100), limits=encodes.LIMITS)
    encodes.require_pictures(context, video, draft, source)
    output = context.finish(draft, target, duration=source.probe.duration)
    playback.register(context, video, output, is_shown=params.codec == "h264")
    context.with_completion(partial(_remove_after_commit, paths))
    return {"action": "encoded", "path": output.path.as_posix(), "size": output.size, "parts": len(made)}


def _results(video: Video, params: JoinParams) -> list[dict[str, Any]]:
    """What the jobs of the parts have found, in order; raises `JobFailed` where one is not such a part of this file."""
    done = Job.objects.filter(pk__in=params.job_ids, type=parts.ENCODE, status=Job.Status.COMPLETED, video=video)
    found = {job.pk: job.result for job in done.only("result", "params") if job.params["content"] == params.content}
    if missing := [job_id for job_id in params.job_ids if job_id not in found]:
        raise JobFailed("part_missing", f"The job {missing[0]} has made no part of this video", suggestion="Encode it anew.")
    return [found[job_id] or {} for job_id in params.job_ids]


def _remove_after_commit(paths: list[Path]) -> dict[str, Any]:
    transaction.on_commit(lambda: parts.remove(paths))
    return {}

"""What a dry run has found, as a person looks at it before the real run: pictures in order, in and out points, length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from jobs.models import Job
from media_library.models import Video
from media_library.timecodes import precise_clock

JOINED = ("compilation", "compile_random", "highlight_generate")  # one clip after the other


class Found(BaseModel):
    """A part of a result; what a type tells beside these is its own affair."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Still(Found):
    time: float  # seconds of the source
    picture: str | None = Field(None, pattern="^data:image/")


class Clip(Found):
    video_id: int | None = None
    title: str = ""
    in_point: float
    out_point: float
    thumbnails: list[Still] = []
    reason: str = ""


class Result(Found):
    duration: float  # seconds
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    in_point: float = 0.0
    estimated_size: int | None = None  # bytes
    is_trimmed: bool = False
    clips: list[Clip] | None = None
    thumbnails: list[Still] | None = None


@dataclass(frozen=True)
class Part:
    """A stretch of a video that would be used."""

    video_id: int | None
    title: str
    stretch: str
    length: str
    reason: str
    pictures: list[tuple[str, str]]  # data URI, moment


@dataclass(frozen=True)
class Storyboard:
    parts: list[Part]
    facts: list[tuple[str, str]]


def of(job: Job) -> Storyboard | None:
    """The storyboard that a dry run ended with; None where there is none."""
    if job.status != Job.Status.COMPLETED or not job.params.get("dryRun"):
        return None
    try:
        result = Result.model_validate(job.result)
    except ValidationError:
        return None
    clips = result.clips if result.clips is not None else [_whole(job, result)]
    return Storyboard([_part(clip) for clip in clips], list(_facts(job, result)))


def without_pictures(value: Any) -> Any:
    """A result to be read: pictures in it are named, not spelt out."""
    if isinstance(value, str) and value.startswith("data:image/"):
        return f"a picture of {len(value):,} characters"
    if isinstance(value, Mapping):
        return {name: without_pictures(inner) for name, inner in value.items()}
    return [without_pictures(inner) for inner in value] if isinstance(value, list) else value


def _whole(job: Job, result: Result) -> Clip:
    """The one part of a result that knows no clips."""
    end = result.in_point + result.duration
    return Clip(video_id=job.video_id, title=_title(job.video), in_point=result.in_point, out_point=end, thumbnails=result.thumbnails or [])


def _title(video: Video | None) -> str:
    return str(video) if video else ""


def _part(clip: Clip) -> Part:
    return Part(
        video_id=clip.video_id,
        title=clip.title,
        stretch=f"{precise_clock(clip.in_point)} – {precise_clock(clip.out_point)}",
        length=f"{clip.out_point - clip.in_point:.1f} s",
        reason=clip.reason,
        pictures=[(still.picture, precise_clock(still.time)) for still in clip.thumbnails if still.picture],
    )


def _facts(job: Job, result: Result) -> Iterator[tuple[str, str]]:
    """What would be made, in as many words as are known."""
    yield "Length", precise_clock(result.duration)
    if result.width:
        yield "Size", f"{result.width} × {result.height}" if result.height else f"{result.width} pixels wide"
    if result.fps:
        yield "Pictures", f"{result.fps:g} a second"
    if result.estimated_size is not None:
        size = filesizeformat(result.estimated_size)
        yield "File", f"at most {size}, which takes a smaller or slower picture" if result.is_trimmed else f"about {size}"
    if job.type in JOINED:
        yield "Transition", _transition(job.params)
    if job.params.get("titleCards"):
        yield "Title cards", f"{job.params.get('cardLength', 0):g} s before each clip"
    if result.clips:
        yield "Clips", f"{len(result.clips):,}"


def _transition(params: Mapping[str, Any]) -> str:
    if params.get("transition") == "crossfade":
        return f"crossfade of {params.get('transitionLength', 0):g} s"
    return "cut"

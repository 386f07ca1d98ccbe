"""`tag_generation`: tags that a network sees in a video's pictures, and that its names say, for a person to approve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from pydantic import Field

from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.inspecting import inspectors, opened
from jobs.models import Lane
from jobs.registry import job_type
from jobs.selection import Selection, alone, go_through, share
from media_library.ffmpeg.frames import size_of
from media_library.ffmpeg.inspectors import Follow
from media_library.models import TagSuggestion, Video
from media_library.tagging import suggestions
from media_library.tagging.machine import Loaded, Machine, TaggingFailed
from media_library.tagging.suggestions import Found

VRAM = 2048  # MiB that a job takes of a GPU
CUDA_ITSELF = 512  # MiB of them that the network does not get
DECODED = 0.6  # of the work


class TagParams(Selection):
    missing_only: bool = Field(
        default=True, description="leave alone what this network has seen as it is now; else look at everything anew"
    )
    pictures: int = Field(12, ge=1, le=32, description="how many of a video are looked at")
    least_score: float = Field(0.35, ge=0.05, le=1, description="tags that fit less, 0 to 1, are not suggested")
    from_names: bool = Field(default=True, description="also what the names of the file and its folders say")


@job_type("tag_generation", lane=Lane.GPU_AI, params=TagParams, vram=VRAM, video=lambda params: params.video_id)
def tag_generation(context: JobContext, params: TagParams) -> dict[str, Any]:
    """Suggest tags by what a video's pictures show and its names say. Nobody sees them but admins, until one approves them.

    Without a video it goes through the library, or a part of it; what is cut short goes on where it was.
    """
    network = Path(settings.AI_MODEL_PATH) if settings.AI_MODEL_PATH else None
    vram = VRAM - CUDA_ITSELF if context.uses_gpu else 0
    try:
        with Machine(network, vram=vram, memory=settings.AI_MEMORY_MB) as machine:
            return _tag(context, params, machine)
    except TaggingFailed as error:
        suggestion = "See that AI_MODEL_PATH names a network in ONNX with its prompts beside it; empty, it is the one that comes with us."
        raise JobFailed("network_unusable", str(error), suggestion=suggestion) from error


def _tag(context: JobContext, params: TagParams, machine: Machine) -> dict[str, Any]:
    loaded = machine.load(lambda progress: context.check())
    if context.uses_gpu and not loaded.uses_gpu:
        context.log("The onnxruntime of this machine has no CUDA: this runs on the processor.")
    if params.video_id is not None:
        video = params.the_video()
        made = alone(context, video, lambda video, follow: _suggest(context, video, params, machine, loaded, follow))
        return {"videoId": video.pk, "network": machine.name, "suggestions": [_told(suggestion) for suggestion in made]}
    counts: list[int] = []  # of suggestions, one for each video

    def work(video: Video, follow: Follow) -> None:
        counts.append(len(_suggest(context, video, params, machine, loaded, follow)))

    failed = go_through(context, _wanting(context, params, machine), work)
    return {"network": machine.name, "videos": len(counts), "suggestions": sum(counts), "failed": failed}


def _wanting(context: JobContext, params: TagParams, machine: Machine) -> QuerySet[Video]:
    videos = params.videos().valid()
    if params.missing_only:
        return suggestions.lack_tagging(videos, network=machine.name)
    began_at = context.row().created_at
    return videos.exclude(tagging__made_at__gte=began_at)


def _suggest(context: JobContext, video: Video, params: TagParams, machine: Machine, loaded: Loaded, follow: Follow) -> list[TagSuggestion]:
    with opened(video) as descriptor:
        take = share(0.0, DECODED, follow)
        squares = inspectors().ask("squares", descriptor, follow=take, count=params.pictures, edge=loaded.edge).made
    if not squares or len(squares) % size_of(loaded.edge):  # the process that made them has read a stranger's file
        raise JobFailed("bad_pictures", f"What was taken of {video} are no pictures", is_transient=True)
    seen = machine.tags(squares, share(DECODED, 1.0, follow))
    by_sight = {tag: Found(score, machine.name) for tag, score in seen.items()}
    found = suggestions.better(by_sight, suggestions.by_names(video)) if params.from_names else by_sight
    fitting = {tag: one for tag, one in found.items() if one.score >= params.least_score}
    made = suggestions.suggest(video, fitting, network=machine.name, job_id=context.job_id)
    context.log(f"{video} (id {video.pk}): {', '.join(f'{one.tag} {one.score:.2f}' for one in made) or 'nothing to suggest'}")
    return made


def _told(suggestion: TagSuggestion) -> dict[str, Any]:
    return {"tag": suggestion.tag, "score": round(suggestion.score, 4), "madeBy": suggestion.made_by}

"""`compile_random`: a compilation of parts that chance has chosen, the same ones for the same seed."""

from __future__ import annotations

import random
from typing import Any

from django.db.models import Count, QuerySet
from pydantic import Field

from jobs import encodes
from jobs.compilations import MOST_CLIPS, Clip, Style, compile_shots, recipe_of, shots_of
from jobs.context import JobContext
from jobs.failures import JobFailed
from jobs.models import Lane
from jobs.registry import job_type
from media_library.models import DirectoryType, Orientation, Video
from media_library.querysets import SORT_DURATION

# What was made from videos would show the same again, and what is private is only shown where somebody asks for it.
LEFT_OUT = (
    DirectoryType.PRIVATE,
    DirectoryType.INBOX,
    DirectoryType.COMPILATIONS,
    DirectoryType.HIGHLIGHTS,
    DirectoryType.PLAYBACK,
    DirectoryType.GIFS,
)
LARGEST_SEED = 2**31 - 1


class RandomParams(Style):
    count: int = Field(10, ge=1, le=MOST_CLIPS, description="how many clips; of fewer videos, some give several")
    clip_length: float = Field(5.0, ge=0.5, le=600, description="seconds of each; only videos that are as long take part")
    tag: str | None = Field(None, min_length=1, max_length=64, description="only of videos with this tag")
    producer: str | None = Field(None, min_length=1, max_length=200, description="only of this producer's")
    category: str | None = Field(None, min_length=1, max_length=64, description="only of what is published in this category")
    orientation: Orientation | None = Field(None, description="only of videos turned so")
    directory_type: DirectoryType | None = Field(
        None, description="only of this directory; none: of all but the inbox, private ones and what jobs have made"
    )
    most_reacted: bool = Field(False, description="of the videos with the most reactions instead of any")
    seed: int | None = Field(
        None, ge=0, le=LARGEST_SEED, description="the same seed chooses the same clips of the same library; none: by chance"
    )


@job_type("compile_random", lane=Lane.GPU_ENCODE, params=RandomParams, vram=encodes.VRAM)
def compile_random(context: JobContext, params: RandomParams) -> dict[str, Any]:
    """Join clips of one length out of videos that chance chooses among those that fit, in the library's folder compilations."""
    seed = random.randrange(LARGEST_SEED) if params.seed is None else params.seed
    context.log(f"Chooses by the seed {seed}.")
    clips = _chosen(params, seed)
    recipe = recipe_of(params, clips, chosen_by="compile_random", params=params.model_copy(update={"seed": seed}))
    return {"seed": seed, **compile_shots(context, shots_of(context, clips), params, recipe=recipe)}


def _chosen(params: RandomParams, seed: int) -> list[Clip]:
    """Clips of different videos as far as they go, in an order of chance; raises `JobFailed` where no video fits."""
    candidates = _candidates(params)
    lengths: dict[int, float] = dict((candidates[: params.count] if params.most_reacted else candidates).values_list("pk", SORT_DURATION))
    if not lengths:
        raise JobFailed("no_videos", "No video fits", suggestion="Ask for shorter clips, or leave out a condition.")
    chance = random.Random(seed)
    ids: list[int] = []
    while len(ids) < params.count:
        ids += chance.sample(sorted(lengths), min(len(lengths), params.count - len(ids)))
    chance.shuffle(ids)
    return [_clip(video_id, lengths[video_id], params.clip_length, chance) for video_id in ids]


def _candidates(params: RandomParams) -> QuerySet[Video]:
    videos = Video.objects.present_on_disk().valid().filter(duration_seconds__gte=params.clip_length)
    videos = videos.filter(directory_type=params.directory_type) if params.directory_type else videos.exclude(directory_type__in=LEFT_OUT)
    if params.tag is not None:
        videos = videos.tagged(params.tag)
    exact = {"producer": params.producer, "public__category": params.category, "orientation": params.orientation}
    videos = videos.filter(**{name: value for name, value in exact.items() if value is not None})
    if params.most_reacted:
        return videos.annotate(reaction_count=Count("reactions")).filter(reaction_count__gt=0).order_by("-reaction_count", "pk")
    return videos.order_by("pk")


def _clip(video_id: int, duration: float, length: float, chance: random.Random) -> Clip:
    in_point = round(chance.uniform(0, max(0.0, duration - length)), 2)
    return Clip(video_id=video_id, in_point=in_point, out_point=round(in_point + length, 2), title="")

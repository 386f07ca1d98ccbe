"""`organize`: files of the inbox go to where they belong, under their standard names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from jobs.context import JobContext
from jobs.models import Lane
from jobs.placing import Organizing, organize
from jobs.registry import Params, job_type
from jobs.scans import LIBRARY
from media_library.models import DirectoryType, Orientation, Video
from media_library.organizing import Rule, place_of, problem_of


def _possible(folder: str) -> str:
    if problem := problem_of(folder):
        raise ValueError(problem)
    return folder


Folder = Annotated[str, Field(max_length=200), AfterValidator(_possible)]


class RuleParams(Params):
    folder: Folder = Field(description="where to, such as studios/{producer} or videos/{orientation}; also {creator}, {quality}")
    producer: str | None = Field(
        default=None, min_length=1, max_length=200, description='only videos of this producer; "*": of any that is known'
    )
    orientation: Orientation | None = Field(default=None, description="only videos of this shape")
    extension: str | None = Field(default=None, pattern="^[A-Za-z0-9]{1,8}$", description="only files of this kind, such as gif")
    at_least: int | None = Field(default=None, ge=0, description="seconds; only videos that long")
    less_than: int | None = Field(default=None, gt=0, description="seconds; only videos shorter than that")

    def as_rule(self) -> Rule:
        return Rule(**self.model_dump())


USUAL_RULES = [
    RuleParams(folder="gifs", extension="gif"),
    RuleParams(folder="studios/{producer}", producer="*"),
    RuleParams(folder="videos"),
]


class OrganizeParams(Organizing):
    video_id: int | None = Field(None, gt=0, le=2**63 - 1, description="only this video, wherever it lies; none: all of the directory")
    from_directory: DirectoryType = Field(DirectoryType.INBOX, description="whose videos are moved")
    rename: bool = Field(True, description="give standard names: producer_title_quality_id.ext")
    rules: list[RuleParams] = Field(
        USUAL_RULES, min_length=1, max_length=50, description="the first that fits a video says where it goes; what fits none stays"
    )


@job_type("organize", lane=Lane.CPU, params=OrganizeParams, exclusive=lambda params: LIBRARY, video=lambda params: params.video_id)
def organize_videos(context: JobContext, params: OrganizeParams) -> dict[str, Any]:
    """Move files from the inbox to the folders where rules place them, under standard names.

    Nothing is overwritten, every move is recorded, and `undo` takes the moves of an earlier job back.
    """
    rules = [rule.as_rule() for rule in params.rules]

    def place(video: Video) -> Path | None:
        return place_of(video, rules, rename=params.rename)

    there = Video.objects.present_on_disk().valid()
    chosen = there.filter(pk=params.video_id) if params.video_id else there.filter(directory_type=params.from_directory)
    return organize(context, chosen, place, params)

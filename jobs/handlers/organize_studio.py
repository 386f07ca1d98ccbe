"""`organize_studio`: what a producer made goes to `studios/<producer>/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from jobs.context import JobContext
from jobs.models import Lane
from jobs.placing import Organizing, organize
from jobs.registry import job_type
from jobs.scans import LIBRARY
from media_library.models import DirectoryType, Video
from media_library.organizing import Rule, place_of

STUDIO = Rule(folder=f"{DirectoryType.STUDIOS}/{{producer}}", producer="*")
USUALLY_FROM = [DirectoryType.INBOX, DirectoryType.VIDEOS, DirectoryType.STUDIOS]


class StudioParams(Organizing):
    producer: str | None = Field(None, min_length=1, max_length=200, description="only of this producer; none: of all that are known")
    from_directories: Annotated[list[DirectoryType], Field(min_length=1, max_length=9)] = Field(
        USUALLY_FROM, description="whose videos are moved"
    )
    rename: bool = Field(True, description="give standard names: producer_title_quality_id.ext")


@job_type("organize_studio", lane=Lane.CPU, params=StudioParams, exclusive=lambda params: LIBRARY)
def organize_studio(context: JobContext, params: StudioParams) -> dict[str, Any]:
    """Move the files of one producer, or of each that is known, to studios/<producer>/, under standard names.

    Nothing is overwritten, every move is recorded, and `undo` takes the moves of an earlier job back.
    """

    def place(video: Video) -> Path | None:
        return place_of(video, [STUDIO], rename=params.rename)

    made_by_somebody = Video.objects.present_on_disk().valid().exclude(producer=None).exclude(producer="")
    chosen = made_by_somebody.filter(directory_type__in=params.from_directories)
    if params.producer is not None:
        chosen = chosen.filter(producer=params.producer)
    return organize(context, chosen, place, params)

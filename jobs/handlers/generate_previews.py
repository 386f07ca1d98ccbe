"""`generate_previews`: a poster, the pictures along the bar, and the seconds that a card plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db.models import Q, QuerySet
from pydantic import Field, model_validator

from gallery.services import refresh
from gallery.services.changes import one_change_at_a_time
from jobs.context import JobContext
from jobs.failures import FULL_DISK, JobFailed
from jobs.inspecting import inspectors, opened
from jobs.models import Lane
from jobs.registry import job_type
from jobs.selection import Selection, alone, go_through, share
from jobs.verification import verify_made
from media_library import previews
from media_library.ffmpeg.errors import InspectionCrashed, InspectionHung, UnreadableMedia
from media_library.ffmpeg.inspectors import Follow
from media_library.ffmpeg.sprite import Sprite
from media_library.models import Video
from media_library.previews import Made, Previews
from media_library.scanner.reading import StoreUnusable
from media_library.store import sweep_drafts

SPRITE_DONE = 0.6  # of the work


class PreviewParams(Selection):
    missing_only: bool = Field(default=True, description="leave alone what is there and up to date; else make everything anew")
    poster_at: float | None = Field(default=None, ge=0, description="seconds: the moment of one video that its poster shows")

    @model_validator(mode="after")
    def _poster_of_one_video(self) -> Self:
        if self.poster_at is not None and self.video_id is None:
            raise ValueError("posterAt needs a videoId")
        return self


@job_type("generate_previews", lane=Lane.CPU, params=PreviewParams, video=lambda params: params.video_id)
def generate_previews(context: JobContext, params: PreviewParams) -> dict[str, Any]:
    """Make posters, sprites of 9 × 9 pictures for the player's bar, and hover previews of twelve short cuts.

    Without a video it goes through the library, or a part of it; what is cut short goes on where it was.
    """
    sweep_drafts(Path(settings.THUMBNAIL_ROOT))
    if params.video_id is not None:
        video = params.the_video()
        alone(context, video, lambda video, follow: _make(context, video, params, follow))
        return {"videoId": video.pk, "made": True}
    made = 0

    def work(video: Video, follow: Follow) -> None:
        nonlocal made
        _make(context, video, params, follow)
        made += 1

    failed = go_through(context, _wanting(context, params), work)
    return {"made": made, "failed": failed}


def _wanting(context: JobContext, params: PreviewParams) -> QuerySet[Video]:
    videos = params.videos().valid()
    if params.missing_only:
        return previews.lack_previews(videos)
    began_at = context.row().created_at
    return videos.filter(Q(preview=None) | Q(preview__made_at__lt=began_at))


def _make(context: JobContext, video: Video, params: PreviewParams, follow: Follow) -> None:
    """Make what is wanted of one video, have it verified, and name it in its rows."""
    _require_moment(video, params.poster_at)
    there = previews.preview_of(video.pk)
    chosen = there.poster_at if there else None
    poster_at = chosen if params.poster_at is None else params.poster_at
    wants_poster = params.poster_at is not None or video.thumbnail_path is None or not params.missing_only
    wants_previews = there is None or there.hover_path is None or not params.missing_only
    with opened(video) as descriptor:
        poster = inspectors().ask("poster", descriptor, seconds=poster_at, follow=lambda _: follow(None)).made if wants_poster else None
        made = _previews(context, descriptor, follow) if wants_previews else None
    _keep(video, Made(poster, poster_at, params.poster_at is not None, made))


def _keep(video: Video, made: Made) -> None:
    store = Path(settings.THUMBNAIL_ROOT)
    try:
        kept = previews.put_files(video.pk, made, store=store)
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise StoreUnusable(f"Previews cannot be kept in {store}: {error.strerror}") from error  # every other video would fail alike
    with one_change_at_a_time():  # before any row: as everybody locks them
        if not previews.name_files(video, kept, store=store):
            raise JobFailed("file_changed", f"The file of {video} was replaced meanwhile", suggestion="Retry.", is_transient=True)
        refresh([video.pk])


def _require_moment(video: Video, seconds: float | None) -> None:
    if seconds is not None and video.duration_seconds is not None and seconds > video.duration_seconds + 0.5:
        suggestion = "Choose an earlier posterAt."
        raise JobFailed("nothing_there", f"{video} ends after {video.duration_seconds} s", suggestion=suggestion)


def _previews(context: JobContext, descriptor: int, follow: Follow) -> Previews:
    sprite = _sprite(context, descriptor, share(0.0, SPRITE_DONE, follow))
    hover = inspectors().ask("hover", descriptor, follow=share(SPRITE_DONE, 1.0, follow)).made
    verify_made(hover, ".mp4")
    return Previews(sprite, hover)


def _sprite(context: JobContext, descriptor: int, follow: Follow) -> Sprite | None:
    """None where the file does not say how long it is."""
    try:
        answer = inspectors().ask("sprite", descriptor, follow=follow)
    except (InspectionCrashed, InspectionHung):
        raise
    except UnreadableMedia as error:
        context.log(f"No sprite: {error}")
        return None
    verify_made(answer.made, ".webp")
    return Sprite(answer.made, int(answer.found["tile_width"]), int(answer.found["tile_height"]), float(answer.found["duration"]))

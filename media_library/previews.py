"""What shows a video before it is played: rows, files in the thumbnail store, and the text that says which tile is when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from media_library.ffmpeg.sprite import COLUMNS, TILES, Sprite
from media_library.models import Preview, Video
from media_library.posters import save_poster
from media_library.store import put_as, remove
from media_library.timecodes import webvtt


@dataclass(frozen=True)
class Made:
    """What was made of a video's file; what is None stays as it is."""

    poster: bytes | None = None
    poster_at: float | None = None  # seconds; None: nobody chose
    is_choice: bool = False  # whether that was asked for now; else it repeats what was chosen before
    previews: Previews | None = None


@dataclass(frozen=True)
class Previews:
    sprite: Sprite | None  # None: nobody knows how long the video is
    hover: bytes


@dataclass(frozen=True)
class Kept:
    """Files of the store that no row names yet."""

    poster: str | None
    poster_at: float | None
    is_choice: bool
    previews: dict[str, Any]  # columns of `Preview`; empty: they stay as they are


def lack_previews(videos: QuerySet[Video]) -> QuerySet[Video]:
    """Those without a poster, or without previews of the file that they have now."""
    of_this_file = Preview.objects.filter(
        video=OuterRef("pk"), source_size=OuterRef("file_size"), source_mtime_ns=OuterRef("file_mtime_ns"), hover_path__isnull=False
    )
    return videos.filter(~Exists(of_this_file) | Q(thumbnail_path=None))


def preview_of(video_id: int) -> Preview | None:
    """The previews of a video, if they are of the file that it has now."""
    return up_to_date().filter(pk=video_id).first()


def up_to_date() -> QuerySet[Preview]:
    """Previews of the files that the videos have now."""
    return Preview.objects.filter(source_size=F("video__file_size"), source_mtime_ns=F("video__file_mtime_ns"))


def sprites_of(video_ids: Iterable[int]) -> dict[int, Preview]:
    """The previews of those videos that have a sprite, by the video's id."""
    return {preview.pk: preview for preview in up_to_date().filter(pk__in=list(video_ids), sprite_path__isnull=False)}


def with_hover_previews(video_ids: Iterable[int]) -> set[int]:
    """Which of these videos have some seconds to show."""
    return set(up_to_date().filter(pk__in=list(video_ids), hover_path__isnull=False).values_list("pk", flat=True))


def put_files(video_id: int, made: Made, *, store: Path) -> Kept:
    """Put what was made into the store, where nothing names it yet; raises OSError, for instance when the disk is full."""
    poster = save_poster(made.poster, store=store) if made.poster else None
    return Kept(poster, made.poster_at, made.is_choice, _put(video_id, made.previews, store=store) if made.previews else {})


@transaction.atomic
def name_files(video: Video, kept: Kept, *, store: Path) -> bool:
    """Have the video's rows name files of the store; what they named before is removed after commit.

    A poster of a moment that was chosen before gives way to one that was chosen meanwhile. False where the video's file is
    another one by now.
    """
    same = Video.objects.same_file_as(video)
    if not same.select_for_update(no_key=True).exists():
        return False
    before = Preview.objects.filter(pk=video.pk).first() or Preview(pk=video.pk)
    source = {"source_size": video.file_size, "source_mtime_ns": video.file_mtime_ns} if kept.previews else {}
    is_latest = kept.is_choice or kept.poster_at == before.poster_at
    values = {**kept.previews, **source, "poster_at": kept.poster_at if is_latest else before.poster_at, "made_at": Now()}
    after, _ = Preview.objects.update_or_create(pk=video.pk, defaults=values)
    if kept.poster and is_latest:
        same.update(thumbnail_path=kept.poster, updated_at=Now())
    superseded = {before.sprite_path, before.hover_path} - {after.sprite_path, after.hover_path, None}
    transaction.on_commit(lambda: remove(superseded, store=store))
    return True


def storyboard(preview: Preview, *, sprite_url: str) -> str:
    """WebVTT: for each part of the video the tile of the sprite that shows it."""
    return webvtt(_cues(preview, sprite_url))


def _cues(preview: Preview, sprite_url: str) -> Iterator[tuple[float, float, str]]:
    assert preview.duration and preview.tile_width and preview.tile_height
    part = preview.duration / TILES
    for number in range(TILES):
        row, column = divmod(number, COLUMNS)
        place = f"{column * preview.tile_width},{row * preview.tile_height},{preview.tile_width},{preview.tile_height}"
        yield number * part, (number + 1) * part, f"{sprite_url}#xywh={place}"


def _put(video_id: int, previews: Previews, *, store: Path) -> dict[str, Any]:
    """The columns of the row that names the files."""
    sprite = previews.sprite
    return {
        "sprite_path": put_as(f"{video_id}.webp", sprite.picture, store=store) if sprite else None,
        "tile_width": sprite.tile_width if sprite else None,
        "tile_height": sprite.tile_height if sprite else None,
        "duration": sprite.duration if sprite else None,
        "hover_path": put_as(f"{video_id}.mp4", previews.hover, store=store),
    }

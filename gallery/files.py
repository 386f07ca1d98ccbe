"""Where the files of public media lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from django.db.models import QuerySet

from gallery.listing import MediaNotFound, open_medium
from gallery.streaming import FileMissing
from media_library.models import Rendition, Video
from media_library.paths import decode_path

HLS_NAME = re.compile(r"(master|[0-9]{1,4})\.m3u8|[0-9]{1,4}\.m4s", re.ASCII)


@dataclass(frozen=True)
class MediaFiles:
    """The original, relative to the library root, under the name that visitors see; the poster, relative to the thumbnail store."""

    path: Path
    filename: str
    poster: Path | None

    @property
    def poster_hash(self) -> str | None:
        """The part of the picture's hash that its public address shows."""
        return self.poster.stem[:12] if self.poster else None


def public_files(media_id: int) -> MediaFiles:
    """The files of a medium that anybody may see; raises `MediaNotFound` or `MediaLocked`."""
    return _media_files(*open_medium(media_id, "video__path", "filename", "video__thumbnail_path"))


def playable_files(media_id: int) -> list[MediaFiles]:
    """What a player may take of a medium that anybody may see: the MP4 made for players, where there is one, and then the original.

    Raises `MediaNotFound` or `MediaLocked`.
    """
    original = public_files(media_id)
    return [*_mp4s(media_id, original), original]


def hls_file(media_id: int, name: str) -> MediaFiles:
    """A playlist of a medium that anybody may see, or the media that one names.

    Raises `MediaNotFound` or `MediaLocked`, and `FileMissing` for what is no such name.
    """
    open_medium(media_id)
    if not HLS_NAME.fullmatch(name):
        raise FileMissing
    folder = _renditions(Rendition.Kind.HLS, media_id).values_list("folder", flat=True).first()
    if folder is None:
        raise MediaNotFound
    return MediaFiles(decode_path(folder) / name, name, None)


def _mp4s(media_id: int, original: MediaFiles) -> list[MediaFiles]:
    there = _renditions(Rendition.Kind.MP4, media_id).filter(encoded__is_valid=True, encoded__missing_since=None, encoded__trashed_at=None)
    name = str(PurePath(original.filename).with_suffix(".mp4"))
    return [MediaFiles(decode_path(path), name, None) for path in there.values_list("encoded__path", flat=True)[:1]]


def _renditions(kind: Rendition.Kind, media_id: int) -> QuerySet[Rendition]:
    """The largest first."""
    return Rendition.objects.filter(video_id=media_id, kind=kind).order_by("-height")


def video_files(video_id: int) -> MediaFiles:
    """The files of any video, for admins; raises `MediaNotFound`."""
    row = Video.objects.filter(pk=video_id).values_list("path", "filename", "thumbnail_path").first()
    if row is None:
        raise MediaNotFound
    return _media_files(*row)


def _media_files(path: str, filename: str, thumbnail_path: str | None) -> MediaFiles:
    return MediaFiles(decode_path(path), filename, Path(thumbnail_path) if thumbnail_path else None)

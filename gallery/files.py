"""Where the files of public media lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gallery.listing import MediaNotFound, open_medium
from media_library.models import Video
from media_library.paths import decode_path


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


def video_files(video_id: int) -> MediaFiles:
    """The files of any video, for admins; raises `MediaNotFound`."""
    row = Video.objects.filter(pk=video_id).values_list("path", "filename", "thumbnail_path").first()
    if row is None:
        raise MediaNotFound
    return _media_files(*row)


def _media_files(path: str, filename: str, thumbnail_path: str | None) -> MediaFiles:
    return MediaFiles(decode_path(path), filename, Path(thumbnail_path) if thumbnail_path else None)

"""What players take in the place of a video."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from media_library.models import Rendition, Video
from media_library.paths import decode_path
from media_library.relocation import UnsafePath, remove_folder


class FileReplaced(Exception):
    """The video's file is another one than was encoded."""


def keep_ladder(video: Video, folder: str, *, height: int, bit_rate: int, size: int) -> None:
    """Let players take the HLS in `folder`, as `encode_path` writes it; the ladders that it replaces are removed after commit.

    `video` is the row as it was when its file was read. Raises `FileReplaced`.
    """
    _hold_same(video)
    _forget(Rendition.objects.filter(video=video, kind=Rendition.Kind.HLS))
    Rendition.objects.create(video=video, kind=Rendition.Kind.HLS, folder=folder, height=height, bit_rate=bit_rate, size=size)


def keep_mp4(video: Video, encoded: Video) -> None:
    """Let players take `encoded`, a video of the library, in place of another one; it replaces an earlier one of that height.

    `video` is the row as it was when its file was read. Raises `FileReplaced`.
    """
    assert encoded.height is not None
    _hold_same(video)
    facts = {"encoded": encoded, "bit_rate": encoded.bit_rate, "size": encoded.file_size or 0}
    Rendition.objects.update_or_create(facts, video=video, kind=Rendition.Kind.MP4, height=encoded.height)


def forget(video_ids: Sequence[int]) -> None:
    """Let players take the videos themselves again, whose files have other content now; ladders are removed after commit.

    The caller's transaction holds the videos' rows.
    """
    _forget(Rendition.objects.filter(video_id__in=video_ids))


def _hold_same(video: Video) -> None:
    """Lock the row until the transaction ends, so that no scan finds another file meanwhile."""
    if not Video.objects.same_file_as(video).select_for_update(no_key=True).exists():
        raise FileReplaced(f"The file of {video} was replaced meanwhile")


def _forget(renditions: QuerySet[Rendition]) -> None:
    folders = [folder for folder in renditions.values_list("folder", flat=True) if folder]
    renditions.delete()
    transaction.on_commit(lambda: _remove(folders))


def _remove(folders: Sequence[str]) -> None:
    """Remove ladders that nothing leads to any more."""
    for folder in folders:
        with suppress(OSError, UnsafePath):
            remove_folder(Path(settings.LIBRARY_ROOT), decode_path(folder))

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


def keep_ladder(video_id: int, folder: str, *, height: int, bit_rate: int, size: int) -> None:
    """Let players take the HLS in `folder`, as `encode_path` writes it; the ladders that it replaces are removed after commit."""
    _forget(Rendition.objects.filter(video_id=video_id, kind=Rendition.Kind.HLS))
    Rendition.objects.create(video_id=video_id, kind=Rendition.Kind.HLS, folder=folder, height=height, bit_rate=bit_rate, size=size)


def keep_mp4(video_id: int, encoded: Video) -> None:
    """Let players take `encoded`, a video of the library, in place of another one; it replaces an earlier one of that height."""
    assert encoded.height is not None
    facts = {"encoded": encoded, "bit_rate": encoded.bit_rate, "size": encoded.file_size or 0}
    Rendition.objects.update_or_create(facts, video_id=video_id, kind=Rendition.Kind.MP4, height=encoded.height)


def forget(video_ids: Sequence[int]) -> None:
    """Let players take the videos themselves again, whose files have other content now; ladders are removed after commit."""
    _forget(Rendition.objects.filter(video_id__in=video_ids))


def _forget(renditions: QuerySet[Rendition]) -> None:
    folders = [folder for folder in renditions.values_list("folder", flat=True) if folder]
    renditions.delete()
    transaction.on_commit(lambda: _remove(folders))


def _remove(folders: Sequence[str]) -> None:
    """Remove ladders that nothing leads to any more."""
    for folder in folders:
        with suppress(OSError, UnsafePath):
            remove_folder(Path(settings.LIBRARY_ROOT), decode_path(folder))

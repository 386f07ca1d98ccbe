"""What players take in the place of a video."""

from __future__ import annotations

from media_library.models import Rendition, Video


def keep_ladder(video_id: int, folder: str, *, height: int, bit_rate: int, size: int) -> list[str]:
    """Let players take the HLS in `folder`, as `encode_path` writes it; returns the folders of the ladders that it replaces."""
    earlier = Rendition.objects.filter(video_id=video_id, kind=Rendition.Kind.HLS)
    former = list(earlier.values_list("folder", flat=True))
    earlier.delete()
    Rendition.objects.create(video_id=video_id, kind=Rendition.Kind.HLS, folder=folder, height=height, bit_rate=bit_rate, size=size)
    return former


def keep_mp4(video_id: int, encoded: Video) -> None:
    """Let players take `encoded`, a video of the library, in place of another one; it replaces an earlier one of that height."""
    assert encoded.height is not None
    facts = {"encoded": encoded, "bit_rate": encoded.bit_rate, "size": encoded.file_size or 0}
    Rendition.objects.update_or_create(facts, video_id=video_id, kind=Rendition.Kind.MP4, height=encoded.height)

"""What a player has of a medium besides its file: a ladder of sizes, pictures along the bar, scenes."""

from __future__ import annotations

from django.db.models import Exists
from django.urls import reverse

from media_library.models import Rendition, Video
from media_library.previews import up_to_date
from media_library.scenes import scenes_of

LADDER = "master.m3u8"


def player_paths(media_id: int) -> dict[str, str | None]:
    """Where a player finds them; None for what was not made, and for chapters of which there is only one."""
    made = {
        "ladder_path": (Rendition.objects.filter(video=media_id, kind=Rendition.Kind.HLS), reverse("hls", args=[media_id, LADDER])),
        "storyboard_path": (up_to_date().filter(pk=media_id, sprite_path__isnull=False), reverse("storyboard", args=[media_id])),
        "chapters_path": (scenes_of(media_id).filter(order__gt=0), reverse("chapters", args=[media_id])),
    }
    are_there = Video.objects.filter(pk=media_id).values_list(*(Exists(rows) for rows, _ in made.values())).get()
    return {name: path if is_there else None for (name, (_, path)), is_there in zip(made.items(), are_there, strict=True)}

"""What people change about videos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from media_library.audit import note
from media_library.models import Video
from media_library.outcomes import Outcome

EDITABLE = ("title", "producer", "creator", "tags")
MOST_TAGS = 100  # of one video
LONGEST_TAG = 64  # characters
VIDEO_NOT_FOUND = "Video not found"


@transaction.atomic
def edit(video_id: int, changes: Mapping[str, str | Sequence[str] | None], *, by: User | None) -> bool:
    """Change columns among `EDITABLE`; False when there is no such video.

    A caller that shows public media brings the gallery's copy in step: `gallery.services.refresh`.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise ValueError(f"not editable: {sorted(unknown)}")
    if changes and Video.objects.filter(pk=video_id).update(**changes, updated_at=Now()):
        note([video_id], f"Changed {', '.join(changes)}.", by=by)
    return Video.objects.filter(pk=video_id).exists()


@transaction.atomic
def retag(ids: Iterable[int], tags: Iterable[str], *, by: User | None) -> Outcome:
    """Add tags to those that each video has; a video keeps at most `MOST_TAGS`."""
    ids, tags = list(ids), clean_tags(tags)
    videos = list(Video.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).only("pk", "tags"))
    skipped = dict.fromkeys(ids, VIDEO_NOT_FOUND)
    fitting = []
    for video in videos:
        video.tags = clean_tags([*(video.tags or []), *tags])
        if len(video.tags) > MOST_TAGS:
            skipped[video.pk] = f"A video has at most {MOST_TAGS} tags"
            continue
        fitting.append(video)
        del skipped[video.pk]
    done = [video.pk for video in fitting]
    Video.objects.bulk_update(fitting, ["tags"])
    Video.objects.filter(pk__in=done).update(updated_at=Now())
    note(done, f"Tagged {', '.join(tags)}.", by=by)
    return Outcome(tuple(done), skipped)


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags without the space around them, each once, in the order given; empty ones are left out."""
    return list(dict.fromkeys(text for tag in tags if (text := " ".join(tag.split())[:LONGEST_TAG].strip())))

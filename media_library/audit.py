"""Who changed which video and why, in Django's admin log."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from media_library.models import Video


def note(ids: Iterable[int], message: str, *, by: User | None) -> None:
    """Write a line about each video to the admin log; what nobody asked for has none."""
    if by is None:
        return
    content_type = ContentType.objects.get_for_model(Video)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=by.pk,
            content_type=content_type,
            object_id=str(video.pk),
            object_repr=str(video)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for video in Video.objects.filter(pk__in=list(ids)).only("title", "filename").order_by("pk")
    )

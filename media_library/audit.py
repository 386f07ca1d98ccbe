"""Who changed what and why, in Django's admin log."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from media_library.models import Video


def note(ids: Iterable[int], message: str, *, by: User | None) -> None:
    """Write a line about each video; what nobody asked for has none."""
    if by is not None:
        note_rows(Video.objects.filter(pk__in=list(ids)).only("title", "filename").order_by("pk"), message, by=by)


def note_rows(changed: Iterable[Model], message: str, *, by: User | None) -> None:
    """Write a line about each of some rows of one kind; what nobody asked for has none."""
    rows = list(changed)
    if by is None or not rows:
        return
    content_type = ContentType.objects.get_for_model(rows[0])
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=by.pk,
            content_type=content_type,
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for row in rows
    )

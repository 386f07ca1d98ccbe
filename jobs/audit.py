"""Who changed which job, lane or pipeline, in Django's admin log."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from jobs.models import Job, LaneState, Pipeline


def note(changed: Iterable[Job | Pipeline | LaneState], message: str, *, by: User | None) -> None:
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

"""Locks: a locked medium stays published for admins and is closed to everybody else."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models.functions import Coalesce, Now

from gallery.models import PublicMedia
from gallery.services.changes import MEDIA_NOT_FOUND, copy_to_stats, hold_public, one_change_at_a_time, outcome
from media_library.audit import note
from media_library.outcomes import Outcome


def lock(ids: Iterable[int], *, reason: str, by: User | None) -> Outcome:
    """Close media to the public; a locked one stays locked since when it was, with the newer reason."""
    return _set_lock(ids, f"Locked: {reason}" if reason else "Locked.", by, is_locked=True, locked_reason=reason)


def unlock(ids: Iterable[int], *, by: User | None) -> Outcome:
    """Open media to the public again."""
    return _set_lock(ids, "Unlocked.", by, is_locked=False, locked_reason=None)


def _set_lock(ids: Iterable[int], message: str, by: User | None, *, is_locked: bool, locked_reason: str | None) -> Outcome:
    ids = list(ids)
    with one_change_at_a_time():
        done = hold_public(ids)
        PublicMedia.objects.filter(pk__in=done).update(
            is_locked=is_locked,
            locked_at=Coalesce("locked_at", Now()) if is_locked else None,
            locked_reason=locked_reason,
            updated_at=Now(),
        )
        copy_to_stats(done)
        note(done, message, by=by)
    return outcome(ids, done, otherwise=MEDIA_NOT_FOUND)

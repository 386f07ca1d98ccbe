"""Hiding a video before it is marked invalid or its file goes to the trash, and taking either back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib.auth.models import User
from django.db.models import Case, F, Q, TextField, Value, When
from django.db.models.functions import Now

from gallery.services.changes import distinct, hold_public, hold_stats, one_change_at_a_time, outcome
from gallery.services.publishing import hide
from media_library import moves
from media_library.audit import note
from media_library.models import Video
from media_library.outcomes import Outcome
from media_library.services import VIDEO_NOT_FOUND

IN_TRASH = "moved to the trash"
UNREADABLE = Q(is_valid=False, width=None)  # a scan could not read the file: no person makes it valid
REMOVED = Q(is_valid=False, width__isnull=False) | Q(trashed_at__isnull=False)
NOT_REMOVED = "The video is neither invalid nor in the trash"


def mark_invalid(ids: Iterable[int], *, reason: str, by: User | None) -> Outcome:
    """Take videos out of the gallery and mark them invalid; their files stay."""
    ids = list(ids)
    with one_change_at_a_time():
        hold_stats(hold_public(ids))  # before the videos, as a flush does
        done = _existing(ids)
        hide(done)
        why = Case(When(UNREADABLE, then=F("invalid_reason")), default=Value(reason, output_field=TextField()))
        Video.objects.filter(pk__in=done).update(is_valid=False, invalid_reason=why, updated_at=Now())
        note(done, f"Marked invalid: {reason}" if reason else "Marked invalid.", by=by)
    return outcome(ids, done, otherwise=VIDEO_NOT_FOUND)


def trash(ids: Iterable[int], *, by: User | None) -> Outcome:
    """Take videos out of the gallery, mark them invalid, and move their files to the library's trash.

    A file that cannot be moved stays where it is, hidden; the outcome says why.
    """
    hidden = mark_invalid(ids, reason=IN_TRASH, by=by)
    failures = _each_file(moves.trash_file, Video.objects.filter(pk__in=hidden.done, trashed_at=None), by=by)
    return Outcome(tuple(id for id in hidden.done if id not in failures), {**hidden.skipped, **failures})


def restore(ids: Iterable[int], *, by: User | None) -> Outcome:
    """Make invalid or trashed videos valid again, their files where they were; the gallery does not take them back by itself.

    A file that no scan could read comes out of the trash, and stays invalid.
    """
    ids = list(ids)
    removed = list(Video.objects.filter(pk__in=distinct(ids)).filter(REMOVED).order_by("pk"))
    failures = _each_file(moves.restore_file, [video for video in removed if video.trashed_at], by=by)
    with one_change_at_a_time():
        done = _existing(video.pk for video in removed if video.pk not in failures)
        Video.objects.filter(pk__in=done).exclude(UNREADABLE).update(is_valid=True, invalid_reason="", updated_at=Now())
        note(done, "Restored.", by=by)
    known = Video.objects.filter(pk__in=distinct(ids)).values_list("pk", "is_valid", "invalid_reason")
    reasons = {id: NOT_REMOVED if is_valid else f"The file cannot be read: {why}" for id, is_valid, why in known}
    return outcome(ids, done, otherwise=VIDEO_NOT_FOUND, reasons=reasons | failures)


def _each_file(move: Callable[..., object], videos: Iterable[Video], *, by: User | None) -> dict[int, str]:
    """Move the file of each video; returns the sentence for each that could not be moved."""
    failures: dict[int, str] = {}
    for video in videos:
        try:
            move(video, by=by)
        except (moves.MoveRefused, OSError) as error:
            failures[video.pk] = f"The file could not be moved: {error}"
    return failures


def _existing(ids: Iterable[int]) -> list[int]:
    """Those of the ids that are videos, their rows locked in id order until the transaction ends."""
    held = Video.objects.filter(pk__in=distinct(ids)).order_by("pk").select_for_update(no_key=True)
    return list(held.values_list("pk", flat=True))

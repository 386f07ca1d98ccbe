"""Locks."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from gallery.models import MediaStats, PublicMedia
from gallery.services import lock, publish, unlock
from tests.gallery.rows import kept_totals, true_totals, video, video_list

pytestmark = pytest.mark.django_db


def test_a_lock_takes_the_medium_out_of_the_totals_and_an_unlock_puts_it_back() -> None:
    ids = [row.pk for row in video_list(3)]
    publish(ids, category="sea", by=None)

    lock(ids[:2], reason="rights", by=None)
    locked = kept_totals()
    unlock(ids, by=None)

    assert locked == {("sea", "landscape"): 1}
    assert kept_totals() == true_totals() == {("sea", "landscape"): 3}
    assert not MediaStats.objects.filter(is_locked=True).exists()
    assert not PublicMedia.objects.exclude(locked_at=None).exists()


def test_locking_again_keeps_the_time_and_takes_the_newer_reason() -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)
    lock([clip.pk], reason="first", by=None)
    first = PublicMedia.objects.get().locked_at

    outcome = lock([clip.pk], reason="second", by=None)

    medium = PublicMedia.objects.get()
    assert outcome.done == (clip.pk,)
    assert (medium.locked_at, medium.locked_reason) == (first, "second")


def test_what_is_not_public_cannot_be_locked() -> None:
    clip = video()

    assert lock([clip.pk], reason="", by=None).skipped == {clip.pk: "Media not found"}
    assert unlock([clip.pk], by=None).skipped == {clip.pk: "Media not found"}


def test_the_admin_log_has_the_reason(editor: User) -> None:
    clip = video()
    publish([clip.pk], category="sea", by=None)

    lock([clip.pk], reason="rights", by=editor)
    unlock([clip.pk], by=editor)

    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == ["Locked: rights", "Unlocked."]

"""Moving media between categories."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from gallery.listing import categories
from gallery.models import MediaStats
from gallery.services import lock, move_to_category, publish, rename_category
from tests.gallery.rows import kept_totals, true_totals, video, video_list

pytestmark = pytest.mark.django_db


def test_renaming_a_category_takes_its_locked_media_along(editor: User) -> None:
    ids = [row.pk for row in video_list(3)]
    publish(ids, category="sea", by=None)
    lock(ids[:1], reason="", by=None)

    outcome = rename_category("sea", target="ocean", by=editor)

    assert outcome.done == tuple(ids)
    assert categories() == [{"category": "ocean", "count": 2}]
    assert set(MediaStats.objects.values_list("category", flat=True)) == {"ocean"}
    assert LogEntry.objects.get().change_message == "Renamed to ocean: 3 media."


def test_renaming_to_a_category_that_exists_merges_the_two() -> None:
    one, other = video(), video()
    publish([one.pk], category="sea", by=None)
    publish([other.pk], category="ocean", by=None)

    rename_category("sea", target="ocean", by=None)

    assert categories() == [{"category": "ocean", "count": 2}]
    assert kept_totals() == true_totals()


def test_moving_skips_what_is_not_public() -> None:
    shown, hidden = video(), video()
    publish([shown.pk], category="sea", by=None)

    outcome = move_to_category([shown.pk, hidden.pk], category="land", by=None)

    assert (outcome.done, outcome.skipped) == ((shown.pk,), {hidden.pk: "Media not found"})
    assert categories() == [{"category": "land", "count": 1}]

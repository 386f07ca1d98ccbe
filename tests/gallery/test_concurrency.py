"""Changes that meet: whatever the order, totals and copies agree afterwards, and nothing deadlocks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from gallery.buffer import Batch
from gallery.counters import _write
from gallery.models import MediaStats, PublicMedia
from gallery.services import lock, mark_invalid, move_to_category, publish, refresh, rename_category, restore, unlock, unpublish
from media_library.models import Video
from tests.gallery.rows import kept_totals, true_totals, video_list

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 20260211


def in_threads(*work: Callable[[], object]) -> None:
    """Run all at once; an exception in any of them is this test's."""

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        list(pool.map(run, work))


def assert_consistent() -> None:
    assert kept_totals() == true_totals()
    columns = ("pk", "category", "orientation", "is_locked", "created_at")
    shown = set(PublicMedia.objects.values_list(*columns))
    assert set(MediaStats.objects.filter(is_public=True).values_list(*columns)) == shown
    assert not PublicMedia.objects.filter(video__is_valid=False).exists()


def change(some: list[int], dice: random.Random) -> None:
    """One change, by chance."""
    changes: list[Callable[[], object]] = [
        lambda: publish(some, category=dice.choice(["sea", "land", "sky"]), by=None),
        lambda: unpublish(some, by=None),
        lambda: lock(some, reason="", by=None),
        lambda: unlock(some, by=None),
        lambda: move_to_category(some, category="sea", by=None),
        lambda: rename_category("land", target="sky", by=None),
        lambda: mark_invalid(some[:2], reason="", by=None),
        lambda: restore(some, by=None),
        lambda: Video.objects.filter(pk=some[0]).update(orientation=dice.choice(["portrait", "square"])),
        lambda: refresh(some),
    ]
    dice.choice(changes)()


def test_random_changes_of_overlapping_media_leave_totals_and_copies_right() -> None:
    ids = [row.pk for row in video_list(40)]

    def worker(number: int) -> Callable[[], object]:
        dice = random.Random(SEED + number)

        def work() -> None:
            for _ in range(12):
                change(dice.sample(ids, 15), dice)

        return work

    in_threads(*(worker(number) for number in range(6)))
    refresh(ids)

    assert_consistent()


def test_views_and_bulk_locks_do_not_deadlock() -> None:
    ids = [row.pk for row in video_list(60)]
    publish(ids, category="sea", by=None)
    backwards = list(reversed(ids))

    def watch() -> None:
        day = PublicMedia.objects.values_list("created_at", flat=True)[0].date()
        for _ in range(15):
            with transaction.atomic():  # as a flush does: the order of locks holds as long as the locks
                _write(Batch(counts=Counter({(media_id, day, "view_count"): 1 for media_id in backwards})))

    def lock_and_unlock() -> None:
        for _ in range(8):
            lock(backwards, reason="", by=None)
            unlock(ids, by=None)

    in_threads(watch, lock_and_unlock, watch, lock_and_unlock)

    assert set(MediaStats.objects.values_list("view_count", flat=True)) == {30}
    assert_consistent()


def test_views_and_media_that_come_and_go_do_not_deadlock() -> None:
    ids = [row.pk for row in video_list(60)]
    publish(ids, category="sea", by=None)
    day = PublicMedia.objects.values_list("created_at", flat=True)[0].date()

    def watch() -> None:
        for _ in range(15):
            with transaction.atomic():
                _write(Batch(counts=Counter({(media_id, day, "view_count"): 1 for media_id in ids})))

    def come_and_go() -> None:
        for _ in range(8):
            unpublish(reversed(ids), by=None)
            publish(reversed(ids), category="sea", by=None)

    in_threads(watch, come_and_go, watch)

    assert set(MediaStats.objects.values_list("view_count", flat=True)) == {30}
    assert_consistent()


@pytest.mark.parametrize("_round", range(10))
def test_a_video_that_is_hidden_while_somebody_publishes_it_stays_hidden(_round: int) -> None:
    (clip,) = video_list(1)

    in_threads(lambda: publish([clip.pk], category="sea", by=None), lambda: mark_invalid([clip.pk], reason="", by=None))

    assert not PublicMedia.objects.filter(pk=clip.pk).exists()

"""Comments that meet: the counter is what visitors see, nobody writes below a locked medium, and one author is one at a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from gallery import services
from gallery.comments import Commenter, CommentNotFound
from gallery.listing import MediaLocked, MediaNotFound
from gallery.models import Comment, PublicMedia
from tests.gallery.rows import video_list
from tests.gallery.test_concurrency import in_threads

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 20260211
WRITERS = 10  # threads; each holds a connection of the pool
REFUSALS = (MediaLocked, MediaNotFound, CommentNotFound, services.NotTheAuthor)


@pytest.fixture
def media() -> list[int]:
    ids = [row.pk for row in video_list(3)]
    services.publish(ids, category="sea", by=None)
    return ids


@pytest.fixture
def moderator() -> User:
    return User.objects.create_superuser("moderator")


def assert_counters_are_right() -> None:
    for medium in PublicMedia.objects.all():
        assert medium.comment_count == Comment.objects.visible().filter(media=medium.pk).count()


def test_whatever_meets_the_counter_is_what_visitors_see(media: list[int], moderator: User, settings: Settings) -> None:
    settings.COMMENTS_PER_MINUTE = 1000

    def change(author: Commenter, dice: random.Random, number: int) -> None:
        """One thing that a visitor, a moderator or an editor does, by chance."""
        some = dice.sample(list(Comment.objects.order_by("pk").values_list("pk", flat=True)) or [0], 1)
        words = f"see example.com, {number}" if dice.random() < 0.3 else f"words {number}"
        changes: list[Callable[[], object]] = [
            lambda: services.post_comment(dice.choice(media), author, content=words),
            lambda: services.post_comment(dice.choice(media), author, content=words),
            lambda: services.withdraw_comment(some[0], author),
            lambda: services.approve_comments(some, by=moderator),
            lambda: services.hold_comments(some, by=moderator),
            lambda: services.remove_comments(some, by=moderator),
            lambda: services.remove_all_by_authors_of(some, by=moderator),
            lambda: services.unpublish(media[:1], by=None),
            lambda: services.publish(media, category="sky", by=None),
            lambda: services.lock(media[1:2], reason="", by=None),
            lambda: services.unlock(media, by=None),
        ]
        with suppress(*REFUSALS):
            dice.choice(changes)()

    def worker(number: int) -> Callable[[], None]:
        def work() -> None:
            dice = random.Random(SEED + number)
            for turn in range(25):
                change(Commenter(session=f"session {number % 4}"), dice, number * 1000 + turn)

        return work

    in_threads(*(worker(number) for number in range(WRITERS)))
    services.publish(media, category="sea", by=None)

    assert Comment.objects.count() > 20
    assert_counters_are_right()


def test_writers_below_one_medium_are_all_counted(media: list[int]) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            services.post_comment(media[0], Commenter(session=f"{number} {turn}"), content="hello")

    in_threads(*(partial(work, number) for number in range(WRITERS)))

    assert PublicMedia.objects.get(pk=media[0]).comment_count == Comment.objects.count() == WRITERS * 5


@pytest.mark.parametrize("content", ["visible", "held: example.com"])
def test_nothing_is_written_after_a_lock(media: list[int], content: str) -> None:
    began = Event()
    written_at_the_lock: list[int] = []

    def write(number: int) -> None:
        with suppress(MediaLocked):
            for turn in range(200):
                services.post_comment(media[0], Commenter(session=f"{number} {turn}"), content=content)
                began.set()

    def lock() -> None:
        began.wait(30)
        services.lock(media[:1], reason="", by=None)
        written_at_the_lock.append(Comment.objects.count())

    in_threads(*(partial(write, number) for number in range(WRITERS)), lock)

    assert [Comment.objects.count()] == written_at_the_lock
    assert_counters_are_right()


def test_a_session_that_writes_everything_at_once_gains_nothing(media: list[int]) -> None:
    author = Commenter(session="hasty")

    def write(number: int) -> None:
        services.post_comment(media[number % 3], author, content=f"{number}")

    in_threads(*(partial(write, number) for number in range(WRITERS)))

    assert Comment.objects.visible().count() == 5
    assert Comment.objects.held().count() == WRITERS - 5


def test_the_same_words_at_once_are_written_once(media: list[int]) -> None:
    def write() -> None:
        with suppress(services.AlreadyWritten):
            services.post_comment(media[0], Commenter(session="hasty"), content="twice?")

    in_threads(*[write] * WRITERS)

    assert PublicMedia.objects.get(pk=media[0]).comment_count == Comment.objects.count() == 1


def test_deleting_at_once_counts_once(media: list[int], moderator: User) -> None:
    author = Commenter(session="hasty")
    comment = services.post_comment(media[0], author, content="short-lived")

    def withdraw() -> None:
        with suppress(CommentNotFound):
            services.withdraw_comment(comment.pk, author)

    in_threads(*[withdraw, lambda: services.remove_comments([comment.pk], by=moderator)] * (WRITERS // 2))

    assert PublicMedia.objects.get(pk=media[0]).comment_count == 0

"""Reactions that meet each other, and a lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections

from gallery.listing import MediaLocked
from gallery.models import PublicMedia
from gallery.services import lock
from reactions.models import ReactionType, VideoReaction
from reactions.services import react
from tests.gallery.shared_media import share

pytestmark = pytest.mark.django_db(transaction=True)


def given(user: User, media_id: int, at: int) -> int | None:
    """The id of the reaction; None where the medium was locked first."""
    try:
        return react(user, media_id=media_id, reaction_type=ReactionType.WOW, at=at).pk
    except MediaLocked:
        return None
    finally:
        connections.close_all()


def test_the_same_reaction_from_many_clicks_at_once_is_one_row() -> None:
    user, media_id = User.objects.create_user("member"), share()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: given(user, media_id, at=5), range(64)))

    assert ids == set(VideoReaction.objects.values_list("pk", flat=True))
    assert len(ids) == 1


def test_nothing_is_written_after_a_lock_has_been_answered() -> None:
    user, media_id = User.objects.create_user("member"), share(duration_seconds=1000)

    def close() -> int:
        lock([media_id], reason="", by=None)
        written = VideoReaction.objects.count()
        connections.close_all()
        return written

    with ThreadPoolExecutor(8) as pool:
        reactions = [pool.submit(given, user, media_id, at) for at in range(100)]
        written_at_the_lock = pool.submit(close)
        reactions += [pool.submit(given, user, media_id, at) for at in range(100, 200)]

    assert VideoReaction.objects.count() == written_at_the_lock.result() == sum(job.result() is not None for job in reactions)
    assert PublicMedia.objects.get().is_locked

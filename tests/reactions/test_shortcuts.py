"""The reactions to one medium without Django: the same replies, and as new."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from gallery.services import lock
from reactions.models import ReactionType, VideoReaction
from reactions.services import react
from tests.gallery.shared_media import share
from tests.gallery.test_shortcuts import Server, one_transaction

__all__ = ["one_transaction"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def medium() -> int:
    media_id, user = share(duration_seconds=200), User.objects.create_user("ann")
    for at in range(120):
        react(user, media_id=media_id, reaction_type=ReactionType.LOVE, at=at)
    return media_id


@pytest.mark.parametrize("more", ["", "&limit=2", "&limit=100", "&limit=999"])
def test_replies_are_djangos_to_the_byte(server: Server, medium: int, more: str) -> None:
    django, ours = server.twice(f"/api/reactions?mediaId={medium}{more}")

    assert not server.django_was_asked
    assert (ours.status, ours.body, ours.headers) == (200, django.body, django.headers)
    assert ours.json["reactions"][0]["emoji"] == "\u2764\ufe0f"


def test_an_unchanged_list_is_304(server: Server, medium: int) -> None:
    address = f"/api/reactions?mediaId={medium}"
    etag = server.get(address).headers["Etag"]

    assert [reply.status for reply in server.twice(address, if_none_match=etag)] == [304, 304]
    assert not server.django_was_asked


@pytest.mark.parametrize(
    "query",
    ["", "?userId=1", "?mediaId=x", "?mediaId=0", "?mediaId=1&limit=0", "?mediaId=1&mediaId=2", "?mediaId=1&limit=1000", "?mediaId=1&x"],
)
def test_whatever_else_is_asked_goes_to_django(server: Server, medium: int, query: str) -> None:
    server.get(f"/api/reactions?mediaId={medium}")

    server.get(f"/api/reactions{query}")

    assert server.django_was_asked


def test_reactions_and_locks_show_at_once(server: Server, medium: int) -> None:
    address = f"/api/reactions?mediaId={medium}&limit=100"
    server.twice(address)
    VideoReaction.objects.filter(video_timestamp__gte=1).delete()
    assert len(server.get(address).json["reactions"]) == 1

    lock([medium], reason="", by=None)

    assert server.get(address).json == {"reactions": [], "limit": 100, "nextCursor": None}
    assert not server.django_was_asked

"""Reactions in the admin: to be looked at, and narrowed."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from reactions.models import VideoReaction
from tests.gallery.shared_media import share

pytestmark = pytest.mark.django_db
PAGE = "/admin/reactions/videoreaction/"


@pytest.fixture
def admin_site(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture
def reactions() -> list[VideoReaction]:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    sea, land = share("Sea <b>"), share("Land")
    return [
        VideoReaction.objects.create(user=user, media_id=media_id, reaction_type=kind, video_timestamp=at)
        for user, media_id, kind, at in ((ann, sea, "love", 5), (bob, sea, "wow", 70), (ann, land, "sad", 9))
    ]


def moments(client: Client, **query: str | int) -> list[str]:
    reply = client.get(PAGE, query)
    assert reply.status_code == 200
    return re.findall(r'class="field-moment[^>]*>([^<]*)<', reply.content.decode())


def test_reactions_are_shown_newest_first_with_moment_video_and_user(admin_site: Client, reactions: list[VideoReaction]) -> None:
    text = admin_site.get(PAGE).content.decode()

    assert moments(admin_site) == ["0:09", "1:10", "0:05"]
    assert "\u2764\ufe0f Love" in text
    assert "Sea &lt;b&gt;" in text and "<bdi>bob</bdi>" in text


def test_reactions_are_narrowed_by_type_user_and_medium(admin_site: Client, reactions: list[VideoReaction]) -> None:
    assert moments(admin_site, reaction_type="wow") == ["1:10"]
    assert moments(admin_site, user="ann") == ["0:09", "0:05"]
    assert moments(admin_site, media=reactions[0].media_id) == ["1:10", "0:05"]
    assert moments(admin_site, sort="oldest") == ["0:05", "1:10", "0:09"]


@pytest.mark.parametrize("media", ["x", "-1", "1.5", "9" * 19, "9" * 300, "\u0661", "1 OR 1=1"])
def test_a_number_that_is_none_finds_nothing(admin_site: Client, reactions: list[VideoReaction], media: str) -> None:
    assert moments(admin_site, media=media) == []


def test_reactions_are_not_changed_here(admin_site: Client, reactions: list[VideoReaction]) -> None:
    assert admin_site.get(f"{PAGE}add/").status_code == 403
    assert admin_site.post(f"{PAGE}{reactions[0].pk}/change/", {"video_timestamp": 1}).status_code == 403
    assert admin_site.post(f"{PAGE}{reactions[0].pk}/delete/", {"post": "yes"}).status_code == 403
    assert VideoReaction.objects.filter(video_timestamp=5).exists()

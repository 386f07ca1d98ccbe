"""Votes on the viewer's page, by browsers with and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from gallery import services
from gallery.models import Upvote
from tests.gallery.shared_media import share
from tests.replies import fresh_address

pytestmark = pytest.mark.django_db


@pytest.fixture
def media_id() -> int:
    return share()


def pressed(client: Client, media_id: int) -> bool:
    return 'aria-pressed="true"' in client.get(f"/v/{media_id}/").content.decode()


def test_a_form_gives_a_vote_once_and_takes_it_back(client: Client, media_id: int) -> None:
    address = f"/v/{media_id}/upvote"
    assert not pressed(client, media_id)

    replies = [client.post(address, {"upvoted": "yes"}) for _ in range(2)]

    assert [(reply.status_code, reply["Location"]) for reply in replies] == [(302, f"/v/{media_id}/")] * 2
    assert (Upvote.objects.count(), pressed(client, media_id), pressed(Client(), media_id)) == (1, True, False)
    client.post(address, {"upvoted": "no"})
    assert (Upvote.objects.count(), pressed(client, media_id)) == (0, False)


def test_a_script_gets_the_count(client: Client, media_id: int) -> None:
    Client().post(f"/v/{media_id}/upvote")

    reply = client.post(f"/v/{media_id}/upvote", {"upvoted": "yes"}, headers={"Accept": "application/json"})

    assert reply.json() == {"upvoted": True, "upvoteCount": 2}


def test_a_vote_of_another_site_is_refused(media_id: int) -> None:
    assert Client(enforce_csrf_checks=True).post(f"/v/{media_id}/upvote").status_code == 403
    assert Client().get(f"/v/{media_id}/upvote").status_code == 405


def test_votes_from_one_address_are_bounded_whatever_sessions_they_come_from(media_id: int, settings: Settings) -> None:
    settings.VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR = 2
    crowd = {"REMOTE_ADDR": fresh_address()}

    replies = [Client().post(f"/v/{media_id}/upvote", **crowd) for _ in range(3)]  # type: ignore[arg-type]

    assert [reply.status_code for reply in replies] == [302, 302, 429]


@pytest.mark.parametrize(("close", "status"), [(services.lock, 403), (services.unpublish, 404)])
def test_a_closed_video_takes_no_votes(client: Client, media_id: int, close: Callable[..., object], status: int) -> None:
    close([media_id], reason="", by=None) if close is services.lock else close([media_id], by=None)

    assert client.post(f"/v/{media_id}/upvote").status_code == status
    assert not Upvote.objects.exists()

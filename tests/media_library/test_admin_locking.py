"""Locking a source shows what was made from it, and offers to lock that, too."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from gallery.models import PublicMedia
from gallery.services import lock, publish
from media_library import lineage
from media_library.lineage import Cut
from media_library.models import Video
from tests.gallery.rows import video

LIBRARY, SHARED = "/admin/media_library/video/", "/admin/gallery/publicmedia/"
OFFER = "Lock what was made from them, too"

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Video:
    """Published; a reel was made from it, a loop from the reel, both published, and a draft that was not."""
    source, reel, loop, draft = (video(title=title) for title in ("Harbour", "Reel", "Loop", "Draft"))
    for derived, from_which in ((reel, source), (loop, reel), (draft, source)):
        lineage.record(derived.pk, [Cut(from_which.pk, 1.0, 2.0), Cut(from_which.pk, 3.0, 4.0)])
    publish([source.pk, reel.pk, loop.pk, video(title="Bystander").pk], category="sea", by=None)
    return source


def ask(client: Client, row: Video, *, page: str = LIBRARY) -> str:
    return client.post(page, {"action": "lock", "_selected_action": row.pk, "index": "0"}).content.decode()


def answer(client: Client, row: Video, *, page: str = LIBRARY, **more: Any) -> str:
    reply = client.post(page, {"action": "lock", "_selected_action": row.pk, "answered": "yes", "reason": "rights", **more})
    assert reply.status_code == 302, reply.content.decode()
    return str(list(get_messages(reply.wsgi_request))[-1])


def locked() -> set[str]:
    return {str(title) for title in PublicMedia.objects.filter(is_locked=True).values_list("title", flat=True)}


@pytest.mark.parametrize("page", [LIBRARY, SHARED])
def test_the_question_shows_what_was_made_from_the_video_and_from_that(admin_client: Client, source: Video, page: str) -> None:
    question = ask(admin_client, source, page=page)

    assert "Made from them, 2 of 3 seen by visitors" in question and OFFER in question
    assert question.index("Loop") < question.index("Reel") < question.index("Draft")
    assert "Bystander" not in question


@pytest.mark.parametrize("page", [LIBRARY, SHARED])
def test_what_was_made_from_it_is_locked_in_the_same_step(admin_client: Client, source: Video, page: str) -> None:
    told = answer(admin_client, source, page=page, with_derived="on")

    assert (told, locked()) == ("Locked 3 videos.", {"Harbour", "Reel", "Loop"})
    assert set(PublicMedia.objects.filter(is_locked=True).values_list("locked_reason", flat=True)) == {"rights"}


def test_the_offer_may_be_declined(admin_client: Client, source: Video) -> None:
    assert answer(admin_client, source) == "Locked 1 video."
    assert locked() == {"Harbour"}


def test_what_is_locked_already_keeps_its_reason(admin_client: Client, source: Video) -> None:
    lock(Video.objects.filter(title="Reel").values_list("pk", flat=True), reason="an older one", by=None)

    told = answer(admin_client, source, with_derived="on")

    assert told == "Locked 2 videos."
    assert PublicMedia.objects.get(title="Reel").locked_reason == "an older one"


def test_nothing_is_offered_where_visitors_see_nothing_of_it(admin_client: Client, source: Video) -> None:
    loop = Video.objects.get(title="Loop")

    assert "Made from them" not in ask(admin_client, loop)
    lock(Video.objects.filter(title__in=["Reel", "Loop"]).values_list("pk", flat=True), reason="", by=None)
    question = ask(admin_client, source)
    assert "Made from them, 0 of 3 seen by visitors" in question and OFFER not in question


def test_a_circle_of_videos_ends(admin_client: Client, source: Video) -> None:
    loop = Video.objects.get(title="Loop")
    lineage.record(source.pk, [Cut(loop.pk)])

    assert lineage.descendants([loop.pk]) == sorted(
        Video.objects.filter(title__in=["Harbour", "Reel", "Draft"]).values_list("pk", flat=True)
    )

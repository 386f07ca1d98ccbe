"""Suggested tags as an admin decides on them: on the page of their video, and for many at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from jobs.models import Job
from media_library.admin import video_actions
from media_library.models import TagSuggestion, Video
from tests.gallery.rows import video, video_list

LIBRARY = "/admin/media_library/video/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def walk() -> Video:
    return suggested(video(title="A walk"), dog=0.93, beach=0.41)


def suggested(row: Video, **scores: float) -> Video:
    TagSuggestion.objects.bulk_create(TagSuggestion(video=row, tag=tag, score=score, made_by="a network") for tag, score in scores.items())
    return row


def decide(client: Client, row: Video, **answer: Any) -> str:
    reply = client.post(f"{LIBRARY}{row.pk}/suggested-tags/", answer)
    assert (reply.status_code, reply["Location"]) == (302, f"{LIBRARY}{row.pk}/change/#suggested-tags")
    return str(list(get_messages(reply.wsgi_request))[-1])


def tags_of(row: Video) -> list[str]:
    row.refresh_from_db()
    return list(row.tags)


def id_of(tag: str) -> int:
    return TagSuggestion.objects.get(tag=tag).pk


def test_the_front_page_says_how_many_videos_wait_and_leads_to_them(admin_client: Client, walk: Video) -> None:
    suggested(video(title="A swim"), sea=0.8)
    suggested(video(title="Thrown away", trashed_at=timezone.now()), sea=0.8)

    assert "<b>2 videos have</b> suggested tags to be decided" in admin_client.get("/admin/").content.decode()
    assert admin_client.get(f"{LIBRARY}?suggested_tags=yes").context["cl"].result_count == 2


def test_the_page_shows_what_is_suggested_how_sure_and_by_whom(admin_client: Client, walk: Video) -> None:
    page = admin_client.get(f"{LIBRARY}{walk.pk}/change/").content.decode()

    assert page.index("<bdi>dog</bdi>") < page.index("<bdi>beach</bdi>")
    assert "0.93" in page and "0.41" in page and "a network" in page


def test_one_tag_is_approved_and_another_rejected(admin_client: Client, walk: Video) -> None:
    assert decide(admin_client, walk, approve=id_of("dog")) == "Approved suggested tags of 1 video."
    assert decide(admin_client, walk, reject=id_of("beach")) == "Rejected suggested tags of 1 video."

    assert tags_of(walk) == ["dog"]
    page = admin_client.get(f"{LIBRARY}{walk.pk}/change/").content.decode()
    assert "Nothing is suggested." in page and f"?type=tag_generation&amp;videoId={walk.pk}" in page


def test_the_ticked_ones_are_approved_together(admin_client: Client, walk: Video) -> None:
    decide(admin_client, walk, approve="chosen", suggestion=[id_of("dog"), id_of("beach")])

    assert sorted(tags_of(walk)) == ["beach", "dog"]


@pytest.mark.parametrize("answer", [{}, {"approve": "chosen"}, {"approve": "1 OR 1"}, {"reject": "9" * 40}])
def test_an_answer_that_means_none_changes_nothing(admin_client: Client, walk: Video, answer: dict[str, str]) -> None:
    assert "nothing was changed" in decide(admin_client, walk, **answer)
    assert TagSuggestion.objects.filter(state="suggested").count() == 2


def test_a_suggestion_of_another_video_is_not_decided_here(admin_client: Client, walk: Video) -> None:
    other = suggested(video(), cat=0.9)

    decide(admin_client, walk, approve=id_of("cat"))

    assert (tags_of(walk), tags_of(other)) == ([], [])


def test_deciding_needs_the_permission_to_change_videos_and_a_post(client: Client, admin_client: Client, walk: Video) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_video"))
    reader = Client()
    reader.force_login(clerk)

    assert reader.post(f"{LIBRARY}{walk.pk}/suggested-tags/", {"approve": id_of("dog")}).status_code == 403
    assert admin_client.get(f"{LIBRARY}{walk.pk}/suggested-tags/").status_code == 405
    assert tags_of(walk) == []


def test_the_list_shows_the_videos_with_something_to_decide(admin_client: Client, walk: Video) -> None:
    video(title="Another")

    page = admin_client.get(f"{LIBRARY}?suggested_tags=yes").content.decode()

    assert "A walk" in page and "Another" not in page


def test_many_are_approved_at_once_from_a_score_on(admin_client: Client, walk: Video) -> None:
    plain, run = video(title="Plain"), suggested(video(title="A run"), dog=0.8, park=0.79)
    selected = {"_selected_action": [walk.pk, run.pk, plain.pk], "action": "approve_tags"}
    question = admin_client.post(LIBRARY, {**selected, "index": "0"}).content.decode()

    reply = admin_client.post(LIBRARY, {**selected, "answered": "yes", "least_score": "0.8"})

    assert "dog 0.93, beach 0.41" in question and "nothing suggested" in question
    told = str(list(get_messages(reply.wsgi_request))[-1])
    assert told == "Approved the tags suggested for 2 videos. Skipped 1: Nothing is suggested (1)."
    assert (tags_of(walk), tags_of(run)) == (["dog"], ["dog"])
    assert TagSuggestion.objects.filter(state="suggested").count() == 2


def test_many_are_rejected_at_once(admin_client: Client, walk: Video) -> None:
    admin_client.post(LIBRARY, {"_selected_action": walk.pk, "action": "reject_tags", "answered": "yes"})

    assert set(TagSuggestion.objects.values_list("state", flat=True)) == {"rejected"}
    assert tags_of(walk) == []


def test_suggestions_are_asked_for_many_at_once(admin_client: Client) -> None:
    there, missing = video(title="A walk"), video(title="Lost", missing_since=timezone.now())

    reply = admin_client.post(LIBRARY, {"_selected_action": [there.pk, missing.pk], "action": "suggest_tags"})

    told = str(list(get_messages(reply.wsgi_request))[-1])
    assert told == "Queued a look for tags at 1 video. Skipped 1: The file is missing or in the trash (1)."
    assert [(job.type, job.params["videoId"]) for job in Job.objects.all()] == [("tag_generation", there.pk)]


def test_more_than_the_queue_should_take_at_once_are_refused(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_actions, "MOST_LOOKS", 2)
    rows = video_list(3)

    reply = admin_client.post(LIBRARY, {"_selected_action": [row.pk for row in rows], "action": "suggest_tags"})

    assert "Select 2 videos at most." in str(list(get_messages(reply.wsgi_request))[-1])
    assert not Job.objects.exists()

"""Actions on selected videos: what they ask, what they do, and what they say of the ones that they skip."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client

from gallery import services
from gallery.models import PublicMedia
from media_library.admin import set_actions
from media_library.models import Video
from tests.gallery.rows import video, video_list, with_file

LIBRARY = "/admin/media_library/video/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def act(admin_client: Client) -> Callable[..., str]:
    """Carry out an action on videos, answered at once; returns what the admin is told."""

    def act(action: str, *videos: Video, query: str = "?file=any", **answers: Any) -> str:
        keys = [row.pk for row in videos]
        reply = admin_client.post(LIBRARY + query, {"action": action, "_selected_action": keys, "answered": "yes", **answers})
        assert reply.status_code == 302, reply.content.decode()
        return list(map(str, get_messages(reply.wsgi_request)))[-1]

    return act


def test_publishing_asks_for_a_category_and_offers_those_there_are(admin_client: Client) -> None:
    services.publish([video().pk], category="sea", by=None)
    row = video(title="A walk")

    reply = admin_client.post(LIBRARY, {"action": "publish", "index": "0", "_selected_action": row.pk})

    page = reply.content.decode()
    assert '<option value="sea">' in page and "A walk" in page and "1 video" in page
    assert not PublicMedia.objects.filter(pk=row.pk).exists()


def test_a_question_tells_videos_of_the_same_title_apart(admin_client: Client) -> None:
    rows = [video(title="A walk", filename=name) for name in ("morning.mp4", "evening.mp4")]

    reply = admin_client.post(LIBRARY, {"action": "publish", "index": "0", "_selected_action": [row.pk for row in rows]})

    assert all(f'<bdi>A walk</bdi> <bdi class="quiet">{row.filename}</bdi>' in reply.content.decode() for row in rows)


def test_publishing_says_how_many_and_why_some_were_skipped(act: Callable[..., str]) -> None:
    private = video_list(2, directory_type="private")

    told = act("publish", video(), video(), *private, video(is_valid=False), category="Summer 2024")

    assert told == "Published 2 videos. Skipped 3: Private videos cannot be published (2); The video is invalid (1)."
    assert set(PublicMedia.objects.values_list("category", flat=True)) == {"summer-2024"}


@pytest.mark.parametrize("category", ["", "海", "!!!", "x" * 65, "\0"])
def test_a_category_that_is_no_slug_is_asked_for_again(admin_client: Client, category: str) -> None:
    row = video()

    reply = admin_client.post(LIBRARY, {"action": "publish", "_selected_action": row.pk, "answered": "yes", "category": category})

    assert reply.status_code == 200 and "errorlist" in reply.content.decode()
    assert not PublicMedia.objects.exists()


def test_unpublishing_and_unlocking_act_at_once(act: Callable[..., str]) -> None:
    first, second = video_list(2)
    services.publish([first.pk, second.pk], category="sea", by=None)
    services.lock([first.pk], reason="", by=None)

    assert act("unlock", first) == "Unlocked 1 video."
    assert act("unpublish", first, second, video()) == "Unpublished 2 videos. Skipped 1: Media not found (1)."
    assert not PublicMedia.objects.exists()


def test_locking_keeps_the_reason_and_the_history(act: Callable[..., str], admin_user: User) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)

    assert act("lock", row, reason="Rights <unclear>") == "Locked 1 video."

    assert PublicMedia.objects.get(pk=row.pk).locked_reason == "Rights <unclear>"
    entry = LogEntry.objects.get(object_id=str(row.pk))
    assert (entry.user, entry.change_message) == (admin_user, "Locked: Rights <unclear>")


def test_locking_without_a_reason_asks_again(admin_client: Client) -> None:
    row = video()

    reply = admin_client.post(LIBRARY, {"action": "lock", "_selected_action": row.pk, "answered": "yes", "reason": " "})

    assert "This field is required" in reply.content.decode()


def test_nothing_done_is_said_plainly(act: Callable[..., str]) -> None:
    assert act("unlock", video()) == "Unlocked no video. Skipped 1: Media not found (1)."


def test_marking_invalid_hides_and_restoring_brings_back(act: Callable[..., str]) -> None:
    row = video()
    services.publish([row.pk], category="sea", by=None)

    assert act("mark_invalid", row, reason="wrong colours") == "Marked 1 video invalid."
    row.refresh_from_db()
    assert (row.is_valid, row.invalid_reason, PublicMedia.objects.exists()) == (False, "wrong colours", False)

    assert act("restore", row) == "Restored 1 video."
    row.refresh_from_db()
    assert row.is_valid


def test_trashing_moves_the_file_and_restoring_moves_it_back(act: Callable[..., str], library: Path) -> None:
    row = with_file(video(path="videos/clip.mp4"), b"picture")

    assert act("trash", row) == "Moved 1 video to the trash."
    assert not (library / "videos/clip.mp4").exists()

    assert act("restore", row) == "Restored 1 video."
    assert (library / "videos/clip.mp4").read_bytes() == b"picture"


def test_a_file_that_is_not_there_cannot_be_trashed(act: Callable[..., str], library: Path) -> None:
    told = act("trash", video())

    assert told.startswith("Moved no video to the trash. Skipped 1:")


def test_adding_tags_keeps_those_that_are_there(act: Callable[..., str]) -> None:
    row = video(tags=["sea"])

    assert act("add_tags", row, tags="sun, sea ,, wind ") == "Tagged 1 video."

    row.refresh_from_db()
    assert row.tags == ["sea", "sun", "wind"]


def test_all_pages_can_be_selected(act: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_actions, "BATCH", 40)
    rows = video_list(130, directory_type="inbox")
    video(directory_type="curated")

    told = act("publish", rows[0], query="?directory_type=inbox", select_across="1", category="sea")

    assert told == "Published 130 videos."


def test_more_than_the_limit_is_refused_and_nothing_changes(act: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_actions, "SELECTION_LIMIT", 50)
    rows = video_list(51)

    told = act("publish", rows[0], select_across="1", category="sea")

    assert told == "More than 50 are selected. Narrow the list first; nothing was changed."
    assert not PublicMedia.objects.exists()


def test_too_large_a_selection_is_told_before_the_question(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_actions, "SELECTION_LIMIT", 50)
    rows = video_list(51)

    reply = admin_client.post(LIBRARY, {"action": "publish", "index": "0", "_selected_action": rows[0].pk, "select_across": "1"})

    assert "More than 50 are selected" in reply.content.decode()


def test_a_question_names_hostile_titles_as_text(admin_client: Client) -> None:
    row = video(title="<img src=x onerror=alert(1)>")

    page = admin_client.post(LIBRARY, {"action": "trash", "index": "0", "_selected_action": row.pk}).content.decode()

    assert "<img src=x" not in page and "&lt;img src=x" in page


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_an_action_leads_to_no_other_site(admin_client: Client, target: str) -> None:
    row = video()

    reply = admin_client.post(LIBRARY, {"action": "unlock", "_selected_action": row.pk, "next": target})

    assert reply.headers["Location"].startswith(LIBRARY)


def test_an_action_asked_on_the_video_s_page_leads_back_there(admin_client: Client) -> None:
    row = video()
    here = f"{LIBRARY}{row.pk}/change/"

    asked = admin_client.post(f"{LIBRARY}?file=any", {"action": "publish", "_selected_action": row.pk, "next": here})
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)">', asked.content.decode()))
    reply = admin_client.post(f"{LIBRARY}?file=any", {**hidden, "category": "sea"})

    assert reply.headers["Location"] == here
    assert PublicMedia.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("keys", [["abc"], ["1.5"], ["9" * 40], ["-1"], ["1 OR 1"]])
def test_a_key_that_is_no_number_is_refused(admin_client: Client, keys: list[str]) -> None:
    assert admin_client.post(LIBRARY, {"action": "unlock", "_selected_action": keys}).status_code == 400


def test_a_video_that_is_not_there_is_no_error(admin_client: Client) -> None:
    assert admin_client.post(LIBRARY, {"action": "unlock", "_selected_action": "999999"}).status_code == 302


@pytest.mark.parametrize(
    ("allowed", "offered"),
    [
        (["view_video", "change_video"], {"add_tags", "approve_tags", "reject_tags", "mark_invalid"}),
        (["view_video", "delete_video"], {"trash", "restore"}),
        (["view_video", "change_publicmedia"], {"publish", "unpublish", "lock", "unlock"}),
    ],
)
def test_each_action_needs_its_permission(client: Client, allowed: list[str], offered: set[str]) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=allowed))
    client.force_login(clerk)
    video()

    page = client.get(LIBRARY).content.decode()

    assert set(re.findall(r'<option value="(\w+)">', page.split('name="action"')[1].split("</select>")[0])) == offered


def test_an_action_without_its_permission_does_nothing(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_video", "change_video"]))
    client.force_login(clerk)
    row = video()

    client.post(LIBRARY, {"action": "publish", "_selected_action": row.pk, "answered": "yes", "category": "sea"})

    assert not PublicMedia.objects.exists()

"""Comments on the public pages, by browsers that run no scripts."""

from __future__ import annotations

import re
from datetime import timedelta
from html import escape, unescape
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from gallery import services
from gallery.comments import Commenter
from gallery.models import Comment, PublicMedia
from tests.gallery.shared_media import share

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script> {{ 7|add:7 }} \" ' & at 0:05"


@pytest.fixture(autouse=True)
def _nobody_is_too_fast(settings: Settings) -> None:
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 1_000_000


@pytest.fixture
def media_id() -> int:
    return share(duration_seconds=65)


def text(response: Response) -> str:
    return response.content.decode()


def said(response: Response) -> list[str]:
    found = re.findall(r'<bdi class="said">(.*?)</bdi>', text(response), re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", each)) for each in found]


def say(client: Client, media_id: int, content: str = "lovely", **fields: str) -> Response:
    return client.post(f"/v/{media_id}/comments", {"content": content, **fields})


def test_a_visitor_comments_and_finds_it_below_the_video(client: Client, media_id: int) -> None:
    reply = say(client, media_id, "two\r\nlines", author_name="Ann", moment="1:05")

    comment = Comment.objects.get()
    assert (comment.content, comment.author_name, comment.video_timestamp) == ("two\nlines", "Ann", 65)
    assert (reply.status_code, reply["Location"]) == (302, f"/v/{media_id}/#comment-{comment.pk}")
    page = client.get(f"/v/{media_id}/")
    assert said(page) == said(Client().get(f"/v/{media_id}/")) == ["two\nlines"]
    assert f'<a class="moment" href="/v/{media_id}/harbour-at-first-light/?t=65">1:05</a>' in text(page)
    assert "1 comment<" in text(page)


def test_the_session_of_a_visitor_is_a_signed_cookie_that_scripts_cannot_read(client: Client, media_id: int) -> None:
    assert "visitor" not in client.get(f"/v/{media_id}/").cookies
    cookie = say(client, media_id).cookies["visitor"]

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    client.cookies["visitor"] = cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")
    assert "Delete" not in text(client.get(f"/v/{media_id}/"))


def test_only_its_author_sees_a_held_comment_and_can_delete_it(client: Client, media_id: int) -> None:
    say(client, media_id, "see example.com")

    page = client.get(f"/v/{media_id}/")
    assert said(page) == ["see example.com"]
    assert "waiting for a moderator" in text(page)
    assert said(Client().get(f"/v/{media_id}/")) == []
    delete = re.search(r'action="(/v/\d+/comments/\d+/delete)"', text(page))
    assert delete

    assert Client().post(delete[1]).status_code == 404
    assert client.post(delete[1])["Location"] == f"/v/{media_id}/#comments"
    assert said(client.get(f"/v/{media_id}/")) == []


def test_somebody_elses_comment_cannot_be_deleted(client: Client, media_id: int) -> None:
    comment = services.post_comment(media_id, Commenter(session="other"), content="mine")

    assert client.post(f"/v/{media_id}/comments/{comment.pk}/delete").status_code == 403
    assert client.get(f"/v/{media_id}/comments/{comment.pk}/delete").status_code == 405
    assert PublicMedia.objects.get().comment_count == 1


def test_who_is_signed_in_comments_as_themselves(client: Client, media_id: int) -> None:
    user = User.objects.create_user("ann")
    client.force_login(user)

    assert "visitor" not in say(client, media_id).cookies
    assert Comment.objects.get().user == user


def test_what_is_written_is_escaped_and_its_moments_are_links(client: Client, media_id: int) -> None:
    say(client, media_id, HOSTILE, author_name=HOSTILE)

    page = text(client.get(f"/v/{media_id}/"))

    assert "<script>alert" not in page
    assert escape(HOSTILE.removesuffix("0:05")) + f'<a class="moment" href="/v/{media_id}/harbour-at-first-light/?t=5">0:05</a>' in page


@pytest.mark.parametrize("content", ["9:99", "1:05:00", "1:06", "12:34:56:78", "2026-01-01T10:20", "v1.0:05", "10:5"])
def test_what_is_no_moment_of_the_video_is_no_link(client: Client, media_id: int, content: str) -> None:
    say(client, media_id, content)

    assert 'class="moment"' not in text(client.get(f"/v/{media_id}/"))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"content": ""}, "Please write something"),
        ({"content": "\u200b \n"}, "Please write something"),
        ({"content": "x" * 2001}, "at most 2000 characters"),
        ({"content": "a\x1bb"}, "cannot be shown"),
        ({"content": "a\0b"}, "cannot be shown"),
        ({"content": "fine", "author_name": "x" * 81}, "at most 80 characters"),
        ({"content": "fine", "author_name": "two\nlines"}, "one line"),
        ({"content": "fine", "moment": "soon"}, "Write the moment as 1:25"),
        ({"content": "fine", "moment": "1:06"}, "after the end of the video"),
        ({"content": "fine", "moment": "999999"}, "after the end of the video"),
    ],
)
def test_a_form_that_cannot_be_taken_says_why_and_keeps_what_was_typed(
    client: Client, media_id: int, fields: dict[str, str], complaint: str
) -> None:
    reply = client.post(f"/v/{media_id}/comments", fields)

    assert reply.status_code == 400
    assert complaint in text(reply)
    assert fields["content"].replace("\0", "").strip()[:50] in text(reply)
    assert not Comment.objects.exists()


def test_a_form_of_another_site_is_refused(media_id: int) -> None:
    browser = Client(enforce_csrf_checks=True)

    assert say(browser, media_id).status_code == 403
    page = text(browser.get(f"/v/{media_id}/"))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    assert say(browser, media_id, csrfmiddlewaretoken=token[1]).status_code == 302


def test_pressing_the_button_twice_writes_once(client: Client, media_id: int) -> None:
    assert [say(client, media_id).status_code for _ in range(2)] == [302, 302]
    assert Comment.objects.count() == 1


def test_who_writes_too_often_is_told_to_wait(client: Client, media_id: int, settings: Settings) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = 2
    replies = [say(client, media_id, f"number {number}") for number in range(4)]

    assert [reply.status_code for reply in replies] == [302, 302, 429, 429]
    assert int(replies[-1]["Retry-After"]) > 0


@pytest.mark.parametrize(("close", "status"), [(services.lock, 403), (services.unpublish, 404)])
def test_a_closed_video_shows_and_takes_no_comments(client: Client, media_id: int, close: object, status: int) -> None:
    say(client, media_id)
    comment = Comment.objects.get()
    close([media_id], reason="", by=None)  # type: ignore[operator]

    replies = [
        client.get(f"/v/{media_id}/comments"),
        say(client, media_id, "more"),
        client.post(f"/v/{media_id}/comments/{comment.pk}/delete"),
    ]

    assert [reply.status_code for reply in replies] == [status] * 3
    assert Comment.objects.visible().count() == 1


def test_older_comments_are_one_press_away(client: Client, media_id: int) -> None:
    now = timezone.now()
    Comment.objects.bulk_create(Comment(media_id=media_id, content=f"{n}", created_at=now - timedelta(minutes=n)) for n in range(75))
    PublicMedia.objects.update(comment_count=75)
    seen: list[str] = []
    address: str | None = f"/v/{media_id}/"

    while address:
        page = client.get(address)
        seen += said(page)
        older = re.search(r'href="([^"]+)">Older comments', text(page))
        address = unescape(older[1]) if older else None

    assert seen == [f"{n}" for n in range(75)]
    assert client.get(f"/v/{media_id}/comments?cursor=x").status_code == 400


def test_comments_cost_a_page_no_query_each(client: Client, media_id: int, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    Comment.objects.bulk_create(Comment(media_id=media_id, content=f"{n}", user=User.objects.create(username=f"{n}")) for n in range(20))

    with django_assert_max_num_queries(10):
        assert len(said(client.get(f"/v/{media_id}/"))) == 20


def words(response: Response) -> list[str]:
    """The comments of a page in the order in which one reads them, each reply with a `>` for every answer above it."""
    depth, found = 0, []
    for opened, closed, content in re.findall(r'(<ol class="replies")|(</ol>)|<bdi class="said">(.*?)</bdi>', text(response)):
        depth += bool(opened) - bool(closed)
        found += [">" * depth + content] if content else []
    return found


def test_replies_stand_below_what_they_answer_and_say_whom(client: Client, media_id: int) -> None:
    first = services.post_comment(media_id, Commenter(session="a"), content="first", author_name="Ann")
    services.post_comment(media_id, Commenter(session="b"), content="second")
    reply = services.post_comment(media_id, Commenter(session="c"), content="yes", author_name="Bo", parent_id=first.pk)
    say(client, media_id, "no", parent=str(reply.pk))
    say(client, media_id, "well", parent=str(first.pk))

    page = client.get(f"/v/{media_id}/")

    assert words(page) == ["second", "first", ">yes", ">no", ">well"]
    assert re.findall(r"to <bdi>(.*?)</bdi>: <bdi>(.*?)</bdi>", text(page)) == [("Bo", "yes")]


def test_a_reply_to_an_older_page_says_what_it_answers_and_one_to_a_removed_comment_does_not(
    client: Client, media_id: int, editor: User
) -> None:
    old, gone = (services.post_comment(media_id, Commenter(session=name), content=name, author_name="Ann") for name in ("old", "gone"))
    Comment.objects.bulk_create(Comment(media_id=media_id, content=f"{n}") for n in range(20))
    for parent in (old, gone):
        say(client, media_id, f"to {parent.content}", parent=str(parent.pk))
    services.remove_comments([gone.pk], by=editor)

    page = client.get(f"/v/{media_id}/")

    assert words(page)[:2] == ["to gone", "to old"]
    assert re.findall(r"to <bdi>(.*?)</bdi>: <bdi>(.*?)</bdi>", text(page)) == [("Ann", "old")]


def test_a_form_to_answer_names_whom_and_a_comment_that_is_gone_cannot_be_answered(client: Client, media_id: int, editor: User) -> None:
    comment = services.post_comment(media_id, Commenter(session="a"), content="first", author_name="Ann")
    address = f"/v/{media_id}/comments?reply={comment.pk}"
    assert "Answering <bdi>Ann</bdi>" in text(client.get(address))
    services.remove_comments([comment.pk], by=editor)

    reply = say(client, media_id, "too late", parent=str(comment.pk))

    assert (reply.status_code, "is gone" in text(reply), "too late" in text(reply)) == (400, True, True)
    for wrong in (str(comment.pk), "x", "-1", "9" * 40, "\0"):
        assert client.get(f"/v/{media_id}/comments", {"reply": wrong}).status_code == 200
        assert "Answering <bdi>Ann" not in text(client.get(f"/v/{media_id}/comments", {"reply": wrong}))

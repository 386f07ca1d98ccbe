"""Moderating in the admin: the queue, the page of a comment, watched words, and who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from gallery import services
from gallery.comments import Commenter
from gallery.models import Comment, PublicMedia, WatchedWord
from tests.gallery.rows import video, video_list

COMMENTS = "/admin/gallery/comment/"
WORDS = "/admin/gallery/watchedword/"
LINK = "see example.com"

pytestmark = pytest.mark.django_db


@pytest.fixture
def medium() -> PublicMedia:
    row = video(title="Harbour")
    services.publish([row.pk], category="sea", by=None)
    return PublicMedia.objects.get(pk=row.pk)


def written(medium: PublicMedia, content: str = LINK, *, session: str = "somebody", **said: object) -> Comment:
    return services.post_comment(medium.pk, Commenter(session=session), content=content, **said)  # type: ignore[arg-type]


def count_of(medium: PublicMedia) -> int:
    return PublicMedia.objects.values_list("comment_count", flat=True).get(pk=medium.pk)


def words(page: str) -> list[str]:
    return re.findall(r'<bdi class="words">(.*?)</bdi>', page, re.DOTALL)


@pytest.fixture
def show(admin_client: Client) -> Callable[..., str]:
    def show(path: str = COMMENTS, **query: str | int) -> str:
        reply = admin_client.get(path, query)
        assert reply.status_code == 200
        return reply.content.decode()

    return show


@pytest.fixture
def act(admin_client: Client) -> Callable[..., str]:
    def act(action: str, *comments: Comment, **answers: str) -> str:
        keys = [comment.pk for comment in comments]
        reply = admin_client.post(f"{COMMENTS}?state=all", {"action": action, "_selected_action": keys, **answers})
        assert reply.status_code == 302, reply.content.decode()
        return list(map(str, get_messages(reply.wsgi_request)))[-1]

    return act


def test_the_queue_shows_what_waits_with_its_moment_and_reason(medium: PublicMedia, show: Callable[..., str]) -> None:
    written(medium, video_timestamp=45, author_name="Ann")
    written(medium, "fine", session="other")

    page = show()

    assert words(page) == [LINK]
    assert f'href="/v/{medium.pk}/?t=45"' in page
    assert f'src="/api/videos/{medium.pk}/thumbnail"' in page
    assert all(text in page for text in ("at 0:45", "Ann", "It holds a link"))


def test_a_closed_medium_is_linked_in_the_admin(medium: PublicMedia, show: Callable[..., str]) -> None:
    comment = written(medium)
    services.lock([medium.pk], reason="", by=None)

    for page in (show(), show(f"{COMMENTS}{comment.pk}/change/")):
        assert f'href="/admin/media_library/video/{medium.pk}/change/"' in page


def test_an_empty_queue_says_so(show: Callable[..., str]) -> None:
    assert "Nothing is waiting" in show()
    assert "No comment matches" in show(state="gone")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [LINK]),
        ({"state": "visible"}, ["second", "first"]),
        ({"state": "visible", "sort": "oldest"}, ["first", "second"]),
        ({"state": "gone"}, ["gone"]),
        ({"state": "all"}, [LINK, "gone", "second", "first"]),
        ({"state": "all", "q": "SECO"}, ["second"]),
        ({"state": "all", "q": "ann"}, ["first"]),
        ({"state": "all", "q": "st"}, ["first"]),
        ({"state": "all", "q": "%"}, []),
        ({"state": "all", "q": "\0"}, [LINK, "gone", "second", "first"]),
        ({"state": "all", "session_id": "ann"}, ["first"]),
        ({"state": "all", "media_id": "999999"}, []),
        ({"state": "all", "user_id": "999999"}, []),
    ],
)
def test_the_list_is_narrowed_and_sorted(
    medium: PublicMedia, show: Callable[..., str], admin_user: User, query: dict[str, str], expected: list[str]
) -> None:
    written(medium, "first", session="ann", author_name="Ann")
    written(medium, "second")
    services.remove_comments([written(medium, "gone").pk], by=admin_user)
    written(medium)

    assert words(show(**query)) == expected


@pytest.mark.parametrize(
    ("query", "status"),
    [("state=nonsense", 302), ("media_id=x", 302), ("user_id=-1", 302), ("content__regex=(a", 400), ("media__path__startswith=x", 400)],
)
def test_an_address_that_means_nothing_leads_back(admin_client: Client, query: str, status: int) -> None:
    assert admin_client.get(f"{COMMENTS}?{query}").status_code == status


def test_a_page_costs_the_same_for_one_comment_and_for_fifty(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = video_list(50)
    services.publish([row.pk for row in rows], category="sea", by=None)
    Comment.objects.bulk_create(Comment(media=row, content="x", status="held", session_id="s") for row in rows)

    with django_assert_max_num_queries(7):
        page = admin_client.get(COMMENTS).content.decode()

    assert len(words(page)) == 50


def test_actions_tell_what_they_did(medium: PublicMedia, act: Callable[..., str]) -> None:
    held, visible = written(medium), written(medium, "fine")

    assert act("approve", held, visible) == "Approved 1 comment. Skipped 1: It is visible already (1)."
    assert count_of(medium) == 2
    assert act("hold", held, visible) == "Held 2 comments."
    assert count_of(medium) == 0
    assert act("remove", held, visible) == "Removed 2 comments."
    assert act("hold", held) == "Held no comment. Skipped 1: It was removed (1)."
    assert act("approve", held) == "Approved 1 comment."
    assert count_of(medium) == 1


def test_who_did_what_is_kept(medium: PublicMedia, act: Callable[..., str], show: Callable[..., str], admin_user: User) -> None:
    comment = written(medium)

    act("approve", comment)
    act("remove", comment)

    assert list(LogEntry.objects.values_list("user", "object_id", "change_message").order_by("pk")) == [
        (admin_user.pk, str(comment.pk), "Approved."),
        (admin_user.pk, str(comment.pk), "Removed."),
    ]
    page = show(f"{COMMENTS}{comment.pk}/change/")
    assert page.index("Removed.") < page.index("Approved.")


def test_all_of_a_visitor_is_removed_after_a_question(
    medium: PublicMedia, act: Callable[..., str], admin_client: Client, show: Callable[..., str]
) -> None:
    comments = [written(medium, content) for content in ("one", "two", LINK)]
    written(medium, "innocent", session="other")

    question = admin_client.post(f"{COMMENTS}?state=all", {"action": "remove_all_of_authors", "_selected_action": comments[0].pk})
    assert "3 comments in all" in question.content.decode()
    assert count_of(medium) == 3

    assert act("remove_all_of_authors", comments[0], answered="yes") == "Removed 3 comments."
    assert count_of(medium) == 1
    assert words(show(state="visible")) == ["innocent"]


def test_the_page_of_a_comment_shows_what_else_its_author_wrote(medium: PublicMedia, show: Callable[..., str]) -> None:
    parent = written(medium, "the question", session="other")
    comment = written(medium, "the answer", parent_id=parent.pk)
    written(medium, "something else")

    page = show(f"{COMMENTS}{comment.pk}/change/")

    assert words(page) == ["the answer", "something else"]
    assert f'<a href="{COMMENTS}{parent.pk}/change/"><bdi>the question</bdi></a>' in page
    assert "Remove all of this author" in page


HOSTILE = "<script>alert(1)</script>\n<img src=x onerror=alert(1)> {{ 7|add:7 }} \u202egnp.exe"


def test_nothing_that_somebody_writes_is_more_than_text(medium: PublicMedia, show: Callable[..., str], act: Callable[..., str]) -> None:
    comment = written(medium, HOSTILE, author_name='"><script>alert(2)</script>')
    written(medium, f"{HOSTILE} again")
    act("hold", comment)

    question = (
        show(state="all", q="script") + show(f"{COMMENTS}{comment.pk}/change/") + show(f"{COMMENTS}{comment.pk}/history/") + show("/admin/")
    )

    assert "<script>alert" not in question
    assert "<img src=x" not in question
    assert "\u202e" not in "".join(words(question))
    assert "{{ 7|add:7 }}" in question


def test_comments_are_neither_added_nor_edited_nor_deleted_by_hand(admin_client: Client, medium: PublicMedia) -> None:
    comment = written(medium)

    assert admin_client.get(f"{COMMENTS}add/").status_code == 403
    assert admin_client.post(f"{COMMENTS}{comment.pk}/delete/", {"post": "yes"}).status_code == 403
    admin_client.post(f"{COMMENTS}{comment.pk}/change/", {"content": "changed", "status": "visible"})
    assert Comment.objects.values_list("content", "status").get() == (LINK, "held")


def staff(*groups: str) -> Client:
    user = User.objects.create_user(f"staff-{'-'.join(groups)}", is_staff=True)
    user.groups.set(Group.objects.get_or_create(name=name)[0] for name in groups)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(("group", "status"), [("MEDIA_ADMIN", 200), ("SUPER_ADMIN", 200), ("USER", 403)])
def test_the_roles_of_the_library_moderate(medium: PublicMedia, group: str, status: int) -> None:
    for name in ("0005_roles", "0011_moderators"):  # a test that flushes the database takes away what migrations made
        vars(import_module(f"gallery.migrations.{name}"))["make_roles" if name == "0005_roles" else "let_admins_moderate"](apps, None)
    comment, client = written(medium), staff(group)

    client.post(f"{COMMENTS}?state=all", {"action": "approve", "_selected_action": comment.pk})

    assert (client.get(COMMENTS).status_code, client.get(f"{WORDS}add/").status_code) == (status, status)
    assert count_of(medium) == (1 if status == 200 else 0)
    assert ("is waiting" in client.get("/admin/").content.decode()) is False  # nothing waits any more, or it is none of their business


def test_the_front_page_says_how_many_wait(medium: PublicMedia, show: Callable[..., str]) -> None:
    assert "waiting</b> for a moderator" not in show("/admin/")
    written(medium)
    assert "<b>1 comment is waiting</b>" in show("/admin/")
    written(medium, f"{LINK} again")
    assert "<b>2 comments are waiting</b>" in show("/admin/")


class TestWatchedWords:
    def test_a_word_is_added_in_the_form_in_which_it_is_compared(self, admin_client: Client, medium: PublicMedia) -> None:
        admin_client.post(f"{WORDS}add/", {"word": "  Buy\u200b   NOW "})

        assert list(WatchedWord.objects.values_list("word", flat=True)) == ["buy now"]
        assert written(medium, "Buy now!").held_reason == "It holds the watched word “buy now”"

    @pytest.mark.parametrize("word", ["CASINO", "", "\u200b", "x" * 101])
    def test_what_cannot_be_watched_is_said(self, admin_client: Client, word: str) -> None:
        WatchedWord.objects.create(word="casino")

        reply = admin_client.post(f"{WORDS}add/", {"word": word})

        assert reply.status_code == 200
        assert "errorlist" in reply.content.decode()
        assert WatchedWord.objects.count() == 1

    def test_a_word_that_is_watched_already_is_said_to_be(self, admin_client: Client) -> None:
        admin_client.post(f"{WORDS}add/", {"word": "Spam"})

        page = admin_client.post(f"{WORDS}add/", {"word": " SPAM "}).content.decode()

        assert "This word is watched already." in page
        assert "onstraint" not in page

    def test_words_are_deleted(self, admin_client: Client, medium: PublicMedia) -> None:
        word = WatchedWord.objects.create(word="casino")

        admin_client.post(WORDS, {"action": "delete_selected", "_selected_action": word.pk, "post": "yes"})

        assert not WatchedWord.objects.exists()
        assert written(medium, "casino").status == "visible"

    def test_the_limits_are_shown_beside_them(self, show: Callable[..., str]) -> None:
        page = show(WORDS)

        limits = ("COMMENTS_PER_MINUTE", "PUBLIC_WRITES_PER_SESSION_PER_MINUTE", "VOTES_PER_ADDRESS_AND_MEDIUM_PER_HOUR")
        assert all(name in page for name in (*limits, "No words are watched"))

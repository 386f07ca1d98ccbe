"""Comments through the API: who may write and delete them, what they may say, and who sees them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from rest_framework_simplejwt.tokens import AccessToken

from gallery import services
from gallery.comments import REMARKS
from gallery.counters import visitor
from gallery.models import Comment, PublicMedia, WatchedWord
from media_library.models import Video
from tests.gallery.rows import video

COMMENTS = "/api/media/comments"
LINK = "see https://example.com/offer"

pytestmark = pytest.mark.django_db
Reply = dict[str, Any]


@pytest.fixture(autouse=True)
def _nobody_is_too_fast(settings: Settings) -> None:
    """All tests come from one address, within a minute."""
    settings.PUBLIC_WRITES_PER_ADDRESS_PER_MINUTE = 1_000_000


@pytest.fixture
def medium() -> PublicMedia:
    row = video(duration_seconds=60)
    services.publish([row.pk], category="sea", by=None)
    return PublicMedia.objects.get(pk=row.pk)


@pytest.fixture
def somebody() -> Client:
    return Client(raise_request_exception=False)


def session() -> str:
    return uuid.uuid4().hex


def write(client: Client, medium: PublicMedia, *, expect: int = 200, headers: dict[str, str] | None = None, **fields: Any) -> Reply:
    body = {"mediaId": medium.pk, "content": "lovely"} | fields
    reply = client.post(COMMENTS, json.dumps(body), content_type="application/json", headers=headers)
    assert reply.status_code == expect, reply.content
    return dict(reply.json())


def listed(client: Client, medium: PublicMedia, **query: Any) -> Reply:
    reply = client.get(COMMENTS, {"mediaId": medium.pk, **query})
    assert reply.status_code == 200, reply.content
    return dict(reply.json())


def contents(client: Client, medium: PublicMedia, **query: Any) -> list[str]:
    return [comment["content"] for comment in listed(client, medium, **query)["comments"]]


def count_of(medium: PublicMedia) -> int:
    return PublicMedia.objects.values_list("comment_count", flat=True).get(pk=medium.pk)


def user(role: str = "USER") -> User:
    made = User.objects.create_user(f"user-{session()[:8]}")
    made.groups.add(Group.objects.get_or_create(name=role)[0])
    return made


def signed_in(somebody: User) -> Client:
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {AccessToken.for_user(somebody)}"})


def test_a_visitor_writes_and_everybody_reads(somebody: Client, medium: PublicMedia) -> None:
    reply = write(somebody, medium, sessionId=session(), content="  a\n<b> ok ", authorName="Ann", videoTimestamp=45)

    comment = reply["comment"]
    assert reply["success"] is True
    assert comment == {
        "id": comment["id"],
        "mediaId": medium.pk,
        "parentId": None,
        "userId": None,
        "authorName": "Ann",
        "content": "a\n<b> ok",
        "videoTimestamp": 45,
        "formattedTime": "0:45",
        "status": "visible",
        "createdAt": comment["createdAt"],
    }
    assert listed(somebody, medium) == {
        "comments": [comment],
        "pagination": {"total": 1, "limit": 50, "offset": 0, "hasMore": False, "nextCursor": None},
    }
    assert somebody.get(f"/api/media/public/{medium.pk}").json()["commentCount"] == 1


def test_the_session_is_kept_as_a_hash_alone(somebody: Client, medium: PublicMedia) -> None:
    mine = session()

    write(somebody, medium, sessionId=mine)

    assert Comment.objects.get().session_id == visitor(mine) != mine


@pytest.mark.parametrize("role", ["USER", "TEMP", "MEDIA_ADMIN"])
def test_what_somebody_writes_who_is_signed_in_is_theirs(medium: PublicMedia, role: str) -> None:
    author, mine = user(role), session()

    comment = write(signed_in(author), medium, sessionId=mine)["comment"]

    assert (comment["userId"], comment["authorName"]) == (author.pk, None)
    assert Comment.objects.get().session_id != visitor(mine)


def test_a_bad_token_is_no_anonymous_visitor(medium: PublicMedia) -> None:
    client = Client(headers={"Authorization": "Bearer nonsense"})

    assert write(client, medium, sessionId=session(), expect=401)
    assert client.get(COMMENTS, {"mediaId": medium.pk}).status_code == 401


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n\t\u3000 "}, "content"),
        ({"content": "\u200b\u2060\ufeff\u00ad\u3164\u2800"}, "content"),
        ({"content": None}, "content"),
        ({"content": 5}, "content"),
        ({"content": ["x"]}, "content"),
        ({"content": {"x": 1}}, "content"),
        ({"content": True}, "content"),
        ({"content": "x" * 2001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"content": "a\x1b[31mb"}, "content"),
        ({"content": "a\x85b"}, "content"),
        ({"authorName": "x" * 81}, "authorName"),
        ({"authorName": "two\nlines"}, "authorName"),
        ({"authorName": "two\u2028lines"}, "authorName"),
        ({"authorName": "\0"}, "authorName"),
        ({"authorName": "\u200b"}, "authorName"),
        ({"videoTimestamp": 61}, "videoTimestamp"),
        ({"videoTimestamp": -1}, "videoTimestamp"),
        ({"videoTimestamp": 1.5}, "videoTimestamp"),
        ({"videoTimestamp": 5.0}, "videoTimestamp"),
        ({"videoTimestamp": "5"}, "videoTimestamp"),
        ({"videoTimestamp": True}, "videoTimestamp"),
        ({"videoTimestamp": 2**62}, "videoTimestamp"),
        ({"sessionId": "short"}, "sessionId"),
        ({"sessionId": "x" * 129}, "sessionId"),
        ({"sessionId": "ａｂｃｄｅｆｇｈ"}, "sessionId"),
        ({"sessionId": 12345678}, "sessionId"),
        ({"sessionId": ["abcdefgh"]}, "sessionId"),
        ({"sessionId": "abcdefg\0"}, "sessionId"),
        ({"mediaId": "x"}, "mediaId"),
        ({"mediaId": None}, "mediaId"),
        ({"mediaId": 1.5}, "mediaId"),
        ({"mediaId": True}, "mediaId"),
        ({"parentId": "x"}, "parentId"),
        *(({name: value}, name) for name, value in {"id": 1, "userId": 1, "status": "visible", "createdAt": "2020-01-01"}.items()),
    ],
)
def test_wrong_input_is_a_400_that_names_its_field(somebody: Client, medium: PublicMedia, fields: Reply, named: str) -> None:
    reply = write(somebody, medium, expect=400, **{"sessionId": session(), **fields})

    assert reply["error"].startswith(named)
    assert named in reply["details"]
    assert not Comment.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"sessionId": ""}, {"sessionId": None}])
def test_a_visitor_needs_a_session(somebody: Client, medium: PublicMedia, fields: Reply) -> None:
    assert write(somebody, medium, expect=400, **fields)["error"] == "sessionId is required"


@pytest.mark.parametrize("content", ["\\ud800", "a\\udfffb"])
def test_half_a_character_is_refused(somebody: Client, medium: PublicMedia, content: str) -> None:
    body = f'{{"mediaId": {medium.pk}, "sessionId": "{session()}", "content": "{content}"}}'

    assert somebody.post(COMMENTS, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "null", "5", '"x"', "{", "{" * 3000, '{"content": NaN}'])
def test_a_body_that_is_no_object_is_a_400(somebody: Client, body: str) -> None:
    reply = somebody.post(COMMENTS, body, content_type="application/json")

    assert reply.status_code == 400
    assert next(iter(reply.json())) == "error"


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "{{ 7*7 }} ${7*7} %s \\x41 \\",
        "x" * 2000,
        "👩‍👩‍👧‍👦 ﷽ ẗ̷̛e̸x̶t",
        "‮evil.exe‬",
        "zero\u200bwidth",
        "line\r\nline\tline",
        "'; DROP TABLE comments; --",
    ],
)
def test_text_is_stored_as_typed(somebody: Client, medium: PublicMedia, content: str) -> None:
    comment = write(somebody, medium, sessionId=session(), content=content)["comment"]

    assert (comment["content"], comment["status"]) == (content, "visible")
    assert contents(somebody, medium) == [content]


def test_the_length_is_counted_after_trimming(somebody: Client, medium: PublicMedia) -> None:
    assert write(somebody, medium, sessionId=session(), content=" " * 500 + "x" * 2000 + "\n" * 500)["comment"]["content"] == "x" * 2000


def test_the_end_of_the_video_is_a_moment_of_it(somebody: Client, medium: PublicMedia) -> None:
    assert write(somebody, medium, sessionId=session(), videoTimestamp=60)["comment"]["formattedTime"] == "1:00"


@pytest.mark.parametrize("media_id", [0, -1, 999_999_999, 2**63 - 1])
def test_an_unknown_medium_is_not_found(somebody: Client, media_id: int) -> None:
    nowhere = PublicMedia(pk=media_id)

    assert write(somebody, nowhere, sessionId=session(), expect=404) == {"error": "Media not found"}
    if media_id >= 0:
        assert somebody.get(COMMENTS, {"mediaId": media_id}).json() == {"error": "Media not found"}


def test_an_unpublished_medium_is_not_found(somebody: Client, medium: PublicMedia) -> None:
    mine = session()
    comment = write(somebody, medium, sessionId=mine)["comment"]

    services.unpublish([medium.pk], by=None)

    write(somebody, medium, sessionId=mine, content="more", expect=404)
    assert somebody.get(COMMENTS, {"mediaId": medium.pk}).status_code == 404
    assert somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}").status_code == 404


def test_a_locked_medium_is_closed_to_readers_and_writers(somebody: Client, medium: PublicMedia) -> None:
    mine = session()
    comment = write(somebody, medium, sessionId=mine)["comment"]
    services.lock([medium.pk], reason="", by=None)

    replies = [
        somebody.get(COMMENTS, {"mediaId": medium.pk}),
        somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}"),
    ]

    assert write(somebody, medium, sessionId=session(), expect=403) == {"error": "Media is locked"}
    assert [(reply.status_code, reply.json()) for reply in replies] == [(403, {"error": "Media is locked"})] * 2
    assert Comment.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"mediaId": ""}, 400),
        ({"mediaId": "x"}, 400),
        ({"mediaId": "-1"}, 400),
        ({"mediaId": "1e3"}, 400),
        ({"mediaId": "０１"}, 400),
        ({"mediaId": str(2**64)}, 400),
        ({"mediaId": "1", "limit": "0"}, 400),
        ({"mediaId": "1", "offset": "-1"}, 400),
        ({"mediaId": "1", "sessionId": "no"}, 400),
    ],
)
def test_a_list_is_asked_for_properly(somebody: Client, query: Reply, status: int) -> None:
    reply = somebody.get(COMMENTS, query)

    assert reply.status_code == status
    assert next(iter(reply.json()["details"])) in reply.json()["error"]


def many_comments(medium: PublicMedia, how_many: int, **columns: Any) -> list[Comment]:
    """Visible comments, the first the newest, two to each moment so that the id has to decide."""
    now = timezone.now()
    rows = [
        Comment(media_id=medium.pk, content=f"{number}", created_at=now - timedelta(minutes=number // 2), **columns)
        for number in range(how_many)
    ]
    made = Comment.objects.bulk_create(rows)
    PublicMedia.objects.filter(pk=medium.pk).update(comment_count=Comment.objects.visible().filter(media=medium.pk).count())
    return sorted(made, key=lambda comment: (comment.created_at, comment.pk), reverse=True)


@pytest.mark.parametrize("walk", ["offset", "cursor"])
def test_pages_join_without_a_gap(somebody: Client, medium: PublicMedia, walk: str) -> None:
    expected = [comment.content for comment in many_comments(medium, 25)]
    seen: list[str] = []
    page: Reply = {"pagination": {"hasMore": True, "nextCursor": ""}}

    while page["pagination"]["hasMore"]:
        where = {"cursor": page["pagination"]["nextCursor"]} if walk == "cursor" else {"offset": len(seen)}
        page = listed(somebody, medium, limit=10, **where)
        seen += [comment["content"] for comment in page["comments"]]
        assert page["pagination"]["total"] == 25

    assert seen == expected
    assert page["pagination"]["nextCursor"] is None


def test_own_held_comments_stand_among_the_others_in_every_page(somebody: Client, medium: PublicMedia) -> None:
    mine = session()
    many_comments(medium, 11)
    held = many_comments(medium, 9, status="held", session_id=visitor(mine))
    expected = [comment.pk for comment in sorted(Comment.objects.all(), key=lambda each: (each.created_at, each.pk), reverse=True)]
    seen: list[int] = []
    cursor: str | None = ""

    while cursor is not None:
        page = listed(somebody, medium, limit=3, sessionId=mine, cursor=cursor)
        seen += [comment["id"] for comment in page["comments"]]
        cursor = page["pagination"]["nextCursor"]

    assert seen == expected
    assert (page["pagination"]["total"], listed(somebody, medium)["pagination"]["total"]) == (20, 11)
    assert {comment.pk for comment in held} < set(seen)


@pytest.mark.parametrize("offset", [25, 10**9, 2**63 - 1])
def test_an_offset_after_the_end_is_an_empty_page(somebody: Client, medium: PublicMedia, offset: int) -> None:
    many_comments(medium, 25)

    page = listed(somebody, medium, offset=offset, limit=1000)

    assert page["comments"] == []
    assert page["pagination"] == {"total": 25, "limit": 100, "offset": offset, "hasMore": False, "nextCursor": None}


def test_a_cursor_of_another_list_is_refused(somebody: Client, medium: PublicMedia) -> None:
    many_comments(medium, 3)
    other = video()
    services.publish([other.pk], category="sea", by=None)
    cursor = listed(somebody, medium, limit=1)["pagination"]["nextCursor"]

    for wrong in (cursor[:-2], "x", "A" * 500):
        assert somebody.get(COMMENTS, {"mediaId": medium.pk, "cursor": wrong}).status_code == 400
    assert somebody.get(COMMENTS, {"mediaId": other.pk, "cursor": cursor}).status_code == 400


def test_a_page_costs_three_queries(somebody: Client, medium: PublicMedia, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    many_comments(medium, 60)

    with django_assert_num_queries(3):
        listed(somebody, medium)
    with django_assert_num_queries(4):
        listed(somebody, medium, sessionId=session())


class TestReplies:
    def test_a_reply_names_the_comment_that_it_answers(self, somebody: Client, medium: PublicMedia) -> None:
        first = write(somebody, medium, sessionId=session())["comment"]
        reply = write(somebody, medium, sessionId=session(), parentId=first["id"])["comment"]
        deeper = write(somebody, medium, sessionId=session(), parentId=reply["id"])["comment"]

        assert [comment["parentId"] for comment in listed(somebody, medium)["comments"]] == [reply["id"], first["id"], None]
        assert deeper["parentId"] == reply["id"]

    @pytest.mark.parametrize("status", ["held", "removed", "withdrawn"])
    def test_what_nobody_sees_cannot_be_answered(self, somebody: Client, medium: PublicMedia, status: str) -> None:
        parent = Comment.objects.create(media_id=medium.pk, content="x", status=status)

        assert write(somebody, medium, sessionId=session(), parentId=parent.pk, expect=404) == {"error": "Comment not found"}

    def test_a_comment_of_another_medium_cannot_be_answered(self, somebody: Client, medium: PublicMedia) -> None:
        parent = Comment.objects.create(media=video(), content="x")

        write(somebody, medium, sessionId=session(), parentId=parent.pk, expect=404)
        write(somebody, medium, sessionId=session(), parentId=999_999_999, expect=404)

    def test_a_reply_stays_when_its_parent_goes(self, somebody: Client, medium: PublicMedia) -> None:
        mine = session()
        parent = write(somebody, medium, sessionId=mine)["comment"]["id"]
        reply = write(somebody, medium, sessionId=session(), parentId=parent)["comment"]

        somebody.delete(f"{COMMENTS}/{parent}?sessionId={mine}")

        assert listed(somebody, medium)["comments"] == [reply]
        assert count_of(medium) == 1


class TestHeld:
    def test_a_held_comment_is_seen_by_its_session_and_by_moderators_alone(self, somebody: Client, medium: PublicMedia) -> None:
        mine = session()

        comment = write(somebody, medium, sessionId=mine, content=LINK)["comment"]

        assert comment["status"] == "held"
        assert count_of(medium) == 0
        assert contents(somebody, medium) == contents(somebody, medium, sessionId=session()) == contents(signed_in(user()), medium) == []
        assert contents(somebody, medium, sessionId=mine) == contents(signed_in(user("MEDIA_ADMIN")), medium) == [LINK]
        assert somebody.get(f"/api/media/public/{medium.pk}").json()["commentCount"] == 0

    def test_a_user_sees_their_own_held_comment(self, medium: PublicMedia) -> None:
        author = signed_in(user())

        write(author, medium, content=LINK)

        assert contents(author, medium) == [LINK]

    def test_why_it_is_held_is_told_to_nobody(self, somebody: Client, medium: PublicMedia) -> None:
        WatchedWord.objects.create(word="casino")

        reply = write(somebody, medium, sessionId=session(), content="the CASINO!")

        assert reply["comment"]["status"] == "held"
        assert "casino" not in str({**reply["comment"], "content": ""})

    def test_the_sixth_comment_in_a_minute_waits(self, somebody: Client, medium: PublicMedia) -> None:
        mine, author = session(), signed_in(user())

        by_session = [write(somebody, medium, sessionId=mine, content=f"n {n}")["comment"]["status"] for n in range(7)]
        by_user = [write(author, medium, sessionId=session(), content=f"n {n}")["comment"]["status"] for n in range(7)]

        assert by_session == by_user == ["visible"] * 5 + ["held"] * 2
        assert count_of(medium) == 10

    def test_a_minute_later_they_are_visible_again(self, somebody: Client, medium: PublicMedia, settings: Settings) -> None:
        settings.COMMENTS_PER_MINUTE = 1
        mine = session()
        write(somebody, medium, sessionId=mine, content="one")
        Comment.objects.update(created_at=timezone.now() - timedelta(seconds=61))

        assert write(somebody, medium, sessionId=mine, content="two")["comment"]["status"] == "visible"

    def test_deleting_does_not_make_room(self, somebody: Client, medium: PublicMedia, settings: Settings) -> None:
        settings.COMMENTS_PER_MINUTE = 1
        mine = session()
        comment = write(somebody, medium, sessionId=mine, content="one")["comment"]
        somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}")

        assert write(somebody, medium, sessionId=mine, content="two")["comment"]["status"] == "held"


class TestRepeated:
    def test_the_same_again_is_a_conflict(self, somebody: Client, medium: PublicMedia) -> None:
        mine = session()
        write(somebody, medium, sessionId=mine, videoTimestamp=1)

        assert "already" in write(somebody, medium, sessionId=mine, videoTimestamp=1, expect=409)["error"]
        write(somebody, medium, sessionId=mine, videoTimestamp=2)
        write(somebody, medium, sessionId=session(), videoTimestamp=1)
        assert count_of(medium) == Comment.objects.count() == 3

    def test_what_was_withdrawn_may_be_written_again(self, somebody: Client, medium: PublicMedia) -> None:
        mine = session()
        comment = write(somebody, medium, sessionId=mine)["comment"]
        somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}")

        write(somebody, medium, sessionId=mine)

        assert count_of(medium) == 1

    def test_an_idempotency_key_makes_it_happen_once(self, somebody: Client, medium: PublicMedia) -> None:
        mine, key = session(), {"Idempotency-Key": session()}

        replies = [write(somebody, medium, sessionId=mine, headers=key) for _ in range(3)]

        assert replies[0] == replies[1] == replies[2]
        assert count_of(medium) == Comment.objects.count() == 1

    @pytest.mark.parametrize(("closing", "status"), [(services.lock, 403), (services.unpublish, 404)])
    def test_a_repeated_key_tells_nothing_of_a_medium_that_is_closed_by_now(
        self, somebody: Client, medium: PublicMedia, closing: Callable[..., Any], status: int
    ) -> None:
        mine, key = session(), {"Idempotency-Key": session()}
        written = write(somebody, medium, sessionId=mine, headers=key)
        closing([medium.pk], by=None, **({"reason": ""} if closing is services.lock else {}))

        again = write(somebody, medium, sessionId=mine, headers=key, expect=status)
        services.unlock([medium.pk], by=None)
        services.publish([medium.pk], category="sea", by=None)

        assert again == {"error": "Media is locked" if status == 403 else "Media not found"}
        assert write(somebody, medium, sessionId=mine, headers=key) == written


class TestDeleting:
    @pytest.fixture
    def mine(self) -> str:
        return session()

    @pytest.fixture
    def comment(self, somebody: Client, medium: PublicMedia, mine: str) -> str:
        return f"{COMMENTS}/{write(somebody, medium, sessionId=mine)['comment']['id']}"

    def test_its_session_deletes_it_once(self, somebody: Client, medium: PublicMedia, mine: str, comment: str) -> None:
        replies = [somebody.delete(f"{comment}?sessionId={mine}") for _ in range(2)]

        assert [reply.status_code for reply in replies] == [200, 404]
        assert replies[0].json() == {"success": True}
        assert (contents(somebody, medium, sessionId=mine), count_of(medium)) == ([], 0)

    def test_its_user_deletes_it(self, medium: PublicMedia) -> None:
        author = signed_in(user())
        comment = write(author, medium)["comment"]

        assert author.delete(f"{COMMENTS}/{comment['id']}").status_code == 200
        assert count_of(medium) == 0

    def test_a_held_one_is_deleted_without_counting(self, somebody: Client, medium: PublicMedia, mine: str) -> None:
        comment = write(somebody, medium, sessionId=mine, content=LINK)["comment"]

        assert somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}").status_code == 200
        assert count_of(medium) == 0

    def test_nobody_else_deletes_it(self, somebody: Client, medium: PublicMedia, comment: str, mine: str) -> None:
        assert somebody.delete(comment).json()["error"] == "sessionId is required"
        assert somebody.delete(f"{comment}?sessionId={session()}").status_code == 403
        assert somebody.delete(f"{comment}?sessionId={visitor(mine)}").status_code == 403
        assert signed_in(user()).delete(comment).status_code == 403
        assert signed_in(user()).delete(f"{comment}?sessionId={session()}").status_code == 403
        assert count_of(medium) == 1

    def test_somebody_else_learns_nothing_of_a_held_one(self, somebody: Client, medium: PublicMedia, mine: str) -> None:
        comment = write(somebody, medium, sessionId=mine, content=LINK)["comment"]

        assert somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={session()}").status_code == 404

    def test_who_has_signed_in_since_still_has_their_session(self, somebody: Client, medium: PublicMedia, comment: str, mine: str) -> None:
        assert signed_in(user()).delete(f"{comment}?sessionId={mine}").status_code == 200

    @pytest.mark.parametrize("wrong", ["0", "-1", "x", "1.5", str(2**64), "01", "%00"])
    def test_what_is_no_id_is_not_found(self, somebody: Client, wrong: str) -> None:
        assert somebody.delete(f"{COMMENTS}/{wrong}?sessionId={session()}").status_code == 404


class TestModerators:
    @pytest.fixture
    def moderator(self) -> Client:
        return signed_in(user("MEDIA_ADMIN"))

    @pytest.fixture
    def post(self, moderator: Client) -> Callable[..., Any]:
        return lambda comment, verb: moderator.post(f"{COMMENTS}/{comment['id']}/{verb}")

    def test_holding_and_approving_move_the_counter(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        comment = write(somebody, medium, sessionId=session())["comment"]

        held = [post(comment, "hold") for _ in range(2)]
        assert [(reply.status_code, reply.json()["comment"]["status"]) for reply in held] == [(200, "held")] * 2
        assert (contents(somebody, medium), count_of(medium)) == ([], 0)

        approved = [post(comment, "approve") for _ in range(2)]
        assert [reply.json() for reply in approved] == [{"success": True, "comment": comment}] * 2
        assert (contents(somebody, medium), count_of(medium)) == (["lovely"], 1)

    def test_deleting_can_be_taken_back(self, somebody: Client, medium: PublicMedia, moderator: Client, post: Callable[..., Any]) -> None:
        mine = session()
        comment = write(somebody, medium, sessionId=mine)["comment"]

        replies = [moderator.delete(f"{COMMENTS}/{comment['id']}").status_code for _ in range(2)]
        assert (replies, contents(somebody, medium, sessionId=mine), count_of(medium)) == ([200, 404], [], 0)
        assert post(comment, "hold").status_code == 409

        assert post(comment, "approve").status_code == 200
        assert count_of(medium) == 1

    def test_what_its_author_has_deleted_stays_away(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        mine = session()
        comment = write(somebody, medium, sessionId=mine)["comment"]
        somebody.delete(f"{COMMENTS}/{comment['id']}?sessionId={mine}")

        assert [post(comment, verb).status_code for verb in ("approve", "hold")] == [409, 409]

    @pytest.mark.parametrize("verb", ["hold", "approve", "remove-session"])
    def test_verbs_are_for_administrators(self, somebody: Client, medium: PublicMedia, moderator: Client, verb: str) -> None:
        comment = write(somebody, medium, sessionId=session())["comment"]
        address = f"{COMMENTS}/{comment['id']}/{verb}"

        assert (somebody.post(address).status_code, signed_in(user()).post(address).status_code) == (401, 403)
        assert moderator.post(f"{COMMENTS}/999999999/{verb}").json() == {"error": "Comment not found"}

    def test_all_of_a_session_goes_at_once(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        other = PublicMedia(pk=video().pk)
        services.publish([other.pk], category="sea", by=None)
        spammer = session()
        for target, content in ((medium, "buy"), (medium, LINK), (other, "buy")):
            comment = write(somebody, target, sessionId=spammer, content=content)["comment"]
        write(somebody, medium, sessionId=session(), content="innocent")

        reply = post(comment, "remove-session")

        assert reply.json() == {"success": True, "removedCount": 3}
        assert (contents(somebody, medium), contents(somebody, other)) == (["innocent"], [])
        assert (count_of(medium), count_of(other)) == (1, 0)
        assert post(comment, "remove-session").json()["removedCount"] == 0

    def test_all_of_a_user_goes_at_once_and_nobody_elses(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        write(signed_in(user()), medium, content="innocent")
        author = signed_in(user())
        write(author, medium, content="one")
        comment = write(author, medium, content="two")["comment"]

        post(comment, "remove-session")

        assert contents(somebody, medium) == ["innocent"]

    def test_all_of_a_user_goes_who_is_no_longer_there(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        gone = user()
        author = signed_in(gone)
        write(author, medium, content="one")
        comment = write(author, medium, content="two")["comment"]
        write(somebody, medium, sessionId=session(), content="innocent")
        gone.delete()

        reply = post(comment, "remove-session")

        assert reply.json()["removedCount"] == 2
        assert contents(somebody, medium) == ["innocent"]

    def test_a_locked_medium_is_moderated_all_the_same(self, somebody: Client, medium: PublicMedia, post: Callable[..., Any]) -> None:
        comment = write(somebody, medium, sessionId=session(), content=LINK)["comment"]
        services.lock([medium.pk], reason="", by=None)

        assert post(comment, "approve").status_code == 200
        assert count_of(medium) == 1

    def test_the_counter_is_right_when_moderated_while_unpublished(
        self, somebody: Client, medium: PublicMedia, moderator: Client, post: Callable[..., Any]
    ) -> None:
        kept, gone, came = (write(somebody, medium, sessionId=session(), content=content)["comment"] for content in ("a", "b", LINK))
        services.unpublish([medium.pk], by=None)

        moderator.delete(f"{COMMENTS}/{gone['id']}")
        post(came, "approve")
        post(kept, "hold")
        post(kept, "approve")

        assert Video.objects.get(pk=medium.pk).public_comment_count == 2
        services.publish([medium.pk], category="sky", by=None)
        assert (contents(somebody, medium), count_of(medium)) == ([LINK, "a"], 2)


def test_a_session_that_writes_too_often_is_told_when_to_come_again(somebody: Client, medium: PublicMedia, settings: Settings) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = 2
    mine = session()
    for content in ("one", "two"):
        write(somebody, medium, sessionId=mine, content=content)

    reply = somebody.post(COMMENTS, {"mediaId": medium.pk, "sessionId": mine, "content": "three"}, content_type="application/json")

    assert reply.status_code == 429
    assert 0 < int(reply["Retry-After"]) <= 60
    assert Comment.objects.count() == 2


# --- Along the medium


def test_all_that_is_said_at_moments_is_told_place_by_place_with_the_newest_first(somebody: Client) -> None:
    row = video(duration_seconds=600)  # so that a place is three seconds long
    services.publish([row.pk], category="sea", by=None)
    for number, moment in enumerate([6, 8, 8, 9, 600, None]):
        Comment.objects.create(media=row, content=f"{number} " + "long " * 99, video_timestamp=moment)
    Comment.objects.create(media=row, content="held", video_timestamp=6, status=Comment.Status.HELD)

    places = somebody.get(f"/api/media/public/{row.pk}/remarks").json()["remarks"]

    assert [(place["videoTimestamp"], place["excerpt"][:2], place["count"]) for place in places] == [
        (8, "2 ", 3),
        (9, "3 ", 1),
        (600, "4 ", 1),
    ]
    assert max(len(place["excerpt"]) for place in places) == 140


def test_places_are_counted_in_an_index_alone(medium: PublicMedia) -> None:
    """What keeps them fast below a medium with a hundred thousand comments. On few rows the planner would read the table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {REMARKS}", {"media": medium.pk, "seconds": 3})
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Only Scan using idx_comments_media_moment" in plan


def test_of_a_medium_that_is_closed_nothing_is_told(somebody: Client, medium: PublicMedia) -> None:
    write(somebody, medium, sessionId=session(), videoTimestamp=5)
    services.lock([medium.pk], reason="", by=None)

    assert somebody.get(f"/api/media/public/{medium.pk}/remarks").status_code == 403
    assert somebody.get("/api/media/public/0/remarks").status_code == 404

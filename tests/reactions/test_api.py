"""Reactions through the API: who may react to what and when, and who sees it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from gallery import services as gallery
from media_library.models import Video
from reactions.models import VideoReaction
from tests.config.conftest import MakeUser, signed_in
from tests.gallery.rows import video
from tests.gallery.shared_media import share

pytestmark = pytest.mark.django_db
REACTIONS = "/api/reactions"
React = Callable[..., Any]


@pytest.fixture
def member(make_user: MakeUser) -> User:
    return make_user("USER")


@pytest.fixture
def member_api(member: User) -> Client:
    return signed_in(member)


@pytest.fixture
def medium() -> int:
    """A public medium of 60 seconds."""
    return share(duration_seconds=60)


def react(client: Client, media_id: Any, reaction_type: Any = "love", at: Any = 27, **more: Any) -> Any:
    body = {"mediaId": media_id, "reactionType": reaction_type, "videoTimestamp": at, **more}
    return client.post(REACTIONS, body, content_type="application/json")


def written(media_id: int, by: User, how_many: int = 1, reaction_type: str = "like", first: int = 0) -> list[VideoReaction]:
    return VideoReaction.objects.bulk_create(
        VideoReaction(user=by, media_id=media_id, reaction_type=reaction_type, video_timestamp=first + n) for n in range(how_many)
    )


def test_the_config_names_the_six_types_in_order(visitor: Client) -> None:
    assert visitor.get(f"{REACTIONS}/config").json() == {
        "reactions": [
            {"type": "like", "emoji": "\U0001f44d", "label": "Like"},
            {"type": "love", "emoji": "\u2764\ufe0f", "label": "Love"},
            {"type": "laugh", "emoji": "\U0001f602", "label": "Laugh"},
            {"type": "wow", "emoji": "\U0001f62e", "label": "Wow"},
            {"type": "sad", "emoji": "\U0001f622", "label": "Sad"},
            {"type": "angry", "emoji": "\U0001f620", "label": "Angry"},
        ]
    }


def test_a_reaction_is_answered_as_the_specification_shows_it(member: User, member_api: Client, medium: int) -> None:
    reply = react(member_api, medium)

    assert reply.status_code == 200
    assert set(reply.json()) == {"success", "reaction"}
    reaction = reply.json()["reaction"]
    created_at = reaction.pop("createdAt")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created_at)
    assert reaction == {
        "id": VideoReaction.objects.get().pk,
        "mediaId": medium,
        "userId": member.pk,
        "reactionType": "love",
        "videoTimestamp": 27,
        "emoji": "\u2764\ufe0f",
        "formattedTime": "0:27",
    }


@pytest.mark.parametrize(("at", "told"), [(0, "0:00"), (90, "1:30"), (3661, "1:01:01"), (7322, "2:02:02")])
def test_moments_are_told_as_people_write_them(member_api: Client, at: int, told: str) -> None:
    media_id = share(duration_seconds=8000)

    assert react(member_api, media_id, at=at).json()["reaction"]["formattedTime"] == told


def test_the_same_reaction_again_is_the_same_reaction(member_api: Client, medium: int) -> None:
    first = react(member_api, medium).json()

    again = react(member_api, medium)

    assert (again.status_code, again.json()) == (200, first)
    assert VideoReaction.objects.count() == 1


def test_another_type_second_or_user_is_another_reaction(member_api: Client, admin_api: Client, medium: int) -> None:
    for client, reaction_type, at in ((member_api, "love", 1), (member_api, "wow", 1), (member_api, "love", 2), (admin_api, "love", 1)):
        assert react(client, medium, reaction_type, at).status_code == 200

    assert VideoReaction.objects.count() == 4


def test_a_repeated_key_gets_the_first_reply_though_the_reaction_is_gone(member_api: Client, medium: int) -> None:
    key = uuid.uuid4().hex

    def post(at: int) -> Any:
        body = {"mediaId": medium, "reactionType": "wow", "videoTimestamp": at}
        return member_api.post(REACTIONS, body, content_type="application/json", headers={"Idempotency-Key": key})

    first = post(3)
    VideoReaction.objects.all().delete()
    again, other = post(3), post(4)

    assert (again.status_code, again.json()) == (200, first.json())
    assert other.status_code == 409
    assert not VideoReaction.objects.exists()


@pytest.mark.parametrize(("closing", "status"), [(gallery.lock, 403), (gallery.unpublish, 404)])
def test_a_repeated_key_tells_nothing_of_a_medium_that_is_closed_by_now(
    member_api: Client, admin_api: Client, medium: int, closing: Any, status: int
) -> None:
    body, headers = {"mediaId": medium, "reactionType": "love", "videoTimestamp": 3}, {"Idempotency-Key": uuid.uuid4().hex}
    for client in (member_api, admin_api):
        assert client.post(REACTIONS, body, content_type="application/json", headers=headers).status_code == 200
    closing([medium], by=None, **({"reason": ""} if closing is gallery.lock else {}))

    replies = [client.post(REACTIONS, body, content_type="application/json", headers=headers) for client in (member_api, admin_api)]

    assert [reply.status_code for reply in replies] == [status, 403 if status == 403 else 200]  # an admin reacts to what is not public too


@pytest.mark.parametrize("reaction_type", ["meh", None, "", "LOVE", "love ", 1, True, 1.5, [], ["love"], {}, {"love": 1}, "x" * 100_000])
def test_any_other_type_is_an_invalid_reaction_type(member_api: Client, medium: int, reaction_type: Any) -> None:
    reply = react(member_api, medium, reaction_type)

    assert (reply.status_code, reply.json()) == (400, {"error": "Invalid reaction type"})


def test_a_missing_type_is_an_invalid_reaction_type(member_api: Client) -> None:
    reply = member_api.post(REACTIONS, {}, content_type="application/json")

    assert (reply.status_code, reply.json()) == (400, {"error": "Invalid reaction type"})


@pytest.mark.parametrize("at", [-1, 61, 10**7, 2**31, 2**63 - 1, 1.0, 1.5, "1", "later", True, None, [], {}])
def test_a_moment_is_a_whole_second_of_the_video(member_api: Client, medium: int, at: Any) -> None:
    reply = react(member_api, medium, at=at)

    assert reply.status_code == 400
    assert "videoTimestamp" in reply.json()["error"]
    assert not VideoReaction.objects.exists()


def test_the_first_and_the_last_second_count(member_api: Client, medium: int) -> None:
    assert [react(member_api, medium, at=at).status_code for at in (0, 60)] == [200, 200]


def test_a_video_of_unknown_length_takes_any_second(member_api: Client) -> None:
    media_id = share(duration_seconds=None)

    assert [react(member_api, media_id, at=at).status_code for at in (7200, 2**31 - 1, 2**31)] == [200, 200, 400]


@pytest.mark.parametrize("media_id", [999_999_999, 0, -1, 2**31, 2**63 - 1, -(2**63)])
def test_a_video_that_cannot_be_is_not_found(member_api: Client, admin_api: Client, media_id: int) -> None:
    for client in (member_api, admin_api):
        reply = react(client, media_id)
        assert (reply.status_code, reply.json()) == (404, {"error": "Video not found"})


@pytest.mark.parametrize("media_id", ["1", 1.0, True, None, [1], {"id": 1}, "\u0661"])
def test_what_is_no_id_is_named(member_api: Client, media_id: Any) -> None:
    reply = react(member_api, media_id)

    assert reply.status_code == 400
    assert "mediaId" in reply.json()["error"]


def test_fields_of_the_row_cannot_be_set(member_api: Client, medium: int) -> None:
    for field in ("id", "userId", "createdAt"):
        reply = react(member_api, medium, **{field: 1})
        assert reply.status_code == 400
        assert field in reply.json()["error"]


def test_only_an_admin_reacts_to_what_is_not_public(member_api: Client, admin_api: Client) -> None:
    media_id = video().pk

    refused = react(member_api, media_id)

    assert (refused.status_code, refused.json()) == (404, {"error": "Video not found"})
    assert react(admin_api, media_id).status_code == 200


def test_nobody_reacts_to_a_locked_medium(member_api: Client, admin_api: Client, medium: int) -> None:
    gallery.lock([medium], reason="secret", by=None)

    for client in (member_api, admin_api):
        reply = react(client, medium)
        assert (reply.status_code, reply.json()) == (403, {"error": "Media is locked"})
    assert not VideoReaction.objects.exists()


def test_reacting_needs_somebody_who_is_no_temporary_user(visitor: Client, make_user: MakeUser, medium: int) -> None:
    assert react(visitor, medium).status_code == 401
    assert react(signed_in(make_user("TEMP")), medium).status_code == 403


def test_a_list_is_the_newest_first(visitor: Client, member: User, medium: int) -> None:
    rows = written(medium, member, 3)

    reply = visitor.get(REACTIONS, {"mediaId": medium}).json()

    assert [row["id"] for row in reply["reactions"]] == [row.pk for row in reversed(rows)]
    assert (reply["limit"], reply["nextCursor"]) == (50, None)
    assert set(reply["reactions"][0]) == {
        "id", "mediaId", "userId", "reactionType", "videoTimestamp", "emoji", "formattedTime", "createdAt",
    }  # fmt: skip


def test_a_list_is_narrowed_by_medium_and_user(visitor: Client, member: User, admin: User, medium: int) -> None:
    other = share()
    written(medium, member)
    written(medium, admin)
    written(other, member)

    def shown(**query: Any) -> set[tuple[int, int]]:
        return {(row["mediaId"], row["userId"]) for row in visitor.get(REACTIONS, query).json()["reactions"]}

    assert shown(mediaId=medium) == {(medium, member.pk), (medium, admin.pk)}
    assert shown(userId=member.pk) == {(medium, member.pk), (other, member.pk)}
    assert shown(mediaId=medium, userId=admin.pk) == {(medium, admin.pk)}
    assert len(shown()) == 3
    assert shown(mediaId=999_999_999) == shown(userId=0) == shown(mediaId=2**63 - 1) == set()


@pytest.mark.parametrize("name", ["mediaId", "userId"])
@pytest.mark.parametrize("value", ["abc", "1.5", "", "\0", "-1", "+1", "1e3", "0x1", "\uff11", "9" * 30, "1_0", "true"])
def test_a_filter_that_is_no_integer_is_named(visitor: Client, name: str, value: str) -> None:
    reply = visitor.get(REACTIONS, {name: value})

    assert reply.status_code == 400
    assert name in reply.json()["error"]


def test_a_limit_above_100_is_served_as_100(visitor: Client, member: User) -> None:
    media_id = share(duration_seconds=200)
    written(media_id, member, 120)

    reply = visitor.get(REACTIONS, {"mediaId": media_id, "limit": 5000}).json()

    assert (len(reply["reactions"]), reply["limit"]) == (100, 100)
    assert len(visitor.get(REACTIONS, {"mediaId": media_id}).json()["reactions"]) == 50


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"offset": "-1"}, {"offset": "9" * 30}, {"cursor": "x"}]
)
def test_bad_paging_is_named(visitor: Client, query: dict[str, str]) -> None:
    reply = visitor.get(REACTIONS, query)

    assert reply.status_code == 400
    assert next(iter(query)) in reply.json()["error"]


def test_a_cursor_walks_the_whole_list_once(visitor: Client, member: User, medium: int) -> None:
    rows = written(medium, member, 7)  # in one statement, so all at the same time
    walked, query = [], {"mediaId": medium, "limit": 2}

    while True:
        page = visitor.get(REACTIONS, query).json()
        walked += [row["id"] for row in page["reactions"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]

    assert walked == [row.pk for row in reversed(rows)]
    assert [row["id"] for row in visitor.get(REACTIONS, {"mediaId": medium, "offset": 5}).json()["reactions"]] == walked[5:]
    assert visitor.get(REACTIONS, {"limit": 2, "cursor": query["cursor"]}).status_code == 400  # a cursor of another list


def test_locked_and_unpublished_media_are_absent_from_every_list(visitor: Client, member: User, admin: User, medium: int) -> None:
    locked, gone, never = share(), share(), video().pk
    for media_id in (medium, locked, gone, never):
        written(media_id, admin)
    gallery.lock([locked], reason="", by=None)
    gallery.unpublish([gone], by=None)

    assert [row["mediaId"] for row in visitor.get(REACTIONS).json()["reactions"]] == [medium]
    assert [row["mediaId"] for row in visitor.get(REACTIONS, {"userId": admin.pk}).json()["reactions"]] == [medium]
    for media_id in (locked, gone, never):
        assert visitor.get(REACTIONS, {"mediaId": media_id}).json() == {"reactions": [], "limit": 50, "nextCursor": None}


def test_reactions_survive_unpublishing(visitor: Client, member: User, medium: int) -> None:
    written(medium, member)

    gallery.unpublish([medium], by=None)
    gallery.publish([medium], category="again", by=None)

    assert len(visitor.get(REACTIONS, {"mediaId": medium}).json()["reactions"]) == 1


def test_the_timeline_counts_each_type_in_each_part(visitor: Client, member: User, admin: User) -> None:
    media_id = share(duration_seconds=399)  # 400 seconds with the last: two in a bucket
    written(media_id, member, 3, "love", first=10)
    written(media_id, admin, 1, "sad", first=11)
    written(media_id, admin, 1, "wow", first=399)

    timeline = visitor.get(f"{REACTIONS}/timeline", {"mediaId": media_id}).json()

    assert (timeline["mediaId"], timeline["bucketSeconds"], len(timeline["buckets"])) == (media_id, 2, 200)
    assert [bucket["start"] for bucket in timeline["buckets"]] == list(range(0, 400, 2))
    assert timeline["buckets"][5] == {"start": 10, "total": 3, "like": 0, "love": 2, "laugh": 0, "wow": 0, "sad": 1, "angry": 0}
    assert timeline["buckets"][6]["love"] == timeline["buckets"][199]["wow"] == 1
    assert sum(bucket["total"] for bucket in timeline["buckets"]) == 5


@pytest.mark.parametrize("duration", [0, 1, 59, 198, 199, 200, 201, 3600, 35_999, 400_000])
def test_a_timeline_has_at_most_200_buckets_that_cover_the_video(visitor: Client, duration: int) -> None:
    media_id = share(duration_seconds=duration)

    timeline = visitor.get(f"{REACTIONS}/timeline", {"mediaId": media_id}).json()

    assert 1 <= len(timeline["buckets"]) <= 200
    assert timeline["buckets"][-1]["start"] <= duration < timeline["buckets"][-1]["start"] + timeline["bucketSeconds"]


def test_reactions_beyond_the_end_of_a_file_that_got_shorter_are_in_the_last_part(visitor: Client, member: User, medium: int) -> None:
    written(medium, member, first=59)
    Video.objects.filter(pk=medium).update(duration_seconds=20)
    gallery.refresh([medium])

    timeline = visitor.get(f"{REACTIONS}/timeline", {"mediaId": medium}).json()

    assert (len(timeline["buckets"]), timeline["buckets"][20]["like"]) == (21, 1)


def test_the_timeline_of_a_video_of_unknown_length_ends_with_its_last_reaction(visitor: Client, member: User) -> None:
    media_id = share(duration_seconds=None)
    empty = visitor.get(f"{REACTIONS}/timeline", {"mediaId": media_id}).json()
    written(media_id, member, first=1000)

    timeline = visitor.get(f"{REACTIONS}/timeline", {"mediaId": media_id}).json()

    assert len(empty["buckets"]) == 1
    assert (timeline["bucketSeconds"], timeline["buckets"][-1]["total"]) == (6, 1)


def test_a_timeline_is_closed_as_its_medium_is(visitor: Client, medium: int) -> None:
    gallery.lock([medium], reason="", by=None)
    locked = visitor.get(f"{REACTIONS}/timeline", {"mediaId": medium})
    unpublished = visitor.get(f"{REACTIONS}/timeline", {"mediaId": video().pk})

    assert (locked.status_code, locked.json()) == (403, {"error": "Media is locked"})
    assert (unpublished.status_code, unpublished.json()) == (404, {"error": "Media not found"})
    assert visitor.get(f"{REACTIONS}/timeline").json()["error"] == "mediaId is required"
    assert visitor.get(f"{REACTIONS}/timeline", {"mediaId": "x"}).status_code == 400


def test_a_reaction_is_taken_back_by_its_user_or_an_admin_only(
    visitor: Client, member: User, member_api: Client, admin_api: Client, make_user: MakeUser, medium: int
) -> None:
    mine, also_mine = written(medium, member, 2)
    stranger = signed_in(make_user("USER"))

    assert visitor.delete(f"{REACTIONS}/{mine.pk}").status_code == 401
    assert stranger.delete(f"{REACTIONS}/{mine.pk}").status_code == 403
    assert VideoReaction.objects.count() == 2
    assert member_api.delete(f"{REACTIONS}/{mine.pk}").json() == {"success": True}
    assert admin_api.delete(f"{REACTIONS}/{also_mine.pk}").json() == {"success": True}
    assert not VideoReaction.objects.exists()


@pytest.mark.parametrize("reaction_id", ["999999999", "0", "-1", "abc", "9" * 30, "1.5"])
def test_a_reaction_that_is_not_there_is_not_found(member_api: Client, reaction_id: str) -> None:
    reply = member_api.delete(f"{REACTIONS}/{reaction_id}")

    assert (reply.status_code, reply.json()) == (404, {"error": "Reaction not found"})


def test_while_a_medium_is_locked_only_an_admin_takes_a_reaction_back(
    member: User, member_api: Client, admin_api: Client, medium: int
) -> None:
    (mine,) = written(medium, member)
    gallery.lock([medium], reason="", by=None)

    assert member_api.delete(f"{REACTIONS}/{mine.pk}").status_code == 403
    assert admin_api.delete(f"{REACTIONS}/{mine.pk}").status_code == 200


def test_a_user_is_throttled_and_told_when_to_come_again(settings: Settings, member_api: Client, medium: int) -> None:
    settings.PUBLIC_WRITES_PER_SESSION_PER_MINUTE = 3

    replies = [react(member_api, medium, at=at) for at in range(4)]

    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert 1 <= int(replies[3]["Retry-After"]) <= 60
    assert VideoReaction.objects.count() == 3

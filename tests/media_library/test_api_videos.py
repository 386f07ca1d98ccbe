"""The admin's API of videos, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.tokens import RefreshToken

from config import redis
from gallery import services as gallery
from media_library.models import Video

pytestmark = pytest.mark.django_db

ISO_MS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MakeVideo = Callable[..., Video]


@pytest.fixture
def admin() -> User:
    user = User.objects.create_user("editor")
    user.groups.add(Group.objects.get_or_create(name="MEDIA_ADMIN")[0])
    return user


@pytest.fixture
def api(admin: User) -> Client:
    token = RefreshToken.for_user(admin).access_token
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


@pytest.fixture
def make_video() -> MakeVideo:
    """Makes a row; each is a second younger than the one before."""
    made = 0

    def make(**columns: Any) -> Video:
        nonlocal made
        made += 1
        name = f"clip-{made}.mp4"
        defaults = {
            "path": f"videos/{name}", "filename": name, "directory_type": "videos", "duration_seconds": 60, "file_size": 1000,
            "orientation": "landscape", "quality": "1080p", "width": 1920, "height": 1080,
            "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=made),
        }  # fmt: skip
        return Video.objects.create(**defaults | columns)

    return make


def ids(reply: Any) -> list[int]:
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()["videos"]]


class TestList:
    def test_the_newest_come_first_fifty_at_a_time(self, api: Client, make_video: MakeVideo) -> None:
        videos = [make_video() for _ in range(51)]

        body = api.get("/api/videos").json()

        assert [row["id"] for row in body["videos"]] == [video.pk for video in reversed(videos)][:50]
        assert (body["total"], body["limit"], body["offset"], body["totalIsCapped"]) == (51, 50, 0, False)
        assert ISO_MS.fullmatch(body["videos"][0]["createdAt"])

    def test_filters(self, api: Client, make_video: MakeVideo) -> None:
        plain = make_video()
        private = make_video(
            directory_type="private", orientation="portrait", quality="4K", is_valid=False, producer="acme", tags=["a", "b"]
        )

        for query in ("directoryType=private", "orientation=portrait", "quality=4K", "isValid=false", "producer=acme", "tag=a"):
            body = api.get(f"/api/videos?{query}").json()
            assert ([row["id"] for row in body["videos"]], body["total"]) == ([private.pk], 1), query
        assert ids(api.get("/api/videos?isValid=true")) == [plain.pk]

    def test_published_or_not(self, api: Client, make_video: MakeVideo) -> None:
        shown, hidden = make_video(), make_video()
        gallery.publish([shown.pk], category="films", by=None)

        assert ids(api.get("/api/videos?published=true")) == [shown.pk]
        assert ids(api.get("/api/videos?published=false")) == [hidden.pk]
        assert api.get("/api/videos?published=true").json()["videos"][0]["category"] == "films"

    @pytest.mark.parametrize(
        ("sort", "order"), [("recent", [3, 2, 1, 0]), ("title", [2, 0, 3, 1]), ("duration", [1, 3, 0, 2]), ("size", [0, 2, 1, 3])]
    )
    def test_orders_and_their_cursors(self, api: Client, make_video: MakeVideo, sort: str, order: list[int]) -> None:
        videos = [
            make_video(title="beta", duration_seconds=10, file_size=9),
            make_video(title=None, filename="Zeta.mp4", duration_seconds=40, file_size=2),
            make_video(title="Alpha", duration_seconds=None, file_size=5),
            make_video(title="BETA", duration_seconds=10, file_size=None),
        ]
        expected = [videos[position].pk for position in order]

        assert ids(api.get(f"/api/videos?sort={sort}")) == expected
        walked, cursor = [], ""
        while cursor is not None:
            body = api.get(f"/api/videos?sort={sort}&limit=1&cursor={cursor}" if cursor else f"/api/videos?sort={sort}&limit=1").json()
            walked += [row["id"] for row in body["videos"]]
            cursor = body["nextCursor"]
        assert walked == expected

    def test_rows_of_one_moment_are_each_shown_once(self, api: Client, make_video: MakeVideo) -> None:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        videos = [make_video(created_at=moment) for _ in range(5)]

        first = api.get("/api/videos?limit=2").json()
        second = api.get(f"/api/videos?limit=3&cursor={first['nextCursor']}").json()

        assert [row["id"] for row in first["videos"] + second["videos"]] == [video.pk for video in reversed(videos)]
        assert second["nextCursor"] is None

    @pytest.mark.parametrize(
        ("text", "finds"),
        [("DEMO", True), ("100%", True), ("a_b", True), ("a%b", False), ("%%%", False), ("clip-1.mp4", True), ("\\", False), ("'", False)],
    )
    def test_a_search_is_literal_text(self, api: Client, make_video: MakeVideo, text: str, finds: bool) -> None:
        make_video(title="A demo, 100% a_b")

        body = api.get("/api/videos", {"search": text}).json()

        assert (body["total"], len(body["videos"])) == (int(finds), int(finds))

    def test_a_search_with_many_hits_says_a_thousand(self, api: Client, make_video: MakeVideo) -> None:
        Video.objects.bulk_create(Video(path=f"videos/{n}.mp4", filename=f"{n} holiday.mp4") for n in range(1001))

        body = api.get("/api/videos?search=holiday&limit=100&offset=950").json()

        assert (body["total"], body["totalIsCapped"], len(body["videos"])) == (1000, True, 51)

    @pytest.mark.parametrize(
        "query",
        [
            "sort=sideways",
            "sort=",
            "directoryType=x",
            "orientation=LANDSCAPE",
            "quality=1080",
            "isValid=1",
            "isValid=",
            "published=yes",
            "limit=0",
            "limit=x",
            "offset=-1",
            "search=" + "x" * 201,
            "search=%00",
            "tag=%00",
            "producer=%00",
            "cursor=x",
            "sort=size&sort=title",
        ],
    )
    def test_what_is_no_value_of_a_parameter_is_a_400_that_names_it(self, api: Client, query: str) -> None:
        reply = api.get(f"/api/videos?{query}")

        assert reply.status_code == 400
        assert reply.json()["error"].startswith(query.split("=")[0])

    def test_a_cursor_of_another_list_is_refused(self, api: Client, make_video: MakeVideo) -> None:
        for _ in range(2):
            make_video()
        cursor = api.get("/api/videos?limit=1").json()["nextCursor"]

        assert api.get(f"/api/videos?limit=1&sort=size&cursor={cursor}").status_code == 400

    def test_an_offset_beyond_the_end_is_an_empty_page(self, api: Client, make_video: MakeVideo) -> None:
        make_video()

        body = api.get(f"/api/videos?offset={2**63 - 1}").json()

        assert (body["videos"], body["total"], body["nextCursor"]) == ([], 1, None)

    def test_an_unchanged_list_is_a_304(self, api: Client, make_video: MakeVideo) -> None:
        make_video()
        etag = api.get("/api/videos")["ETag"]

        reply = api.get("/api/videos", headers={"If-None-Match": etag})

        assert (reply.status_code, reply.content) == (304, b"")

    def test_a_page_costs_five_queries(self, api: Client, make_video: MakeVideo, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        for _ in range(10):
            make_video()

        with django_assert_num_queries(5):  # the user, the role, the total, the ids, the rows
            api.get("/api/videos?limit=10")


class TestDetail:
    def test_every_column_is_there(self, api: Client, make_video: MakeVideo) -> None:
        video = make_video(tags=["a"], title="Demo")

        body = api.get(f"/api/videos/{video.pk}").json()

        assert (body["duration"], body["durationSeconds"], body["fileHash"], body["tags"]) == (60, 60, None, ["a"])
        assert set(body) >= {
            "publicCompletionCount",
            "movedFromPublicAt",
            "originalFilename",
            "standardizedAt",
            "hasAudio",
            "lastValidated",
        }

    @pytest.mark.parametrize(
        "video_id",
        ["0", "-1", "+1", "1.5", "1e3", "0x1", "０１", "１", "true", "%00", "01", str(2**31), str(2**63), str(2**64), "9" * 5000],
    )
    @pytest.mark.parametrize("rest", ["", "/stream", "/thumbnail"])
    def test_an_id_that_cannot_be_is_not_found(self, api: Client, make_video: MakeVideo, video_id: str, rest: str) -> None:
        make_video()

        reply = api.get(f"/api/videos/{video_id}{rest}")

        assert (reply.status_code, reply.json()) == (404, {"error": "Video not found"})


class TestEdit:
    def test_changes_show_here_and_in_the_gallery(self, api: Client, make_video: MakeVideo, admin: User) -> None:
        video = make_video()
        gallery.publish([video.pk], category="films", by=None)

        body = edit(api, video, {"title": "New", "tags": [" a ", "b", "a"], "producer": ""}).json()

        assert (body["title"], body["tags"], body["producer"]) == ("New", ["a", "b"], None)
        assert api.get(f"/api/media/public/{video.pk}").json()["title"] == "New"
        assert LogEntry.objects.get(user=admin).change_message == "Changed title, producer, tags."

    @pytest.mark.parametrize(
        "body",
        [
            {"path": "../x"},
            {"id": 7},
            {"isValid": False},
            {"fileSize": 1},
            {"publicViewCount": 9},
            {"createdAt": "2020-01-01"},
            {"is_valid": False},
            {"directoryType": "private"},
            {"title": "a\0b"},
            {"title": 7},
            {"title": "x" * 501},
            {"tags": "a"},
            {"tags": [1]},
            {"tags": ["x"] * 101},
            {"tags": None},
            {"tags": ["x" * 65]},
        ],
    )
    def test_anything_else_is_a_400_that_names_it(self, api: Client, make_video: MakeVideo, body: dict[str, Any]) -> None:
        video = make_video(title="Old")

        reply = edit(api, video, body)

        assert reply.status_code == 400
        assert next(iter(body)) in reply.json()["error"]
        video.refresh_from_db()
        assert (video.title, video.path, video.is_valid) == ("Old", "videos/clip-1.mp4", True)

    def test_nobody_is_edited(self, api: Client) -> None:
        assert api.patch("/api/videos/999999", {"title": "x"}, content_type="application/json").status_code == 404


def edit(api: Client, video: Video, body: dict[str, Any]) -> Any:
    return api.patch(f"/api/videos/{video.pk}", body, content_type="application/json")


def post(api: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    return api.post(path, body or {}, content_type="application/json")


class TestPublish:
    def test_a_published_video_is_shown_and_moves_when_published_again(self, api: Client, make_video: MakeVideo) -> None:
        video = make_video()

        first = post(api, f"/api/videos/{video.pk}/publish", {"category": "films"}).json()
        second = post(api, f"/api/videos/{video.pk}/publish", {"category": "clips"}).json()

        assert (first["success"], first["media"]["category"], second["media"]["category"]) == (True, "films", "clips")
        assert first["media"]["path"] == "/public/films/clip-1.mp4"

    @pytest.mark.parametrize(
        "columns", [{"directory_type": "private"}, {"is_valid": False}, {"trashed_at": datetime(2026, 1, 1, tzinfo=UTC)}]
    )
    def test_what_may_not_be_shown_is_a_409(self, api: Client, make_video: MakeVideo, columns: dict[str, Any]) -> None:
        reply = post(api, f"/api/videos/{make_video(**columns).pk}/publish", {"category": "films"})

        assert reply.status_code == 409
        assert isinstance(reply.json()["error"], str)

    @pytest.mark.parametrize("category", ["", "Films", "a b", "../x", "é", "x" * 65, None, 7])
    def test_a_category_that_is_no_slug_is_a_400(self, api: Client, make_video: MakeVideo, category: Any) -> None:
        reply = post(api, f"/api/videos/{make_video().pk}/publish", {"category": category})

        assert reply.status_code == 400
        assert "category" in reply.json()["error"]

    def test_unpublishing_hides_and_what_is_hidden_is_not_found(self, api: Client, make_video: MakeVideo) -> None:
        video = make_video()
        gallery.publish([video.pk], category="films", by=None)

        assert post(api, f"/api/videos/{video.pk}/unpublish").json() == {"success": True}
        assert post(api, f"/api/videos/{video.pk}/unpublish").status_code == 404
        assert ISO_MS.fullmatch(api.get(f"/api/videos/{video.pk}").json()["movedFromPublicAt"])


class TestRemove:
    def test_a_removed_video_is_invalid_and_hidden_until_restored(self, api: Client, make_video: MakeVideo) -> None:
        video = make_video()
        gallery.publish([video.pk], category="films", by=None)

        assert api.delete(f"/api/videos/{video.pk}").json() == {"success": True}

        body = api.get(f"/api/videos/{video.pk}").json()
        assert (body["isValid"], body["category"]) == (False, None)
        assert post(api, f"/api/videos/{video.pk}/restore").json() == {"success": True}
        assert api.get(f"/api/videos/{video.pk}").json()["isValid"] is True
        assert post(api, f"/api/videos/{video.pk}/restore").status_code == 409

    def test_an_unknown_video_is_not_found(self, api: Client) -> None:
        assert api.delete("/api/videos/999999").status_code == 404
        assert api.delete("/api/videos/1?file=shred").status_code == 400
        assert post(api, "/api/videos/999999/restore").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_trash_takes_the_file_and_gives_it_back(api: Client, make_video: MakeVideo, library: Path) -> None:
    video = make_video()
    (library / "videos").mkdir()
    (library / video.path).write_bytes(b"film")

    assert api.delete(f"/api/videos/{video.pk}?file=trash").json() == {"success": True}

    assert (library / f".trash/{video.pk}/clip-1.mp4").read_bytes() == b"film"
    assert post(api, f"/api/videos/{video.pk}/restore").json() == {"success": True}
    assert (library / video.path).read_bytes() == b"film"


class TestBulk:
    def test_each_id_has_its_answer_in_the_order_asked(self, api: Client, make_video: MakeVideo, admin: User) -> None:
        fine, private = make_video(), make_video(directory_type="private")
        asked = [999999, private.pk, fine.pk, 0, -5, 2**63 - 1]

        results = post(api, "/api/videos/bulk", {"ids": asked, "action": "publish", "category": "films"}).json()["results"]

        assert [row["ok"] for row in results] == [False, False, True, False, False, False]
        assert [row["id"] for row in results] == asked
        assert (results[0]["error"], results[1]["error"]) == ("Video not found", "Private videos cannot be published")
        assert LogEntry.objects.get(user=admin).object_id == str(fine.pk)

    def test_every_action(self, api: Client, make_video: MakeVideo) -> None:
        video = make_video(tags=["old"])
        steps: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
            ({"action": "tag", "tags": ["new"]}, lambda row: row["tags"] == ["old", "new"]),
            ({"action": "publish", "category": "films"}, lambda row: row["category"] == "films"),
            ({"action": "lock", "reason": "x"}, lambda row: row["isLocked"] is True),
            ({"action": "unlock"}, lambda row: row["isLocked"] is False),
            ({"action": "unpublish"}, lambda row: row["category"] is None),
            ({"action": "delete"}, lambda row: row["isValid"] is False),
            ({"action": "restore"}, lambda row: row["isValid"] is True),
        ]

        for body, holds in steps:
            results = post(api, "/api/videos/bulk", {"ids": [video.pk], **body}).json()["results"]
            assert results == [{"id": video.pk, "ok": True}], body
            assert holds(api.get(f"/api/videos/{video.pk}").json()), body

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "ids"),
            ({"ids": [], "action": "lock"}, "ids"),
            ({"ids": [1] * 1001, "action": "lock"}, "ids"),
            ({"ids": "1", "action": "lock"}, "ids"),
            ({"ids": [True], "action": "lock"}, "ids"),
            ({"ids": ["1"], "action": "lock"}, "ids"),
            ({"ids": [1.0], "action": "lock"}, "ids"),
            ({"ids": [{}], "action": "lock"}, "ids"),
            ({"ids": [1], "action": "transcode"}, "action"),
            ({"ids": [1]}, "action"),
            ({"ids": [1], "action": "publish"}, "category"),
            ({"ids": [1], "action": "publish", "category": "A B"}, "category"),
            ({"ids": [1], "action": "tag"}, "tags"),
            ({"ids": [1], "action": "tag", "tags": []}, "tags"),
            ({"ids": [1], "action": "lock", "isLocked": True}, "isLocked"),
        ],
    )
    def test_a_wrong_request_is_a_400_that_names_it(self, api: Client, body: dict[str, Any], named: str) -> None:
        reply = post(api, "/api/videos/bulk", body)

        assert reply.status_code == 400
        assert named in reply.json()["error"]

    def test_a_thousand_cost_what_ten_do(self, api: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
        videos = Video.objects.bulk_create(Video(path=f"videos/{n}.mp4", filename=f"{n}.mp4") for n in range(1000))

        with django_assert_max_num_queries(20):
            results = post(api, "/api/videos/bulk", {"ids": [video.pk for video in videos], "action": "publish", "category": "x"}).json()[
                "results"
            ]

        assert all(row["ok"] for row in results)


class TestHealth:
    def test_it_is_open_and_needs_no_worker(self, client: Client, library: Path) -> None:
        body = client.get("/api/videos/health").json()

        assert body["status"] == "ok"
        assert {part for part, check in body["checks"].items() if check["ok"]} == {"database", "broker", "library"}

    def test_a_library_that_is_gone_is_degraded(self, client: Client, library: Path) -> None:
        library.rmdir()

        reply = client.get("/api/videos/health")

        assert (reply.status_code, reply.json()["status"]) == (503, "degraded")
        assert "missing" in reply.json()["checks"]["library"]["reason"]
        assert str(library) not in reply.content.decode()

    def test_redis_down_is_said_but_served(self, client: Client, library: Path, settings: Settings) -> None:
        redis.client.cache_clear()
        settings.REDIS_URL = "redis://127.0.0.1:9/0"

        body = client.get("/api/videos/health").json()

        redis.client.cache_clear()
        assert (body["status"], body["checks"]["broker"]["ok"]) == ("ok", False)

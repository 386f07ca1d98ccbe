"""The gallery's JSON: shapes, refusals, hostile parameters, and what must never show."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from gallery.models import PublicMedia
from gallery.services import lock, publish
from media_library.models import Video
from tests.gallery.rows import video, with_file

pytestmark = pytest.mark.django_db
ISO_MS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
POSTER = "cd" * 32
IMPOSSIBLE_IDS = [
    "0",
    "-1",
    "2147483648",
    "9223372036854775808",
    "18446744073709551616",
    "1.5",
    "1e3",
    "０１",
    "+1",
    "0x1",
    "true",
    "01",
    "%00",
    "9" * 5000,
]


def add(title: str = "Clip", *, category: str = "sea", **columns: Any) -> int:
    clip = video(title=title, **columns)
    publish([clip.pk], category=category, by=None)
    return clip.pk


def error(response: Any) -> str:
    assert list(response.json()) in (["error"], ["error", "details"])
    return str(response.json()["error"])


def test_a_list_has_the_specified_shape(client: Client) -> None:
    media_id = add(filename="clip.mp4", thumbnail_path=f"cd/cd/{POSTER}.webp")

    page = client.get("/api/media/public").json()

    (row,) = page["videos"]
    assert ISO_MS.fullmatch(row.pop("createdAt"))
    assert row == {
        "id": media_id,
        "filename": "clip.mp4",
        "title": "Clip",
        "category": "sea",
        "durationSeconds": 60,
        "quality": "1080p",
        "orientation": "landscape",
        "width": 1920,
        "height": 1080,
        "thumbnailPath": f"/thumbnails/{media_id}-{POSTER[:12]}.webp",
        "viewCount": 0,
        "upvoteCount": 0,
        "commentCount": 0,
        "isLocked": False,
    }
    assert page["pagination"] == {"total": 1, "totalIsCapped": False, "limit": 24, "offset": 0, "hasMore": False, "nextCursor": None}


def test_a_detail_has_the_specified_shape(client: Client) -> None:
    media_id = add(filename="clip.mp4")

    detail = client.get(f"/api/media/public/{media_id}").json()

    assert set(detail) == {
        "id", "path", "filename", "title", "category", "durationSeconds", "quality", "orientation", "width", "height", "thumbnailPath",
        "fileSize", "viewCount", "uniqueViewCount", "upvoteCount", "commentCount", "finishCount", "totalWatchTime", "isLocked",
        "createdAt", "updatedAt",
    }  # fmt: skip
    assert (detail["path"], detail["viewCount"]) == ("/public/sea/clip.mp4", 1)


def test_categories_and_related(client: Client) -> None:
    first, second = add(), add()
    add(category="land")

    assert client.get("/api/media/public/categories").json() == {
        "categories": [{"category": "land", "count": 1}, {"category": "sea", "count": 2}]
    }
    related = client.get(f"/api/media/public/{first}/related?limit=1").json()
    assert [row["id"] for row in related["videos"]] == [second]


def test_pages_cost_two_queries_and_a_detail_one(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    media_id = add()

    with django_assert_max_num_queries(2):
        client.get("/api/media/public?category=sea&sort=popular")
    with django_assert_max_num_queries(1):
        client.get(f"/api/media/public/{media_id}")


def test_an_unchanged_list_is_not_sent_again(client: Client) -> None:
    add()
    first = client.get("/api/media/public")

    again = client.get("/api/media/public", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_a_limit_above_a_hundred_is_served_as_a_hundred(client: Client) -> None:
    assert client.get("/api/media/public?limit=5000").json()["pagination"]["limit"] == 100
    assert client.get("/api/media/public?limit=999999999999").json()["pagination"]["limit"] == 100


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(
    "value", ["-1", "abc", "1.5", "1e3", "NaN", "", " ", "1_0", "+1", "0x10", "９", "9223372036854775808", "9" * 5000, "%00"]
)
def test_paging_that_is_no_plain_number_is_a_clear_400(client: Client, name: str, value: str) -> None:
    response = client.get(f"/api/media/public?{name}={value.replace('+', '%2B')}")

    assert response.status_code == 400
    assert error(response).startswith(name)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=1&limit=2", "limit"),
        ("sort=sideways", "sort"),
        ("category=%20", "category"),
        ("category=%1C", "category"),
        ("sort=created_at;DROP TABLE videos", "sort"),
        ("orientation=diagonal", "orientation"),
        ("category=../private", "category"),
        ("category=Sea", "category"),
        ("cursor=nonsense", "cursor"),
        ("search=%00", "search"),
        ("search=" + "a" * 201, "search"),
        ("search=" + "%25" * 10_000, "search"),
    ],
)
def test_wrong_parameters_are_a_400_that_names_them(client: Client, query: str, name: str) -> None:
    response = client.get(f"/api/media/public?{query}")

    assert response.status_code == 400
    assert error(response).startswith(name)


@pytest.mark.parametrize("search", ["%25", "_", "%5C", "%27", "%22", "%ED%A0%80", "%FF", "%F0%9F%92%A5", "%25" * 200, "' OR 1=1 --"])
def test_any_search_is_answered(client: Client, search: str) -> None:
    add("Harbour")

    response = client.get(f"/api/media/public?search={search}")

    assert (response.status_code, response.json()["videos"]) == (200, [])


def test_an_offset_beyond_the_end_is_an_empty_page(client: Client) -> None:
    add()

    page = client.get("/api/media/public?offset=9223372036854775807").json()

    assert (page["videos"], page["pagination"]["total"], page["pagination"]["hasMore"]) == ([], 1, False)


@pytest.mark.parametrize("path", ["", "/related", "/stream", "/playback", "/hls/master.m3u8"])
@pytest.mark.parametrize("media_id", IMPOSSIBLE_IDS)
def test_ids_that_cannot_be_are_not_found(client: Client, media_id: str, path: str) -> None:
    response = client.get(f"/api/media/public/{media_id}{path}")

    assert (response.status_code, error(response)) == (404, "Media not found")


@pytest.mark.parametrize("path", ["", "/related", "/stream", "/playback", "/hls/master.m3u8"])
def test_what_is_not_published_is_not_found(client: Client, path: str) -> None:
    private, plain = video(directory_type="private", path="private/secret.mp4"), video()

    for clip in (private, plain):
        response = client.get(f"/api/media/public/{clip.pk}{path}")
        assert (response.status_code, response.json()) == (404, {"error": "Media not found"})


class TestLock:
    def test_an_admin_locks_and_unlocks(self, client: Client, editor: User) -> None:
        media_id = add()
        client.force_login(editor)
        path = f"/api/media/public/{media_id}/lock"

        locked = client.post(path, {"reason": "rights"}, content_type="application/json")
        again = client.post(path, {"reason": "rights"}, content_type="application/json")
        opened = client.delete(path)

        assert (locked.status_code, locked.json()["isLocked"], locked.json()["lockedReason"]) == (200, True, "rights")
        assert again.json()["lockedAt"] == locked.json()["lockedAt"]
        assert (opened.status_code, opened.json()["isLocked"], opened.json()["lockedReason"]) == (200, False, None)

    def test_nobody_else_does(self, client: Client) -> None:
        media_id = add()
        path = f"/api/media/public/{media_id}/lock"

        anonymous = [client.post(path, {}, content_type="application/json"), client.delete(path)]
        client.force_login(User.objects.create_user("visitor", password="correct horse battery"))
        signed_in = [client.post(path, {}, content_type="application/json"), client.delete(path)]

        assert [response.status_code for response in (*anonymous, *signed_in)] == [401, 401, 403, 403]
        assert not PublicMedia.objects.get().is_locked

    def test_what_is_not_public_is_not_found(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        clip = video()

        response = client.post(f"/api/media/public/{clip.pk}/lock", {"reason": ""}, content_type="application/json")

        assert (response.status_code, error(response)) == (404, "Media not found")

    @pytest.mark.parametrize("body", [{"reason": 7}, {"reason": "a" * 501}, {"reason": "a\x00"}, {"isLocked": True}, {"reason": None}])
    def test_a_wrong_body_is_a_400_that_names_the_field(self, client: Client, editor: User, body: dict[str, Any]) -> None:
        client.force_login(editor)

        response = client.post(f"/api/media/public/{add()}/lock", body, content_type="application/json")

        assert response.status_code == 400
        assert error(response).startswith(next(iter(body)))


@pytest.fixture
def duplicates(library: Path) -> tuple[int, int]:
    """Two published exact duplicates, title, name, file and picture alike; the first is locked."""
    (library.parent / "thumbnails/cd/cd").mkdir(parents=True)
    (library.parent / f"thumbnails/cd/cd/{POSTER}.webp").write_bytes(b"RIFF picture")
    columns = {"filename": "harbour.mp4", "thumbnail_path": f"cd/cd/{POSTER}.webp", "title": "Harbour", "file_hash": "ab" * 32}
    rows = [with_file(video(path=path, **columns), b"the same film") for path in ("videos/harbour.mp4", "videos/copy/harbour.mp4")]
    publish([row.pk for row in rows], category="sea", by=None)
    lock([rows[0].pk], reason="court order", by=None)
    return rows[0].pk, rows[1].pk


def test_a_poster_comes_smaller_and_as_it_is_where_that_fails(client: Client, duplicates: tuple[int, int], library: Path) -> None:
    poster = library.parent / f"thumbnails/cd/cd/{POSTER}.webp"
    address = f"/thumbnails/{duplicates[1]}-{POSTER[:12]}-320.webp"
    as_it_is = client.get(address).getvalue()
    Image.new("RGB", (640, 360), "teal").save(poster, "WEBP")

    with Image.open(io.BytesIO(client.get(address).getvalue())) as picture:
        assert picture.size == (320, 180)

    assert as_it_is == b"RIFF picture"
    assert client.get(address.replace("320", "321")).status_code == 404
    assert client.get(f"/thumbnails/{duplicates[0]}-{POSTER[:12]}-320.webp").status_code == 403


class TestClosed:
    """A locked medium, with a public one that is an exact duplicate of it."""

    def test_it_is_in_no_list_search_total_or_facet(self, client: Client, duplicates: tuple[int, int]) -> None:
        _, shown = duplicates
        queries = [
            "",
            "?search=harbour",
            "?search=ha",
            "?category=sea",
            "?category=",
            "?sort=popular",
            "?sort=most_viewed",
            "?orientation=landscape",
            "?offset=1",
        ]

        pages = [client.get(f"/api/media/public{query}").json() for query in queries]

        assert {page["pagination"]["total"] for page in pages} == {1}
        assert {row["id"] for page in pages for row in page["videos"]} == {shown}
        assert client.get("/api/media/public/categories").json()["categories"] == [{"category": "sea", "count": 1}]
        assert client.get(f"/api/media/public/{shown}/related").json()["videos"] == []

    @pytest.mark.parametrize("method", ["get", "head"])
    @pytest.mark.parametrize(
        "path",
        ["/api/media/public/{}", "/api/media/public/{}/related", "/api/media/public/{}/stream", "/thumbnails/{}-" + POSTER[:12] + ".webp"],
    )
    def test_its_addresses_answer_403_and_say_nothing_of_it(
        self, client: Client, duplicates: tuple[int, int], path: str, method: str
    ) -> None:
        locked, shown = duplicates

        response = getattr(client, method)(path.format(locked))

        assert response.status_code == 403
        if method == "get":
            assert response.json() == {"error": "Media is locked"}
        assert "Last-Modified" not in response.headers
        assert client.get(path.format(shown)).status_code == 200

    def test_a_validator_from_before_the_lock_opens_nothing(self, client: Client, duplicates: tuple[int, int]) -> None:
        _, shown = duplicates
        paths = [f"/api/media/public/{shown}", f"/api/media/public/{shown}/stream", f"/thumbnails/{shown}-{POSTER[:12]}.webp"]
        validators = [client.get(path)["ETag"] for path in paths]
        lock([shown], reason="", by=None)

        replies = [client.get(path, headers={"If-None-Match": etag}) for path, etag in zip(paths, validators, strict=True)]

        assert [reply.status_code for reply in replies] == [403, 403, 403]

    def test_an_unlock_opens_it_again(self, client: Client, duplicates: tuple[int, int], editor: User) -> None:
        locked, _ = duplicates
        client.force_login(editor)

        client.delete(f"/api/media/public/{locked}/lock")

        assert client.get(f"/api/media/public/{locked}").status_code == 200


class TestThumbnails:
    def test_a_visitor_sees_the_picture_of_a_public_medium(self, client: Client, duplicates: tuple[int, int]) -> None:
        response = client.get(f"/thumbnails/{duplicates[1]}-{POSTER[:12]}.webp")

        assert b"".join(response.streaming_content) == b"RIFF picture"  # type: ignore[attr-defined]
        assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/webp", "nosniff")

    def test_an_admin_sees_any(self, client: Client, duplicates: tuple[int, int], editor: User) -> None:
        client.force_login(editor)

        assert client.get(f"/thumbnails/{duplicates[0]}-{POSTER[:12]}.webp").status_code == 200

    @pytest.mark.parametrize(
        "name", ["1-" + POSTER[:12] + ".webp", "x", "1-../../secret.webp", "1-" + "0" * 12 + ".webp", "9" * 30 + "-" + "0" * 12 + ".webp"]
    )
    def test_other_names_are_not_found(self, client: Client, name: str) -> None:
        response = client.get(f"/thumbnails/{name}")

        assert response.status_code == 404
        assert isinstance(error(response), str)

    def test_another_picture_than_the_mediums_own_is_not_found(self, client: Client, duplicates: tuple[int, int]) -> None:
        assert client.get(f"/thumbnails/{duplicates[1]}-{'0' * 12}.webp").status_code == 404


def test_nothing_public_names_a_place_on_the_disk(client: Client, duplicates: tuple[int, int], library: Path) -> None:
    _, shown = duplicates
    video(path="private/secret-name.mp4", filename="secret-name.mp4", directory_type="private")
    Video.objects.filter(pk=shown).update(original_path="studios/secret-studio/original.mp4")

    replies = [
        client.get(path)
        for path in (
            "/api/media/public",
            f"/api/media/public/{shown}",
            f"/api/media/public/{shown}/related",
            "/api/media/public/categories",
            "/api/media/public?search=secret",
        )
    ]

    for reply in replies:
        told = json.dumps(reply.json()) + str(reply.headers)
        assert not any(word in told for word in (str(library), "secret", "videos/copy", "private/", "studios/"))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/api/media/public", "/api/media/public/categories", "/api/media/public/1", "/api/media/public/1/stream"])
def test_other_methods_are_405_in_json(client: Client, path: str, method: str) -> None:
    response = getattr(client, method)(path)

    assert response.status_code == 405
    assert isinstance(error(response), str)

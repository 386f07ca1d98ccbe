"""Original files over HTTP: bytes, headers, and what is not served."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from gallery import streaming
from gallery.services import publish
from gallery.streaming import CHUNK, FileUnreadable, TooManyStreams, file_response
from tests.gallery.rows import video, with_file
from tests.replies import body

CONTENT = bytes(range(256)) * 5


@pytest.fixture
def media_id(db: None, library: Path) -> int:
    clip = with_file(video(path="videos/harbour.mp4", filename="harbour.mp4"), CONTENT)
    publish([clip.pk], category="sea", by=None)
    return clip.pk


def stream(client: Client, media_id: int, **headers: str) -> Any:
    return client.get(f"/api/media/public/{media_id}/stream", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_the_whole_file_comes_with_its_headers(client: Client, media_id: int) -> None:
    response = stream(client, media_id)

    assert (response.status_code, body(response)) == (200, CONTENT)
    assert response["Content-Type"] == "video/mp4"
    assert response["Content-Length"] == "1280"
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Content-Disposition"] == 'inline; filename="harbour.mp4"'
    assert "no-cache" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("bytes=0-0", (0, 1)), ("bytes=100-199", (100, 200)), ("bytes=-50", (1230, 1280)), ("bytes=1000-", (1000, 1280))],
)
def test_a_range_is_exactly_its_bytes(client: Client, media_id: int, asked: str, expected: tuple[int, int]) -> None:
    response = stream(client, media_id, range=asked)

    start, stop = expected
    assert (response.status_code, body(response)) == (206, CONTENT[start:stop])
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/1280"
    assert response["Content-Length"] == str(stop - start)


def test_a_range_behind_the_end_is_416_with_the_size(client: Client, media_id: int) -> None:
    response = stream(client, media_id, range="bytes=1280-")

    assert (response.status_code, response["Content-Range"]) == (416, "bytes */1280")
    assert isinstance(response.json()["error"], str)


@pytest.mark.parametrize("asked", ["bytes=5-2", "seconds=0-1", "bytes=0-1,5-6", "bytes=" + "0-," * 100_000])
def test_ranges_that_we_do_not_answer_get_the_whole_file(client: Client, media_id: int, asked: str) -> None:
    response = stream(client, media_id, range=asked)

    assert (response.status_code, body(response)) == (200, CONTENT)


def test_a_condition_that_holds_gets_the_range_and_a_stale_one_the_whole_file(client: Client, media_id: int) -> None:
    whole = stream(client, media_id)

    for condition in (whole["ETag"], whole["Last-Modified"]):
        assert stream(client, media_id, range="bytes=0-3", if_range=condition).status_code == 206
    for condition in ('"other"', f"W/{whole['ETag']}", "Wed, 21 Oct 2015 07:28:00 GMT", "nonsense"):
        assert body(stream(client, media_id, range="bytes=0-3", if_range=condition)) == CONTENT


def test_an_unchanged_file_is_not_sent_again(client: Client, media_id: int) -> None:
    etag = stream(client, media_id)["ETag"]

    unchanged = stream(client, media_id, if_none_match=etag)

    assert (unchanged.status_code, body(unchanged), unchanged["ETag"]) == (304, b"", etag)
    assert stream(client, media_id, if_match='"other"').status_code == 412


def test_the_validator_follows_size_and_time_and_says_nothing_of_the_inode(client: Client, media_id: int, library: Path) -> None:
    file = library / "videos/harbour.mp4"
    first = stream(client, media_id)["ETag"]
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns

    copy = file.with_suffix(".copy")
    copy.write_bytes(CONTENT)
    os.utime(copy, ns=times)
    copy.replace(file)
    same = stream(client, media_id)["ETag"]
    os.utime(file, ns=(times[0], times[1] + 1))
    touched = stream(client, media_id)["ETag"]

    assert first == same != touched
    assert re.fullmatch(r'"[0-9a-f]{24}"', first)


def test_head_has_the_headers_without_the_bytes(client: Client, media_id: int) -> None:
    response = client.head(f"/api/media/public/{media_id}/stream", headers={"Range": "bytes=0-3"})

    assert (response.status_code, response["Content-Length"], response["Accept-Ranges"]) == (200, "1280", "bytes")
    assert body(response) == b""


def test_an_empty_file_is_an_empty_reply(client: Client, media_id: int, library: Path) -> None:
    (library / "videos/harbour.mp4").write_bytes(b"")

    assert (stream(client, media_id).status_code, body(stream(client, media_id))) == (200, b"")
    assert stream(client, media_id, range="bytes=0-").status_code == 416
    assert stream(client, media_id, range="bytes=-5").status_code == 200


@pytest.mark.parametrize("kind", ["gone", "link", "link in the way", "pipe", "folder"])
def test_only_a_regular_file_inside_the_library_is_served(client: Client, media_id: int, library: Path, tmp_path: Path, kind: str) -> None:
    file = library / "videos/harbour.mp4"
    file.unlink()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "harbour.mp4").write_bytes(b"secret")
    match kind:
        case "link":
            file.symlink_to(outside / "harbour.mp4")
        case "link in the way":
            file.parent.rmdir()
            file.parent.symlink_to(outside)
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()

    response = stream(client, media_id)

    assert response.status_code == 404
    assert response.json() == {"error": "The file is not where the library knows it"}


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("a\nb\r.mp4", 'inline; filename="a_b_.mp4"'),
        ('quo"te\\.mp4', r'inline; filename="quo\"te\\.mp4"'),
        ("日本.mp4", "inline; filename*=utf-8''%E6%97%A5%E6%9C%AC.mp4"),
        ("a;b.mp4", 'inline; filename="a;b.mp4"'),
        ("caf\uf7e9.mp4", "inline; filename*=utf-8''caf%EF%BF%BD.mp4"),
    ],
)
def test_any_name_makes_a_safe_header(library: Path, filename: str, disposition: str) -> None:
    (library / "a.mp4").write_bytes(b"film")

    response = file_response(RequestFactory().get("/"), Path("a.mp4"), root=library, filename=filename)

    assert response["Content-Disposition"] == disposition


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [("a.MKV", "video/x-matroska"), ("a.webm", "video/webm"), ("a.html", "application/octet-stream"), ("a", "application/octet-stream")],
)
def test_the_type_comes_from_a_fixed_table(library: Path, filename: str, content_type: str) -> None:
    (library / "a.mp4").write_bytes(b"<html><script>alert(1)</script>")

    response = file_response(RequestFactory().get("/"), Path("a.mp4"), root=library, filename=filename)

    assert response["Content-Type"] == content_type


def large(library: Path) -> Path:
    (library / "large.mp4").write_bytes(bytes(3 * CHUNK))
    return Path("large.mp4")


def leave(response: Any) -> None:
    """What the server does when the visitor goes away."""
    for close in response._resource_closers:  # response.close() would also end the request, and with it the test's transaction
        close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def pieces(response: Any) -> Iterator[bytes]:
    return iter(response.streaming_content)


def test_a_file_cut_short_while_it_is_sent_breaks_the_reply_off(library: Path) -> None:
    sending = pieces(file_response(RequestFactory().get("/"), large(library), root=library, filename="large.mp4"))
    next(sending)
    os.truncate(library / "large.mp4", 10)

    with pytest.raises(FileUnreadable):
        next(sending)


def test_so_many_files_are_sent_at_once_and_the_place_of_a_closed_one_is_free(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_streams", BoundedSemaphore(2))
    path, request = large(library), RequestFactory().get("/")
    first, _second = (file_response(request, path, root=library, filename="a.mp4") for _ in range(2))

    with pytest.raises(TooManyStreams):
        file_response(request, path, root=library, filename="a.mp4")
    leave(first)

    assert file_response(request, path, root=library, filename="a.mp4").status_code == 200


def test_no_reply_leaves_a_file_open(library: Path) -> None:
    path = large(library)
    before = open_files()
    headers = [{}, {"Range": "bytes=0-9"}, {"Range": f"bytes={9 * CHUNK}-"}, {"If-None-Match": "*"}]

    for each in headers:
        leave(file_response(RequestFactory().get("/", headers=each), path, root=library, filename="a.mp4"))
    body(file_response(RequestFactory().get("/"), path, root=library, filename="a.mp4"))
    file_response(RequestFactory().head("/"), path, root=library, filename="a.mp4")

    assert open_files() == before


def test_nginx_sends_the_file_where_it_is_told_to(client: Client, media_id: int, settings: Settings, library: Path) -> None:
    settings.X_ACCEL_LIBRARY = "/library/"
    odd = with_file(video(path="videos/1 % ?.mp4"), b"film")
    publish([odd.pk], category="sea", by=None)

    response = stream(client, odd.pk)

    assert response["X-Accel-Redirect"] == "/library/videos/1%20%25%20%3F.mp4"
    assert (response["Content-Type"], body(response)) == ("video/mp4", b"")

"""What players are given: the MP4 made for them, ladders of HLS, else the original; never of a medium that is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gallery.services import lock, publish
from media_library.models import Rendition, Video
from tests.gallery.rows import video, with_file
from tests.replies import body

ORIGINAL, MADE = b"the original", b"what every browser plays"
MASTER, SEGMENTS = b"#EXTM3U\n", bytes(range(256))


@pytest.fixture
def media_id(db: None, library: Path) -> int:
    clip = with_file(video(path="videos/harbour.avi", filename="harbour.avi"), ORIGINAL)
    publish([clip.pk], category="sea", by=None)
    return clip.pk


def made(media_id: int, *, height: int = 720, content: bytes = MADE) -> Video:
    name = f"harbour-{height}.mp4"
    encoded = with_file(video(path=f"playback/{name}", filename=name, directory_type="playback"), content)
    Rendition.objects.create(video_id=media_id, kind="mp4", encoded=encoded, height=height, size=len(content))
    return encoded


def ladder(media_id: int, library: Path) -> None:
    folder = library / "playback" / "harbour-hls"
    folder.mkdir(parents=True)
    (folder / "master.m3u8").write_bytes(MASTER)
    (folder / "720.m4s").write_bytes(SEGMENTS)
    (folder / "notes.txt").write_text("ours")
    Rendition.objects.create(video_id=media_id, kind="hls", folder="playback/harbour-hls", height=720, size=264)


def play(client: Client, media_id: int, **headers: str) -> Any:
    return client.get(f"/api/media/public/{media_id}/playback", headers=headers)


def hls(client: Client, media_id: int, name: str, **headers: str) -> Any:
    return client.get(f"/api/media/public/{media_id}/hls/{name}", headers=headers)


def test_a_player_gets_what_was_made_for_it(client: Client, media_id: int) -> None:
    made(media_id)

    response = play(client, media_id)

    assert (response.status_code, body(response), response["Content-Type"]) == (200, MADE, "video/mp4")
    assert response["Content-Disposition"] == 'inline; filename="harbour.mp4"'


def test_the_largest_is_taken(client: Client, media_id: int) -> None:
    made(media_id, height=360, content=b"small")
    made(media_id, height=1080)

    assert body(play(client, media_id)) == MADE


def test_where_nothing_was_made_it_gets_the_original(client: Client, media_id: int) -> None:
    response = play(client, media_id)

    assert (body(response), response["Content-Type"]) == (ORIGINAL, "video/x-msvideo")


def test_the_stream_stays_the_original(client: Client, media_id: int) -> None:
    made(media_id)

    assert body(client.get(f"/api/media/public/{media_id}/stream")) == ORIGINAL


def test_ranges_are_served(client: Client, media_id: int) -> None:
    made(media_id)

    response = play(client, media_id, range="bytes=5-9")

    assert (response.status_code, body(response)) == (206, MADE[5:10])


@pytest.mark.parametrize("state", [{"is_valid": False}, {"missing_since": timezone.now()}, {"trashed_at": timezone.now()}])
def test_one_that_is_gone_is_passed_over(client: Client, media_id: int, state: dict[str, Any]) -> None:
    Video.objects.filter(pk=made(media_id).pk).update(**state)

    assert body(play(client, media_id)) == ORIGINAL


def test_one_whose_file_nobody_has_missed_yet_is_passed_over(client: Client, media_id: int) -> None:
    made(media_id).absolute_path.unlink()

    assert body(play(client, media_id)) == ORIGINAL


def test_a_ladder_is_served_with_ranges(client: Client, media_id: int, library: Path) -> None:
    ladder(media_id, library)

    master, media = hls(client, media_id, "master.m3u8"), hls(client, media_id, "720.m4s", range="bytes=10-19")

    assert (body(master), master["Content-Type"]) == (MASTER, "application/vnd.apple.mpegurl")
    assert (media.status_code, body(media), media["Content-Type"]) == (206, SEGMENTS[10:20], "video/mp4")


@pytest.mark.parametrize("name", ["notes.txt", "1080.m4s", "..%2F..%2Fvideos%2Fharbour.avi", "master.m3u8%0a", "٧٢٠.m4s"])
def test_nothing_else_of_its_folder_is_served(client: Client, media_id: int, library: Path, name: str) -> None:
    ladder(media_id, library)

    assert hls(client, media_id, name).status_code == 404


def test_a_medium_without_a_ladder_has_none(client: Client, media_id: int) -> None:
    assert hls(client, media_id, "master.m3u8").json() == {"error": "Media not found"}


def test_a_lock_closes_all_of_it(client: Client, media_id: int, library: Path) -> None:
    made(media_id)
    ladder(media_id, library)
    lock([media_id], reason="", by=None)

    for response in (play(client, media_id), hls(client, media_id, "master.m3u8"), hls(client, media_id, "720.m4s")):
        assert (response.status_code, response.json()) == (403, {"error": "Media is locked"})


def test_what_is_not_published_has_no_ladder(client: Client, db: None, library: Path) -> None:
    clip = video()
    ladder(clip.pk, library)

    assert hls(client, clip.pk, "master.m3u8").status_code == 404

"""What a look through a video has found, over the admin's API and on the video's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from media_library import scenes
from media_library.ffmpeg.findings import Curves, Findings, Keyframe
from media_library.models import Video
from tests.gallery.rows import video

pytestmark = pytest.mark.django_db

SHEET = b"RIFF....WEBP the tiles"
FIRST, SECOND = (
    Keyframe(time, light=0.5, contrast=0.5, saturation=0.5, sharpness=0.5, colour="#804020", fingerprint="0f" * 8) for time in (3.0, 70.0)
)


@pytest.fixture
def looked_through(library: Path, settings: Settings) -> Video:
    """A video with a digest of three scenes, the last of which has no picture."""
    row = video(title="Harbour", file_size=12, file_mtime_ns=2)
    curves = Curves(hop=30.0, motion=[0.1, 0.4, 0.2, 0.0], loudness=[-70.0, -35.0, -10.0, -70.0])
    findings = Findings(100.0, [0.0, 61.5, 90.0], curves, [FIRST, SECOND], SHEET, tile_width=160, tile_height=90)
    store = Path(settings.THUMBNAIL_ROOT)
    scenes.write(row, findings, scenes.put_sheet(row, findings, store=store), store=store)
    return row


def test_the_api_tells_scenes_curves_and_keyframes(admin_client: Client, looked_through: Video) -> None:
    said = admin_client.get(f"/api/videos/{looked_through.pk}/scenes").json()

    assert said["scenes"] == [{"start": 0.0, "end": 61.5}, {"start": 61.5, "end": 90.0}, {"start": 90.0, "end": 100.0}]
    assert (said["duration"], said["curves"]["hop"], said["curves"]["motion"][1]) == (100.0, 30.0, 0.4)
    assert [keyframe["time"] for keyframe in said["keyframes"]] == [3.0, 70.0]


def test_the_contact_sheet_is_sent_once(admin_client: Client, looked_through: Video) -> None:
    sheet: Any = admin_client.get(address := f"/api/videos/{looked_through.pk}/contact-sheet")

    assert (b"".join(sheet.streaming_content), sheet["Content-Type"]) == (SHEET, "image/webp")
    assert admin_client.get(address, headers={"if-none-match": sheet["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("part", "sentence"),
    [("scenes", "Nobody has looked for scenes in this video"), ("contact-sheet", "This video has no contact sheet")],
)
def test_without_a_look_there_is_nothing_to_tell(admin_client: Client, part: str, sentence: str) -> None:
    response = admin_client.get(f"/api/videos/{video().pk}/{part}")

    assert (response.status_code, response.json()) == (404, {"error": sentence})


def test_a_look_for_scenes_alone_has_no_curves(admin_client: Client, looked_through: Video, settings: Settings) -> None:
    other = video(title="Other", file_size=13, file_mtime_ns=3)
    scenes.write(other, Findings(10.0, [0.0]), None, store=Path(settings.THUMBNAIL_ROOT))

    said = admin_client.get(f"/api/videos/{other.pk}/scenes").json()

    assert (said["scenes"], said["curves"], said["keyframes"]) == ([{"start": 0.0, "end": 10.0}], None, [])


def test_the_page_of_a_video_shows_its_scenes_and_curves(admin_client: Client, looked_through: Video) -> None:
    page = admin_client.get(f"/admin/media_library/video/{looked_through.pk}/change/").content.decode()

    assert "3 scenes" in page
    assert f'href="/api/videos/{looked_through.pk}/stream#t=61.5"' in page and "1:02–1:30" in page
    assert page.count('viewBox="0 0 160 90"') == page.count('viewBox="160 0 160 90"') == 1
    assert 'points="0,75.0 1,0.0 2,50.0 3,100.0"' in page and 'points="0,100.0 1,50.0 2,14.3 3,100.0"' in page
    assert 'd="M1.84 0V100"' in page


def test_the_page_of_another_offers_to_look_for_them(admin_client: Client) -> None:
    row = video()

    page = admin_client.get(f"/admin/media_library/video/{row.pk}/change/").content.decode()

    assert f'href="/admin/jobs/job/add/?type=digest&amp;videoId={row.pk}"' in page

"""A ladder of HLS in the viewer: played by what the page brings along, at the size that one chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from gallery.player_styles import MENU_STYLE_HASHES, PLAYER_STYLE_HASHES
from media_library.models import Rendition, Video
from tests.conftest import Clips
from tests.gallery.browser.measures import style_hashes, wait_until
from tests.jobs.running import result_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TIME = "document.querySelector('video').currentTime"
LINES = "document.querySelector('video').videoHeight"
QUALITY = "media-rendition-menu-button"


@pytest.fixture
def crossing(share_clip: Callable[..., int], clips: Clips, settings: Settings) -> int:
    """Twelve seconds of 480 lines, with a ladder of them and 360, whose file itself no browser plays."""
    settings.NODE_VRAM_MB = 0
    clip = clips.make(name="crossing.avi", size="854x480", rate="10", duration=12, codec=("-c:v", "mpeg4"), sound=True)
    media_id = share_clip(clip, duration_seconds=12, width=854, height=480)
    result_of("reencode_streaming", Video.objects.get(pk=media_id), ladder=True)
    return media_id


def test_a_ladder_is_played_at_the_size_that_one_chooses_and_the_next_time_too(page: Page, crossing: int) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/v/{crossing}/?t=1")
    wait_until(page, "document.querySelector('video').readyState >= 2")

    wait_until(page, f"{TIME} >= 0.9")
    assert not [url for url in asked if url.endswith("/playback")]
    assert style_hashes(page) == {*PLAYER_STYLE_HASHES, *MENU_STYLE_HASHES}
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(12, abs=0.2)

    page.locator(QUALITY).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio")).to_have_text(["480p", "360p", "Auto (480p)"])
    expect(page.get_by_role("menuitemradio", name="480p", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(QUALITY)).to_be_focused()
    page.keyboard.press("k")
    wait_until(page, f"{LINES} === 360 && {TIME} > 1.2")

    page.reload()
    wait_until(page, f"{LINES} === 360")
    page.locator(QUALITY).click()
    expect(page.get_by_role("menuitemradio", checked=True)).to_have_text("360p")
    page.get_by_role("menuitemradio", name="Auto").click()
    assert page.evaluate("localStorage.quality") == "null"


def test_where_a_ladder_fails_the_file_is_played_from_there(
    page: Page, crossing: int, clips: Clips, settings: Settings, expected_complaints: set[str]
) -> None:
    expected_complaints.add("status of 404")
    folder = Path(settings.LIBRARY_ROOT) / Rendition.objects.get().folder
    (folder / "480.m3u8").unlink()
    (folder / "360.m3u8").unlink()
    Video.objects.get(pk=crossing).absolute_path.write_bytes(clips.make(name="plain.mp4", size="160x90", duration=4).read_bytes())

    page.goto(f"/v/{crossing}/?t=2")

    wait_until(page, f"{LINES} === 90 && {TIME} >= 1.9")
    expect(page.locator(QUALITY)).to_be_hidden()
    expect(page.get_by_role("alert")).to_have_count(0)

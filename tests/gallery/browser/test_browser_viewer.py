"""The viewer in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from gallery.player_styles import PLAYER_STYLE_HASHES
from media_library.models import Digest, Scene, Video
from tests.conftest import Clips
from tests.gallery.browser.conftest import VP9
from tests.gallery.browser.measures import LAYOUT_SHIFT, style_hashes, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOADED = "document.querySelector('video').readyState >= 2"
TIME = "document.querySelector('video').currentTime"


def test_a_click_plays_the_video(page: Page, share_clip: Callable[..., int], webm: Path) -> None:
    page.goto(f"/v/{share_clip(webm)}/")

    page.locator("media-play-button.start").click()

    wait_until(page, f"{TIME} > 0.3")
    expect(page.locator("media-play-button.start")).to_be_hidden()
    assert page.evaluate("document.querySelector('video').controls") is False


def test_a_link_to_a_moment_starts_there(page: Page, share_clip: Callable[..., int], webm: Path) -> None:
    page.goto(f"/v/{share_clip(webm)}/?t=2")

    wait_until(page, f"{TIME} >= 1.9")


def test_shortcuts_work_anywhere_but_in_the_search_box(page: Page, share_clip: Callable[..., int], webm: Path) -> None:
    page.goto(f"/v/{share_clip(webm)}/")
    wait_until(page, LOADED)

    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('video').muted") is True
    page.keyboard.press("ArrowRight")
    wait_until(page, f"{TIME} > 3")
    page.keyboard.press("ArrowLeft")
    wait_until(page, f"{TIME} === 0")
    page.keyboard.press(" ")
    wait_until(page, f"{TIME} > 0.2")

    page.get_by_role("searchbox").press_sequentially("my film")
    expect(page.get_by_role("searchbox")).to_have_value("my film")
    assert page.evaluate("document.querySelector('video').muted") is True


def test_without_scripts_the_browsers_controls_stay(page_without_scripts: Page, share_clip: Callable[..., int], webm: Path) -> None:
    page_without_scripts.goto(f"/v/{share_clip(webm)}/")

    expect(page_without_scripts.locator("video")).to_have_attribute("controls", "")
    expect(page_without_scripts.locator("media-control-bar")).to_be_hidden()


def test_a_format_that_cannot_be_played_says_so_and_offers_the_file(page: Page, share_clip: Callable[..., int], clips: Clips) -> None:
    tape = clips.make(name="old_tape.avi", codec=("-c:v", "mpeg4"))

    page.goto(f"/v/{share_clip(tape)}/")

    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("This browser can’t play this video (AVI).")
    with page.expect_download() as download:
        notice.get_by_role("link", name="Download it").click()
    assert download.value.suggested_filename == "old_tape.avi"
    assert download.value.path().read_bytes() == tape.read_bytes()


def test_a_file_that_is_gone_says_so_and_blames_no_format(
    page: Page, share_clip: Callable[..., int], webm: Path, settings: Settings, expected_complaints: set[str]
) -> None:
    media_id = share_clip(webm)
    expected_complaints.add("status of 404")
    for clip in Path(settings.LIBRARY_ROOT).rglob("*.webm"):
        clip.unlink()

    page.goto(f"/v/{media_id}/")

    expect(page.get_by_role("alert")).to_contain_text("This video can’t be reached at the moment")


def test_sound_without_a_picture_is_not_played_on_black(page: Page, share_clip: Callable[..., int], clips: Clips) -> None:
    clip = clips.make(name="evening.mkv", codec=("-c:v", "mpeg4"), sound=True)

    page.goto(f"/v/{share_clip(clip)}/")

    expect(page.get_by_role("alert")).to_contain_text("This browser can’t play this video (MKV).")
    assert page.evaluate("document.querySelector('video').getAttribute('src')") is None


def test_scenes_are_marked_on_the_line_listed_and_gone_to_by_keys(page: Page, share_clip: Callable[..., int], long_webm: Path) -> None:
    media_id = share_clip(long_webm, duration_seconds=12, file_mtime_ns=1)
    video = Video.objects.get(pk=media_id)
    Digest.objects.create(video=video, duration=12, source_size=video.file_size, source_mtime_ns=1)
    for order, (start, end) in enumerate([(0, 4), (4, 4.07), (4.07, 8.5), (8.5, 12)]):
        Scene.objects.create(video=video, order=order, start=start, end=end)
    page.goto(f"/v/{media_id}/")
    wait_until(page, LOADED)

    expect(page.locator(".marks i")).to_have_count(2)  # of two at the same pixels the first
    page.locator(".line").hover(position={"x": 5, "y": 60})
    expect(page.locator(".pointed")).to_contain_text("Scene 1")

    for key, moment in ((".", 4), (".", 4.07), (".", 8.5), (",", 4.07), (",", 0)):
        page.keyboard.press(key)
        wait_until(page, f"Math.abs({TIME} - {moment}) < 0.01")

    page.get_by_text("Scenes 4").click()
    page.get_by_role("link", name="0:08").click()
    wait_until(page, f"{TIME} === 9")
    expect(page.locator(".scenes [aria-current]")).to_have_text("0:08")


@pytest.mark.parametrize("size", ["1280x720", "406x720"])
def test_nothing_moves_while_the_viewer_loads(page: Page, share_clip: Callable[..., int], clips: Clips, size: str) -> None:
    width, height = map(int, size.split("x"))
    clip = clips.make(name=f"{size}.webm", codec=VP9, size=size)

    page.goto(f"/v/{share_clip(clip, width=width, height=height, thumbnail_path=None)}/", wait_until="networkidle")

    assert page.evaluate(LAYOUT_SHIFT) == 0


def test_the_policy_lists_exactly_the_style_hashes_of_the_player(page: Page, share_clip: Callable[..., int], webm: Path) -> None:
    page.goto(f"/v/{share_clip(webm)}/")
    wait_until(page, LOADED)

    assert style_hashes(page) == set(PLAYER_STYLE_HASHES)

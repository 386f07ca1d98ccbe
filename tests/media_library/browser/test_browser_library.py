"""The library's wall of posters in a real browser, by keyboard."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from gallery import services
from gallery.models import PublicMedia
from media_library.models import Video
from tests.conftest import Clips
from tests.gallery.browser.conftest import VP9

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def wall(page: Page, live_server: LiveServer, library: Path, clips: Clips) -> Page:
    """The library with three videos that Chromium can play, the newest first: Three, Two, One."""
    clip = clips.make(name="harbour.webm", codec=VP9, duration=4.0)
    for title in ("One", "Two", "Three"):
        shutil.copy(clip, library / f"{title}.webm")
        Video.objects.create(path=f"{title}.webm", filename=f"{title}.webm", title=title, width=160, height=90, duration_seconds=4)
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page.goto("/admin/media_library/video/")
    return page


def test_arrows_go_from_video_to_video_and_x_selects(wall: Page) -> None:
    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("ArrowRight")
    expect(wall.get_by_role("link", name="Two")).to_be_focused()

    wall.keyboard.press("x")

    expect(wall.locator(".action-select:checked")).to_have_value(str(Video.objects.get(title="Two").pk))


def test_p_previews_the_video_in_focus_and_escape_leads_back_to_it(wall: Page) -> None:
    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("p")

    dialog = wall.get_by_role("dialog", name="Three")
    expect(dialog.locator("video")).to_have_js_property("paused", False)
    wall.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(wall.get_by_role("link", name="Three")).to_be_focused()


def test_a_preview_that_cannot_play_says_so_and_keeps_the_keys_from_what_lies_below(wall: Page, library: Path) -> None:
    (library / "Three.webm").write_bytes(b"no video")
    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("p")
    expect(wall.get_by_role("dialog").get_by_role("alert")).to_have_text("This browser can’t play this video.")
    expect(wall.get_by_role("button", name="Close")).to_be_focused()
    wall.keyboard.press("p")
    expect(wall.locator("dialog")).to_have_count(0)
    expect(wall.get_by_role("link", name="Three")).to_be_focused()


def test_e_opens_the_page_of_the_video(wall: Page) -> None:
    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("e")

    expect(wall.get_by_label("Title")).to_have_value("Three")


def test_l_locks_the_video_in_focus_alone_and_unlocks_it_again(wall: Page) -> None:
    ids = list(Video.objects.values_list("pk", flat=True))
    services.publish(ids, category="demo", by=None)
    wall.reload()

    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("l")
    wall.get_by_label("Reason").fill("rights")
    wall.get_by_role("button", name="Lock").click()
    expect(wall.locator(".badge-locked")).to_have_count(1)
    expect(wall.get_by_role("button", name="Keys")).to_be_visible()
    assert [media.title for media in PublicMedia.objects.filter(is_locked=True)] == ["Three"]

    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("l")
    expect(wall.locator(".badge-locked")).to_have_count(0)


def test_keys_are_letters_where_one_types_and_are_told_on_request(wall: Page) -> None:
    wall.get_by_role("searchbox").or_(wall.locator("#searchbar")).first.press_sequentially("pelx?")
    expect(wall.get_by_role("dialog")).to_have_count(0)

    wall.get_by_role("button", name="Keys").click()

    expect(wall.get_by_role("dialog", name="Keys")).to_contain_text("lock, or unlock")


def test_lists_fit_a_narrow_desk(wall: Page) -> None:
    services.publish(list(Video.objects.values_list("pk", flat=True)), category="demo", by=None)
    wall.set_viewport_size({"width": 1280, "height": 800})

    for address in ("/admin/media_library/video/", "/admin/gallery/publicmedia/"):
        wall.goto(f"{address}?layout=list")
        assert wall.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.results'))") == 0

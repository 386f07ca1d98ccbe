"""The admin in a real browser: signing in by a link, publishing, locking, and both layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from gallery.models import MediaStats, PublicMedia
from media_library.models import Video
from media_library.sign_in import link_for
from tests.gallery.browser.measures import LAYOUT_SHIFT, wait_until
from tests.gallery.rows import video_list
from tests.gallery.shared_media import POSTER_HASH

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIBRARY = "/admin/media_library/video/"


@pytest.fixture
def videos(poster: Path) -> list[Video]:
    return video_list(6, thumbnail_path=f"ab/12/{POSTER_HASH}.webp")


@pytest.fixture
def enter(videos: list[Video]) -> Callable[[Page], Page]:
    """Sign in by a one-time link, which leads to the library."""

    def enter(page: Page) -> Page:
        page.goto(link_for(User.objects.create_superuser("admin")))
        expect(page.locator("h1")).to_have_text("Library")
        return page

    return enter


def test_a_link_signs_in_by_itself_where_scripts_run(page: Page, enter: Callable[[Page], Page]) -> None:
    enter(page)

    expect(page.locator(".poster img")).to_have_count(6)
    wait_until(page, "[...document.querySelectorAll('.poster img')].every(image => image.complete && image.naturalWidth > 0)")


def test_a_link_signs_in_by_a_button_where_they_do_not(page_without_scripts: Page, videos: list[Video]) -> None:
    page_without_scripts.goto(link_for(User.objects.create_superuser("admin")))
    page_without_scripts.get_by_role("button", name="Sign in").click()

    expect(page_without_scripts.locator("h1")).to_have_text("Library")


def test_selected_videos_are_published_in_a_new_category(page: Page, enter: Callable[[Page], Page]) -> None:
    enter(page)

    page.locator("td.action-checkbox input").nth(0).check()
    page.locator("td.action-checkbox input").nth(1).check()
    expect(page.locator(".action-counter")).to_have_text("2 of 6 selected")
    page.get_by_label("Action:").select_option("publish")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Category").fill("Blue Hour")
    page.get_by_role("button", name="Publish").click()

    expect(page.locator(".messagelist")).to_have_text("Published 2 videos.")
    expect(page.locator(".badge-published")).to_have_count(2)
    assert set(PublicMedia.objects.values_list("category", flat=True)) == {"blue-hour"}


def test_one_video_is_locked_with_a_reason_on_its_own_page(
    page: Page, enter: Callable[[Page], Page], share_clip: Callable[..., int], webm: Path
) -> None:
    key = share_clip(webm, "Harbour")
    enter(page)

    page.get_by_role("link", name="Harbour").click()
    page.get_by_role("button", name="Lock", exact=True).click()
    page.get_by_label("Reason").fill("Rights <unclear>")
    page.get_by_role("button", name="Lock", exact=True).click()

    expect(page.locator(".stage .badge")).to_have_text("locked")
    expect(page.locator(".stage .why")).to_contain_text("Rights <unclear>")
    expect(page.locator(".history")).to_contain_text("Locked: Rights <unclear>")
    assert PublicMedia.objects.get(pk=key).is_locked


def test_the_list_and_the_grid_are_one_click_apart(page: Page, enter: Callable[[Page], Page]) -> None:
    enter(page)
    expect(page.locator("#result_list tbody")).to_have_css("display", "grid")

    page.get_by_role("link", name="List", exact=True).click()
    expect(page.locator("#result_list tbody")).to_have_css("display", "table-row-group")

    page.reload()
    expect(page.get_by_role("link", name="List", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Grid", exact=True).click()
    expect(page.locator("#result_list tbody")).to_have_css("display", "grid")


def test_the_grid_fits_a_phone_and_does_not_jump(phone: Page, enter: Callable[[Page], Page]) -> None:
    enter(phone)

    assert phone.evaluate(LAYOUT_SHIFT) < 0.1
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_no_column_of_the_lists_is_cut_off(page: Page, enter: Callable[[Page], Page], share_clip: Callable[..., int], webm: Path) -> None:
    stats = MediaStats.objects.filter(video=share_clip(webm, "Harbour"))
    stats.update(view_count=1_234_567, unique_view_count=987_654, upvote_count=54_321, total_watch_time=1_000_000_000)
    enter(page)

    cut = [
        (path, width)
        for path in (LIBRARY, "/admin/gallery/publicmedia/")
        for width in (1280, 1024, 390)
        if not _fits(page, f"{path}?layout=list", width=width)
    ]

    assert cut == []


def _fits(page: Page, path: str, *, width: int) -> bool:
    """Whether neither the page nor its table has to be moved sideways; `width` in pixels."""
    page.set_viewport_size({"width": width, "height": 860})
    page.goto(path)
    return bool(
        page.evaluate("[document.documentElement, document.querySelector('.results')].every(box => box.scrollWidth <= box.clientWidth)")
    )


def test_tags_are_pills_that_can_be_taken_away(
    page: Page, enter: Callable[[Page], Page], share_clip: Callable[..., int], webm: Path
) -> None:
    key = share_clip(webm, tags=["sea", "sun"])
    enter(page)

    page.goto(f"{LIBRARY}{key}/change/")
    page.get_by_role("button", name="Remove the tag sea").click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator(".messagelist")).to_contain_text("changed successfully")
    assert Video.objects.get(pk=key).tags == ["sun"]

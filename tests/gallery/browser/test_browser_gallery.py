"""The gallery in a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gallery.models import MediaStats
from media_library.models import Preview
from tests.conftest import X264, Clips
from tests.gallery.browser.measures import LAYOUT_SHIFT, PATIENCE, wait_until
from tests.gallery.shared_media import share

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = [(1280, 720), (406, 720), (720, 720), (960, 720), (1680, 720)]


@pytest.fixture
def thirty_videos(poster: Path) -> None:
    for number, (width, height) in zip(range(30), cycle(SIZES), strict=False):
        share(f"Video {number}", width=width, height=height)


def share_many(count: int) -> None:
    for number in range(count):
        share(f"Video {number}")


def scroll_until(page: Page, *, cards: int) -> None:
    """Go down until the list has gone on so far by itself."""
    deadline = time.monotonic() + PATIENCE
    while page.locator(".card").count() < cards:
        assert time.monotonic() < deadline, f"{cards} cards never came"
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(50)


def test_the_list_goes_on_by_itself_near_its_end(page: Page, thirty_videos: None) -> None:
    page.goto("/")
    address = page.url

    page.mouse.wheel(0, 600)

    expect(page.locator(".card")).to_have_count(30)
    expect(page.get_by_role("status")).to_have_text("6 more videos, 30 in all")
    expect(page.get_by_role("link", name="Load more")).to_have_count(0)
    assert page.url == address
    assert page.evaluate(LAYOUT_SHIFT) == 0


def test_a_long_list_asks_before_it_goes_on_and_hands_the_focus_over(page: Page, poster: Path) -> None:
    share_many(24 * 8 + 1)
    page.goto("/")

    scroll_until(page, cards=24 * 7)
    page.get_by_role("link", name="Load more").click()

    expect(page.locator(".card")).to_have_count(24 * 8)
    expect(page.locator(f".card:nth-child({24 * 7 + 1}) a")).to_be_focused()


def test_the_way_back_leads_to_the_same_place_of_a_long_list(page: Page, poster: Path, expected_complaints: set[str]) -> None:
    expected_complaints.add("status of 404")  # these videos have no file
    share_many(72)
    page.goto("/")
    scroll_until(page, cards=72)
    card = page.locator(".card a").nth(60)
    card.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 500

    card.click()
    page.wait_for_url("**/v/**")
    page.go_back()

    expect(page.locator(".card")).to_have_count(72)
    wait_until(page, f"Math.abs(scrollY - {place}) < 2")
    expect(card).to_be_focused()


def test_results_come_while_one_types_and_one_step_back_leaves_them(page: Page, thirty_videos: None) -> None:
    page.goto("/?sort=popular")

    page.get_by_role("searchbox").press_sequentially("video 17", delay=30)

    expect(page.locator(".card")).to_have_count(1)
    expect(page).to_have_title("Results for “video 17” – Library")
    expect(page.get_by_role("status")).to_have_text("1 video")
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert page.url.endswith("/?sort=popular&search=video+17")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")
    wait_until(page, "document.querySelectorAll('.card').length >= 24")


def test_one_types_on_where_nothing_was_found(page: Page, thirty_videos: None) -> None:
    page.goto("/?search=zebra")

    page.get_by_role("searchbox").fill("video 17")

    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("1 video")


def test_a_jump_to_the_content_leaves_the_list_as_it_is(page: Page, thirty_videos: None) -> None:
    page.goto("/")
    scroll_until(page, cards=30)

    page.evaluate("location.hash = 'main'")
    page.wait_for_timeout(500)

    expect(page.locator(".card")).to_have_count(30)


def test_a_search_that_finds_nothing_says_so_while_one_types(page: Page, thirty_videos: None) -> None:
    page.goto("/")

    page.get_by_role("searchbox").press_sequentially("zebra", delay=30)

    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Nothing matches “zebra”")
    page.get_by_role("searchbox").fill("")
    wait_until(page, "document.querySelectorAll('.card').length >= 24")


def test_a_second_visit_looks_like_the_first(page: Page, thirty_videos: None) -> None:
    page.goto("/", wait_until="networkidle")
    first = page.locator(".card").first.bounding_box()

    page.goto("/", wait_until="networkidle")

    assert page.locator(".card").first.bounding_box() == first
    assert page.evaluate("[...document.querySelectorAll('.poster img')].some(image => image.naturalWidth > 0)")


def test_without_scripts_load_more_leads_to_the_next_page(page_without_scripts: Page, thirty_videos: None) -> None:
    page_without_scripts.goto("/")

    page_without_scripts.get_by_role("link", name="Load more").click()

    expect(page_without_scripts.locator(".card")).to_have_count(6)
    page_without_scripts.get_by_role("link", name="Back to the start").click()
    expect(page_without_scripts.locator(".card")).to_have_count(24)


def test_nothing_moves_while_the_gallery_loads(page: Page, thirty_videos: None) -> None:
    page.goto("/", wait_until="networkidle")

    assert page.evaluate(LAYOUT_SHIFT) == 0


def test_the_posters_of_a_row_are_equally_high_and_fill_it(page: Page, thirty_videos: None) -> None:
    page.goto("/")

    posters = [box for poster in page.locator(".poster").all() if (box := poster.bounding_box())]

    first_row = [box for box in posters if box["y"] == posters[0]["y"]]
    assert len(first_row) > 1
    assert max(box["height"] for box in first_row) - min(box["height"] for box in first_row) < 1.5
    rows = page.locator(".rows").bounding_box()
    assert rows
    assert first_row[-1]["x"] + first_row[-1]["width"] == pytest.approx(rows["x"] + rows["width"], abs=1.5)


def test_a_phone_never_scrolls_sideways(phone: Page, thirty_videos: None, share_clip: Callable[..., int], webm: Path) -> None:
    media_id = share_clip(webm, "W" * 255)

    for address in ("/", f"/v/{media_id}/", f"/?search={'W' * 200}", "/?search=zebra"):
        phone.goto(address)
        assert phone.evaluate("document.documentElement.scrollWidth") == 360


def test_searching_and_choosing_work_without_scripts(page_without_scripts: Page, thirty_videos: None) -> None:
    page = page_without_scripts
    page.goto("/")

    page.get_by_role("searchbox").fill("video 7")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Most viewed").click()

    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("video 7")


@pytest.fixture
def moving_video(poster: Path, clips: Clips) -> int:
    """A medium whose card has some seconds to show, and one that has none."""
    hover = clips.make(name="hover.mp4", codec=X264)
    store = poster.parent.parent.parent
    shutil.copy(hover, store / "hover.mp4")
    media_id = share("Moving", file_mtime_ns=1)
    Preview.objects.create(video_id=media_id, hover_path="hover.mp4", source_size=5_000_000, source_mtime_ns=1)
    share("Still")
    return media_id


def test_a_card_plays_some_seconds_while_one_points_at_it(page: Page, moving_video: int) -> None:
    page.goto("/")
    card = page.locator(".card", has_text="Moving")

    card.hover()
    expect(card.locator("video.is-playing")).to_have_js_property("muted", True)

    page.locator(".card", has_text="Still").hover()
    expect(page.locator(".poster video")).to_have_count(0)


def test_a_card_plays_while_it_is_in_focus(page: Page, moving_video: int) -> None:
    page.goto("/")
    page.get_by_role("link", name="Still").focus()

    page.keyboard.press("Tab")

    expect(page.locator(".card", has_text="Moving").locator("video.is-playing")).to_have_count(1)


def test_nothing_plays_for_those_who_want_less_motion(open_context: Callable[..., BrowserContext], moving_video: int) -> None:
    page = open_context(reduced_motion="reduce").new_page()
    page.goto("/")

    page.locator(".card", has_text="Moving").hover()
    page.wait_for_timeout(1_000)

    expect(page.locator(".poster video")).to_have_count(0)


def test_a_poster_whose_file_is_missing_leaves_a_calm_ground(
    page: Page, thirty_videos: None, poster: Path, expected_complaints: set[str]
) -> None:
    expected_complaints.add("status of 404")
    for file in poster.parent.rglob(f"{poster.stem}*"):
        file.unlink()

    page.goto("/")

    expect(page.locator(".poster img").first).to_be_hidden()
    expect(page.locator(".poster img:visible")).to_have_count(0)
    assert page.evaluate(LAYOUT_SHIFT) == 0


def test_a_narrow_card_wraps_between_its_counts_and_never_within_one(page: Page, poster: Path) -> None:
    tall = share("Tall", width=406, orientation="portrait")
    MediaStats.objects.filter(video_id=tall).update(view_count=1_234, upvote_count=56)
    share("Wide", width=1280)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/")

    lines = "all => all.map(one => Math.round(one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight)))"
    assert page.locator(".card", has_text="Tall").locator(".meta > span").evaluate_all(lines) == [1, 1]

"""The admin's charts in a real browser: drawn under the content security policy, on a desk and on a phone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from gallery.models import GalleryDay, MediaDay, RetentionBucket
from media_library.sign_in import link_for
from tests.gallery.shared_media import share

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GALLERY = "/admin/gallery/publicmedia/statistics/"


@pytest.fixture
def watched(poster: Path) -> int:
    """A medium of a name that is longer than a phone is wide, watched on thirty days."""
    media_id, today = share("Harbour" * 12, duration_seconds=600), dt.datetime.now(dt.UTC).date()
    for ago in range(30):
        counts = {"view_count": 1000 + ago, "unique_view_count": 700, "upvote_count": 3, "finish_count": 40, "total_watch_time": 90_000}
        MediaDay.objects.create(video_id=media_id, day=today - dt.timedelta(days=ago), **counts)
        GalleryDay.objects.create(day=today - dt.timedelta(days=ago), **counts)
    RetentionBucket.objects.bulk_create(RetentionBucket(video_id=media_id, bucket=part, count=500 - 2 * part) for part in range(200))
    return media_id


def enter(page: Page) -> Page:
    page.goto(link_for(User.objects.create_superuser("admin")))
    expect(page.locator("h1")).to_have_text("Library")
    return page


def test_charts_are_drawn_to_the_width_of_the_page(page: Page, watched: int) -> None:
    enter(page).goto(GALLERY)

    bars = page.locator(".chart-views rect.back")
    expect(bars).to_have_count(30)
    first, last = bars.first.bounding_box(), bars.last.bounding_box()
    assert first and last and last["x"] - first["x"] > 550 and first["height"] > 50
    assert page.locator(".chart-views rect.front").first.evaluate("bar => getComputedStyle(bar).fill") != "rgb(0, 0, 0)"


def test_a_ranking_leads_to_its_medium_and_the_figures_are_a_table_too(page: Page, watched: int) -> None:
    enter(page).goto(GALLERY)
    page.locator(".rankings a").first.click()

    expect(page.locator("h1")).to_contain_text("Harbour")
    expect(page.locator(".chart-retention .bars")).to_be_visible()
    page.get_by_text("The figures as a table").click()
    expect(page.locator(".statistics table tbody tr")).to_have_count(30)
    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".lengths [aria-current]")).to_have_text("7 days")


def test_the_pages_fit_a_phone(phone: Page, watched: int) -> None:
    enter(phone)

    for address in (GALLERY, f"/admin/gallery/publicmedia/{watched}/statistics/", "/admin/gallery/driftreport/"):
        phone.goto(address)
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth"), address

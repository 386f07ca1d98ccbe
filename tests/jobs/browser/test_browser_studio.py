"""A film in a real browser: chosen and arranged by keyboard and by finger, looked at as a storyboard, started, followed to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from jobs.models import Job
from media_library.models import Compilation, Video
from tests.conftest import Clips
from tests.gallery.browser.measures import HARDLY, LAYOUT_SHIFT
from tests.gallery.rows import video
from tests.jobs.browser.test_browser_queue import PATIENCE, enter  # noqa: F401 - a fixture
from tests.jobs.handlers.conftest import film, one_colour  # noqa: F401 - a fixture
from tests.jobs.running import run_to_the_end

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STUDIO = "/admin/jobs/job/studio/"


@pytest.fixture
def colours(film: Callable[[Path], Video], clips: Clips) -> list[Video]:  # noqa: F811 - a fixture
    return [film(one_colour(clips, colour, size="160x90")) for colour in ("red", "blue")]


def clip(page: Page, number: int) -> Locator:
    return page.locator(".clip").nth(number)


def test_a_film_is_made_with_the_keyboard_alone(page: Page, enter: Callable[..., Page], colours: list[Video]) -> None:  # noqa: F811
    enter(page, STUDIO)
    for number, colour in enumerate(("Red", "Blue")):
        search = page.get_by_role("searchbox", name="Search the library")
        search.fill(colour)
        search.press("ArrowDown")
        expect(page.get_by_role("button", name=f"Add {colour}")).to_be_focused(timeout=PATIENCE)
        page.keyboard.press("Enter")
        expect(clip(page, number)).to_contain_text(colour, timeout=PATIENCE)

    handle = page.get_by_role("button", name="Move Blue", exact=True)
    handle.press("ArrowUp")
    expect(page.locator("#studio-spoken")).to_have_text("Blue, 1 of 2")
    expect(handle).to_be_focused()
    expect(clip(page, 0)).to_contain_text("Blue")
    clip(page, 1).locator("summary").press("Enter")
    page.get_by_label("To, Red").press("ArrowLeft")
    page.get_by_label("To, Red").press("ArrowLeft")
    expect(clip(page, 1).get_by_label("To", exact=True)).to_have_value("0:00.8")
    expect(page.locator("#studio-length")).to_have_text("2, 0:01.8")

    page.get_by_role("button", name="Show the storyboard").press("Enter")
    expect(page.locator("#live-job")).to_contain_text("queued", timeout=PATIENCE)
    run_to_the_end(Job.objects.get())
    storyboard = page.get_by_role("region", name="Storyboard")
    expect(storyboard.get_by_role("img")).to_have_count(8, timeout=PATIENCE)
    expect(storyboard).to_contain_text("0:01.8")

    page.get_by_role("button", name="Start").press("Enter")
    expect(page.locator("#live-job")).to_contain_text("queued", timeout=PATIENCE)
    run_to_the_end(Job.objects.latest("pk"))
    page.get_by_role("region", name="What it made").get_by_role("link").press("Enter", timeout=PATIENCE)
    expect(page.get_by_role("link", name="Open it in the studio")).to_be_visible(timeout=PATIENCE)
    assert Compilation.objects.get().video_ids == [colours[1].pk, colours[0].pk]


def test_clips_are_dragged_with_a_finger(phone: Page, enter: Callable[..., Page]) -> None:  # noqa: F811
    ids = [video(title=f"A rather long title, number {number}", thumbnail_path=None).pk for number in range(3)]
    enter(phone, f"{STUDIO}?videos={','.join(map(str, ids))}")
    first, last = (clip(phone, number).locator(".handle").bounding_box() for number in (0, 2))
    assert first and last

    finger = phone.context.new_cdp_session(phone)
    x, start, end = first["x"] + 5, first["y"] + 5, last["y"] + 40

    def touch(kind: str, y: float | None) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if y is None else [{"x": x, "y": y}]})

    touch("touchStart", start)
    for part in range(1, 11):
        touch("touchMove", start + (end - start) * part / 10)
    touch("touchEnd", None)

    expect(phone.locator("#studio-spoken")).to_have_text("A rather long title, number 0, 3 of 3")
    assert [int(phone.locator("[name=videoId]").nth(number).input_value()) for number in range(3)] == [ids[1], ids[2], ids[0]]
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_works_without_scripts(page_without_scripts: Page, enter: Callable[..., Page]) -> None:  # noqa: F811
    page, sea, hills = page_without_scripts, video(title="Sea", thumbnail_path=None), video(title="Hills", thumbnail_path=None)
    enter(page, f"{STUDIO}?videos={sea.pk}")

    page.get_by_role("searchbox", name="Search the library").fill("hills")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add Hills").click()
    page.get_by_role("button", name="Hills earlier").click()
    clip(page, 0).get_by_label("To", exact=True).fill("0:09")
    page.get_by_label("Two side by side").check()
    expect(page.locator(".style-join")).to_be_hidden()
    page.get_by_role("button", name="Show the storyboard").click()

    expect(page.locator("#live-job")).to_contain_text("No worker serves the lane cpu")
    job = Job.objects.get()
    assert [part["videoId"] for part in job.params["clips"]] == [hills.pk, sea.pk]
    assert (job.type, job.params["clips"][0]["outPoint"], job.params["dryRun"]) == ("compile_side_by_side", 9.0, True)


@pytest.mark.parametrize("address", [STUDIO, "/admin/jobs/job/", "/admin/jobs/job/add/?type=compilation"])
def test_hardly_anything_moves_while_a_page_loads(page: Page, phone: Page, enter: Callable[..., Page], address: str) -> None:  # noqa: F811
    for screen in (page, phone):
        enter(screen, address)
        expect(screen.locator("#content h1")).to_be_visible()

        assert screen.evaluate(LAYOUT_SHIFT) < HARDLY

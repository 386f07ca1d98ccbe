"""The queue in a real browser: it keeps itself up to date, its buttons work in place, and the keyboard is enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from jobs import claims, services
from jobs.models import Job, Lane, LaneState, Worker, WorkerNode
from tests.gallery.rows import video
from tests.jobs.kinds import claimed, worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("job_kinds")]

QUEUE = "/admin/jobs/job/"
PATIENCE = 30_000  # milliseconds; the page looks every two seconds, and a machine may be slow


@pytest.fixture
def enter(live_server: LiveServer) -> Callable[..., Page]:
    """Open a page of the admin as somebody who is signed in."""

    def enter(page: Page, address: str = QUEUE) -> Page:
        client = Client()
        client.force_login(User.objects.filter(username="admin").first() or User.objects.create_superuser("admin"))
        page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page.goto(address)
        return page

    return enter


@pytest.fixture
def busy_node(transactional_db: None) -> WorkerNode:
    """A machine with a GPU and a worker of each lane, which are seen for as long as the test takes."""
    node = WorkerNode.objects.create(name="gpu-1", vram_total=8192)
    for lane in Lane.values:
        worker(node, lane)
    Worker.objects.update(seen_at=Now() + timedelta(hours=1))
    return node


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_a_running_job_moves_without_a_reload(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    enter(page)
    expect(page.locator("#live-state")).to_have_text("Live")
    page.evaluate("window.loadedOnce = true")

    job = services.submit("small", {})
    expect(section(page, "Waiting")).to_contain_text(f"small #{job.pk}", timeout=PATIENCE)
    lease = claimed(busy_node, Lane.CPU)
    claims.beat(lease, progress=42, speed=2.0, log="frame 1")
    bar = section(page, "Running").get_by_role("progressbar", name=f"small #{job.pk}")
    expect(bar).to_have_attribute("value", "42", timeout=PATIENCE)
    claims.complete(lease, result={})
    expect(section(page, "Ended last")).to_contain_text(f"small #{job.pk}", timeout=PATIENCE)

    expect(section(page, "Running")).not_to_contain_text("small")
    assert page.evaluate("window.loadedOnce")


def test_an_open_log_stays_open_while_it_grows(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    services.submit("small", {})
    lease = claimed(busy_node, Lane.CPU)
    claims.beat(lease, progress=1, log="first line")
    enter(page)

    section(page, "Running").get_by_text("Log", exact=True).click()
    expect(section(page, "Running").get_by_text("first line")).to_be_visible()
    claims.beat(lease, progress=2, log="first line\nsecond line")

    expect(section(page, "Running").locator("pre")).to_have_text("first line\nsecond line", timeout=PATIENCE)
    expect(section(page, "Running").locator("pre")).to_be_visible()


def test_a_lane_is_paused_with_a_reason_and_resumed(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    enter(page)
    lane = page.get_by_role("article", name="CPU")

    lane.get_by_text("Reason, hours, viewers").click()
    lane.get_by_label("Reason for a pause").fill("the fan <is> loud")
    lane.get_by_role("button", name="Pause", exact=True).click()

    expect(page.locator("#live-told")).to_have_text("CPU is paused. What runs there finishes.", timeout=PATIENCE)
    expect(lane).to_contain_text("paused by admin: the fan <is> loud")
    assert LaneState.objects.get(pk="cpu").paused_reason == "the fan <is> loud"
    lane.get_by_role("button", name="Resume").click()
    expect(lane.locator(".badge")).to_have_text("open", timeout=PATIENCE)


def test_hours_are_set_in_place(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    enter(page)
    lane = page.get_by_role("article", name="CPU")

    lane.get_by_text("Reason, hours, viewers").click()
    lane.get_by_label("Starts jobs from").fill("22:00")
    lane.get_by_label("until").fill("07:00")
    lane.get_by_role("button", name="Set hours").click()

    expect(page.locator("#live-told")).to_have_text("CPU starts jobs from 22:00 to 07:00.", timeout=PATIENCE)


def test_a_half_typed_reason_survives_the_updates(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    enter(page)
    lane = page.get_by_role("article", name="CPU")
    lane.get_by_text("Reason, hours, viewers").click()
    lane.get_by_label("Reason for a pause").press_sequentially("half a")

    services.submit("small", {})
    expect(section(page, "Waiting")).to_contain_text("small", timeout=PATIENCE)

    expect(lane.get_by_label("Reason for a pause")).to_have_value("half a")
    expect(lane.get_by_label("Reason for a pause")).to_be_focused()


def test_a_waiting_job_is_cancelled_and_the_focus_is_not_lost(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    job = services.submit("small", {})
    enter(page)

    page.get_by_role("button", name=f"Cancel small #{job.pk}").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#live-told")).to_have_text(f"Cancelled small #{job.pk}.", timeout=PATIENCE)
    expect(section(page, "Waiting")).to_contain_text("Nothing waits.")
    expect(page.get_by_role("heading", name="Waiting")).to_be_focused()
    assert Job.objects.get(pk=job.pk).status == "cancelled"


def test_a_job_that_moves_up_keeps_the_focus(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    services.submit("small", {}), services.submit("small", {})
    last = services.submit("small", {})
    enter(page)
    up = page.get_by_role("button", name=f"Raise the priority of small #{last.pk}")

    up.focus()
    page.keyboard.press("Enter")

    expect(section(page, "Waiting").locator("li").first).to_contain_text(f"small #{last.pk}", timeout=PATIENCE)
    expect(up).to_be_focused()


def test_failures_are_retried_together(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    for _ in range(3):
        services.submit("small", {})
        claims.fail(claimed(busy_node, Lane.CPU), error="It is full", error_class="no_space", suggestion="Free some space.")
    enter(page)

    expect(section(page, "Failed")).to_contain_text("Free some space.")
    section(page, "Failed").get_by_role("button", name="Retry all 3").click()

    expect(page.locator("#live-told")).to_have_text("Queued 3 jobs again: no space.", timeout=PATIENCE)
    expect(section(page, "Failed")).to_contain_text("Nothing has failed.")


def test_a_job_is_added_with_the_keyboard_alone(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    clip = video(title="Harbour")
    enter(page)

    page.get_by_role("link", name="Add job").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="generate_gif").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Video id").focus()
    page.keyboard.type(str(clip.pk))
    page.keyboard.press("Tab")
    expect(page.get_by_label("In point")).to_be_focused()
    page.keyboard.type("1.5")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("generate_gif", timeout=PATIENCE)
    expect(page.locator(".messagelist").first).to_contain_text("was added")
    assert Job.objects.get().params["inPoint"] == 1.5


def test_updates_can_be_paused(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    enter(page)

    page.get_by_role("button", name="Pause updates").click()
    expect(page.locator("#live-state")).to_have_text("Updates are paused")
    services.submit("small", {})
    page.get_by_role("button", name="Resume updates").click()

    expect(section(page, "Waiting")).to_contain_text("small", timeout=PATIENCE)
    expect(page.locator("#live-state")).to_have_text("Live")


def test_everything_works_without_scripts(page_without_scripts: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    page, job = page_without_scripts, services.submit("small", {})
    enter(page)

    assert "As it was at" in page.locator("#live-state").inner_text()  # playwright's matchers of text pass over noscript
    page.get_by_role("button", name=f"Cancel small #{job.pk}").click()

    expect(page.locator(".messagelist").first).to_contain_text(f"Cancelled small #{job.pk}.")
    expect(section(page, "Waiting")).to_contain_text("Nothing waits.")


def test_a_job_is_followed_on_its_own_page(page: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    job = services.submit("small", {})
    enter(page, f"{QUEUE}{job.pk}/change/")
    expect(page.locator(".job-state .badge")).to_have_text("queued")

    lease = claimed(busy_node, Lane.CPU)
    claims.beat(lease, progress=30, log="reading")
    expect(page.get_by_role("progressbar", name="Progress")).to_have_attribute("value", "30", timeout=PATIENCE)
    claims.complete(lease, result={"number": 1})

    expect(page.locator(".job-state .badge")).to_have_text("completed", timeout=PATIENCE)
    expect(page.locator("pre.json").last).to_contain_text('"number": 1')


def test_the_queue_fits_a_phone(phone: Page, enter: Callable[..., Page], busy_node: WorkerNode) -> None:
    services.submit("model", {"text": "a-name-without-any-place-to-break-" * 5})
    claimed(busy_node, Lane.GPU_AI)
    services.submit("model", {"text": "another-name-without-any-place-to-break-" * 5})
    enter(phone)

    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(section(phone, "Waiting")).to_contain_text("6.0 GB of GPU memory")

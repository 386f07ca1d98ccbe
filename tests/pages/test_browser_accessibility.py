"""Every page, light on a desk and dark on a phone: what axe finds, what the console says, what moves, what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page, ViewportSize
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from tests.browser import keep_picture
from tests.gallery.browser.measures import HARDLY, LAYOUT_SHIFT
from tests.pages.conftest import Ids
from tests.pages.table import LIBRARY, QUEUE, USER, VISITOR, Stop

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.pages.urls")]
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Colours in between two schemes are nobody's.
SETTLED = "() => Promise.allSettled(document.getAnimations().filter(one => one instanceof CSSTransition).map(one => one.finished))"


@pytest.fixture
def enter(open_context: Callable[..., BrowserContext], live_server: LiveServer) -> Callable[..., Page]:
    """A window of somebody, who may be signed in."""

    def enter(user: User | None) -> Page:
        context = open_context(viewport=DESK, reduced_motion="reduce", color_scheme="light")
        if user:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        return context.new_page()

    return enter


def test_what_a_visitor_sees(
    subtests: pytest.Subtests, enter: Callable[..., Page], house: Ids, settings: Settings, expected_complaints: set[str]
) -> None:
    settings.SIGN_UP_IS_OPEN = True
    expected_complaints |= {f"status of {stop.status}" for stop in VISITOR if stop.status >= 400}
    visit(subtests, enter(None), VISITOR, house)


def test_what_a_user_sees(subtests: pytest.Subtests, enter: Callable[..., Page], house: Ids) -> None:
    visit(subtests, enter(User.objects.create_user("ann")), USER, house)


@pytest.mark.parametrize("stops", [LIBRARY, QUEUE], ids=["library", "queue"])
def test_what_an_admin_sees(subtests: pytest.Subtests, enter: Callable[..., Page], house: Ids, stops: list[Stop]) -> None:
    visit(subtests, enter(User.objects.create_superuser("admin")), stops, house)


def visit(subtests: pytest.Subtests, page: Page, stops: list[Stop], ids: Ids) -> None:
    for stop in stops:
        with subtests.test(stop.name):
            assert findings_of(page, stop, ids) == []


def findings_of(page: Page, stop: Stop, ids: Ids) -> list[str]:
    # What axe recommends besides the standard looks at a page as a whole, and so at parts that are not ours.
    everything = {"type": "tag", "values": STANDARD if stop.but else [*STANDARD, "best-practice"]}
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")
    reply = page.goto(stop.address.format_map(ids))
    found = [] if reply and reply.status == stop.status else [f"has the status {reply and reply.status}"]
    stop.act(page)
    bearable = HARDLY if stop.address.startswith("/admin/") else 0  # Django's own scripts move things when a machine is busy
    if (moved := round(page.evaluate(LAYOUT_SHIFT), 3)) > bearable:
        found.append(f"things move by {moved} while it loads")
    page.evaluate(AXE_SCRIPT)
    found += [f"light, on a desk: {violation}" for violation in violations(page, stop, everything)]
    keep_picture(page, f"{stop.name} light on a desk")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    found += [f"dark, on a phone: {violation}" for violation in violations(page, stop, everything)]
    keep_picture(page, f"{stop.name} dark on a phone")
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"{too_wide} px too wide for a phone"] if too_wide > 0 else found


def violations(page: Page, stop: Stop, rules: dict[str, Any]) -> list[str]:
    # Preloading would fetch the style sheets again by a script, which the pages' policy forbids.
    options = {"preload": False, "resultTypes": ["violations"], "runOnly": rules}
    page.evaluate(SETTLED)
    results = page.evaluate("([but, options]) => axe.run({exclude: but}, options)", [stop.but, options])
    return [
        f"{violation['id']} at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]

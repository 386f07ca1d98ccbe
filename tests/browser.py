"""A real Chromium on a live server; one for the whole session, for Playwright runs once in a process."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

SCREENSHOTS = os.environ.get("SCREENSHOTS")  # a folder; without it none are kept


def keep_picture(page: Page, name: str) -> None:
    """Keep what a page shows, for people to look at."""
    if SCREENSHOTS:
        path = Path(SCREENSHOTS) / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.jpeg"
        page.screenshot(path=path, type="jpeg", quality=70)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    binary = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not shutil.which(binary):
        pytest.skip(f"no Chromium at {binary}; set CHROMIUM")
    # Playwright's event loop runs in the test's thread, where Django would refuse the database otherwise.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-background-networking"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def expected_complaints() -> set[str]:
    """What the console may say in this test, in parts of its lines; each must be said."""
    return set()


@pytest.fixture
def open_context(
    request: pytest.FixtureRequest, chromium: Browser, live_server: LiveServer, expected_complaints: set[str]
) -> Iterator[Callable[..., BrowserContext]]:
    """Open a window of any kind; at the end, nothing unexpected may have been complained about or loaded from elsewhere."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} at {message.location['url']}")

    def note_request(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            complaints.append(f"loaded {request.url}")

    def open_context(**options: Any) -> BrowserContext:
        context = chromium.new_context(base_url=live_server.url, **options)
        context.on("console", note_console)
        context.on("request", note_request)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield open_context

    for number, page in enumerate(page for context in contexts for page in context.pages):
        keep_picture(page, f"{request.node.name} {number or ''}")
    for context in contexts:
        context.close()
    unexpected = [line for line in complaints if not any(part in line for part in expected_complaints)]
    unheard = [part for part in expected_complaints if not any(part in line for line in complaints)]
    assert not unexpected and not unheard, f"Complaints: {unexpected}. Expected, and not heard: {unheard}"


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    return open_context(viewport={"width": 1280, "height": 800}).new_page()


@pytest.fixture
def page_without_scripts(open_context: Callable[..., BrowserContext]) -> Page:
    return open_context(java_script_enabled=False).new_page()


@pytest.fixture
def phone(open_context: Callable[..., BrowserContext]) -> Page:
    return open_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True).new_page()

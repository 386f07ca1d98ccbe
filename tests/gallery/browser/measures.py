"""What the browser tests measure in a page."""

from __future__ import annotations

import time

from playwright.sync_api import Page

PATIENCE = 10.0  # seconds
# How far things have moved since the page began to load, as browsers score it; 0 is not at all.
LAYOUT_SHIFT = """
    () => new Promise((resolve) => {
        let score = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (score += entry.value)))
            .observe({type: "layout-shift", buffered: true});
        setTimeout(() => resolve(score), 300);
    })
"""


def wait_until(page: Page, expression: str) -> None:
    """Wait for JavaScript to be true; Playwright's own waiting evaluates strings in the page, which our policy forbids."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not become true"
        page.wait_for_timeout(50)

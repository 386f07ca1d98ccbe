"""What the browser tests measure in a page."""

from __future__ import annotations

import base64
import hashlib
import time

from playwright.sync_api import Page

PATIENCE = 30.0  # seconds
HARDLY = 0.1  # of a layout shift: what people do not mind, by the web's own measure
# How far things have moved since the page began to load, but for what a press or key has moved, as browsers score it; 0 is not at all.
LAYOUT_SHIFT = """
    () => new Promise((resolve) => {
        let score = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (score += entry.hadRecentInput ? 0 : entry.value)))
            .observe({type: "layout-shift", buffered: true});
        setTimeout(() => resolve(score), 100);
    })
"""
STYLES = """
    (function collect(root) {
        return [...root.querySelectorAll("*")].flatMap((element) => [
            ...(element.localName === "style" ? [element.textContent] : []),
            ...(element.shadowRoot ? collect(element.shadowRoot) : []),
        ]);
    })(document)
"""


def wait_until(page: Page, expression: str) -> None:
    """Wait for JavaScript to be true; Playwright's own waiting evaluates strings in the page, which our policy forbids."""
    deadline = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not become true"
        page.wait_for_timeout(50)


def style_hashes(page: Page) -> set[str]:
    """Those of all `<style>` elements of a page and its shadow roots, as a policy lists them."""
    return {f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in page.evaluate(STYLES)}

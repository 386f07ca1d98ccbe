"""Take the pictures of the README from a running site: `python docs/pictures/take.py ADDRESS SIGN-IN-LINK`.

`bin/up` prints both. Needs playwright, which is among the development requirements, and a Chromium (`CHROMIUM`, else /usr/bin/chromium).
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).resolve().parent
SIZE = {"width": 1280, "height": 860}
WEBP_QUALITY = 82


def take_all(site: str, sign_in_link: str) -> None:
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"])
        page = browser.new_context(viewport=SIZE, device_scale_factor=1.0).new_page()  # type: ignore[arg-type]
        take(page, f"{site}/", "gallery")
        most_viewed = page.goto(f"{site}/?sort=most_viewed") and page.locator(".card .title").first.get_attribute("href")
        take(page, f"{site}{most_viewed}", "viewer")
        page.goto(sign_in_link)
        page.wait_for_url("**/admin/**")
        take(page, f"{site}/admin/media_library/video/", "library")
        take(page, f"{site}/admin/jobs/job/", "queue")
        browser.close()


def take(page: Page, address: str, name: str) -> None:
    """A picture of what stands at an address once it is quiet."""
    page.goto(address, wait_until="networkidle")
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.save(PICTURES / f"{name}.webp", quality=WEBP_QUALITY, method=6)


if __name__ == "__main__":
    take_all(sys.argv[1].rstrip("/"), sys.argv[2])

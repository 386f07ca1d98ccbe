"""A running library as its admin sees it, for programs that take pictures of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PICTURES = Path(__file__).resolve().parent
SIZE = ViewportSize(width=1280, height=860)
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
WEBP_QUALITY = 82
PATIENCE = 300.0  # seconds for one job

Facts = dict[str, Any]


class Site:
    """A running library, seen by an admin."""

    def __init__(self, address: str, page: Page) -> None:
        self.address, self.page = address, page
        self.ids = {video["title"]: video["id"] for video in self.get("/api/videos?limit=100")["videos"]}

    def get(self, path: str) -> Any:
        return self.page.request.get(self.address + path).json()

    def post(self, path: str, **facts: Any) -> Facts:
        """What the API answers to them; ends the program with what it says where it refuses them."""
        token = next(cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == "csrftoken")
        reply = self.page.request.post(self.address + path, data=facts, headers={"X-CSRFToken": token, "Referer": self.address})
        if not reply.ok:
            raise SystemExit(f"{path}: {reply.text()}")
        answer: Facts = reply.json()
        return answer

    def submit(self, job_type: str, *, priority: int = 5, **params: Any) -> Facts:
        return self.post("/api/jobs", type=job_type, params=params, priority=priority)

    def run(self, job_type: str, **params: Any) -> Facts:
        """Run a job to its end; returns it."""
        job = self.submit(job_type, **params)
        until = time.monotonic() + PATIENCE
        while job["status"] not in ("completed", "failed", "cancelled") and time.monotonic() < until:
            time.sleep(0.5)
            job = self.get(f"/api/jobs/{job['id']}")
        if job["status"] != "completed":
            raise SystemExit(f"{job_type} is {job['status']}: {job['error']}")
        return job

    def film(self, path: str) -> Path:
        with NamedTemporaryFile(suffix=".film", delete=False) as file:
            file.write(self.page.request.get(self.address + path).body())
        return Path(file.name)

    def made(self, job: Facts) -> list[Path]:
        """The films that a job has made."""
        return [self.film(f"/api/videos/{video_id}/stream") for video_id in job["result"]["videoIds"]]

    def cut(self, title: str, start: float, end: float) -> Facts:
        return {"videoId": self.ids[title], "inPoint": start, "outPoint": end}

    def publish(self, video_id: int, *, category: str) -> None:
        self.post(f"/api/videos/{video_id}/publish", category=category)


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium: `CHROMIUM`, else /usr/bin/chromium."""
    with sync_playwright() as playwright:
        binary = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        chromium = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-background-networking"])
        yield chromium
        chromium.close()


def window(chromium: Browser) -> Page:
    """A new one that knows nobody, of a browser whose visits count."""
    return chromium.new_context(viewport=SIZE, device_scale_factor=1.0, user_agent=USER_AGENT).new_page()


def signed_in(chromium: Browser, address: str, sign_in_link: str) -> Site:
    """The site in a window of its own, signed in by the link that `bin/up` prints."""
    page = window(chromium)
    page.goto(sign_in_link)
    page.wait_for_url("**/admin/**")
    return Site(address, page)

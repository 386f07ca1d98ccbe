"""The player's bar shows what it points at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from jobs import services
from jobs.models import Job
from media_library.models import Video
from tests.gallery.browser.measures import wait_until
from tests.jobs.running import run_to_the_end

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
THUMBNAIL = "document.querySelector('media-time-range').shadowRoot.querySelector('media-preview-thumbnail')"


def test_pointing_at_the_bar_shows_the_picture_of_that_moment(page: Page, share_clip: Callable[..., int], webm: Path) -> None:
    media_id = share_clip(webm)
    file = Video.objects.get(pk=media_id).absolute_path.stat()
    Video.objects.filter(pk=media_id).update(file_size=file.st_size, file_mtime_ns=file.st_mtime_ns)
    job = run_to_the_end(services.submit("generate_previews", {"videoId": media_id}))
    assert job.status == Job.Status.COMPLETED, job.error

    page.goto(f"/v/{media_id}/")
    wait_until(page, "document.querySelector('video').readyState >= 1")
    box = page.locator("media-time-range").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    place = f"({THUMBNAIL}.getAttribute('mediapreviewcoords') || '0 0').split(' ').map(Number)"
    tile = f"({place}[1] / 90 * 9 + {place}[0] / 160)"
    wait_until(page, f"35 <= {tile} && {tile} <= 45")  # of 81, in the middle
    wait_until(page, f"{THUMBNAIL}.shadowRoot.querySelector('img').naturalWidth === 1440")

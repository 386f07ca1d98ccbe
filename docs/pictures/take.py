"""Take the pictures of the README from a running site: `python docs/pictures/take.py ADDRESS SIGN-IN-LINK`.

`bin/up` prints both when it is started without a folder. First it makes a film of several samples with a rendition for every size,
has it commented and reacted to, and gives the queue something to do, all through the API. Needs playwright, which is among the
development requirements, and a Chromium (`CHROMIUM`, else /usr/bin/chromium).
"""

from __future__ import annotations

import io
import sys
from uuid import uuid4

from PIL import Image
from playwright.sync_api import Page
from running import PICTURES, WEBP_QUALITY, Site, browser, signed_in, window

FILM = "A Day Outside"
SCENES = (("Blue Ridges", 0.5, 6), ("Rain on the Pond", 0.5, 5), ("Dunes", 0.5, 5), ("Evening Sun", 0.5, 5), ("Northern Lights", 0.5, 6))
REACTIONS = (
    (2, "love"),
    (2, "like"),
    (3, "wow"),
    (8, "sad"),
    (13, "laugh"),
    (14, "wow"),
    (21, "love"),
    (22, "love"),
    (22, "wow"),
    (23, "like"),
)
REMARKS = ((2, "Ines", "The light on the ridges!"), (7, "Tom", "It rained all morning."), (20, "Mara", "0:20 is why we went there."))
POSTER_AT = 20.0  # seconds
VISITORS = 14
WORKING = 6.0  # seconds until the queue has something to show


def take_all(address: str, sign_in_link: str) -> None:
    with browser() as chromium:
        site = signed_in(chromium, address, sign_in_link)
        film = make_film(site)
        have_seen(site, film)
        take(site.page, f"{address}/v/{film}/", "viewer")
        take(site.page, f"{address}/admin/media_library/video/", "library")
        take(window(chromium), f"{address}/", "gallery")  # a moment later, when the views are counted
        give_work(site)
        site.page.wait_for_timeout(WORKING * 1000)
        take(site.page, f"{address}/admin/jobs/job/", "queue", is_quiet=False)


def make_film(site: Site) -> int:
    """A published film with chapters and renditions."""
    if FILM not in site.ids:
        clips = [site.cut(*scene) for scene in SCENES]
        made = site.run("compilation", clips=clips, title=FILM, fill="blur", width=1280, height=720)
        site.ids[FILM] = made["result"]["videoId"]
        site.run("scene_extract", videoId=site.ids[FILM])
        site.run("generate_previews", videoId=site.ids[FILM], posterAt=POSTER_AT)
        site.run("reencode_streaming", videoId=site.ids[FILM], ladder=True)
        site.publish(site.ids[FILM], category="nature")
    return int(site.ids[FILM])


def have_seen(site: Site, film: int) -> None:
    """Let visitors vote for it, react to it and comment on it."""
    for _ in range(VISITORS):
        site.post(f"/api/media/public/{film}/upvote", sessionId=uuid4().hex)
        site.get(f"/api/media/public/{film}?sessionId={uuid4().hex}")
    if not site.get(f"/api/reactions?mediaId={film}")["reactions"]:
        for second, kind in REACTIONS:
            site.post("/api/reactions", mediaId=film, reactionType=kind, videoTimestamp=second)
        for second, name, remark in REMARKS:
            site.post("/api/media/comments", mediaId=film, authorName=name, content=remark, videoTimestamp=second)


def give_work(site: Site) -> None:
    """Jobs that run, wait for others and wait for a person."""
    site.run("auto_organize_publish", videoId=site.ids["Rain on the Pond"], category="abstract", needsApproval=True)
    for title in ("Lava Lamp", "Seahorse Valley", "Moonrise", "City Lights"):
        site.submit("reencode_streaming", videoId=site.ids[title], ladder=True, alwaysEncode=True)
    site.submit("compile_random", count=6, clipLength=2, fill="blur", priority=8)
    site.submit("digest", videoId=site.ids[FILM])
    for title in ("Silk", "Plasma", "Dunes"):
        site.submit("generate_gif", videoId=site.ids[title], duration=3, width=480)


def take(page: Page, address: str, name: str, *, is_quiet: bool = True) -> None:
    """A picture of what stands at an address once it is quiet, or at once where it never is."""
    page.goto(address, wait_until="networkidle" if is_quiet else "load")
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.save(PICTURES / f"{name}.webp", quality=WEBP_QUALITY, method=6)


if __name__ == "__main__":
    take_all(sys.argv[1].rstrip("/"), sys.argv[2])

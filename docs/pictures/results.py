"""Make the pictures of docs/jobs.md: run every job type on the sample library and look at what came of it.

`python docs/pictures/results.py ADDRESS SIGN-IN-LINK [NAME...]`, with what `bin/up` prints when it is started without a folder, on a
library where nothing else runs; with names only those pictures. Needs what take.py needs, and an ffmpeg (`FFMPEG_BINARY`).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from running import PATIENCE, PICTURES, WEBP_QUALITY, Facts, Site, browser, signed_in

STRIP = 5  # pictures of a film, side by side
STRIP_HEIGHT = 120  # pixels
SMALL = {"width": 640, "height": 360}
FFMPEG = os.environ.get("FFMPEG_BINARY", "ffmpeg")


# --- Looking


def strip(film: Path, count: int = STRIP) -> Image.Image:
    """Pictures of a film, evenly spread, side by side."""
    moments = [length_of(film) * (number + 0.5) / count for number in range(count)]
    return beside([still(film, moment) for moment in moments])


def beside(pictures: Sequence[Image.Image]) -> Image.Image:
    small = [picture.resize((round(picture.width * STRIP_HEIGHT / picture.height), STRIP_HEIGHT)) for picture in pictures]
    whole = Image.new("RGB", (sum(picture.width + 4 for picture in small) - 4, STRIP_HEIGHT), "white")
    left = 0
    for picture in small:
        whole.paste(picture, (left, 0))
        left += picture.width + 4
    return whole


def still(film: Path, at: float) -> Image.Image:
    command = [FFMPEG, "-v", "error", "-ss", f"{at:.3f}", "-i", str(film), "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", "-"]
    return Image.open(io.BytesIO(subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout))


def length_of(film: Path) -> float:
    """Seconds, as ffmpeg tells them."""
    told = subprocess.run([FFMPEG, "-i", str(film)], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace").stderr
    hours, minutes, seconds = told.split("Duration: ")[1].split(",")[0].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def shot(site: Site, path: str, select: str = "#content") -> Image.Image:
    """A part of a page."""
    site.page.goto(site.address + path, wait_until="networkidle" if "/jobs/" not in path else "load")
    site.page.wait_for_timeout(500)
    return Image.open(io.BytesIO(site.page.locator(select).first.screenshot()))


def job_page(site: Site, job: Facts, select: str = "#content") -> Image.Image:
    return shot(site, f"/admin/jobs/job/{job['id']}/change/", select)


# --- Pictures, each by the name of its file


def scan(site: Site) -> Image.Image:
    site.run("scan")
    site.page.goto(f"{site.address}/admin/media_library/scanreport/")
    path = site.page.locator("#result_list th a").first.get_attribute("href")
    site.page.goto(site.address + str(path))
    site.page.evaluate("document.querySelector('.report .facts dd').textContent = '/home/ann/Videos'")
    return Image.open(io.BytesIO(site.page.locator(".report").screenshot()))


def validate(site: Site) -> Image.Image:
    return job_page(site, site.run("validate", videoId=site.ids["Blue Ridges"]), "[data-key=result]")


def organize(site: Site) -> Image.Image:
    return job_page(site, site.run("organize", dryRun=True), "[data-key=result]")


def reencode(site: Site) -> Image.Image:
    site.run("reencode_streaming", videoId=site.ids["Moonrise"])
    return strip(site.film(f"/api/media/public/{site.ids['Moonrise']}/playback"))


def clip(site: Site) -> Image.Image:
    return strip(site.made(site.run("clip_generate", **site.cut("Evening Sun", 1, 4)))[0])


def clips(site: Site) -> Image.Image:
    parts = [{"inPoint": start, "outPoint": start + 1} for start in (0, 5, 10, 15)]
    return beside([still(film, 0) for film in site.made(site.run("clip_extract_only", videoId=site.ids["Lava Lamp"], clips=parts))])


def gif(site: Site) -> Image.Image:
    job = site.run("generate_gif", **{"videoId": site.ids["Silk"], "duration": 2, "width": 200, "fps": 8, "maxBytes": 400_000})
    return Image.open(site.made(job)[0])


def compilation(site: Site) -> Image.Image:
    clips = [site.cut("Northern Lights", 1, 3), site.cut("Evening Sun", 2, 4), site.cut("Blue Ridges", 1, 3), site.cut("City Lights", 1, 3)]
    job = site.run("compilation", clips=clips, transition="crossfade", transitionLength=0.8, titleCards=True, cardLength=1, **SMALL)
    return strip(site.made(job)[0], count=7)


def compile_random(site: Site) -> Image.Image:
    return strip(site.made(site.run("compile_random", count=5, clipLength=1, seed=7, fill="blur", **SMALL))[0])


def layout(name: str, titles: Sequence[str]) -> Callable[[Site], Image.Image]:
    def look(site: Site) -> Image.Image:
        job = site.run(name, clips=[{"videoId": site.ids[title]} for title in titles], cellLines=180, fill="blur")
        picture = still(site.made(job)[0], 1)
        picture.thumbnail((640, 420))
        return picture

    return look


def digest(site: Site) -> Image.Image:
    site.run("digest", videoId=many_scenes(site))
    sheet = Image.open(io.BytesIO(site.page.request.get(f"{site.address}/api/videos/{many_scenes(site)}/contact-sheet").body()))
    sheet.thumbnail((900, 600))
    return sheet


def scenes(site: Site) -> Image.Image:
    made = site.made(site.run("scene_extract", videoId=many_scenes(site), clips=True))
    return beside([still(film, 0) for film in made[:6]])


def highlights(site: Site) -> Image.Image:
    return job_page(
        site, site.run("highlight_generate", videoId=many_scenes(site), length=5, clipLength=2, dryRun=True), "[data-key=storyboard]"
    )


def publishing(site: Site) -> Image.Image:
    """The pipeline that `auto_organize_publish` has started, as it waits to be approved."""
    job = site.run("auto_organize_publish", videoId=site.ids["Dunes"], category="nature", needsApproval=True)
    path = f"/admin/jobs/pipeline/{job['result']['pipelineId']}/change/"
    site.page.goto(site.address + path)
    site.page.get_by_role("button", name="Approve").first.wait_for(timeout=PATIENCE * 1000)
    return shot(site, path, ".live-section")


def many_scenes(site: Site) -> int:
    """A video of several scenes: one that `compilation` has made."""
    if "Six scenes" not in site.ids:
        titles = ("Seahorse Valley", "Blue Ridges", "Petri Dish", "City Lights", "Silk", "Rain on the Pond")
        parts = [site.cut(title, 0.5, 3) for title in titles if title in site.ids]
        site.ids["Six scenes"] = site.run("compilation", clips=parts, title="Six scenes", **SMALL)["result"]["videoId"]
    return int(site.ids["Six scenes"])


def studio(site: Site) -> Image.Image:
    ids = [site.ids[title] for title in ("Northern Lights", "Evening Sun", "Blue Ridges")]
    site.page.goto(f"{site.address}/admin/jobs/job/studio/?videos={','.join(map(str, ids))}", wait_until="networkidle")
    site.page.locator(".clip summary").first.click()
    site.page.wait_for_timeout(1500)
    return Image.open(io.BytesIO(site.page.screenshot()))


def storyboard(site: Site) -> Image.Image:
    parts = [site.cut("Northern Lights", 1, 3), site.cut("Evening Sun", 2, 4), site.cut("Blue Ridges", 1, 3)]
    whole = job_page(site, site.run("compilation", clips=parts, transition="crossfade", dryRun=True), ".live-section")
    return whole.crop((0, 0, whole.width, 420))


MAKERS: dict[str, Callable[[Site], Image.Image]] = {
    "scan": scan,
    "validate": validate,
    "organize": organize,
    "reencode": reencode,
    "clip": clip,
    "clips": clips,
    "gif": gif,
    "compilation": compilation,
    "compile-random": compile_random,
    "compile-quad": layout("compile_quad", ("Blue Ridges", "Evening Sun", "Dunes", "Northern Lights")),
    "compile-quad-horizontal": layout("compile_quad_horizontal", ("Silk", "Lava Lamp", "Dunes", "Moonrise")),
    "compile-quad-vertical": layout("compile_quad_vertical", ("Dunes", "Blue Ridges", "Moonrise", "City Lights")),
    "compile-side-by-side": layout("compile_side_by_side", ("Dunes", "Northern Lights")),
    "contact-sheet": digest,
    "scenes": scenes,
    "highlights": highlights,
    "publishing": publishing,
    "studio": studio,
    "storyboard": storyboard,
}


def make_all(address: str, sign_in_link: str, names: Sequence[str]) -> None:
    with browser() as chromium:
        site = signed_in(chromium, address, sign_in_link)
        for name in names or MAKERS:
            picture = MAKERS[name](site)
            picture.save(PICTURES / f"{name}.webp", quality=WEBP_QUALITY, method=6, save_all=getattr(picture, "is_animated", False))
            print(name)  # noqa: T201 - a command tells what it does


if __name__ == "__main__":
    make_all(sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3:])

"""How soon the pages can be seen and used in Chromium at a quarter of the processor's speed: `python benchmarks/pages.py`.

Draws a library of 300 clips, starts `bin/up` on it, and opens each page several times with an empty cache. Needs playwright and a
Chromium (`CHROMIUM`, else /usr/bin/chromium); `VENV_DIR` may name an environment that `bin/up` or `bin/test` has made.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "bin"))

from launcher.site import free_port

CLIPS, DRAWINGS = 300, 12
SLOWDOWN, ROUNDS = 4, 5
START = 300.0  # seconds until everything is scanned and published
WINDOWS = {"desk": ViewportSize(width=1280, height=800), "phone": ViewportSize(width=360, height=740)}
# Installed before the page's own scripts: what it shows when, how far things move, and how long each input takes to be answered.
OBSERVERS = """
    window.seen = {picture: 0, moved: 0, answered: 0};
    const watch = (type, note, more = {}) =>
        new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type, buffered: true, ...more});
    watch("largest-contentful-paint", entry => seen.picture = entry.startTime);
    watch("layout-shift", entry => seen.moved += entry.hadRecentInput ? 0 : entry.value);
    watch("event", entry => seen.answered = Math.max(seen.answered, entry.interactionId ? entry.duration : 0), {durationThreshold: 16});
"""
CODE = """
    performance.getEntriesByType("resource").filter(one => /\\.(js|css)$/.test(one.name) && !/media-chrome/.test(one.name))
        .reduce((sum, one) => sum + one.encodedBodySize, 0) / 1000
"""


def search(page: Page) -> None:
    page.get_by_role("searchbox").press_sequentially("clip 1", delay=120)


def vote_and_seek(page: Page) -> None:
    page.get_by_role("button", name="Upvote").click()
    for key in ("ArrowRight", "k", "m", "k"):
        page.keyboard.press(key, delay=30)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pages-") as folder, site(Path(folder)) as address, sync_playwright() as playwright:
        binary = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-background-networking"])
        some = browser.new_page()
        some.goto(address)
        viewer = some.locator(".card a").first.get_attribute("href") or ""
        print(f"{'page':8} {'window':7} {'first picture':>14} {'moved':>6} {'input':>7} {'scripts and styles':>19}")
        for window in WINDOWS:
            measure(browser, "gallery", f"{address}/", window, search)
            measure(browser, "viewer", f"{address}{viewer}", window, vote_and_seek)
        browser.close()
        print(f"Medians of {ROUNDS} at {SLOWDOWN}× slowdown; input: the slowest of a visit; code as bin/up serves it, uncompressed.")


def measure(browser: Browser, name: str, address: str, window: str, use: Callable[[Page], None]) -> None:
    rounds = [visit(browser, address, WINDOWS[window], use) for _ in range(ROUNDS)]
    picture, moved, answered, code = (median(each[key] for each in rounds) for key in ("picture", "moved", "answered", "code"))
    print(f"{name:8} {window:7} {picture:11,.0f} ms {moved:6.3f} {answered:4.0f} ms {code:16.1f} KB", flush=True)


def visit(browser: Browser, address: str, size: ViewportSize, use: Callable[[Page], None]) -> dict[str, float]:
    """Milliseconds until the largest picture and the slowest answer, the score of what moved, and kilobytes of code."""
    with contextlib.closing(browser.new_context(viewport=size)) as context:
        context.add_init_script(OBSERVERS)
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        page.goto(address, wait_until="networkidle")
        shown: dict[str, Any] = page.evaluate("({...seen})")
        use(page)
        page.wait_for_timeout(500)
        return {**shown, "answered": page.evaluate("seen.answered"), "code": page.evaluate(CODE)}


@contextlib.contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a site with the drawn library, as `bin/up` starts it."""
    library, log = draw(folder / "library"), folder / "up.log"
    address = f"http://127.0.0.1:{(port := free_port())}"
    ours = ("DATABASE_URL", "REDIS_URL", "LIBRARY_ROOT", "THUMBNAIL_ROOT")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"DATA_DIR": str(folder / "data"), "MEDIA_API_PORT": str(port)}
    with log.open("w") as output:
        up = subprocess.Popen([REPOSITORY / "bin/up", library, "--publish", "clips"], env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START
        while "  API " not in log.read_text():  # the last lines, when all is scanned and published
            if up.poll() is not None or time.monotonic() > deadline:
                sys.exit(log.read_text())
            time.sleep(0.2)
        yield address
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()


def draw(library: Path) -> Path:
    """A folder of clips, of which each differs from all others in its bytes and most in their picture."""
    library.mkdir()
    for drawing in range(DRAWINGS):
        first = library / f"clip {drawing}.mp4"
        size = ("640x360", "360x640")[drawing % 4 == 0]
        picture = f"mandelbrot=size={size}:rate=10:start_scale={3 / 2**drawing},trim=duration=2"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", first],
            check=True,
        )
        for number in range(drawing + DRAWINGS, CLIPS, DRAWINGS):
            (library / f"clip {number}.mp4").write_bytes(first.read_bytes() + struct.pack(">I4sQ", 16, b"free", number))
    an_hour_ago = time.time() - 3600
    for clip in library.iterdir():
        os.utime(clip, (an_hour_ago, an_hour_ago))  # a scan waits for files that may still be written
    return library


if __name__ == "__main__":
    main()

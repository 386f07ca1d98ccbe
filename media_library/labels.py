"""How the library is told to an admin: durations, badges, posters, the story of a scan. Every text from outside is escaped."""

from __future__ import annotations

import re
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from media_library import timecodes
from media_library.models import ScanReport, Video

# A badge is (kind, word); the kind is a class of the style sheet, the word is what a reader is told.
Badge = tuple[str, str]

# With the private-use characters that stand for bytes which are no text: see `paths`.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\uf780-\uf7ff]")

COUNTS = (  # column, what one and many are called
    ("new_count", "new file", "new files"),
    ("moved_count", "file moved", "files moved"),
    ("changed_count", "file changed", "files changed"),
    ("returned_count", "file came back", "files came back"),
    ("missing_count", "file missing", "files missing"),
    ("duplicate_count", "duplicate", "duplicates"),
    ("unsettled_count", "file still being written", "files still being written"),
    ("skipped_count", "entry skipped", "entries skipped"),
    ("failed_count", "file failed", "files failed"),
)
OPENINGS = {
    ScanReport.Status.RUNNING: "is looking through",
    ScanReport.Status.COMPLETED: "looked through",
    ScanReport.Status.REFUSED: "was stopped by a guard after looking through",
    ScanReport.Status.FAILED: "failed after looking through",
    ScanReport.Status.INTERRUPTED: "was interrupted while it looked through",
}


def clock(seconds: int | None) -> str:
    """Write a duration as 0:27, 1:30 or 1:01:01; a dash when nobody knows it."""
    return "–" if seconds is None else timecodes.clock(seconds)


def long_time(seconds: int) -> str:
    """Write a sum of watch time in its two largest units: 3 d 4 h, 2 h 5 min, 40 s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [f"{count:,} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(units[:2]) or "0 s"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def badges(items: list[Badge]) -> SafeString:
    return format_html_join(" ", '<span class="badge badge-{}">{}</span>', items)


def state_of(video: Video) -> list[Badge]:
    """What sets a video apart, the gravest first; needs `public` selected, or costs a query each."""
    public = getattr(video, "public", None)
    claims = (
        (video.trashed_at is not None, ("trashed", "in the trash")),
        (video.missing_since is not None, ("missing", "missing")),
        (not video.is_valid, ("invalid", "invalid")),
        (video.directory_type == "private", ("private", "private")),
        (public is not None and public.is_locked, ("locked", "locked")),
        (public is not None and not public.is_locked, ("published", "published")),
    )
    return [badge for is_so, badge in claims if is_so]


def plain(text: str) -> str:
    """Text whose control characters, and bytes that are no text, are shown.

    None can reorder it: `exe.mp4` must not read as `4pm.exe`.
    """
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def named(title: str | None, filename: str) -> SafeString:
    """A title over its filename, each isolated so that right-to-left text cannot reorder the page."""
    if not title or title == filename:
        return format_html('<bdi class="title">{}</bdi>', plain(filename))
    return format_html('<bdi class="title">{}</bdi> <bdi class="filename">{}</bdi>', plain(title), plain(filename))


def poster(video: Video) -> SafeString:
    """The poster in a 16:9 frame that also holds the duration; a plain frame where there is no poster."""
    picture = format_html('<img src="/api/videos/{}/thumbnail" alt="" loading="lazy" decoding="async">', video.pk)
    picture = picture if video.thumbnail_path else SafeString()
    return format_html('<span class="poster">{}<span class="clock">{}</span></span>', picture, clock(video.duration_seconds))


def story(report: ScanReport) -> str:
    """What a scan did, in two sentences."""
    counted = [(getattr(report, column), one, many) for column, one, many in COUNTS]
    found = ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count)
    pace = f" at {report.files_per_second:,.0f} files a second" if report.files_per_second else ""
    files = "1 file" if report.seen_count == 1 else f"{report.seen_count:,} files"
    return f"The scan {OPENINGS[ScanReport.Status(report.status)]} {files}{pace}. {found or 'Nothing had changed'}."

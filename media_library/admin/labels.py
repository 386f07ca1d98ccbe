"""How the admin writes durations, badges and posters for a person; every text from outside is escaped."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from media_library.models import Video

# A badge is (kind, word); the kind is a class of the style sheet, the word is what a reader is told.
Badge = tuple[str, str]


def clock(seconds: int | None) -> str:
    """Write a duration as 0:27, 1:30 or 1:01:01; a dash when nobody knows it."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def long_time(seconds: int) -> str:
    """Write a sum of watch time in its two largest units: 3 d 4 h, 2 h 5 min, 40 s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [f"{count:,} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return " ".join(units[:2]) or "0 s"


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


def named(title: str | None, filename: str) -> SafeString:
    """A title over its filename, each isolated so that right-to-left text cannot reorder the page."""
    if not title or title == filename:
        return format_html('<bdi class="title">{}</bdi>', filename)
    return format_html('<bdi class="title">{}</bdi> <bdi class="filename">{}</bdi>', title, filename)


def poster(video: Video) -> SafeString:
    """The poster in a 16:9 frame that also holds the duration; a plain frame where there is no poster."""
    picture = format_html('<img src="/api/videos/{}/thumbnail" alt="" loading="lazy" decoding="async">', video.pk)
    picture = picture if video.thumbnail_path else SafeString()
    return format_html('<span class="poster">{}<span class="clock">{}</span></span>', picture, clock(video.duration_seconds))

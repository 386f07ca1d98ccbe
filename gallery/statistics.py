"""What the gallery's days tell: how it and each medium fared, what is liked most, and how far people watch.

The whole gallery's figures are read from `gallery_days`, one row a day. Only what is most liked adds up the media's
days, those of its range alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from gallery.models import DayCounts, GalleryDay, MediaDay, RetentionBucket
from gallery.retention import part_count
from media_library.models import Video

MOST = 10  # media in a list of the most liked
AMONG_MOST_VIEWED = 1000  # whose retention is compared
FEWEST_VIEWS = 5  # from which on a share of watching means something

MOST_LIKED = """
    WITH fared AS MATERIALIZED (
        SELECT video_id, sum(view_count)::bigint AS views, sum(upvote_count)::bigint AS upvotes,
               sum(finish_count)::bigint AS finishes, sum(total_watch_time)::bigint AS watched
        FROM media_days WHERE day BETWEEN %(first)s AND %(last)s GROUP BY video_id
    ),
    watched AS (
        SELECT fared.video_id, round(100.0 * fared.watched / (fared.views * video.duration_seconds))::bigint AS share
        FROM (SELECT * FROM fared WHERE views >= %(fewest)s ORDER BY views DESC, video_id LIMIT %(compared)s) AS fared
        JOIN videos AS video ON video.id = fared.video_id WHERE video.duration_seconds > 0
    )
    (SELECT 'views', video_id, views FROM fared WHERE views > 0 ORDER BY views DESC, video_id LIMIT %(most)s)
    UNION ALL
    (SELECT 'upvotes', video_id, upvotes FROM fared WHERE upvotes > 0 ORDER BY upvotes DESC, video_id LIMIT %(most)s)
    UNION ALL
    (SELECT 'finishes', video_id, finishes FROM fared WHERE finishes > 0 ORDER BY finishes DESC, video_id LIMIT %(most)s)
    UNION ALL
    (SELECT 'share', video_id, share FROM watched WHERE share > 0 ORDER BY share DESC, video_id LIMIT %(most)s)
"""
TURNS = {"Published": "published", "Unpublished": "unpublished", "Locked": "locked", "Unlocked": "unlocked"}


@dataclass(frozen=True)
class Counts:
    """What some days brought; `watched` in seconds. Upvotes are those given less those taken back."""

    views: int = 0
    unique_views: int = 0
    upvotes: int = 0
    finishes: int = 0
    watched: int = 0

    @classmethod
    def of(cls, day: DayCounts) -> Self:
        return cls(day.view_count, day.unique_view_count, day.upvote_count, day.finish_count, day.total_watch_time)

    @classmethod
    def sum(cls, some: Iterable[Counts]) -> Self:
        some = list(some)
        return cls(**{field.name: sum(getattr(counts, field.name) for counts in some) for field in fields(cls)})


@dataclass(frozen=True)
class Span:
    """The days [first, last], in UTC."""

    first: dt.date
    last: dt.date

    @classmethod
    def until_today(cls, length: int) -> Self:
        """The `length` days that end with today."""
        today = dt.datetime.now(dt.UTC).date()
        return cls(today - dt.timedelta(days=length - 1), today)

    @property
    def days(self) -> list[dt.date]:
        return [self.first + dt.timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def before(self) -> Span:
        """As many days that end the day before."""
        length = self.last - self.first
        last = self.first - dt.timedelta(days=1)
        return Span(last - length, last)


@dataclass(frozen=True)
class Turn:
    """A day on which an admin has published, unpublished, locked or unlocked a medium."""

    at: dt.datetime
    kind: str
    message: str
    by: str


@dataclass(frozen=True)
class Ranked:
    """A video in a list of the most liked, with the figure that it is there for."""

    video: Video
    figure: int


def gallery_days(span: Span) -> dict[dt.date, Counts]:
    """How the whole gallery fared, day by day."""
    kept = {day.day: Counts.of(day) for day in GalleryDay.objects.filter(day__range=(span.first, span.last))}
    return {day: kept.get(day, Counts()) for day in span.days}


def medium_days(video_id: int, span: Span) -> dict[dt.date, Counts]:
    """How one medium fared, day by day; its days stay while it is unpublished."""
    kept = {day.day: Counts.of(day) for day in MediaDay.objects.filter(video=video_id, day__range=(span.first, span.last))}
    return {day: kept.get(day, Counts()) for day in span.days}


def most_liked(span: Span) -> dict[str, list[Ranked]]:
    """The media with the most `views`, `upvotes` and `finishes`, and of those viewed often the ones watched longest.

    That `share` is the average watch time of a view in per cent of the video's duration.
    """
    values: dict[str, Any] = {"first": span.first, "last": span.last, "most": MOST, "fewest": FEWEST_VIEWS, "compared": AMONG_MOST_VIEWED}
    with connection.cursor() as cursor:
        cursor.execute(MOST_LIKED, values)
        rows = cursor.fetchall()
    videos = Video.objects.select_related("public").in_bulk({video_id for _, video_id, _ in rows})
    lists: dict[str, list[Ranked]] = {"views": [], "upvotes": [], "finishes": [], "share": []}
    for name, video_id, figure in rows:
        lists[name].append(Ranked(videos[video_id], figure))
    return lists


def retention_curve(video: Video) -> list[int]:
    """How often each of the video's equal parts was watched, from its start to its end; empty when nobody has said."""
    counts = dict(RetentionBucket.objects.filter(video=video).values_list("bucket", "count"))
    return [counts.get(part, 0) for part in range(part_count(video.duration_seconds or 0))] if counts else []


def turns(video_id: int, span: Span) -> list[Turn]:
    """When admins have published, unpublished, locked and unlocked a medium, the oldest first."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Video),
        object_id=str(video_id),
        action_time__date__range=(span.first, span.last),
    ).select_related("user")
    told = [(entry, TURNS.get(entry.change_message.split(maxsplit=1)[0].rstrip(".:"))) for entry in entries if entry.change_message]
    turns = [Turn(entry.action_time, kind, entry.change_message, entry.user.get_username()) for entry, kind in told if kind]
    return sorted(turns, key=lambda turn: turn.at)

"""The statistics by day. Views and watch time are only in their days; votes and finishes have rows too, and days can lose some.

A vote or a finish joins its day by the buffer of a process, about a second after its row. So only what has had time to
arrive is compared: finishes until yesterday, and votes of media that nobody has voted for in the last minute. What was
under way all the same, such as a vote taken back just now, the next reconciliation puts right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from gallery.ledger import Row, Scope, among, select
from gallery.reconciliation.counters import WORDS, in_turns
from gallery.reconciliation.drift import Drift, Drifts

DAY_COLUMNS = ("view_count", "unique_view_count", "upvote_count", "finish_count", "total_watch_time")


@dataclass(frozen=True)
class Kept:
    """A column of the days that rows explain: the rows that count, when each came, and which of them and of the days are compared."""

    column: str
    table: str
    at: str
    compared_days: str = "TRUE"
    compared_rows: str = "TRUE"
    settled: str = "TRUE"

    @property
    def drifted(self) -> str:
        """SQL: each medium whose days add up to something else than its rows, with both sums."""
        return f"""
            SELECT coalesce(counted.media_id, days.video_id), coalesce(days.kept, 0)::bigint, coalesce(counted.true, 0)
            FROM (SELECT media_id, count(*) AS true, {self.settled} AS is_settled FROM {self.table}
                  WHERE {self.at} IS NOT NULL AND {self.compared_rows} AND media_id {{within}} GROUP BY media_id) AS counted
            FULL JOIN (SELECT video_id, sum({self.column}) AS kept FROM media_days
                       WHERE {self.compared_days} AND video_id {{within}} GROUP BY video_id) AS days ON days.video_id = counted.media_id
            WHERE coalesce(days.kept, 0) <> coalesce(counted.true, 0) AND coalesce(counted.is_settled, TRUE)
        """

    @property
    def missing(self) -> str:
        """SQL: for each medium and day what has to be added, or taken off."""
        return f"""
            SELECT video_id, day, coalesce(counted.true, 0) - coalesce(days.kept, 0)
            FROM (SELECT media_id AS video_id, ({self.at} AT TIME ZONE 'UTC')::date AS day, count(*) AS true FROM {self.table}
                  WHERE {self.at} IS NOT NULL AND {self.compared_rows} AND media_id {{within}} GROUP BY video_id, day) AS counted
            FULL JOIN (SELECT video_id, day, {self.column} AS kept FROM media_days
                       WHERE {self.compared_days} AND video_id {{within}}) AS days USING (video_id, day)
            WHERE coalesce(counted.true, 0) <> coalesce(days.kept, 0) ORDER BY video_id, day
        """

    @property
    def add_to_media(self) -> str:
        return f"""
            INSERT INTO media_days (video_id, day, {self.column})
            SELECT * FROM unnest(%s::bigint[], %s::date[], %s::bigint[]) AS missing (video_id, day, change) ORDER BY video_id, day
            ON CONFLICT (video_id, day) DO UPDATE SET {self.column} = media_days.{self.column} + excluded.{self.column}
        """

    @property
    def add_to_gallery(self) -> str:
        return f"""
            INSERT INTO gallery_days (day, {self.column})
            SELECT day, sum(change) FROM unnest(%s::date[], %s::bigint[]) AS missing (day, change) GROUP BY day ORDER BY day
            ON CONFLICT (day) DO UPDATE SET {self.column} = gallery_days.{self.column} + excluded.{self.column}
        """


TODAY = "(now() AT TIME ZONE 'UTC')::date"
VOTES = Kept("upvote_count", "upvotes", "created_at", settled="max(created_at) < now() - interval '1 minute'")
FINISHES = Kept(
    "finish_count",
    "watch_sessions",
    "finished_at",
    compared_days=f"day < {TODAY}",
    compared_rows=f"(finished_at AT TIME ZONE 'UTC')::date < {TODAY}",
)

HOLD_DAYS = "SELECT FROM media_days WHERE video_id {within} ORDER BY video_id, day FOR UPDATE"

KEPT, TRUE = (
    ", ".join(f"coalesce(kept.{name}, 0)" for name in DAY_COLUMNS),
    ", ".join(f"coalesce(counted.{name}, 0)" for name in DAY_COLUMNS),
)
GALLERY_DRIFT = f"""
    SELECT day, {KEPT}, {TRUE}
    FROM (SELECT day, {", ".join(f"sum({name})::bigint AS {name}" for name in DAY_COLUMNS)}
          FROM media_days WHERE {{days}} GROUP BY day) AS counted
    FULL JOIN (SELECT * FROM gallery_days WHERE {{days}}) AS kept USING (day)
    WHERE ({KEPT}) IS DISTINCT FROM ({TRUE}) ORDER BY day
"""
MAKE_GALLERY_DAYS = "INSERT INTO gallery_days (day) SELECT unnest(%s::date[]) ON CONFLICT DO NOTHING"
HOLD_GALLERY_DAYS = "SELECT FROM gallery_days WHERE day = ANY(%s) ORDER BY day FOR UPDATE"
SET_GALLERY_DAY = f"UPDATE gallery_days SET {', '.join(f'{name} = %s' for name in DAY_COLUMNS)} WHERE day = %s"


def reconcile(scope: Scope, drifts: Drifts, *, dry_run: bool) -> None:
    """Look at the votes and finishes in the days of some media, and unless it is a dry run correct them by their rows."""
    for kept in (VOTES, FINISHES):
        found = select(kept.drifted, scope)
        drifts.note(f"{WORDS[kept.column]} by day", (Drift(*row) for row in found))
        for ids in in_turns(video_id for video_id, *_ in found) if not dry_run else ():
            _correct(kept, among(ids))


def reconcile_gallery(drifts: Drifts, *, dry_run: bool) -> None:
    """Look whether the days of the gallery are the sum of its media's, and unless it is a dry run correct them."""
    found = _gallery_drift("TRUE")
    if found and not dry_run:
        found = _correct_gallery([day for day, *_ in found])
    for place, column in enumerate(DAY_COLUMNS, start=1):
        pairs = ((f"{row[0]}", row[place], row[place + len(DAY_COLUMNS)]) for row in found)
        drifts.note(f"{WORDS[column]} of the gallery by day", (Drift(day, kept, true) for day, kept, true in pairs if kept != true))


@transaction.atomic
def _correct(kept: Kept, scope: Scope) -> None:
    """Add what is missing to the days of the media and of the gallery, in the order in which a flush takes them."""
    select(HOLD_DAYS, scope)
    missing = select(kept.missing, scope)
    if missing:
        video_ids, days, changes = (list(column) for column in zip(*missing, strict=True))
        _run(kept.add_to_media, video_ids, days, changes)
        _run(kept.add_to_gallery, days, changes)


@transaction.atomic
def _correct_gallery(days: list[object]) -> list[Row]:
    """Hold these days of the gallery, add them up again, correct; returns what was wrong."""
    _run(MAKE_GALLERY_DAYS, days)
    _run(HOLD_GALLERY_DAYS, days)
    found = _gallery_drift("day = ANY(%(days)s)", days)
    for day, *counts in found:
        _run(SET_GALLERY_DAY, *counts[len(DAY_COLUMNS) :], day)
    return found


def _gallery_drift(condition: str, days: Iterable[object] = ()) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(GALLERY_DRIFT.format(days=condition), {"days": list(days)})
        return list(cursor.fetchall())


def _run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)

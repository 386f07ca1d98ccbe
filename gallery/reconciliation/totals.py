"""The totals that triggers keep: how many media each category shows, and how many videos there are of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from gallery.ledger import Row
from gallery.reconciliation.drift import Drift, Drifts
from gallery.services.changes import one_change_at_a_time


@dataclass(frozen=True)
class Total:
    """A table of counts by some keys, and the rows that it counts with these keys."""

    name: str
    table: str
    keys: tuple[str, ...]
    rows: str

    @property
    def drifted(self) -> str:
        """SQL: each combination of keys whose count is wrong, with what is kept and what is true."""
        keys = ", ".join(self.keys)
        return f"""
            SELECT {keys}, coalesce(kept.count, 0), coalesce(counted.count, 0)
            FROM (SELECT {keys}, count(*) AS count FROM ({self.rows}) AS rows GROUP BY {keys}) AS counted
            FULL JOIN {self.table} AS kept USING ({keys})
            WHERE coalesce(kept.count, 0) <> coalesce(counted.count, 0) ORDER BY {keys}
        """

    @property
    def held(self) -> str:
        """SQL that holds all totals, in the order in which the triggers take them."""
        return f"SELECT FROM {self.table} ORDER BY {', '.join(self.keys)} FOR UPDATE"

    @property
    def made(self) -> str:
        values = ", ".join(["%s"] * len(self.keys))
        return f"INSERT INTO {self.table} ({', '.join(self.keys)}, count) VALUES ({values}, 0) ON CONFLICT DO NOTHING"

    @property
    def corrected(self) -> str:
        return f"UPDATE {self.table} SET count = %s WHERE {' AND '.join(f'{key} = %s' for key in self.keys)}"


TOTALS = (
    Total(
        "media of a category",
        "media_totals",
        ("category", "orientation"),
        "SELECT category, coalesce(orientation, '') AS orientation FROM public_media WHERE NOT is_locked",
    ),
    Total(
        "videos of a kind",
        "video_totals",
        ("directory_type", "orientation", "quality", "is_valid", "is_missing", "is_trashed"),
        """
        SELECT coalesce(directory_type, '') AS directory_type, coalesce(orientation, '') AS orientation,
               coalesce(quality, '') AS quality, is_valid, missing_since IS NOT NULL AS is_missing, trashed_at IS NOT NULL AS is_trashed
        FROM videos
        """,
    ),
)


def reconcile(drifts: Drifts, *, dry_run: bool) -> None:
    """Look at the totals, and unless it is a dry run correct them."""
    for total in TOTALS:
        found = _run(total.drifted)
        if found and not dry_run:
            found = _correct(total, found)
        drifts.note(total.name, (Drift(" / ".join(str(key) for key in keys if key != ""), kept, true) for *keys, kept, true in found))


def _correct(total: Total, found: list[Row]) -> list[Row]:
    """Hold the totals, count again, correct; returns what was wrong. Who changes what they count waits for them."""
    with one_change_at_a_time():
        for *keys, _, _ in found:
            _run(total.made, *keys)
        _run(total.held)
        found = _run(total.drifted)
        for *keys, _, true in found:
            _run(total.corrected, true, *keys)
    return found


def _run(statement: str, *values: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []

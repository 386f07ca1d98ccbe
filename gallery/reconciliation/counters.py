"""The counters of media: those of public ones, the hot ones, and those that a video keeps after it was unpublished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gallery.ledger import BALANCE, COUNTERS, Row, Scope, among, change, select
from gallery.reconciliation.drift import Drift, Drifts
from gallery.services.changes import one_change_at_a_time

HELD_AT_ONCE = 500  # counters whose writers wait while they are counted again

WORDS = {
    "view_count": "views",
    "unique_view_count": "unique views",
    "upvote_count": "upvotes",
    "comment_count": "comments",
    "finish_count": "finishes",
    "total_watch_time": "watch time, seconds",
}


@dataclass(frozen=True)
class Account:
    """A table that keeps counters: its key, and for each of its columns the counter that it keeps."""

    table: str
    key: str
    columns: Mapping[str, str]
    remark: str = ""

    @property
    def names(self) -> list[str]:
        """What a report calls the counters."""
        return [WORDS[counter] + self.remark for counter in self.columns.values()]

    @property
    def found(self) -> str:
        """SQL: the key of each row that has drifted, and each of its counters with what it should be."""
        pairs = ", ".join(f"{self._kept(column)}, balance.{counter}" for column, counter in self.columns.items())
        return f"SELECT account.{self.key}, {pairs} FROM {self.table} AS account, {self._drifted}"

    @property
    def held(self) -> str:
        """SQL that holds rows, in the order in which everybody takes them."""
        return f"SELECT FROM {self.table} WHERE {self.key} {{within}} ORDER BY {self.key} FOR NO KEY UPDATE"

    @property
    def corrected(self) -> str:
        """SQL that corrects the rows that have drifted."""
        values = ", ".join(f"{column} = balance.{counter}" for column, counter in self.columns.items())
        return f"UPDATE {self.table} AS account SET {values} FROM {self._drifted}"

    @property
    def _drifted(self) -> str:
        differences = " OR ".join(f"{self._kept(column)} <> balance.{counter}" for column, counter in self.columns.items())
        return f"({BALANCE}) AS balance WHERE account.{self.key} {{within}} AND balance.video_id = account.{self.key} AND ({differences})"

    def _kept(self, column: str) -> str:
        return f"coalesce(account.{column}, 0)"


OF_PUBLIC_MEDIA = Account("public_media", "id", {"comment_count": "comment_count"})
HOT = Account("media_stats", "video_id", {name: name for name in COUNTERS if name != "comment_count"})
OF_UNPUBLISHED_VIDEOS = Account(
    "videos",
    "id",
    {
        "public_view_count": "view_count",
        "public_upvote_count": "upvote_count",
        "public_comment_count": "comment_count",
        "public_completion_count": "finish_count",
        "public_total_watch_time": "total_watch_time",
    },
    remark=" of unpublished videos",
)


UNPUBLISHED = "SELECT video_id FROM media_stats WHERE NOT is_public AND video_id {within}"


def reconcile(scope: Scope, drifts: Drifts, *, dry_run: bool) -> None:
    """Look at the counters of some media, and unless it is a dry run correct those that have drifted."""
    unpublished = among([video_id for (video_id,) in select(UNPUBLISHED, scope)])
    for account, some in ((OF_PUBLIC_MEDIA, scope), (HOT, scope), (OF_UNPUBLISHED_VIDEOS, unpublished)):
        found = select(account.found, some)
        if not dry_run:
            found = [row for ids in in_turns(row[0] for row in found) for row in _correct(account, ids)]
        for place, name in enumerate(account.names):
            pairs = ((row[0], row[2 * place + 1], row[2 * place + 2]) for row in found)
            drifts.note(name, (Drift(video_id, kept, true) for video_id, kept, true in pairs if kept != true))


def in_turns(ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids in order, in lists short enough that nobody waits long for the rows of one."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), HELD_AT_ONCE):
        yield ordered[start : start + HELD_AT_ONCE]


def _correct(account: Account, ids: list[int]) -> list[Row]:
    """Hold the counters, count again, correct; returns what was wrong."""
    scope = among(ids)
    with one_change_at_a_time():  # a medium that is published or unpublished takes its counters to another table
        select(account.held, scope)
        found = select(account.found, scope)
        change(account.corrected, scope)
    return found

"""Files beside rows: a merge of two sorted streams, neither of which is ever held whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import cast

from media_library.scanner.findings import Findings
from media_library.scanner.staging import Buffer, execute, rows
from media_library.scanner.walk import Sighting

ROWS_PER_FETCH = 20_000
FILES_PER_BEAT = 1000  # between two words about the progress


KnownFile = tuple[int, str, int | None, int | None, bool]
"""What the database says of a path: the row's id, path, size, time, and whether an earlier scan missed the file."""


@dataclass
class Comparison:
    """How files and rows differ; the differences themselves lie in the staging tables."""

    seen: int = 0
    unchanged: int = 0
    expected: int = 0  # rows whose files the last scan found
    unsettled: int = 0


def known_files(scope: str) -> Iterator[KnownFile]:
    """The rows under `scope` in byte order of their paths, without a transaction that stays open."""
    last, within, end = (f"{scope}/", "AND path < %s", [f"{scope}0"]) if scope else ("", "", [])  # "0" follows "/"
    while True:
        batch = rows(
            f"""SELECT id, path, file_size, file_mtime_ns, absent_at IS NOT NULL OR missing_since IS NOT NULL
                FROM videos WHERE trashed_at IS NULL AND path > %s {within} ORDER BY path LIMIT %s""",
            [last, *end, ROWS_PER_FETCH],
        )
        yield from cast(list[KnownFile], batch)
        if len(batch) < ROWS_PER_FETCH:
            return
        last = batch[-1][1]


def compare(
    found: Iterator[Sighting],
    known: Iterator[KnownFile],
    *,
    settle: float,
    findings: Findings,
    on_beat: Callable[[int], None],
) -> Comparison:
    """Fill the staging tables with what is new, changed, gone and back.

    A changed or new file that is younger than `settle` seconds is left for the next scan.
    """
    arrivals, displaced, returned = Buffer("scan_arrivals"), Buffer("scan_displaced"), Buffer("scan_returned")
    result = Comparison()
    now, settle_ns = time.time_ns(), int(settle * 1e9)

    def arrive(path: str, size: int, mtime_ns: int, video_id: int | None) -> None:
        if abs(mtime_ns - now) < settle_ns:
            result.unsettled += 1
            findings.add("unsettled", path, "Still being written, or written a moment ago")
            return
        arrivals.add(path, size, mtime_ns, video_id)
        if video_id is not None:
            displaced.add(video_id, path, False)

    row = next(known, None)
    seen = unchanged = missed = rows_seen = 0
    for seen, (path, size, mtime_ns) in enumerate(found, start=1):
        if not seen % FILES_PER_BEAT:
            on_beat(seen)
        while row is not None and row[1] < path:
            displaced.add(row[0], row[1], True)
            rows_seen, missed = rows_seen + 1, missed + row[4]
            row = next(known, None)
        if row is None or row[1] != path:
            arrive(path, size, mtime_ns, None)
            continue
        video_id, _, known_size, known_mtime_ns, is_missed = row
        rows_seen += 1
        if known_size != size or known_mtime_ns != mtime_ns:
            arrive(path, size, mtime_ns, video_id)
        elif is_missed:
            returned.add(video_id)
        else:
            unchanged += 1
        missed += is_missed
        row = next(known, None)
    for video_id, path, _, _, is_missed in chain([row] if row else [], known):
        displaced.add(video_id, path, True)
        rows_seen, missed = rows_seen + 1, missed + is_missed
    result.seen, result.unchanged, result.expected = seen, unchanged, rows_seen - missed
    for buffer in (arrivals, displaced, returned):
        buffer.flush()
    execute("ANALYZE scan_arrivals, scan_displaced, scan_returned")
    return result

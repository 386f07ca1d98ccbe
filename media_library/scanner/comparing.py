"""Files beside rows: a merge of two sorted streams, neither of which is ever held whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from media_library.scanner.findings import Findings
from media_library.scanner.staging import Buffer, execute, rows
from media_library.scanner.walk import FoundFile

ROWS_PER_FETCH = 5000
FILES_PER_BEAT = 1000  # between two words about the progress


class KnownFile(NamedTuple):
    """What the database says lies at a path."""

    video_id: int
    path: str
    size: int | None
    mtime_ns: int | None
    is_missed: bool  # an earlier scan did not find it


@dataclass
class Comparison:
    """How files and rows differ; the differences themselves lie in the staging tables."""

    seen: int = 0
    unchanged: int = 0
    expected: int = 0  # rows whose files the last scan found
    unsettled: int = 0


def known_files(scope: str) -> Iterator[KnownFile]:
    """The rows under `scope` in byte order of their paths, without a transaction that stays open."""
    last, end = (f"{scope}/", f"{scope}0") if scope else ("", None)  # "0" follows "/"
    while True:
        batch = rows(
            """SELECT id, path, file_size, file_mtime_ns, absent_at IS NOT NULL OR missing_since IS NOT NULL
               FROM videos WHERE trashed_at IS NULL AND path > %s AND (%s::text IS NULL OR path < %s)
               ORDER BY path LIMIT %s""",
            [last, end, end, ROWS_PER_FETCH],
        )
        yield from map(KnownFile._make, batch)
        if len(batch) < ROWS_PER_FETCH:
            return
        last = batch[-1][1]


def compare(
    found: Iterator[FoundFile],
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
    settled_before = time.time_ns() - int(settle * 1e9)

    def arrive(file: FoundFile, video_id: int | None) -> None:
        if settle and file.mtime_ns > settled_before and file.mtime_ns < settled_before + 2 * int(settle * 1e9):
            result.unsettled += 1
            findings.add("unsettled", file.path, "Still being written, or written a moment ago")
            return
        arrivals.add(file.path, file.size, file.mtime_ns, video_id)
        if video_id is not None:
            displaced.add(video_id, file.path, False)

    row = next(known, None)
    for file in found:
        result.seen += 1
        if not result.seen % FILES_PER_BEAT:
            on_beat(result.seen)
        while row is not None and row.path < file.path:
            displaced.add(row.video_id, row.path, True)
            result.expected += not row.is_missed
            row = next(known, None)
        if row is None or row.path != file.path:
            arrive(file, None)
            continue
        result.expected += not row.is_missed
        if row.size != file.size or row.mtime_ns != file.mtime_ns:
            arrive(file, row.video_id)
        elif row.is_missed:
            returned.add(row.video_id)
        else:
            result.unchanged += 1
        row = next(known, None)
    while row is not None:
        displaced.add(row.video_id, row.path, True)
        result.expected += not row.is_missed
        row = next(known, None)
    for buffer in (arrivals, displaced, returned):
        buffer.flush()
    execute("ANALYZE scan_arrivals, scan_displaced, scan_returned")
    return result

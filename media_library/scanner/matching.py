"""Moves: which arrival has the content of which displaced row.

Size, oshash and the fingerprint (duration, width, height) must be equal, and the SHA-256 where the row has one. Where
several files or rows have the same content, those that kept their name are matched; what is still not one to one
stays unmatched, and is a new file.
"""

from __future__ import annotations

from collections.abc import Iterator

from media_library.scanner.reading import Arrival, FoundFile, Reader, Reading, side_by_side
from media_library.scanner.staging import Buffer, execute, number, rows

FILES_PER_FETCH = 5000

_FILES = """
    SELECT i.path, regexp_replace(i.path, '^.*/', '') AS name,
           ROW(i.oshash, a.size, i.duration, i.width, i.height, i.sha256)::text AS content
    FROM scan_identities i JOIN scan_arrivals a USING (path)
    WHERE NOT EXISTS (SELECT 1 FROM scan_moves m WHERE m.path = i.path)"""
_ROWS = """
    SELECT v.id, v.path, v.filename AS name,
           ROW(v.oshash, v.file_size, v.duration_seconds, v.width, v.height, v.file_hash)::text AS content
    FROM scan_displaced d JOIN videos v ON v.id = d.video_id
    WHERE v.oshash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM scan_moves m WHERE m.video_id = v.id)"""
_TOUCHED = f"""
    INSERT INTO scan_moves (path, video_id)
    SELECT files.path, known.id FROM ({_FILES}) files JOIN ({_ROWS}) known USING (path, content)"""
_ONE_TO_ONE = """
    INSERT INTO scan_moves (path, video_id)
    SELECT files.path, known.id
    FROM (SELECT {key}, min(path) AS path FROM ({files}) f GROUP BY {key} HAVING count(*) = 1) files
    JOIN (SELECT {key}, min(id) AS id FROM ({rows}) r GROUP BY {key} HAVING count(*) = 1) known USING ({key})"""
_TAKEN_BY_ONE_THAT_STAYS = """
    DELETE FROM scan_moves m USING videos owner
    WHERE owner.path = m.path AND owner.id <> m.video_id
      AND NOT EXISTS (SELECT 1 FROM scan_moves n WHERE n.video_id = owner.id)"""
_POSSIBLE = """
    FROM scan_arrivals a
    WHERE EXISTS (SELECT 1 FROM scan_displaced d JOIN videos v ON v.id = d.video_id WHERE v.file_size = a.size AND v.oshash IS NOT NULL)"""
_HASHED_TWINS = """
    SELECT a.path, a.size, a.mtime_ns FROM scan_identities i JOIN scan_arrivals a USING (path)
    WHERE EXISTS (SELECT 1 FROM scan_displaced d JOIN videos v ON v.id = d.video_id
                  WHERE v.oshash = i.oshash AND v.file_size = a.size AND v.file_hash IS NOT NULL)"""


def count_possible() -> int:
    """How many arrivals have the size of a displaced row, and so have to be looked into."""
    return number(f"SELECT count(*) {_POSSIBLE}")


def possible_moves() -> Iterator[Arrival]:
    yield from _arrivals(f"SELECT a.path, a.size, a.mtime_ns, a.video_id {_POSSIBLE}")


def remaining_arrivals() -> Iterator[Arrival]:
    """What is new or changed, once the moves are out."""
    yield from _arrivals("SELECT a.path, a.size, a.mtime_ns, a.video_id FROM scan_arrivals a WHERE true")


def identify(readings: Iterator[Reading]) -> None:
    """Note what the possible moves contain."""
    identities = Buffer("scan_identities")
    for reading in readings:
        probe = reading.inspection.probe
        if reading.problem or not reading.inspection.oshash:
            continue
        shape = (whole_seconds(probe.duration), probe.width, probe.height) if probe else (None, None, None)
        identities.add(reading.arrival.file.path, reading.inspection.oshash, *shape, None)
    identities.flush()


def match(reader: Reader, *, workers: int) -> None:
    """Fill `scan_moves` from `scan_identities` and `scan_displaced`."""
    _hash_where_rows_are_hashed(reader, workers=workers)
    execute("ANALYZE scan_identities")
    execute(_TOUCHED)
    for key in ("content", "content, name"):
        execute(_ONE_TO_ONE.format(key=key, files=_FILES, rows=_ROWS))
    while execute(_TAKEN_BY_ONE_THAT_STAYS):
        pass
    execute("ANALYZE scan_moves")


def count_vanished() -> int:
    """How many rows that the last scan still found are neither at their path nor anywhere else."""
    return number(
        """SELECT count(*) FROM scan_displaced d JOIN videos v ON v.id = d.video_id
           WHERE d.is_gone AND v.absent_at IS NULL AND v.missing_since IS NULL
             AND NOT EXISTS (SELECT 1 FROM scan_moves m WHERE m.video_id = v.id)"""
    )


def count_hopeless() -> int:
    """How many of those no arrival can be, judging by sizes alone: known before any file is looked into."""
    return number(
        """SELECT count(*) FROM scan_displaced d JOIN videos v ON v.id = d.video_id
           WHERE d.is_gone AND v.absent_at IS NULL AND v.missing_since IS NULL
             AND NOT EXISTS (SELECT 1 FROM scan_arrivals a WHERE a.size = v.file_size)"""
    )


def whole_seconds(duration: float | None) -> int | None:
    return None if duration is None else round(duration)


def _hash_where_rows_are_hashed(reader: Reader, *, workers: int) -> None:
    files = [FoundFile._make(row) for row in rows(_HASHED_TWINS)]
    for file, digest in zip(files, side_by_side(reader.hash, files, workers=workers), strict=True):
        execute("UPDATE scan_identities SET sha256 = %s WHERE path = %s", [digest or "unknown", file.path])


def _arrivals(select: str) -> Iterator[Arrival]:
    last = ""
    while batch := rows(f"{select} AND a.path > %s ORDER BY a.path LIMIT %s", [last, FILES_PER_FETCH]):
        yield from (Arrival(FoundFile(path, size, mtime_ns), video_id) for path, size, mtime_ns, video_id in batch)
        last = batch[-1][0]

"""Files of the same content: told by SHA-256, which is computed where everything cheaper is equal already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from media_library.scanner.matching import whole_seconds
from media_library.scanner.reading import Reader, Reading, side_by_side
from media_library.scanner.staging import execute, rows
from media_library.scanner.walk import FoundFile

_PRESENT = "trashed_at IS NULL AND absent_at IS NULL AND missing_since IS NULL"


class Content(NamedTuple):
    """Everything that is known of a content without reading all of it."""

    oshash: str
    size: int
    duration: int | None
    width: int
    height: int


@dataclass
class Twins:
    """What a batch of readings has in common with each other and with the library, by path."""

    hashes: dict[str, str] = field(default_factory=dict)
    duplicate_of: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)  # its twin has just vanished: a move that the walk did not see


def find_twins(readings: Sequence[Reading], reader: Reader, *, workers: int) -> Twins:
    """Hash what looks alike, in the batch and in the database, where missing hashes are filled in."""
    contents = {reading.arrival.file.path: content for reading in readings if (content := content_of(reading))}
    known = _rows_like(contents)
    frequent = Counter(contents.values())
    alike = [reading for reading in readings if (c := contents.get(reading.arrival.file.path)) and (c in known or frequent[c] > 1)]
    twins = Twins()
    if not alike:
        return twins
    _hash_rows({content for reading in alike if (content := contents[reading.arrival.file.path]) in known}, known, reader, workers=workers)
    for reading, digest in zip(alike, side_by_side(lambda r: reader.hash(r.arrival.file), alike, workers=workers), strict=True):
        if digest:
            twins.hashes[reading.arrival.file.path] = digest
    _compare(twins, reader)
    return twins


def content_of(reading: Reading) -> Content | None:
    """None for what is no video: a thousand empty files are not worth a word."""
    probe = reading.inspection.probe
    if probe is None or reading.problem:
        return None
    return Content(reading.inspection.oshash, reading.arrival.file.size, whole_seconds(probe.duration), probe.width, probe.height)


def _rows_like(contents: dict[str, Content]) -> dict[Content, list[tuple[int, FoundFile]]]:
    """The contents that the library has at other paths, each with the rows of it that no one has hashed."""
    found: dict[Content, list[tuple[int, FoundFile]]] = {}
    oshashes, paths = [content.oshash for content in contents.values()], list(contents)
    for *content, video_id, path, mtime_ns, is_hashed in rows(
        f"""SELECT DISTINCT ON (oshash, file_size, duration_seconds, width, height, CASE WHEN file_hash IS NULL THEN id END)
                   oshash, file_size, duration_seconds, width, height, id, path, file_mtime_ns, file_hash IS NOT NULL
            FROM videos WHERE oshash = ANY(%s) AND path <> ALL(%s) AND is_valid AND {_PRESENT}""",
        [oshashes, paths],
    ):
        unhashed = found.setdefault(Content(*content), [])
        if not is_hashed:
            unhashed.append((video_id, FoundFile(path, content[1], mtime_ns)))
    return found


def _hash_rows(contents: set[Content], known: dict[Content, list[tuple[int, FoundFile]]], reader: Reader, *, workers: int) -> None:
    unhashed = [row for content in contents for row in known[content]]
    for (video_id, file), digest in zip(unhashed, side_by_side(lambda row: reader.hash(row[1]), unhashed, workers=workers), strict=True):
        if digest:
            execute(
                "UPDATE videos SET file_hash = %s WHERE id = %s AND path = %s AND file_mtime_ns = %s",
                [digest, video_id, file.path, file.mtime_ns],
            )


def _compare(twins: Twins, reader: Reader) -> None:
    digests, paths = list(set(twins.hashes.values())), list(twins.hashes)
    first = dict(
        rows(
            f"SELECT file_hash, min(path) FROM videos WHERE file_hash = ANY(%s) AND path <> ALL(%s) AND {_PRESENT} GROUP BY file_hash",
            [digests, paths],
        )
    )
    for path, digest in twins.hashes.items():
        other = first.setdefault(digest, path)
        if other == path:
            continue
        if other in twins.hashes or reader.is_there(other):
            twins.duplicate_of[path] = other
        else:
            twins.waiting[path] = other

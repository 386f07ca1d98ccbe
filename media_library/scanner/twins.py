"""Files of the same content: told by SHA-256, which is computed where everything cheaper is equal already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from media_library.scanner.matching import whole_seconds
from media_library.scanner.reading import FoundFile, Reader, Reading, side_by_side
from media_library.scanner.staging import execute, rows

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
    alike = [reading.arrival.file for reading in readings if _is_alike(contents.get(reading.arrival.file.path), known, frequent)]
    vanished = _hash_rows({content: known[content] for file in alike if (content := contents[file.path]) in known}, reader, workers=workers)
    digests = zip(alike, side_by_side(reader.hash, alike, workers=workers), strict=True)
    twins = Twins(hashes={file.path: digest for file, digest in digests if digest})
    _compare(twins, reader)
    for file in alike:
        if file.path not in twins.duplicate_of and contents[file.path] in vanished:
            twins.waiting[file.path] = vanished[contents[file.path]]
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


def _is_alike(content: Content | None, known: Mapping[Content, object], frequent: Counter[Content]) -> bool:
    return content is not None and (content in known or frequent[content] > 1)


def _hash_rows(unhashed: Mapping[Content, list[tuple[int, FoundFile]]], reader: Reader, *, workers: int) -> dict[Content, str]:
    """Fill in the hashes of rows; returns the contents whose file is not there any more, with its path."""
    files = [(content, video_id, file) for content, rows_of_it in unhashed.items() for video_id, file in rows_of_it]
    vanished = {}
    digests = side_by_side(lambda known: reader.hash(known[2]), files, workers=workers)
    for (content, video_id, file), digest in zip(files, digests, strict=True):
        if digest:
            execute(
                "UPDATE videos SET file_hash = %s WHERE id = %s AND path = %s AND file_mtime_ns = %s",
                [digest, video_id, file.path, file.mtime_ns],
            )
        elif not reader.is_there(file.path):
            vanished[content] = file.path
    return vanished


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

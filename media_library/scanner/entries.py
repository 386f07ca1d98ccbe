"""Rows of videos written in bulk: COPY into a temporary table, then one INSERT … ON CONFLICT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter

from django.db import transaction

from media_library import renditions
from media_library.ffmpeg.probe import Probe
from media_library.models import Digest, Preview, Tagging
from media_library.naming import directory_type_of, names_of
from media_library.paths import decode_path
from media_library.scanner.matching import whole_seconds
from media_library.scanner.reading import Arrival, Reading
from media_library.scanner.staging import copy, execute, rows
from media_library.shapes import orientation_of, quality_of


@dataclass(frozen=True)
class Entry:
    """What a scan writes of one file; the fields are columns of `videos`."""

    path: str
    filename: str
    directory_type: str | None
    file_size: int
    file_mtime_ns: int | None  # None: the next scan reads the file again
    oshash: str | None
    file_hash: str | None
    is_valid: bool
    invalid_reason: str
    title: str | None = None
    producer: str | None = None
    creator: str | None = None
    duration_seconds: int | None = None
    width: int | None = None
    height: int | None = None
    quality: str | None = None
    orientation: str | None = None
    has_audio: bool | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    frame_rate: str | None = None
    bit_rate: int | None = None
    is_faststart: bool | None = None
    thumbnail_path: str | None = None


COLUMNS = tuple(field.name for field in fields(Entry))
# What an admin may have written stays when the content changes, and so does an admin's removal: an invalid row
# with a width, as `gallery.services.validity` tells it from a file that no scan could read.
ADMINS_OWN = ("title", "producer", "creator")
_REMOVED = "NOT videos.is_valid AND videos.width IS NOT NULL"
_KEPT = {
    **{name: f"coalesce(nullif(videos.{name}, ''), excluded.{name})" for name in ADMINS_OWN},
    "is_valid": f"excluded.is_valid AND NOT ({_REMOVED})",
    "invalid_reason": f"CASE WHEN excluded.is_valid AND {_REMOVED} THEN videos.invalid_reason ELSE excluded.invalid_reason END",
}
OF_ONE_FILE: tuple[type[Preview | Digest | Tagging], ...] = (Preview, Digest, Tagging)  # each names the file that it was made from
_VALUES = attrgetter(*COLUMNS)
_TEMPORARY = "scan_entries"
# The rows that are written over, held, and whether their content stays: a validation writes over a removed video's row, too.
_HELD = f"""
    SELECT videos.id, (videos.file_size, videos.file_mtime_ns, videos.oshash) = (read.file_size, read.file_mtime_ns, read.oshash)
                      AND coalesce(videos.file_hash = read.file_hash, videos.file_hash IS NULL)
    FROM {_TEMPORARY} read JOIN videos USING (path) ORDER BY videos.id FOR NO KEY UPDATE OF videos"""
_INSERT = f"""
    INSERT INTO videos ({", ".join(COLUMNS)}, last_validated)
    SELECT {", ".join(COLUMNS)}, now() FROM {_TEMPORARY} ORDER BY path
    ON CONFLICT (path) DO UPDATE SET
        {", ".join(f"{name} = {_KEPT.get(name, f'excluded.{name}')}" for name in COLUMNS)},
        last_validated = now(), updated_at = now(), perceptual_hash = NULL, absent_at = NULL, missing_since = NULL
    RETURNING id"""


def entry_of(reading: Reading, *, file_hash: str | None = None) -> Entry:
    file, inspection = reading.arrival.file, reading.inspection
    probe = inspection.probe
    place = decode_path(file.path)
    names = names_of(place, probe.tags if probe else {})
    entry = Entry(
        path=file.path,
        filename=file.path.rpartition("/")[2],
        directory_type=directory_type_of(place),
        file_size=file.size,
        file_mtime_ns=file.mtime_ns if inspection.is_conclusive else None,
        oshash=inspection.oshash or None,
        file_hash=file_hash,
        is_valid=probe is not None,
        invalid_reason=inspection.reason,
        title=names.title,
        producer=names.producer,
        creator=names.creator,
        thumbnail_path=reading.thumbnail_path,
    )
    return _described(entry, probe) if probe else entry


@transaction.atomic
def write(entries: Sequence[Entry]) -> list[int]:
    """Insert the entries, and where a row has the path already give it the new content; returns the rows' ids."""
    execute(f"CREATE TEMPORARY TABLE {_TEMPORARY} ON COMMIT DROP AS SELECT {', '.join(COLUMNS)} FROM videos WITH NO DATA")
    copy(_TEMPORARY, map(_VALUES, entries))
    if replaced := [video_id for video_id, is_same in rows(_HELD) if not is_same]:
        _forget_what_was_made(replaced)
    ids = [row[0] for row in rows(_INSERT)]
    execute(f"DROP TABLE {_TEMPORARY}")
    return ids


def let_rest(arrivals: Sequence[Arrival]) -> None:
    """Leave files that this scan could not read as they were; those that the one before could not read either until they change."""
    execute(
        """UPDATE videos v SET file_size = f.size, file_mtime_ns = f.mtime_ns, last_validated = now()
           FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS f(id, size, mtime_ns)
           WHERE v.id = f.id AND NOT v.is_valid AND v.file_mtime_ns IS NULL""",
        [
            [arrival.video_id for arrival in arrivals],
            [arrival.file.size for arrival in arrivals],
            [arrival.file.mtime_ns for arrival in arrivals],
        ],
    )


def _forget_what_was_made(video_ids: Sequence[int]) -> None:
    """Of the content that the videos had; it may be that nothing but the content tells it from what they have now."""
    renditions.forget(video_ids)
    for model in OF_ONE_FILE:
        model.objects.filter(pk__in=video_ids).update(source_size=None)


def _described(entry: Entry, probe: Probe) -> Entry:
    rate = probe.frame_rate
    return replace(
        entry,
        duration_seconds=whole_seconds(probe.duration),
        width=probe.width,
        height=probe.height,
        quality=quality_of(probe.width, probe.height),
        orientation=orientation_of(probe.width, probe.height),
        has_audio=probe.has_audio,
        video_codec=probe.video_codec,
        audio_codec=probe.audio_codec,
        frame_rate=f"{rate.numerator}/{rate.denominator}" if rate else None,
        bit_rate=probe.bit_rate,
        is_faststart=probe.is_faststart,
    )

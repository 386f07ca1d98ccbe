"""Writing what a comparison found: moves, returns, absences. Each function is one transaction's worth and returns the ids it changed."""

from __future__ import annotations

from media_library.naming import directory_type_of
from media_library.paths import decode_path
from media_library.scanner.findings import Findings
from media_library.scanner.staging import execute, number, rows

_STILL_THERE = "v.path = d.path AND v.trashed_at IS NULL"  # nobody moved or trashed the row since the walk
_NOT_MOVED = "NOT EXISTS (SELECT 1 FROM scan_moves m WHERE m.video_id = v.id)"


def apply_moves(findings: Findings) -> list[int]:
    """Give moved rows, and the compilations among them, their new paths; rows that trade places step aside first."""
    moves = rows(
        f"""SELECT v.id, v.path, m.path, a.mtime_ns FROM scan_moves m JOIN videos v ON v.id = m.video_id
            JOIN scan_displaced d ON d.video_id = v.id JOIN scan_arrivals a ON a.path = m.path
            WHERE v.path <> m.path AND {_STILL_THERE} ORDER BY m.path"""
    )
    if not moves:
        return []
    ids, sources, targets, mtimes = (list(column) for column in zip(*moves, strict=True))
    execute("UPDATE videos SET path = '.moving/' || id WHERE id = ANY(%s) AND path = ANY(%s)", [ids, targets])
    places, filenames = [decode_path(target) for target in targets], [target.rpartition("/")[2] for target in targets]
    execute(
        """UPDATE videos v SET path = n.path, filename = n.filename, directory_type = n.directory_type, file_mtime_ns = n.mtime_ns,
                  absent_at = NULL, missing_since = NULL, updated_at = now()
           FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[])
                AS n(id, path, filename, directory_type, mtime_ns)
           WHERE v.id = n.id""",
        [ids, targets, filenames, [directory_type_of(place) for place in places], mtimes],
    )
    execute(
        """UPDATE compilations c SET path = n.path, filename = n.filename
           FROM unnest(%s::text[], %s::text[], %s::text[]) AS n(source, path, filename) WHERE c.path = n.source""",
        [sources, targets, filenames],
    )
    for source, target in zip(sources, targets, strict=True):
        findings.add("moved", target, f"from {source}")
    return ids


def apply_touches() -> int:
    """Note the new time of files whose content is what it was; returns how many."""
    return execute(
        f"""UPDATE videos v SET file_mtime_ns = a.mtime_ns, absent_at = NULL, missing_since = NULL
            FROM scan_moves m JOIN scan_arrivals a USING (path) JOIN scan_displaced d ON d.video_id = m.video_id
            WHERE v.id = m.video_id AND v.path = m.path AND {_STILL_THERE}"""
    )


def apply_returns(findings: Findings) -> list[int]:
    """Welcome back the files that an earlier scan missed."""
    back = rows(
        """UPDATE videos v SET absent_at = NULL, missing_since = NULL, updated_at = now()
           FROM scan_returned r WHERE v.id = r.video_id RETURNING v.id, v.path"""
    )
    for _, path in back:
        findings.add("returned", path, "Was missing and is back")
    return [video_id for video_id, _ in back]


def apply_absences(findings: Findings) -> list[int]:
    """Note absence at the first scan that misses a file, and that it is missing at the second."""
    missed = rows(
        f"""UPDATE videos v SET missing_since = CASE WHEN v.absent_at IS NOT NULL THEN now() END,
                   absent_at = coalesce(v.absent_at, now()), updated_at = now()
            FROM scan_displaced d
            WHERE d.video_id = v.id AND d.is_gone AND v.missing_since IS NULL AND {_STILL_THERE} AND {_NOT_MOVED}
            RETURNING v.id, v.path, v.missing_since IS NOT NULL"""
    )
    for _, path, is_missing in missed:
        findings.add("missing", path, "Not found twice: missing" if is_missing else "Not found; missing if the next scan does not find it")
    return [video_id for video_id, _, is_missing in missed if is_missing]


def count_missing() -> int:
    """Rows of the scanned part that are neither at their path nor found elsewhere."""
    return number(
        f"""SELECT count(*) FROM scan_displaced d JOIN videos v ON v.id = d.video_id
            WHERE d.is_gone AND {_STILL_THERE} AND {_NOT_MOVED}"""
    )


def settle_arrivals() -> None:
    """Leave in `scan_arrivals` what has to be read; what took the place of a row that moved away is new."""
    execute("DELETE FROM scan_arrivals a USING scan_moves m WHERE m.path = a.path")
    execute("UPDATE scan_arrivals a SET video_id = NULL FROM scan_moves m WHERE m.video_id = a.video_id")
    execute("ANALYZE scan_arrivals")

"""Fill an empty database with a gallery of many rows, in minutes: `python benchmarks/seed.py --rows 1000000`.

The rows are the peer's own (`peer/sql/data.sql`), in a schema `peer` of the same database with the specification's indexes
and in a schema `tuned` with indexes like ours; and ours copied from them, so that all servers show the same gallery.
Refuses a database that holds videos.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # not this folder: here `import queue` would find our own

import argparse
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

PEER_SQL = HERE / "peer" / "sql"
PEERS = {"peer": ("seed_indexes.sql",), "tuned": ("tuned_indexes.sql", "tuned_support.sql")}  # what comes after the rows
TABLES = ("videos", "public_media", "media_stats", "upvotes", "video_reactions")

VIDEOS = """
    INSERT INTO videos (id, path, filename, title, producer, duration_seconds, quality, orientation, file_size, width, height,
                        thumbnail_path, directory_type, file_mtime_ns, oshash, created_at, updated_at, tags)
    SELECT id, 'studios' || substr(path, 14), filename, initcap(translate(filename, '-', ' ')), split_part(path, '/', 5), duration_seconds,
           replace(quality, '2160p', '4K'), orientation, file_size, 1920, 1080,
           substr(thumb, 1, 2) || '/' || substr(thumb, 3, 2) || '/' || thumb || '.webp',
           'studios', 1700000000000000000 + id, substr(thumb, 1, 16), created_at, created_at, '[]'
    FROM (SELECT *, md5(id::text) || md5(path) AS thumb FROM peer.public_media) AS rows ORDER BY id
"""
PUBLIC_MEDIA = """
    INSERT INTO public_media (id, filename, category, title, duration_seconds, quality, orientation, width, height, thumbnail_path,
                              file_size, comment_count, is_locked, locked_at, created_at, updated_at)
    SELECT id, video.filename, category, title, video.duration_seconds, video.quality, video.orientation, video.width, video.height,
           '/thumbnails/' || id || '-' || substr(md5(id::text), 1, 12) || '.webp', video.file_size, comment_count,
           is_locked, CASE WHEN is_locked THEN peer.created_at END, peer.created_at, peer.updated_at
    FROM peer.public_media AS peer JOIN videos AS video USING (id) ORDER BY id
"""
MEDIA_STATS = """
    INSERT INTO media_stats (video_id, category, orientation, is_public, is_locked, created_at,
                             view_count, upvote_count, finish_count, total_watch_time)
    SELECT id, category, orientation, TRUE, is_locked, created_at, view_count, upvote_count, finish_count, total_watch_time
    FROM peer.public_media ORDER BY id
"""
UPVOTES = "INSERT INTO upvotes (media_id, session_id) SELECT media_id, session_id FROM peer.upvotes ON CONFLICT DO NOTHING"
USERS = """
    INSERT INTO auth_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email, date_joined)
    SELECT user_id, 'visitor-' || user_id, '!', FALSE, FALSE, TRUE, '', '', '', now()
    FROM (SELECT DISTINCT user_id FROM peer.video_reactions) AS users ON CONFLICT DO NOTHING
"""
REACTIONS = """
    INSERT INTO video_reactions (user_id, media_id, reaction_type, video_timestamp, created_at)
    SELECT user_id, media_id, reaction_type, video_timestamp, created_at FROM peer.video_reactions ORDER BY id ON CONFLICT DO NOTHING
"""
MEDIA, ENGAGEMENT = (VIDEOS, PUBLIC_MEDIA, MEDIA_STATS), (UPVOTES, USERS, REACTIONS)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    seed(os.environ["DATABASE_URL"], rows=arguments.parse_args().rows)


def seed(url: str, *, rows: int) -> None:
    """Make the peers' tables and ours; the schema of ours must be migrated."""
    with psycopg.connect(url, autocommit=True) as connection:
        if row_count(connection):
            raise SystemExit("This database holds videos already; give an empty one.")
        for schema, scripts in PEERS.items():
            with timed(f"the rows of {schema}"):
                make_peer(connection, url, schema, rows, scripts)
        with timed("our rows"), without_indexes(connection):
            for statement in MEDIA:
                connection.execute(statement)
            connection.execute("SET session_replication_role = replica")  # looks nothing up: every medium and user is there
            for statement in ENGAGEMENT:
                connection.execute(statement)
        with timed("VACUUM ANALYZE"):
            connection.execute("VACUUM (ANALYZE)")


def row_count(connection: psycopg.Connection) -> int:
    """How many videos the database holds."""
    (count,) = connection.execute("SELECT count(*) FROM videos").fetchone() or (0,)
    return int(count)


def make_peer(connection: psycopg.Connection, url: str, schema: str, rows: int, scripts: Sequence[str]) -> None:
    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    connection.execute(f"CREATE SCHEMA {schema}")
    for script in ("schema.sql", "data.sql", *scripts):
        command = ["psql", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", "-v", f"n={rows}", "-f", str(PEER_SQL / script), url]
        subprocess.run(
            command, check=True, env=os.environ | {"PGOPTIONS": f"-c search_path={schema},public -c client_min_messages=warning"}
        )


@contextmanager
def without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Drop the indexes that no constraint needs, and make them again at the end: ten times as fast as keeping them."""
    kept = """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    """
    indexes = connection.execute(kept, [list(TABLES)]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    for _, definition in indexes:
        connection.execute(definition)


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()

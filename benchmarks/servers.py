"""A PostgreSQL and a Redis of a benchmark's own, with the product's options: what is measured is kept on the disk, as in earnest."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bin"))

from launcher import postgres, valkey
from launcher.environment import Installed


@contextlib.contextmanager
def private_servers() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL of empty servers that are gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))  # short, for the names of sockets are bounded
    folder.chmod(0o755)
    try:
        installed = Installed(Path(sys.prefix), log=folder / "pip.log")
        programs = postgres.find_programs(installed, folder / "cluster", env=os.environ)
        redis = valkey.find_program(installed, env=os.environ)
        with (
            postgres.running(programs, folder / "cluster", sockets=folder, log=folder / "postgres.log") as cluster,
            valkey.running(redis, sockets=folder, log=folder / "redis.log") as server,
        ):
            cluster.ensure_database("benchmark")
            print(f"{programs} (fsync on), {redis}")
            yield {"DATABASE_URL": cluster.database_url("benchmark"), "REDIS_URL": server.url}
    finally:
        shutil.rmtree(folder, ignore_errors=True)

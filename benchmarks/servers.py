"""A PostgreSQL and a Redis of a benchmark's own, with the product's options: what is measured is kept on the disk, as in earnest."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bin"))

from launcher import postgres, valkey
from launcher.environment import Installed

OURS = "BENCHMARK_SERVERS"  # in the environment of the process that has them


def asked_for(benchmarks: Collection[str], *, description: str | None) -> list[str]:
    """Which of a program's benchmarks its command line names; all where it names none."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*benchmarks, []], help="which; all without a name")
    return parser.parse_args().names or list(benchmarks)


def restart_with_servers() -> None:
    """Run the program again with servers of its own, and end with it; returns in the program that has them."""
    if OURS in os.environ:
        return
    with private_servers() as urls, tempfile.TemporaryDirectory() as data:
        env = {**os.environ, **urls, OURS: "1", "DATA_DIR": data}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=env, check=False).returncode)


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

"""How fast the library is scanned, beside what else could be done with the same machine in the same run.

    python benchmarks/scan.py first      first scan of short 720p clips, beside ffprobe + ffmpeg -ss per file
    python benchmarks/scan.py rescan     unchanged library of 100,000 files, beside a bare scandir + stat walk
    python benchmarks/scan.py write      100,000 new rows
    python benchmarks/scan.py memory     peak memory of a re-scan of 1,000,000 files

Without a name all four run. Files lie in a temporary folder; the database is a scratch one beside that of DATABASE_URL.
`first` needs ffmpeg and ffprobe on the PATH, for the clips and for the comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[0] = str(PROJECT)  # not this folder: here `import queue` would find our own

import argparse
import os
import resource
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEVELOPMENT", "true")

import django

django.setup()

from django.conf import settings
from django.db import connection

from media_library.ffmpeg.inspection import Inspection
from media_library.ffmpeg.probe import Probe
from media_library.models import ScanReport
from media_library.scanner import scan
from media_library.scanner.entries import entry_of, write
from media_library.scanner.reading import Arrival, FoundFile, Reading
from media_library.scanner.staging import copy

WORKERS = 2
CLIPS = 300
DIFFERENT_CLIPS = 30
FILES = 100_000
FILES_PER_FOLDER = 200
ROWS = 100_000
MANY_FILES = 1_000_000
ROUNDS = 3
OLD = 1_600_000_000  # seconds since the epoch: long settled
REST = "path, filename, file_size, file_mtime_ns, oshash, title, duration_seconds, width, height, quality, orientation, directory_type"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all without a name")
    with scratch_database():
        for name in parser.parse_args().names or BENCHMARKS:
            with tempfile.TemporaryDirectory(prefix="scan-benchmark-") as folder:
                settings.THUMBNAIL_ROOT = Path(folder) / "thumbnails"
                BENCHMARKS[name](Path(folder))
                connection.cursor().execute("TRUNCATE videos CASCADE")


def first_scan(folder: Path) -> None:
    library = folder / "library"
    make_clips(library, CLIPS)
    began = time.perf_counter()
    report = scan(library, settle=0.0, workers=WORKERS)
    ours = time.perf_counter() - began
    assert (report.new_count, report.failed_count) == (CLIPS, 0), report.findings[-1]

    some = sorted(library.glob("*.mp4"))[: CLIPS // 5]
    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as executor:
        list(executor.map(lambda clip: probe_and_picture(clip, folder), some))
    theirs = (time.perf_counter() - began) * CLIPS / len(some)
    say(
        "first scan",
        f"{CLIPS / ours:.1f} files/s",
        f"ffprobe + ffmpeg -ss: {CLIPS / theirs:.1f} files/s",
        f"{theirs / ours:.1f} times as fast",
    )


def rescan(folder: Path) -> None:
    library = folder / "library"
    make_empty_files(library, FILES)
    with_rows_of(library)
    ours, bare = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = scan(library, settle=0.0, workers=WORKERS)
        ours.append(time.perf_counter() - began)
        assert report.unchanged_count == FILES, report.reason
        began = time.perf_counter()
        assert bare_walk(str(library)) == FILES
        bare.append(time.perf_counter() - began)
    mine, walk = statistics.median(ours), statistics.median(bare)
    say("re-scan", f"{FILES:,} files in {mine:.2f} s", f"bare walk: {walk:.2f} s", f"{walk / mine:.2f} of its speed")


def write_rows(folder: Path) -> None:
    entries = [entry_of(reading(number)) for number in range(ROWS)]
    began = time.perf_counter()
    for start in range(0, ROWS, 10_000):
        write(entries[start : start + 10_000])
    took = time.perf_counter() - began
    say("write", f"{ROWS:,} rows in {took:.2f} s", f"{ROWS / took:,.0f} rows/s")


def memory(folder: Path) -> None:
    """Half of the files in one folder, the rest in folders; the rows say that nothing has changed."""
    library = folder / "library"
    make_empty_files(library / "many", MANY_FILES // 2, per_folder=MANY_FILES)
    make_empty_files(library / "spread", MANY_FILES // 2)
    with_rows_of(library)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:  # its memory is the scan's alone
        seconds, peak = executor.submit(measured_rescan, library, connection.settings_dict["NAME"]).result()
    say("memory", f"{MANY_FILES:,} files in {seconds:.1f} s", f"peak {peak} MB")


def measured_rescan(library: Path, database: str) -> tuple[float, int]:
    """Seconds and peak memory of a re-scan that finds nothing changed."""
    connection.settings_dict["NAME"] = database
    began = time.perf_counter()
    report = scan(library, settle=0.0, workers=WORKERS)
    assert report.unchanged_count == MANY_FILES, report.reason
    return time.perf_counter() - began, peak_memory()


def make_clips(library: Path, count: int) -> None:
    """Some clips, and copies of them that a harmless box at the end makes different files."""
    library.mkdir()
    for number in range(count):
        clip = library / f"{number:05}.mp4"
        if number < DIFFERENT_CLIPS:
            make_clip(clip, number)
        else:
            original = library / f"{number % DIFFERENT_CLIPS:05}.mp4"
            clip.write_bytes(original.read_bytes() + struct.pack(">I4sQ", 16, b"free", number))


def make_clip(clip: Path, number: int) -> None:
    picture = f"testsrc2=size=1280x720:rate=25:duration=4,hue=h={10 * number}"
    sound = f"sine=frequency={200 + number}:duration=4"
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest"]
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *codecs, str(clip))


def probe_and_picture(clip: Path, folder: Path) -> None:
    """What a simple scanner does for each file."""
    run("ffprobe", "-v", "error", "-print_format", "json", "-show_format", "-show_streams", str(clip))
    picture = str(folder / f"{clip.stem}.jpg")
    run("ffmpeg", "-nostdin", "-v", "error", "-y", "-ss", "1", "-i", str(clip), "-frames:v", "1", "-vf", "scale=640:-2", picture)


def make_empty_files(library: Path, count: int, *, per_folder: int = FILES_PER_FOLDER) -> None:
    for number in range(count):
        if not number % per_folder:
            inner = library / f"{number // per_folder:05}"
            inner.mkdir(parents=True)
            descriptor = os.open(inner, os.O_RDONLY)
        os.mknod(f"video {number:07}.mp4", dir_fd=descriptor)
        if number % per_folder == per_folder - 1 or number == count - 1:
            os.close(descriptor)


def with_rows_of(library: Path) -> None:
    """Rows as a first scan would have left them, without reading a million empty files."""
    records = (
        (path, Path(path).name, status.st_size, status.st_mtime_ns, "0" * 16, Path(path).stem, 60, 1280, 720, "720p", "landscape", "videos")
        for path, status in files_of(library)
    )
    copy(f"videos ({REST})", records)
    connection.cursor().execute("VACUUM ANALYZE videos")


def files_of(library: Path) -> Iterator[tuple[str, os.stat_result]]:
    """In the order in which a scan writes them."""
    for place, folders, names in os.walk(library):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            yield path.relative_to(library).as_posix(), path.stat()


def bare_walk(folder: str) -> int:
    """Visit every file and ask for its size and time: the least that any scan has to do."""
    count = 0
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.lower().endswith(".mp4"):
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def reading(number: int) -> Reading:
    file = FoundFile(
        f"studios/producer {number % 500}/series {number % 97}/episode_{number:06}_the_long_title.mp4", 10_000_000 + number, OLD
    )
    probe = Probe("mov", 1920, 1080, "h264", 60.0 + number % 600, "aac", True, None, 4_000_000, True, {})
    inspection = Inspection(oshash=f"{number:016x}", probe=probe)
    return Reading(Arrival(file, None), inspection, f"ab/cd/{number:064x}.webp")


@contextmanager
def scratch_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"{name}_scan_benchmark"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
        assert not ScanReport.objects.filter(status=ScanReport.Status.RUNNING).exists()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def peak_memory() -> int:
    """Largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def say(name: str, *figures: str) -> None:
    print(f"{name:<12}{'; '.join(figures)}", flush=True)


BENCHMARKS = {"first": first_scan, "rescan": rescan, "write": write_rows, "memory": memory}

if __name__ == "__main__":
    main()
